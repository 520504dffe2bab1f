"""What AWS recorded rescues a permission or takes a doubt away, and is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.config import TeamConfig
from scanner.mapping.overrides import ExtraUntraced
from scanner.mapping.untraced import MAY_RUN_UNTRACED
from scanner.model import Need, Observation, Unmapped, Used
from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED, AwsRecords
from scanner.records.cloudtrail.history import History
from scanner.records.last_accessed import LastAccessed
from scanner.verdict.assessment import Assessment
from tests.unit.cases import (
    HOUR,
    NOW,
    REGION,
    allow,
    arn,
    compared,
    function,
    function_arn,
    only,
    policy,
    table,
    usage,
    used,
)

GET, SCAN, READ_SECRET = "dynamodb:GetItem", "dynamodb:Scan", "secretsmanager:GetSecretValue"
SECRET = arn("secretsmanager", "secret:db-??????")
F = function_arn("f")
DEPLOYED, START = NOW - 8 * HOUR, NOW - 7 * HOUR
OLD, YOUNG = NOW - 6 * HOUR, NOW - HOUR  # traces that IAM's data reaches, and does not yet


def iam_says(
    services: Mapping[str, float | None] | None = None,
    actions: Mapping[str, float | None] | None = None,
    recorded: bool = True,
) -> AwsRecords:
    """IAM's last-accessed data of the role; `recorded` tells that it reaches beyond the last deployment."""
    return AwsRecords(
        LastAccessed(services or {}, actions or {}, NOW), since=START, recorded_until=NOW if recorded else 0.0
    )


def cloudtrail_says(
    calls: Iterable[tuple[str, str]] = (),
    attempted: Iterable[tuple[str, str]] = (),
    names: Iterable[str] = ("f",),
    workloads: Iterable[str] = ("f",),
    **more: Any,
) -> AwsRecords:
    """CloudTrail's event history of these functions, read to its end, of a role that these workloads use."""

    def seen(permissions: Iterable[tuple[str, str]]) -> dict[Need, Observation]:
        return dict.fromkeys(used(*permissions), Observation(1, 1, OLD, OLD))

    whole = {
        "complete": True,
        "regions": frozenset({REGION}),
        "start": START,
        "end": NOW,
        "last_settled": OLD,
    }
    history = History(**{"used": seen(calls), "attempted": seen(attempted), **whole, **more})
    return AwsRecords(
        histories={function_arn(name): history for name in names},
        workloads={function_arn(name): START for name in workloads},
        since=START,
    )


class GrantOutcome(NamedTuple):
    """What a finding says, and which records it rests on."""

    verdict: str
    reasons: tuple[str, ...]
    sources: tuple[str, ...]


def verdict_on(statement: Any, seen: Any, records: AwsRecords, **how: Any) -> GrantOutcome:
    """The verdict on the one grant of a function that runs for hours."""
    how.setdefault("functions", [function(deployed=DEPLOYED)])
    finding = only(compared([policy(statement)], [seen], records=records, **how))
    return GrantOutcome(finding.verdict.value, finding.reasons, finding.sources)


def ran(*services: str, permissions: Any = None, **more: Any) -> Any:
    return usage(permissions, services=services, **{"traces": (OLD,), "calls": OLD, **more})


# --- IAM's last-accessed data --------------------------------------------------------------------

GRANT = allow(SCAN, table("t"))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (AwsRecords(), (("service-not-traced",), ())),
        (iam_says({"dynamodb": None}), ((), (LAST_ACCESSED,))),
        # tried before the scanned time: no doubt more, and none less
        (iam_says({"dynamodb": START - HOUR}), (("service-not-traced",), ())),
        # not listed is not known
        (iam_says({"sqs": None}), (("service-not-traced",), ())),
        # tried since: one more doubt
        (iam_says({"dynamodb": OLD}), (("service-not-traced", "accessed-untraced"), (LAST_ACCESSED,))),
    ],
)
def test_a_service_of_which_no_call_was_traced(
    records: AwsRecords, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    assert verdict_on(GRANT, ran("s3"), records) == ("unused", *expected)


def test_never_says_nothing_of_a_function_whose_only_traces_are_too_young() -> None:
    """IAM's data appears within four hours: what ran an hour ago is not in it."""
    _, reasons, _ = verdict_on(GRANT, ran("s3", traces=(YOUNG,), calls=YOUNG), iam_says({"dynamodb": None}))
    assert reasons == ("service-not-traced",)


def test_never_says_nothing_of_a_function_that_was_deployed_since() -> None:
    seen = ran("s3", traces=(OLD, YOUNG), calls=YOUNG)
    deployed = [function(deployed=NOW - 2 * HOUR)]
    _, reasons, _ = verdict_on(GRANT, seen, iam_says({"dynamodb": None}), functions=deployed)
    assert reasons == ("service-not-traced",)


def test_never_does_not_stand_for_a_trace() -> None:
    _, reasons, _ = verdict_on(GRANT, usage(traces=()), iam_says({"dynamodb": None}))
    assert reasons == ("not-seen",)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (AwsRecords(), (("may-run-untraced",), ())),
        (iam_says({"secretsmanager": None}), ((), (LAST_ACCESSED,))),
        (iam_says({"secretsmanager": OLD}), (("may-run-untraced", "accessed-untraced"), (LAST_ACCESSED,))),
        # the service was used, this action never
        (iam_says({"secretsmanager": START - 1}, {READ_SECRET.lower(): None}), ((), (LAST_ACCESSED,))),
        # it does not reach beyond the last deployment of each user
        (iam_says({"secretsmanager": None}, recorded=False), (("may-run-untraced",), ())),
    ],
)
def test_an_action_that_may_run_in_init_code(
    records: AwsRecords, expected: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    assert verdict_on(allow(READ_SECRET, SECRET), ran("secretsmanager"), records) == ("unused", *expected)


def test_what_a_trace_shows_explains_why_iam_saw_its_service() -> None:
    seen = ran(permissions=used((GET, table("t"))))
    grants = policy(allow(GET, table("t")), GRANT)
    result = compared(
        [grants], [seen], records=iam_says({"dynamodb": OLD}), functions=[function(deployed=DEPLOYED)]
    )
    assert [(f.verdict.value, f.reasons) for f in result.findings] == [("used", ()), ("unused", ())]


def test_an_action_of_which_iam_tells_by_itself_is_not_explained_by_another() -> None:
    seen = ran(permissions=used(("lambda:InvokeFunction", arn("lambda", "function:g"))))
    grant = allow("lambda:ListFunctions")
    records = iam_says({"lambda": OLD}, {"lambda:listfunctions": OLD})
    assert verdict_on(grant, seen, records) == ("unused", ("accessed-untraced",), (LAST_ACCESSED,))


def test_what_a_trace_shows_stays_used_whatever_iam_says() -> None:
    seen = ran(permissions=used((SCAN, table("t"))))
    assert verdict_on(GRANT, seen, iam_says({"dynamodb": None}, {SCAN.lower(): None})).verdict == "used"


def test_never_says_nothing_of_what_other_services_use_on_the_roles_behalf() -> None:
    records = iam_says({"kms": None, "iam": None})
    assert verdict_on(allow("kms:Decrypt"), ran("s3"), records) == ("unobservable", (), ())
    assert verdict_on(allow("iam:PassRole"), ran("s3"), records) == ("unobservable", (), ())


def test_one_action_of_a_wildcard_that_was_tried_is_no_part_of_its_excess() -> None:
    records = iam_says({"lambda": OLD}, {"lambda:listfunctions": OLD, "lambda:getfunction": None})
    verdict, reasons, _ = verdict_on(allow("lambda:*Function*"), ran("lambda"), records)
    assert (verdict, reasons) == ("broad", ())


# --- CloudTrail's event history ------------------------------------------------------------------


def test_a_recorded_call_rescues_the_permission_and_is_named() -> None:
    records = cloudtrail_says([(READ_SECRET, SECRET)])
    found = compared([policy(allow(READ_SECRET, SECRET))], [ran("s3")], records=records)
    finding = only(found)
    assert (finding.verdict.value, finding.sources) == ("used", (CLOUDTRAIL,))
    assert finding.used == (Used(READ_SECRET, SECRET, (F,)),)
    assert found.suggestion is not None


def test_what_traces_show_too_names_no_other_source() -> None:
    seen = ran(permissions=used((READ_SECRET, SECRET)))
    assert (
        verdict_on(allow(READ_SECRET, SECRET), seen, cloudtrail_says([(READ_SECRET, SECRET)])).sources == ()
    )


def test_a_recorded_call_that_was_refused_leaves_it_open() -> None:
    records = cloudtrail_says(attempted=[("ssm:PutParameter", arn("ssm", "parameter/p"))])
    verdict, reasons, _ = verdict_on(
        allow("ssm:PutParameter", arn("ssm", "parameter/p")), ran("ssm"), records
    )
    assert (verdict, reasons) == ("unused", ("possible",))


@pytest.mark.parametrize(
    ("how", "resource", "reasons"),
    [
        ({}, SECRET, ()),
        # a region that was not read, or any region
        ({}, arn("secretsmanager", "secret:db-??????", region="eu-west-1"), ("may-run-untraced",)),
        ({}, "*", ("may-run-untraced",)),
        # not read to the end, not from the deployment on, nothing old enough to show that it ran
        ({"complete": False}, SECRET, ("may-run-untraced",)),
        ({"start": START + 1}, SECRET, ("may-run-untraced",)),
        ({"last_settled": None}, SECRET, ("may-run-untraced",)),
        ({"last_settled": START}, SECRET, ("may-run-untraced",)),
        # an event of the service, or of none that is known, may have been it
        (
            {"unmapped": {Unmapped("s", "o", "unknown-operation", "secretsmanager"): 1}},
            SECRET,
            ("may-run-untraced", "unmapped-operation"),
        ),
        (
            {"unmapped": {Unmapped("s", "o", "unknown-operation", None): 1}},
            SECRET,
            ("may-run-untraced", "unmapped-operation"),
        ),
        ({"unmapped": {Unmapped("s", "o", "unknown-operation", "s3"): 1}}, SECRET, ()),
        # another user of the role, of which nothing was read
        ({"workloads": ["f", "g"]}, SECRET, ("may-run-untraced",)),
    ],
)
def test_that_no_call_was_recorded(how: dict[str, Any], resource: str, reasons: tuple[str, ...]) -> None:
    found = verdict_on(allow(READ_SECRET, resource), ran("secretsmanager"), cloudtrail_says(**how))
    assert found == ("unused", reasons, () if reasons else (CLOUDTRAIL,))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::b/*"),  # an event of the data plane
        ("cloudwatch:PutMetricData", "*"),
    ],
)
def test_that_no_call_was_recorded_says_nothing_of_what_is_never_recorded(action: str, resource: str) -> None:
    records = cloudtrail_says()
    assert verdict_on(allow(action, resource), ran(action.partition(":")[0]), records).reasons == (
        "may-run-untraced",
    )


def test_what_lambda_itself_may_read_is_in_no_history_of_the_function() -> None:
    """Lambda reads the secret of an event source with the role, under a session of another name."""
    unread = [function(deployed=DEPLOYED, event_sources=None)]
    grant, seen = allow(READ_SECRET, SECRET), ran("secretsmanager")
    assert verdict_on(grant, seen, cloudtrail_says(), functions=unread).reasons == ("may-run-untraced",)
    # IAM counts every session of the role, yet Lambda may not have had a reason so far
    assert verdict_on(grant, seen, iam_says({"secretsmanager": None}), functions=unread).reasons == (
        "may-run-untraced",
    )


def test_a_dead_letter_queue_that_was_never_needed_is_no_sign_that_there_is_none() -> None:
    unread = [function(deployed=DEPLOYED, event_sources=None, destinations=None)]
    grant = allow("sqs:SendMessage", arn("sqs", "dead"))
    records = iam_says({"sqs": None})
    assert verdict_on(grant, ran("sqs"), records, functions=unread).reasons == ("may-run-untraced",)
    assert verdict_on(grant, ran("sqs"), records).reasons == ()


def test_what_iam_recorded_before_the_policy_says_nothing_of_it() -> None:
    created = datetime.fromtimestamp(NOW + 1, UTC)
    grants = policy(allow(READ_SECRET, SECRET), created=created)
    seen = usage(traces=(NOW + 2,), services=["secretsmanager"], calls=NOW + 2)
    found = compared(
        [grants], [seen], functions=[function(deployed=DEPLOYED)], records=iam_says({"secretsmanager": None})
    )
    assert "may-run-untraced" in only(found).reasons


def test_of_a_region_that_iam_does_not_track_never_says_nothing() -> None:
    grant = allow(READ_SECRET, arn("secretsmanager", "secret:db-AbCdEf", region="xx-nowhere-1"))
    records = iam_says({"secretsmanager": None})
    assert "may-run-untraced" in verdict_on(grant, ran("dynamodb"), records).reasons


# --- both, and no more than that -----------------------------------------------------------------


def test_no_source_confirms_what_the_traces_alone_leave_open() -> None:
    """Of a call without its resource they tell no more."""
    seen = ran(permissions=used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    statement = allow("ssm:PutParameter", [arn("ssm", "parameter/a"), arn("ssm", "parameter/b")])
    records = cloudtrail_says()
    assert verdict_on(statement, seen, records).reasons == ("resource-unknown",)


def test_what_the_team_says_of_untraced_actions_is_checked_like_what_is_known() -> None:
    config = TeamConfig(untraced=(ExtraUntraced(1, "dynamodb:scan", "may-run-untraced", "a nightly batch"),))
    assert verdict_on(GRANT, ran("dynamodb"), AwsRecords(), config=config).reasons == ("may-run-untraced",)
    assert verdict_on(GRANT, ran("dynamodb"), iam_says({"dynamodb": None}), config=config).reasons == ()


def test_the_sources_of_one_grant_are_not_those_of_the_next() -> None:
    grants = policy(allow(READ_SECRET, SECRET), allow("s3:DeleteObject", "arn:aws:s3:::b/*"))
    result = compared([grants], [ran("s3")], records=cloudtrail_says([(READ_SECRET, SECRET)]))
    assert [f.sources for f in result.findings] == [(CLOUDTRAIL,), ()]


MOMENTS = st.sampled_from([None, START - HOUR, OLD])
SOURCES = st.builds(
    lambda services, actions, recorded, calls: AwsRecords(
        LastAccessed(services, actions, NOW),
        {F: cloudtrail_says(calls).histories[F]},
        {F: START},
        START,
        recorded,
    ),
    st.dictionaries(st.sampled_from(["dynamodb", "s3", "secretsmanager", "kms"]), MOMENTS),
    st.dictionaries(st.sampled_from([GET.lower(), SCAN.lower(), READ_SECRET.lower()]), MOMENTS),
    st.booleans(),
    st.lists(st.sampled_from([(GET, table("t")), (SCAN, table("u")), (READ_SECRET, SECRET)])),
)


@given(SOURCES, st.lists(st.sampled_from([(GET, table("t")), (SCAN, table("t")), (READ_SECRET, SECRET)])))
def test_no_source_makes_unused_what_traces_show(records: AwsRecords, seen: list[tuple[str, str]]) -> None:
    statements = [allow([GET, SCAN], table("t")), allow(READ_SECRET, SECRET), allow("dynamodb:*", "*")]

    def assessed(records: AwsRecords) -> Sequence[Assessment]:
        seen_there = ran("s3", permissions=used(*seen))
        return compared([policy(*statements)], [seen_there], records=records).assessments

    for without, with_it in zip(assessed(AwsRecords()), assessed(records), strict=True):
        assert set(without.used_for) <= set(with_it.used_for)  # only more is in use
        if without.verdict.value != "unused":
            assert with_it.verdict.value != "unused"


def test_the_words_of_the_knowledge_are_those_of_the_reasons() -> None:
    assert MAY_RUN_UNTRACED == "may-run-untraced"


def test_what_cloudtrail_shows_of_before_the_policy_says_nothing_of_it() -> None:
    late = policy(
        allow(READ_SECRET, SECRET.replace("??????", "AbCdEf")), created=datetime.fromtimestamp(NOW - 1, UTC)
    )
    seen = usage(traces=(NOW,), services=["secretsmanager"])
    found = compared([late], [seen], functions=[function(deployed=DEPLOYED)], records=cloudtrail_says())
    assert "may-run-untraced" in only(found).reasons
