"""What AWS recorded of one role: from when on it counts, and what of it leaves a doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scanner.model import Evidence, Role, Unmapped
from scanner.records.aws_records import AwsRecords
from scanner.records.cloudtrail.history import History
from scanner.records.last_accessed import LastAccessed
from scanner.records.of_role import TracedWorkloads, records_of_role
from tests.unit.cases import (
    HOUR,
    NOW,
    ROLE,
    allow,
    arn,
    compared,
    function,
    function_arn,
    only,
    outcomes,
    policy,
    table,
    usage,
    used,
    workloads_of,
)

F, G = function_arn("f"), function_arn("g")
START = NOW - HOUR  # a scan of one hour
SCAN = "dynamodb:Scan"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def records(*functions: Any, created: float | None = None, evidence: Any = None) -> AwsRecords:
    """IAM's data of a role with these functions, in which Scan was last used two hours ago."""
    role = Role(
        ROLE, "f", workloads=tuple(f.arn for f in functions), created=at(created) if created else None
    )
    accessed = LastAccessed({"dynamodb": NOW - 2 * HOUR}, {}, NOW)
    traced = TracedWorkloads(workloads_of(functions), evidence or {})
    return records_of_role(role, accessed, {}, traced, START)


@pytest.mark.parametrize(
    ("functions", "since"),
    [
        ([function(deployed=NOW - 3 * HOUR)], NOW - 3 * HOUR),
        ([function(deployed=NOW - HOUR / 2)], START),
        ([function(deployed=NOW - 3 * HOUR), function("g", deployed=NOW - 5 * HOUR)], NOW - 5 * HOUR),
    ],
)
def test_iams_data_counts_from_the_last_change_or_the_start_of_the_scan(
    functions: list[Any], since: float
) -> None:
    assert records(*functions).since == since


def test_an_older_version_that_ran_does_not_hide_when_the_code_of_now_was_deployed() -> None:
    ran_old = {F: Evidence(of_versions={"1": Evidence(newest_complete=(NOW,))})}
    assert records(function(deployed=NOW - 3 * HOUR), evidence=ran_old).since == NOW - 3 * HOUR


def test_a_use_before_the_scanned_time_and_after_the_deployment_is_not_lost() -> None:
    seen = usage(used(("sqs:SendMessage", arn("sqs", "q"))), services=["dynamodb"])
    deployed = [function(deployed=NOW - 3 * HOUR)]
    found = compared([policy(allow(SCAN, table("t")))], [seen], deployed, records=records(*deployed))
    assert only(found).reasons == ("accessed-untraced",)


def test_a_role_that_was_made_after_the_deployment_bounds_what_iam_recorded_of_it() -> None:
    assert records(function(deployed=NOW - 9 * HOUR), created=NOW - 3 * HOUR).since == NOW - 3 * HOUR


@pytest.mark.parametrize(
    ("prefix", "reasons"),
    [("dynamodb", ("unmapped-operation",)), (None, ("unmapped-operation",)), ("s3", ())],
)
def test_an_event_that_cannot_be_mapped_is_a_doubt_as_such_a_call_is(
    prefix: str | None, reasons: tuple[str, ...]
) -> None:
    unmapped = {Unmapped("s", "o", "unknown-operation", prefix): 1}
    found = compared(
        [policy(allow(SCAN, table("t")))],
        [usage(services=["dynamodb"])],
        records=AwsRecords(histories={F: History(unmapped=unmapped)}),
    )
    assert outcomes(found)[0] == ("unused", reasons)
