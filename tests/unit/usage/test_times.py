"""Times that no trace can have: what such traces used counts, they confirm nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import EXCESS, Usage
from scanner.usage.builder import UsageBuilder
from scanner.usage.times import FIRST_TRACE, TraceTimes
from tests.unit.cases import HOUR, NOW, allow, compared, function, policy, table
from tests.unit.traces.segments import F, call, invocation, read, service

DAY = 24 * HOUR
PAST = NOW - HOUR / 2
POSSIBLE = TraceTimes.until(NOW)

# what an exporter may write in place of Unix seconds
WRONG = [
    pytest.param(PAST * 1e3, id="milliseconds"),
    pytest.param(PAST * 1e6, id="microseconds"),
    pytest.param(int(PAST * 1e9), id="nanoseconds"),
    pytest.param(PAST / 1e3, id="thousands"),
    pytest.param(NOW + 1.1 * DAY, id="future"),
    pytest.param(FIRST_TRACE - 1, id="before X-Ray"),
    pytest.param(0, id="none"),
    pytest.param(-PAST, id="negative"),
    pytest.param(1e308, id="huge"),
    pytest.param(str(PAST), id="text"),
    pytest.param("2026-11-18T13:20:00Z", id="ISO 8601"),
    pytest.param(None, id="null"),
    pytest.param(True, id="boolean"),
]


def built(time: Any, *, of_call: Any = None, complete: bool = True) -> UsageBuilder:
    """The usage of a trace whose documents start and end at a time."""
    times = {"start_time": time, "end_time": time}
    made = call("c", start_time=time if of_call is None else of_call)
    builder = UsageBuilder(times=POSSIBLE)
    builder.add(read(service(**times), invocation(subsegments=[made], **times), truncated=not complete))
    return builder


def usage_of(builder: UsageBuilder) -> Usage:
    (usage,) = builder.usages()
    return usage


@pytest.mark.parametrize("time", WRONG)
def test_a_trace_with_impossible_times_shows_what_was_used_and_nothing_else(time: Any) -> None:
    builder = built(time)
    usage = usage_of(builder)
    assert (usage.workload, builder.impossible_times, builder.traces, builder.calls) == (F, 1, 1, 1)
    ((need, observation),) = usage.used.items()
    assert need.permission.action == "dynamodb:GetItem"
    assert (observation.count, observation.first_seen, observation.last_seen) == (1, None, None)
    evidence = usage.evidence
    assert (evidence.traces, evidence.incomplete_traces, evidence.newest_complete) == (1, 0, ())
    assert (evidence.last_call, evidence.services, evidence.first_seen) == (None, {}, None)
    assert (builder.first, builder.last) == (None, None)


@pytest.mark.parametrize("time", WRONG)
def test_what_such_a_trace_does_not_show_is_not_confirmed(time: Any) -> None:
    """Whatever the function's last change is."""
    usage = usage_of(built(time))
    role = [policy(allow(["dynamodb:GetItem", "dynamodb:PutItem"], table("t")))]
    for deployed in (0.0, PAST - HOUR, NOW + 10 * DAY):
        result = compared(role, [usage], [function(deployed=deployed)])
        excess = [finding for finding in result.findings if finding.verdict in EXCESS]
        assert [finding.actions for finding in excess] == [("dynamodb:PutItem",)]
        assert not any(finding.confirmed for finding in excess)


@pytest.mark.parametrize("time", [PAST, NOW, NOW + DAY / 2, FIRST_TRACE, int(PAST)])
def test_times_that_a_trace_can_have(time: float) -> None:
    builder = built(time)
    assert builder.impossible_times == 0
    assert usage_of(builder).evidence.newest_complete == (time,)


@pytest.mark.parametrize("of_call", [PAST * 1e3, NOW + 2 * DAY])
def test_a_call_with_an_impossible_time_spoils_its_trace(of_call: float) -> None:
    builder = built(PAST, of_call=of_call)
    assert (builder.impossible_times, usage_of(builder).evidence.newest_complete) == (1, ())


def test_a_call_without_a_time_has_that_of_its_workload() -> None:
    builder = built(PAST, of_call="")
    evidence = usage_of(builder).evidence
    assert (builder.impossible_times, evidence.newest_complete, evidence.last_call) == (0, (PAST,), PAST)


def test_an_incomplete_trace_of_an_impossible_time_may_be_of_now() -> None:
    evidence = usage_of(built(PAST * 1e3, complete=False)).evidence
    assert evidence.incomplete_traces == 1
    assert evidence.last_incomplete is not None and evidence.last_incomplete > NOW


def test_other_traces_confirm_as_ever() -> None:
    builder = built(PAST * 1e3)
    builder.add(read(invocation(start_time=PAST, end_time=PAST, subsegments=[call("c", start_time=PAST)])))
    usage = usage_of(builder)
    (observation,) = usage.used.values()
    assert (observation.count, observation.first_seen, observation.last_seen) == (2, PAST, PAST)
    assert (builder.first, builder.last, usage.evidence.newest_complete) == (PAST, PAST, (PAST,))


@given(st.floats(allow_nan=False))
def test_no_time_beyond_a_day_from_now_and_none_before_xray_is_evidence(time: float) -> None:
    starts = usage_of(built(time)).evidence.newest_complete
    assert starts in ((), (time,))
    assert (starts == (time,)) == (FIRST_TRACE <= time <= NOW + DAY)


def test_saved_traces_may_be_older_than_those_of_the_api() -> None:
    assert usage_of(built(NOW - 400 * DAY)).evidence.newest_complete == (NOW - 400 * DAY,)
