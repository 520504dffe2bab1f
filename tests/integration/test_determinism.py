"""report.json does not depend on the order in which traces, documents, policies and roles come."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.examples import thorough
from tests.fakes.accounts import Account, account
from tests.integration.tools import run
from tests.reports import expanded

SEEDS = [0, pytest.param(1, marks=thorough)]


@cache
def base() -> Account:
    return account(24, 5, odd=True)


def report_of(files: Account, folder: Path) -> Any:
    options = files.write(folder)
    assert run(folder, *options).code == 0
    return expanded(json.loads((folder / "report.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return report_of(base(), tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_traces_tell_the_same(seed: int, expected: Any, tmp_path: Path) -> None:
    rng, traces = random.Random(seed), deepcopy(base().traces)
    rng.shuffle(traces)
    for trace in traces:
        rng.shuffle(trace["Segments"])
    assert report_of(Account(traces, base().iam, base().functions), tmp_path) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_policies_roles_and_functions_tell_the_same(
    seed: int, expected: Any, tmp_path: Path
) -> None:
    rng, iam, functions = random.Random(seed), deepcopy(base().iam), deepcopy(base().functions)
    for role in iam["RoleDetailList"]:
        rng.shuffle(role["AttachedManagedPolicies"])
        rng.shuffle(role["RolePolicyList"])
    for listed in (iam["RoleDetailList"], iam["Policies"], functions["Functions"]):
        rng.shuffle(listed)
    assert report_of(Account(base().traces, iam, functions), tmp_path) == expected


def without_places(report: Any) -> list[Any]:
    """What is said of each role's grants, wherever its statement stands."""
    told = []
    for role in report["roles"]:
        findings = []
        for finding in role["findings"]:
            also = sorted(json.dumps({**place, "statement": 0}) for place in finding["also_granted_by"])
            plain = {k: v for k, v in finding.items() if k not in ("statement", "also_granted_by")}
            findings.append(json.dumps(plain | {"also": also}, sort_keys=True))
        told.append((role["arn"], sorted(findings), role["suggested_policy"] is None))
    return told


@pytest.mark.parametrize("seed", SEEDS)
def test_shuffled_statements_tell_the_same_of_each_grant(seed: int, expected: Any, tmp_path: Path) -> None:
    rng, iam = random.Random(seed), deepcopy(base().iam)
    for role in iam["RoleDetailList"]:
        for policy in role["RolePolicyList"]:
            rng.shuffle(policy["PolicyDocument"]["Statement"])
    shuffled = report_of(Account(base().traces, iam, base().functions), tmp_path)
    assert without_places(shuffled) == without_places(expected)
