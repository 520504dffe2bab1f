"""Functions that were never traced are part of every report, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from time import time
from typing import Any

import pytest

from tests.fakes import notes
from tests.fakes.accounts import account
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import Call, lambda_trace
from tests.fakes.xray import FakeXRay
from tests.integration.tools import Ran, run

EVERYTHING = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
READS = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}


@pytest.fixture(scope="module", autouse=True)
def deployed(aws: MotoAws) -> None:
    """A function that is traced, two idle ones that share an administrator's role, another one elsewhere."""
    aws.reset()
    role = aws.create_role("seen", {"own": READS})
    admin = aws.create_role("admin", {"own": EVERYTHING})
    arn = aws.create_function("seen", role)
    for name in ("idle-1", "idle-2"):
        aws.create_function(name, admin)
    aws.client("lambda").publish_version(FunctionName="idle-1")
    aws.create_function("far", admin, region="eu-west-1")
    aws.put_traces([lambda_trace(arn, [Call("S3", "GetObject", {"bucket_name": "b"})], aws.next_second())])
    aws.next_second()


def scan(aws: MotoAws, folder: Path, *options: str) -> Ran:
    return run(folder, "-c", "-r", "60", *options, env=aws.environment())


def unseen(ran: Ran) -> dict[str, str | None]:
    """What the roles of workloads that no trace shows allow."""
    workloads = [w for w in ran.report["workloads"] if not w["evidence"]["traces"]]
    assert all(w["evidence"]["reasons"] == ["not-seen"] for w in workloads)
    return {workload["name"]: workload["rights"] for workload in workloads}


def test_functions_that_were_never_traced_are_named_with_what_their_roles_allow(
    aws: MotoAws, tmp_path: Path
) -> None:
    ran = scan(aws, tmp_path)
    assert ran.code == 0, ran.err
    assert unseen(ran) == {"idle-1": "administrator", "idle-2": "administrator"}
    assert ran.report["scan"]["listed"] == 3
    assert [role["name"] for role in ran.report["roles"]] == ["seen"]


def test_a_region_that_is_scanned_counts(aws: MotoAws, tmp_path: Path) -> None:
    ran = scan(aws, tmp_path, "--region", notes.REGION, "eu-west-1")
    assert unseen(ran).keys() == {"idle-1", "idle-2", "far"}
    assert ran.report["scan"]["listed"] == 4


@pytest.mark.parametrize("asked", [["--workloads", "idle-1", "seen"]])
def test_a_function_that_is_asked_for_by_name_is_compared(
    aws: MotoAws, tmp_path: Path, asked: list[str]
) -> None:
    ran = scan(aws, tmp_path, *asked)
    assert {role["name"] for role in ran.report["roles"]} == {"seen", "admin"}
    assert ran.report["scan"]["listed"] == 2


def test_a_filter_leaves_it_open_what_was_never_traced(aws: MotoAws, tmp_path: Path) -> None:
    trace = lambda_trace(
        notes.function_arn("get"), [Call("S3", "GetObject", {"bucket_name": "b"})], time() - 60
    )
    with FakeXRay([trace]) as xray:  # moto's knows no filters
        env = aws.environment() | {"AWS_ENDPOINT_URL_XRAY": xray.url}
        ran = run(tmp_path, "-c", "-r", "60", "--filter", "ok = true", env=env)
    assert ran.report["scan"]["traces"] == 1
    assert unseen(ran) == {}
    assert (ran.report["scan"]["listed"], ran.report["scan"]["why_not_listed"]) == (None, "filter")


def test_without_the_right_to_list_functions_the_total_is_unknown(aws: MotoAws, tmp_path: Path) -> None:
    rights = ["iam:Get*", "iam:List*", "lambda:GetFunctionConfiguration", "xray:*"]
    key, secret = aws.create_user_with(rights)
    with aws.enforce_iam():
        ran = run(tmp_path, "-c", "-r", "60", env=aws.environment(key, secret))
    assert (ran.report["scan"]["listed"], ran.report["scan"]["why_not_listed"]) == (None, "unread")
    assert "lambda:ListFunctions is denied" in ran.warning_texts


def _with_idle(options: list[str], functions: dict[str, Any], folder: Path) -> list[str]:
    """The options, with a function more in the file of functions that nothing traces."""
    extra = functions["Functions"][0] | {"FunctionName": "idle", "TracingConfig": {"Mode": "PassThrough"}}
    extra["FunctionArn"] = extra["FunctionArn"].rpartition(":")[0] + ":idle"
    extra["Role"] = "arn:aws:iam::123456789012:role/nobody-has-this"
    path = folder / "more.json"
    path.write_text(json.dumps(functions | {"Functions": [*functions["Functions"], extra]}), encoding="utf-8")
    return [*options[: options.index("--functions")], "--functions", str(path)]


def test_a_function_that_was_never_traced_changes_no_finding_no_gate_and_no_excess(tmp_path: Path) -> None:
    made = account(10, seed=3)
    options = made.write(tmp_path / "files")
    gate = ("--fail-on", "unused", "broad", "--fail-on-severity", "all")
    without = run(tmp_path / "a", *options, *gate)
    with_idle = run(tmp_path / "b", *_with_idle(options, made.functions, tmp_path), *gate)
    assert with_idle.report["scan"]["listed"] == without.report["scan"]["listed"] + 1
    assert unseen(with_idle).keys() - unseen(without).keys() == {"idle"}
    assert with_idle.report["roles"] == without.report["roles"]
    assert with_idle.report["gate"] == without.report["gate"]
    assert with_idle.excess == without.excess
    assert "never-traced-unread" in with_idle.warnings
