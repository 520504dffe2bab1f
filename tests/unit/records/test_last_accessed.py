"""IAM's last-accessed data: what it says of a role, and what it leaves open."""

from __future__ import annotations

import pytest

from scanner.records import last_accessed
from scanner.records.cloudtrail import history
from scanner.records.last_accessed import LastAccessed, counts_for, tracks

HOUR, DAY = 3600.0, 86400.0
NOW = 1_790_000_040.0


REPORT = LastAccessed(
    services={"lambda": NOW - DAY, "dynamodb": None, "iam": None, "kms": None, "s3": NOW - DAY, "sqs": None},
    actions={
        "lambda:listfunctions": NOW - DAY,
        "lambda:getfunction": None,
        "sqs:createqueue": NOW - DAY,  # contradicts its service
    },
    asked=NOW,
)


@pytest.mark.parametrize(
    ("action", "never"),
    [
        ("dynamodb:getitem", True),  # a service that was never used speaks for all its actions
        ("lambda:getfunction", True),  # so does an action that is tracked
        ("lambda:listfunctions", False),
        ("lambda:invokefunction", False),  # no tracked action: the service was used, this may have been it
        ("s3:getobject", False),
        ("sns:publish", False),  # an unlisted service
        ("sqs:createqueue", False),
        ("sqs:sendmessage", True),
        ("iam:passrole", False),  # not tracked
        ("iam:createrole", True),
        ("kms:decrypt", False),  # used by other services on the role's behalf
    ],
)
def test_never_accessed(action: str, never: bool) -> None:
    assert REPORT.never(action) is never


@pytest.mark.parametrize(
    ("action", "since", "level"),
    [
        ("lambda:listfunctions", NOW - 2 * DAY, "action"),
        ("lambda:listfunctions", NOW - HOUR, None),
        ("lambda:getfunction", NOW - 2 * DAY, None),  # the service was used, but not for this
        ("lambda:invokefunction", NOW - 2 * DAY, "service"),
        ("lambda:invokefunction", NOW - DAY, None),
        ("dynamodb:getitem", 0, None),
        ("sns:publish", 0, None),
    ],
)
def test_accessed_since(action: str, since: float, level: str | None) -> None:
    assert REPORT.accessed_since(action, since) == level


@pytest.mark.parametrize(
    ("starts", "changed", "counts"),
    [
        ([], 0, False),
        ([NOW - 5 * HOUR], 0, True),
        ([NOW - 4 * HOUR], 0, True),
        ([NOW - 4 * HOUR + 1], 0, False),  # may not have appeared yet
        ([NOW - HOUR, NOW - 5 * HOUR], NOW - 6 * HOUR, True),
        ([NOW - HOUR, NOW - 5 * HOUR], NOW - 3 * HOUR, False),  # the old code ran five hours ago
        ([NOW - 5 * HOUR], NOW - 5 * HOUR, False),
    ],
)
def test_a_report_counts_for_what_ran_after_the_change_and_long_enough_before(
    starts: list[float], changed: float, counts: bool
) -> None:
    assert counts_for(starts, changed, NOW) is counts


def test_cloudtrail_lags_less() -> None:
    assert counts_for([NOW - 3 * HOUR], 0, NOW, lag=history.LAG)
    assert not counts_for([NOW - 1 * HOUR], 0, NOW, lag=history.LAG)
    assert last_accessed.LAG == 4 * HOUR


@pytest.mark.parametrize(
    ("region", "tracked"),
    [("eu-west-1", True), ("us-gov-west-1", True), ("cn-north-1", False), ("xx-new-1", False), ("*", False)],
)
def test_only_some_regions_are_tracked(region: str, tracked: bool) -> None:
    assert tracks(region) is tracked
