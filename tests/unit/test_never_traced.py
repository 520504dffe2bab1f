"""Which workloads no trace shows, and what is read of their roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.model import Role, Workload
from scanner.never_traced import limited_source, never_traced, with_rights
from scanner.request import ScanRequest
from scanner.result import NeverTraced, Skipped, Traced
from scanner.workloads.listing import Workloads
from tests.unit.cases import ACCOUNT, REGION, allow, function_arn, policy, usage

FAR = function_arn("far").replace(REGION, "eu-west-1")
NAMES = ("seen", "idle", "old")


def traced(*names: str, source: str = "xray", regions: tuple[str, ...] = (REGION,)) -> Traced:
    usages = [usage(name=name) for name in names]
    return Traced(source, 0.0, 1.0, regions, len(names), 1, 1, Skipped(), usages)


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def workloads(*arns: str, **more: Any) -> Workloads:
    known = {arn: Workload(arn, "lambda", arn.rpartition(":")[2], role=role_arn("shared")) for arn in arns}
    return Workloads(known=known, regions=frozenset({REGION}), **more)


ALL = workloads(*map(function_arn, NAMES), FAR)


def names(unseen: NeverTraced) -> list[str]:
    return [arn.rpartition(":")[2] for arn in unseen.arns]


def test_functions_of_the_scanned_regions_that_no_trace_shows_are_named_and_all_are_counted() -> None:
    unseen = never_traced(ScanRequest(), traced("seen"), ALL)
    assert (names(unseen), unseen.listed, unseen.why_not) == (["idle", "old"], 3, None)


def test_with_a_file_of_traces_the_functions_of_all_regions_count() -> None:
    unseen = never_traced(ScanRequest(traces=(Path("t"),)), traced("seen", source="files"), ALL)
    assert (names(unseen), unseen.listed) == (["far", "idle", "old"], 4)


def test_only_functions_that_were_asked_for_count() -> None:
    unseen = never_traced(ScanRequest(workloads=("i*", "s*")), traced("seen"), ALL)
    assert (names(unseen), unseen.listed) == (["idle"], 2)


@pytest.mark.parametrize(
    ("request_", "why"),
    [(ScanRequest(filter="error"), "filter"), (ScanRequest(trace_ids=("1-5",)), "trace-ids")],
)
def test_where_only_some_traces_are_read_nothing_is_said_to_be_never_traced(
    request_: ScanRequest, why: str
) -> None:
    assert never_traced(request_, traced("seen"), ALL) == NeverTraced((), None, why)  # type: ignore[arg-type]  # a text of the table


def test_where_a_region_could_not_be_listed_the_total_is_unknown() -> None:
    unseen = never_traced(ScanRequest(), traced("seen", regions=(REGION, "eu-west-1")), ALL)
    assert (names(unseen), unseen.listed, unseen.why_not) == (["far", "idle", "old"], None, "unread")


def test_where_a_file_of_functions_is_cut_off_the_total_is_unknown() -> None:
    unseen = never_traced(ScanRequest(documents={"lambda": {}}), traced("seen"), replace(ALL, complete=False))
    assert (unseen.listed, unseen.why_not) == (None, "unread")


class Source:
    """Roles of an account of administrators; notes what was asked for."""

    def __init__(self, *, readable: bool = True) -> None:
        self.asked: list[str] = []
        self._readable = readable

    def __call__(self, arns: Sequence[str], warnings: Warnings) -> list[Role]:
        self.asked += arns
        for arn in [] if self._readable else arns:
            warnings.add("right-missing", "iam:GetRolePolicy is denied: roles cannot be read; allow it")
            warnings.add("role-missing", f"role {arn} does not exist")
        return [Role(arn, arn, (policy(allow("*")),), readable=self._readable) for arn in arns]


COMPARED = Role(role_arn("compared"), "compared")
UNSEEN = never_traced(ScanRequest(), traced("seen"), ALL)


def test_a_role_that_several_functions_share_is_read_once() -> None:
    source, warnings = Source(), Warnings()
    unseen = with_rights(UNSEEN, ALL, [COMPARED], source, warnings)
    assert source.asked == [role_arn("shared")]
    assert unseen.rights == dict.fromkeys(map(function_arn, ("idle", "old")), "administrator")
    assert warnings.all() == []


def test_a_role_that_is_compared_is_not_read_again() -> None:
    source = Source()
    shared = Role(role_arn("shared"), "shared", (policy(allow("iam:PutRolePolicy")),))
    unseen = with_rights(UNSEEN, ALL, [shared], source, Warnings())
    assert source.asked == []
    assert set(unseen.rights.values()) == {"privilege-escalation"}


@pytest.mark.parametrize("compared", [[], [replace(COMPARED, readable=False)]])
def test_where_no_compared_role_could_be_read_no_further_one_is_asked_for(compared: list[Role]) -> None:
    source = Source()
    assert with_rights(UNSEEN, ALL, compared, source, Warnings()).rights == {}
    assert source.asked == []


def test_a_right_that_is_missing_is_named_once_and_roles_that_could_not_be_read_are_counted() -> None:
    warnings = Warnings()
    known = {arn: replace(workload, role=role_arn(workload.name)) for arn, workload in ALL.known.items()}
    with_rights(UNSEEN, replace(ALL, known=known), [COMPARED], Source(readable=False), warnings)
    assert [(warning.code, warning.count) for warning in warnings.all()] == [
        ("right-missing", 1),
        ("never-traced-unread", 2),
    ]


@pytest.mark.parametrize(("iam", "read"), [(None, 1), ({"RoleDetailList": []}, 2)])
def test_iam_is_spared_where_there_are_very_many_roles_and_a_file_is_not(
    monkeypatch: pytest.MonkeyPatch, iam: Any, read: int
) -> None:
    monkeypatch.setattr("scanner.never_traced.MAX_ROLES", 1)
    known = {arn: replace(workload, role=role_arn(workload.name)) for arn, workload in ALL.known.items()}
    source, warnings = Source(), Warnings()
    spared = limited_source(ScanRequest(iam=iam), source)
    unseen = with_rights(UNSEEN, replace(ALL, known=known), [COMPARED], spared, warnings)
    assert (len(source.asked), len(unseen.rights)) == (read, read)
    assert [warning.code for warning in warnings.all()] == ["never-traced-unread"] * (2 - read)
