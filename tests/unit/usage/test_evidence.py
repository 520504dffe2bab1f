"""How much was seen of the workloads of a role: who must be seen, and which code ran."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scanner.model import Evidence
from scanner.model.workloads import Alias, PublishedVersion
from tests.unit.cases import (
    HOUR,
    NOW,
    ROLE,
    allow,
    arn,
    compared,
    function,
    only,
    outcomes,
    policy,
    summaries,
    table,
    usage,
    used,
    verdicts,
)

GET, PUT, SCAN = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"
BOTH = [function("f"), function("g")]
OLD = (NOW - 2 * HOUR,)  # before the deployment


def version(name: str, published: float) -> PublishedVersion:
    return PublishedVersion(name, datetime.fromtimestamp(published, UTC), ROLE)


def sees(*permissions: tuple[str, str], name: str = "f", **more: Any) -> Any:
    return usage(used(*permissions), name=name, services=["dynamodb"], **more)


@pytest.mark.parametrize(
    ("of_g", "reasons"),
    [
        ([sees(name="g")], ()),
        ([], ("sharer-not-seen",)),  # it exists, and no trace was there
        ([sees(name="g", traces=OLD)], ("sharer-not-seen",)),
        ([sees(name="g", calls=None)], ("sharer-not-seen",)),
        ([usage(name="g", services=["s3"])], ("sharer-not-seen",)),
        ([usage(name="g", services=["s3"], auto_instrumented=NOW)], ()),
        ([sees(name="g", unmapped=["dynamodb"])], ("sharer-not-seen",)),
        ([sees(name="g", incomplete=NOW)], ("sharer-not-seen",)),
    ],
)
def test_what_is_missing_of_one_leaves_the_finding_open(of_g: list[Any], reasons: tuple[str, ...]) -> None:
    result = compared([policy(allow(SCAN, table("t")))], [sees(), *of_g], functions=BOTH)
    assert outcomes(result)[0] == ("unused", reasons)


def test_what_is_missing_of_both_is_said_of_the_better_seen_one() -> None:
    usages = [usage(services=["s3"]), usage(name="g", services=["s3"], unmapped=["dynamodb"])]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH)
    assert summaries(result)[0].reasons == ("service-not-traced", "sharer-not-seen")


@pytest.mark.parametrize(
    ("created", "reasons"),
    [
        (None, ()),
        (NOW - 24 * HOUR, ()),
        (NOW - 1, ()),
        (NOW, ("not-seen",)),  # what ran before ran with another role
        (NOW + HOUR, ("not-seen",)),
    ],
)
def test_traces_from_before_the_role_was_made_confirm_nothing(
    created: float | None, reasons: tuple[str, ...]
) -> None:
    made = None if created is None else datetime.fromtimestamp(created, UTC)
    result = compared([policy(allow(SCAN, table("t")))], [sees()], role_created=made)
    assert outcomes(result)[0] == ("unused", reasons)


def test_a_workload_whose_configuration_was_not_read_confirms_nothing() -> None:
    result = compared([policy(allow(SCAN, table("t")))], [sees(), sees(name="g")], functions=[function("f")])
    assert summaries(result)[0].reasons == ("sharer-not-seen",)


def test_older_traces_of_one_rescue_what_it_used() -> None:
    usages = [sees(), sees((SCAN, table("t")), name="g", traces=OLD)]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH)
    assert verdicts(result)[0] == "used"


def test_a_published_version_alone_with_the_role_confirms_nothing() -> None:
    """Its function runs, and no trace tells whether that version did."""
    result = compared([policy(allow(SCAN, table("t")))], [sees()], by_version_only=["f"])
    assert outcomes(result)[0] == ("unused", ("not-seen",))


def test_a_published_version_and_another_workload_leave_the_finding_open() -> None:
    usages = [sees(), sees(name="g")]
    result = compared([policy(allow(SCAN, table("t")))], usages, functions=BOTH, by_version_only=["g"])
    assert outcomes(result)[0] == ("unused", ("sharer-not-seen",))


@pytest.mark.parametrize(
    ("published", "reasons"),
    [
        (NOW - HOUR + 60, ()),  # after the last change: it has the code of now
        (NOW - 24 * HOUR, ("not-seen",)),  # before it
        (None, ("not-seen",)),  # it is not listed (any more)
    ],
)
def test_a_trace_of_a_published_version_tells_of_the_code_that_it_has(
    published: float | None, reasons: tuple[str, ...]
) -> None:
    versions = () if published is None else (version("5", published),)
    seen = sees((GET, table("t")), traces=())
    seen = replace(
        seen,
        evidence=replace(
            seen.evidence,
            of_versions={"5": Evidence(newest_complete=(NOW,), last_call=NOW, services={"dynamodb": NOW})},
        ),
    )
    found = compared(
        [policy(allow(PUT, table("t")))],
        [seen],
        functions=[function(deployed=NOW - HOUR, published=versions, aliases=())],
    )
    assert only(found).reasons == reasons


def test_what_an_older_version_called_does_not_show_that_the_code_of_now_is_instrumented() -> None:
    old = Evidence(newest_complete=(NOW,), last_call=NOW, services={"sqs": NOW})
    seen = usage(used((GET, table("t"))))
    seen = replace(seen, evidence=replace(seen.evidence, of_versions={"5": old}))
    versions = (version("5", NOW - 24 * HOUR),)
    grants = policy(allow("sqs:DeleteMessage", arn("sqs", "q")))
    found = compared(
        [grants], [seen], functions=[function(deployed=NOW - HOUR, published=versions, aliases=())]
    )
    assert only(found).reasons == ("service-not-traced",)
    newer = (version("5", NOW - HOUR / 2),)
    found = compared([grants], [seen], functions=[function(deployed=NOW - HOUR, published=newer)])
    assert only(found).reasons == ()


LIVE = (Alias("live", ("3",)),)
SEEN = Evidence(newest_complete=(NOW,), last_call=NOW, services={"dynamodb": NOW})


@pytest.mark.parametrize(
    ("aliases", "of_versions", "reasons"),
    [
        # not read: the version may serve
        (None, {}, ("older-version",)),
        (None, {"3": SEEN}, ("older-version",)),
        # read: it serves nobody
        ((), {}, ()),
        ((Alias("live", ("$LATEST",)),), {}, ()),
        # it serves, and was not seen; it was, by its number or by its alias
        (LIVE, {}, ("older-version",)),
        (LIVE, {"3": SEEN}, ()),
        (LIVE, {"live": SEEN}, ()),
        (LIVE, {"live": replace(SEEN, newest_complete=(NOW - 30 * HOUR,))}, ("older-version",)),
        (LIVE, {"live": replace(SEEN, last_call=None)}, ("older-version",)),
        (LIVE, {"live": replace(SEEN, services={"s3": NOW})}, ("older-version",)),
        (LIVE, {"live": replace(SEEN, services={"s3": NOW}, auto_instrumented=NOW)}, ()),
        # between two versions nothing tells which one ran
        ((Alias("live", ("3", "4")),), {"live": SEEN}, ("older-version",)),
    ],
)
def test_an_older_version_that_serves_needs_evidence_of_its_own(
    aliases: Any, of_versions: dict[str, Evidence], reasons: tuple[str, ...]
) -> None:
    seen = sees((GET, table("t")))
    seen = replace(seen, evidence=replace(seen.evidence, of_versions=of_versions))
    of_f = function(published=(version("3", NOW - 24 * HOUR), version("4", NOW - HOUR)), aliases=aliases)
    found = compared([policy(allow(PUT, table("t")))], [seen], functions=[of_f])
    assert only(found).reasons == reasons


def test_an_older_version_of_a_sharer_is_one_more_thing_that_was_not_seen() -> None:
    old = function("g", published=(version("3", NOW - 24 * HOUR),))
    found = compared([policy(allow(SCAN, table("t")))], [sees(), sees(name="g")], functions=[function(), old])
    assert only(found).reasons == ("sharer-not-seen",)


def test_the_policy_bounds_what_an_older_version_showed() -> None:
    seen = replace(sees(), evidence=replace(sees().evidence, of_versions={"3": SEEN}))
    of_f = function(published=(version("3", NOW - 24 * HOUR),), aliases=LIVE)
    for age, reasons in ((HOUR, ()), (-1, ("not-seen", "older-version"))):
        granted = policy(allow(PUT, table("t")), created=datetime.fromtimestamp(NOW - age, UTC))
        assert only(compared([granted], [seen], functions=[of_f])).reasons == reasons
