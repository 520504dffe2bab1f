"""Who uses a role, and what it really allows, asked of an AWS that answers as AWS does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import REGION, function_arn
from tests.fakes.xray import FakeXRay
from tests.integration.tools import NOTES_TABLE, Ran, notes_trace, run

ELSEWHERE = "eu-west-1"
NAME = notes.function_name("delete")
ROLE = notes.role_name("delete")


@pytest.fixture
def deployed(aws: MotoAws) -> Iterator[tuple[MotoAws, FakeXRay]]:
    """The delete function alone, and one trace of it."""
    aws.reset()
    aws.create_function(NAME, aws.create_role(ROLE, {"notes": notes.policy("delete")}, trust=notes.trust()))
    with FakeXRay([notes_trace("delete", aws.next_second())]) as xray:
        yield aws, xray


def scan(folder: Path, deployed: tuple[MotoAws, FakeXRay], *arguments: object) -> Ran:
    aws, xray = deployed
    return run(folder, "-c", *arguments, env=aws.environment() | {"AWS_ENDPOINT_URL_XRAY": xray.url})


def verdicts(ran: Ran) -> dict[str, tuple[str, bool]]:
    """The verdict on each action, and whether it is confirmed."""
    return {a: (f["verdict"], f["confirmed"]) for f in ran.findings() for a in f["actions"]}


def test_a_function_of_another_region_counts_where_that_region_is_named(
    deployed: tuple[MotoAws, FakeXRay], tmp_path: Path
) -> None:
    aws, _ = deployed
    role = f"arn:aws:iam::{notes.ACCOUNT}:role/{ROLE}"
    aws.create_function("copy", role, region=ELSEWHERE)
    alone = scan(tmp_path / "one", deployed)
    assert verdicts(alone)["dynamodb:GetItem"] == ("unused", True)
    both = scan(tmp_path / "two", deployed, "--region", REGION, ELSEWHERE)
    assert both.report["scan"]["regions"] == [REGION, ELSEWHERE]
    (found,) = both.report["roles"]
    assert found["workloads"] == sorted([function_arn(NAME), function_arn("copy", region=ELSEWHERE)])
    (unused,) = both.findings("unused")
    assert unused["reasons"] == ["sharer-not-seen"]


def test_a_role_that_others_may_assume_is_never_confirmed_and_they_are_named(
    deployed: tuple[MotoAws, FakeXRay], tmp_path: Path
) -> None:
    aws, _ = deployed
    trust = notes.trust()
    trust["Statement"][0]["Principal"]["Service"] = ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]
    aws.reset()
    aws.create_function(NAME, aws.create_role(ROLE, {"notes": notes.policy("delete")}, trust=trust))
    ran = scan(tmp_path, deployed)
    assert verdicts(ran)["dynamodb:GetItem"] == ("unused", False)
    assert ran.report["roles"][0]["trusted"] == ["ecs-tasks.amazonaws.com"]
    assert "ecs-tasks.amazonaws.com" in ran.warning_texts


def test_what_the_boundary_does_not_allow_is_no_excess(
    deployed: tuple[MotoAws, FakeXRay], tmp_path: Path
) -> None:
    aws, _ = deployed
    statement = {"Effect": "Allow", "Action": "dynamodb:DeleteItem", "Resource": NOTES_TABLE}
    bound = aws.create_policy("bound", {"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_permissions_boundary(RoleName=ROLE, PermissionsBoundary=bound)
    ran = scan(tmp_path, deployed)
    assert verdicts(ran)["dynamodb:GetItem"][0] == "ineffective"
    assert verdicts(ran)["dynamodb:DeleteItem"][0] == "used"
    assert ran.report["roles"][0]["boundary"] == bound
    assert ran.excess is None


def test_a_published_version_with_an_older_role_uses_that_role_though_no_trace_tells(
    deployed: tuple[MotoAws, FakeXRay], tmp_path: Path
) -> None:
    aws, _ = deployed
    client = aws.client("lambda")
    newer = aws.create_role("newer-role", {"notes": notes.policy("get")}, trust=notes.trust())
    client.publish_version(FunctionName=NAME)
    client.update_function_configuration(FunctionName=NAME, Role=newer)
    other = "other"
    aws.create_function(other, f"arn:aws:iam::{notes.ACCOUNT}:role/{ROLE}")
    ran = scan(tmp_path, deployed, "--workloads", other)
    (role,) = ran.report["roles"]
    assert role["workloads"] == sorted([function_arn(NAME), function_arn(other)])
    assert role["by_version_only"] == [function_arn(NAME)]


def test_an_older_version_that_an_alias_serves_must_be_seen_itself(
    deployed: tuple[MotoAws, FakeXRay], tmp_path: Path
) -> None:
    aws, _ = deployed
    client = aws.client("lambda")
    client.publish_version(FunctionName=NAME)
    aws.next_second()
    client.update_function_configuration(FunctionName=NAME, Timeout=7)
    with FakeXRay([notes_trace("delete", aws.next_second())]) as xray:
        (unused,) = scan(tmp_path / "no-alias", (aws, xray)).findings("unused")
        assert unused["reasons"] == []
        client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
        (unused,) = scan(tmp_path / "alias", (aws, xray)).findings("unused")
        assert unused["reasons"] == ["older-version"]
