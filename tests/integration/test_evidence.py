"""Reading what AWS recorded beside traces: last-accessed data, event history, invocations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from scanner.aws.times import Clock
from scanner.errors import ScanError, Warnings
from scanner.model import Certainty, Need, Permission
from scanner.records.cloudtrail.history import History, never_called
from scanner.records.cloudtrail.read import RETENTION, HistoryRequest, Session, read_cloudtrail
from scanner.records.invocations import read_invocations, window_of
from scanner.records.last_accessed import LastAccessed, read_last_accessed
from tests.fakes.evidence import (
    GENERATE,
    GET,
    LOOKUP,
    METRICS,
    FakeEvidence,
    Json,
    Script,
    Service,
    call_event,
)

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/notes"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:notes-list"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:db-AbCdEf"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOW = 1_790_000_040.0  # a full minute
DAY = 86400.0


@pytest.fixture
def fake() -> Iterator[FakeEvidence]:
    with FakeEvidence() as server:
        yield server


class Pauses(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def needed(action: str, resource: str) -> Need:
    return Need(Permission(action, resource, exact=True), Certainty.REQUIRED)


def codes(warnings: Warnings) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for warning in warnings.all():
        counts[warning.code] += warning.count
    return dict(counts)


def texts(warnings: Warnings) -> str:
    return "\n".join(warning.message for warning in warnings.all())


# --- last-accessed data ----------------------------------------------------------------------------


def last_accessed(
    fake: FakeEvidence, *roles: str, now: float = NOW
) -> tuple[dict[str, LastAccessed], Warnings, Pauses]:
    warnings, pauses = Warnings(), Pauses()
    return read_last_accessed(fake.client("iam"), roles, warnings, now, pauses), warnings, pauses


def test_a_report_tells_when_services_and_actions_were_last_used(fake: FakeEvidence) -> None:
    services = [
        Service("lambda", NOW - 60, {"ListFunctions": NOW - 60, "GetFunction": None}),
        Service("dynamodb"),
    ]
    fake.script = Script(services={ROLE: services}, asked=NOW - 5)
    found, warnings, _ = last_accessed(fake, ROLE)
    assert found == {
        ROLE: LastAccessed(
            {"lambda": NOW - 60, "dynamodb": None},
            {"lambda:listfunctions": NOW - 60, "lambda:getfunction": None},
            NOW - 5,
        )
    }
    assert fake.bodies(GENERATE)[0]["Granularity"] == "ACTION_LEVEL"
    assert not warnings.all()


def test_all_pages_of_a_report_are_read(fake: FakeEvidence) -> None:
    services = [Service(f"service{n}") for n in range(25)]
    fake.script = Script(services={ROLE: services}, asked=NOW, page_size=10)
    found, _, _ = last_accessed(fake, ROLE)
    assert len(found[ROLE].services) == 25


def test_all_reports_are_asked_for_before_one_is_waited_for(fake: FakeEvidence) -> None:
    roles = [f"{ROLE}-{n}" for n in range(20)]
    fake.script = Script(services={role: [Service("s3")] for role in roles}, asked=NOW, polls=2)
    found, _, pauses = last_accessed(fake, *roles)
    assert sorted(found) == sorted(roles)
    assert [r.operation for r in fake.requests[:20]] == [GENERATE] * 20
    assert len(pauses) == 40


def test_the_wait_for_a_report_has_an_end(fake: FakeEvidence) -> None:
    fake.script = Script(services={ROLE: [Service("s3")]}, asked=NOW, polls=10_000)
    found, warnings, pauses = last_accessed(fake, ROLE)
    assert found == {}
    assert codes(warnings) == {"last-accessed-unread": 1}
    assert 60 <= sum(pauses) <= 70
    assert pauses == sorted(pauses) and max(pauses) <= 5


def test_a_report_that_iam_made_earlier_counts_from_then(fake: FakeEvidence) -> None:
    fake.script = Script(services={ROLE: [Service("s3")]}, asked=NOW - 3600)
    found, _, _ = last_accessed(fake, ROLE)
    assert found[ROLE].asked == NOW - 3600


def test_a_report_from_the_future_counts_from_now(fake: FakeEvidence) -> None:
    fake.script = Script(services={ROLE: [Service("s3")]}, asked=NOW + DAY)
    found, _, _ = last_accessed(fake, ROLE)
    assert found[ROLE].asked == NOW


def test_one_role_that_fails_leaves_the_others(fake: FakeEvidence) -> None:
    fake.script = Script(services={ROLE: [Service("s3")]}, asked=NOW, failed=[OTHER])
    found, warnings, _ = last_accessed(fake, OTHER, ROLE, f"{ROLE}-gone")
    assert list(found) == [ROLE]
    assert codes(warnings) == {"last-accessed-unread": 2}
    assert OTHER in texts(warnings) and "ServiceError" in texts(warnings)
    assert "NoSuchEntity" in texts(warnings)


@pytest.mark.parametrize(
    "spoilt",
    [{"endless": True}, {"undated": True}, {"page_size": 1, "fail_after": {GET: 1}}],
    ids=["without an end", "without a date", "cut off"],
)
def test_part_of_a_report_is_no_report(fake: FakeEvidence, spoilt: Json) -> None:
    services = {ROLE: [Service("s3"), Service("sqs")]}
    fake.script = Script(services=services, asked=NOW, **spoilt)
    found, warnings, _ = last_accessed(fake, ROLE)
    assert found == {}
    assert codes(warnings) == {"last-accessed-unread": 1}


@pytest.mark.parametrize("operation", [GENERATE, GET])
def test_a_missing_right_is_named_with_what_it_means(fake: FakeEvidence, operation: str) -> None:
    services = {ROLE: [Service("s3")], OTHER: [Service("s3")]}
    fake.script = Script(services=services, asked=NOW, denied=[operation])
    found, warnings, _ = last_accessed(fake, ROLE, OTHER)
    assert found == {}
    (warning,) = warnings.all()
    assert (warning.code, warning.count) == ("right-missing", 2)
    assert warning.message.startswith(f"iam:{operation} is denied: ")
    assert "\n" not in warning.message


def test_refused_credentials_end_the_reading(fake: FakeEvidence) -> None:
    fake.script = Script(services={ROLE: []}, bad_credentials=["eu-west-1", "us-east-1"])
    with pytest.raises(ScanError, match="refused the credentials"):
        last_accessed(fake, ROLE)


# --- event history ---------------------------------------------------------------------------------


def history(
    fake: FakeEvidence,
    workloads: Mapping[str, str] | None = None,
    start: float = NOW - DAY,
    end: float = NOW,
    **options: Any,
) -> tuple[dict[str, History], Warnings, Pauses]:
    warnings, pauses = Warnings(), Pauses()

    def client_of(region: str) -> Any:
        return fake.client("cloudtrail", region)

    sessions = (Session(arn, role, start) for arn, role in (workloads or {FUNCTION: ROLE}).items())
    request = HistoryRequest(tuple(sessions), end, **options)
    histories = read_cloudtrail(client_of, request, warnings, Clock(lambda: NOW, pauses))
    return histories, warnings, pauses


def counts(histories: Mapping[str, History]) -> list[int]:
    """How often each permission was seen that a call surely needed."""
    return [seen.count for need, seen in histories[FUNCTION].used.items() if need.required]


def started(moment: float = NOW - DAY / 2, **more: Any) -> Json:
    """What Lambda itself does with the role whenever an environment starts."""
    group = {"logGroupName": "/aws/lambda/notes-list", "logStreamName": "s"}
    return call_event(ROLE, "notes-list", "logs:CreateLogStream", moment, parameters=group, **more)


def test_events_of_a_functions_session_become_permissions(fake: FakeEvidence) -> None:
    read = {"secretId": SECRET}
    fake.script = Script(
        events=[
            call_event(ROLE, "notes-list", "secretsmanager:GetSecretValue", NOW - 7000, parameters=read),
            call_event(ROLE, "notes-list", "secretsmanager:GetSecretValue", NOW - 9000, parameters=read),
            call_event(
                ROLE,
                "notes-list",
                "kms:Decrypt",
                NOW - 9000,
                resources=[KEY],
                invoked_by="secretsmanager.amazonaws.com",
            ),
            call_event(
                ROLE,
                "notes-list",
                "ssm:GetParameter",
                NOW - 8000,
                parameters={"name": "/db/url", "withDecryption": True},
                errorCode="AccessDenied",
            ),
        ]
    )
    found, warnings, _ = history(fake)
    seen = found[FUNCTION]
    secret = seen.used[needed("secretsmanager:GetSecretValue", SECRET)]
    assert (secret.count, secret.succeeded, secret.first_seen, secret.last_seen) == (
        2,
        2,
        NOW - 9000,
        NOW - 7000,
    )
    assert needed("kms:Decrypt", KEY) in seen.used
    assert [(need.permission.action, need.permission.resource) for need in seen.attempted] == [
        ("ssm:GetParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/db/url")
    ]
    assert seen.complete and seen.regions == {"eu-west-1"}
    assert (seen.start, seen.end) == (NOW - DAY, NOW)
    assert not warnings.all()
    assert fake.bodies(LOOKUP)[0]["LookupAttributes"] == [
        {"AttributeKey": "Username", "AttributeValue": "notes-list"}
    ]


def test_a_session_of_the_same_name_with_another_role_is_not_the_function(fake: FakeEvidence) -> None:
    read = {"secretId": SECRET}
    fake.script = Script(
        events=[call_event(OTHER, "notes-list", "secretsmanager:GetSecretValue", NOW - 9000, parameters=read)]
    )
    found, warnings, _ = history(fake)
    assert found[FUNCTION] == History(
        {}, {}, {}, True, frozenset({"eu-west-1"}), NOW - DAY, NOW, last_settled=None
    )
    assert not warnings.all()


def test_what_was_never_called_is_reported_once_the_function_ran(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started()])
    found, _, _ = history(fake)
    assert never_called(found[FUNCTION], "secretsmanager:getsecretvalue", "eu-west-1", NOW - DAY)
    assert not never_called(found[FUNCTION], "secretsmanager:getsecretvalue", "us-east-1", NOW - DAY)


def test_a_silent_history_tells_nothing(fake: FakeEvidence) -> None:
    """It may be that the function did not run, or that its session has another name."""
    found, _, _ = history(fake)
    assert found[FUNCTION].complete
    assert not never_called(found[FUNCTION], "secretsmanager:getsecretvalue", "eu-west-1", NOW - DAY)


def test_events_are_looked_for_in_further_regions_too(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started(), started(region="us-east-1")])
    found, _, _ = history(fake, regions=["us-east-1"])
    assert found[FUNCTION].regions == {"eu-west-1", "us-east-1"}
    assert found[FUNCTION].complete
    resources = {need.permission.resource.split(":")[3] for need in found[FUNCTION].used}
    assert resources == {"eu-west-1", "us-east-1"}


def test_an_event_that_two_regions_hold_counts_once(fake: FakeEvidence) -> None:
    event = started(eventID="one")
    fake.script = Script(events=[event, {**event, "awsRegion": "us-east-1"}])
    found, _, _ = history(fake, regions=["us-east-1"])
    assert counts(found) == [1]


def test_all_pages_are_read_at_two_requests_a_second(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started(NOW - 8000 - n) for n in range(120)])
    found, _, pauses = history(fake)
    assert sum(counts(found)) == 120
    assert fake.count(LOOKUP) == 3
    assert pauses == [0.5, 0.5, 0.5]


def test_a_history_that_is_too_long_shows_use_but_no_absence(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started(NOW - 8000 - n) for n in range(120)])
    found, warnings, _ = history(fake, most_pages=2)
    assert sum(counts(found)) == 100
    assert not found[FUNCTION].complete and not found[FUNCTION].regions
    assert codes(warnings) == {"history-cut-off": 1}
    assert FUNCTION in texts(warnings)


def test_throttled_requests_are_repeated(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started()], throttle=Counter({LOOKUP: 3}))
    found, warnings, pauses = history(fake)
    assert found[FUNCTION].complete and found[FUNCTION].used
    assert pauses == [1, 2, 4, 0.5]
    assert not warnings.all()


def test_throttling_without_end_is_given_up(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started()], throttle=Counter({LOOKUP: 10_000}))
    found, warnings, _ = history(fake)
    assert not found[FUNCTION].complete
    assert codes(warnings) == {"history-unread": 1}
    assert "ThrottlingException" in texts(warnings)


def test_a_page_that_fails_leaves_what_was_read_before(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started(NOW - 8000 - n) for n in range(120)], fail_after={LOOKUP: 1})
    found, warnings, _ = history(fake)
    assert sum(counts(found)) == 50
    assert not found[FUNCTION].complete
    assert codes(warnings) == {"history-unread": 1}


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "null", '{"userIdentity": 7, "eventName": []}', "[" * 10_000, ""]
)
def test_no_text_of_an_event_ends_the_reading(fake: FakeEvidence, text: str) -> None:
    fake.script = Script(events=[started()], raw_events={"notes-list": [text]})
    found, warnings, _ = history(fake)
    assert found[FUNCTION].used
    if text.startswith("{"):  # somebody else's
        assert found[FUNCTION].complete
    else:
        assert not found[FUNCTION].complete
        assert codes(warnings) == {"history-unreadable": 1}


def test_a_missing_right_is_asked_for_once(fake: FakeEvidence) -> None:
    workloads = {FUNCTION: ROLE, f"{FUNCTION}-2": ROLE}
    fake.script = Script(denied=[LOOKUP])
    found, warnings, _ = history(fake, workloads)
    assert not any(one.complete for one in found.values())
    assert fake.count(LOOKUP) == 1
    (warning,) = warnings.all()
    assert warning.code == "right-missing"
    assert warning.message.startswith("cloudtrail:LookupEvents is denied: ")


def test_refused_credentials_end_the_reading_of_the_history(fake: FakeEvidence) -> None:
    fake.script = Script(bad_credentials=["eu-west-1"])
    with pytest.raises(ScanError, match="refused the credentials"):
        history(fake)


def test_a_further_region_that_is_not_enabled_is_only_incomplete(fake: FakeEvidence) -> None:
    fake.script = Script(events=[started()], bad_credentials=["ap-east-1"])
    found, warnings, _ = history(fake, regions=["ap-east-1"])
    assert found[FUNCTION].regions == {"eu-west-1"}
    assert not found[FUNCTION].complete
    assert codes(warnings) == {"history-unread": 1}
    assert "ap-east-1" in texts(warnings)


def test_what_event_history_no_longer_holds_is_not_claimed(fake: FakeEvidence) -> None:
    found, _, _ = history(fake, start=0)
    assert found[FUNCTION].start == NOW - RETENTION


def test_a_time_before_event_history_is_not_asked_for(fake: FakeEvidence) -> None:
    found, _, _ = history(fake, start=NOW - 200 * DAY, end=NOW - 100 * DAY)
    assert not found[FUNCTION].complete
    assert fake.count(LOOKUP) == 0


# --- invocations -----------------------------------------------------------------------------------


def invocations(
    fake: FakeEvidence, *arns: str, start: float = NOW - 3600, end: float = NOW
) -> tuple[dict[str, int], Warnings]:
    warnings = Warnings()
    clients: Callable[[str], Any] = lambda region: fake.client("cloudwatch", region)  # noqa: E731
    return read_invocations(clients, arns, window_of(start, end, NOW), warnings), warnings


def test_the_invocations_of_a_window_are_summed(fake: FakeEvidence) -> None:
    minutes = [(NOW - 3600, 1.0), (NOW - 1800, 10.0), (NOW - 60, 100.0)]
    outside = [(NOW - 3660, 1000.0), (NOW, 1000.0)]
    fake.script = Script(invocations={"notes-list": [*minutes, *outside]})
    found, warnings = invocations(fake, FUNCTION)
    assert found == {FUNCTION: 111}
    assert not warnings.all()


def test_no_data_is_no_invocation_where_the_answer_is_complete(fake: FakeEvidence) -> None:
    assert invocations(fake, FUNCTION)[0] == {FUNCTION: 0}


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
def test_incomplete_data_are_no_number(fake: FakeEvidence, status: str) -> None:
    fake.script = Script(invocations={"notes-list": [(NOW - 60, 5.0)]}, statuses={"notes-list": status})
    found, warnings = invocations(fake, FUNCTION, f"{FUNCTION}-2")
    assert found == {f"{FUNCTION}-2": 0}
    assert codes(warnings) == {"invocations-unread": 1}


def test_no_number_at_all_is_reported_too(fake: FakeEvidence) -> None:
    fake.script = Script(statuses={"notes-list": "InternalError"})
    found, warnings = invocations(fake, FUNCTION)
    assert found == {}
    assert codes(warnings) == {"invocations-unread": 1}


def test_all_pages_of_the_data_are_summed(fake: FakeEvidence) -> None:
    minutes = [(NOW - 60 * n, 1.0) for n in range(1, 31)]
    fake.script = Script(invocations={"notes-list": minutes, "notes-list-2": minutes}, page_size=7)
    found, _ = invocations(fake, FUNCTION, f"{FUNCTION}-2")
    assert found == {FUNCTION: 30, f"{FUNCTION}-2": 30}
    assert fake.count(METRICS) == 9


def test_many_functions_take_several_requests(fake: FakeEvidence) -> None:
    arns = [f"{FUNCTION}-{n}" for n in range(501)]
    found, _ = invocations(fake, *arns)
    assert len(found) == 501
    assert sorted(len(body["MetricDataQueries"]) for body in fake.bodies(METRICS)) == [1, 500]


def test_each_region_is_asked_for_its_own_functions(fake: FakeEvidence) -> None:
    elsewhere = FUNCTION.replace("eu-west-1", "us-east-1")
    invocations(fake, FUNCTION, elsewhere)
    assert (fake.count(METRICS, "eu-west-1"), fake.count(METRICS, "us-east-1")) == (1, 1)


def test_what_is_no_function_is_not_asked_for(fake: FakeEvidence) -> None:
    assert invocations(fake, f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:s")[0] == {}
    assert fake.count(METRICS) == 0


def test_data_without_an_end_are_no_number(fake: FakeEvidence) -> None:
    fake.script = Script(fail_after={METRICS: 3}, endless=True)
    found, warnings = invocations(fake, FUNCTION)
    assert found == {}
    assert codes(warnings) == {"invocations-unread": 1}


def test_without_the_right_the_number_of_invocations_is_unknown(fake: FakeEvidence) -> None:
    fake.script = Script(denied=[METRICS])
    found, warnings = invocations(fake, FUNCTION)
    assert found == {}
    (warning,) = warnings.all()
    assert warning.code == "right-missing"
    assert warning.message.startswith("cloudwatch:GetMetricData is denied: ")


def test_refused_credentials_end_the_counting(fake: FakeEvidence) -> None:
    fake.script = Script(bad_credentials=["eu-west-1"])
    with pytest.raises(ScanError, match="refused the credentials"):
        invocations(fake, FUNCTION)
