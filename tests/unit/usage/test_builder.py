"""Readings of traces and aggregated rows -> usage and evidence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from scanner.model import (
    Call,
    CallRow,
    Certainty,
    Evidence,
    Need,
    Observation,
    ObservedCall,
    Outcome,
    Permission,
    Usage,
)
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.workloads import Hints
from scanner.usage.builder import KEPT_STARTS, UsageBuilder
from tests.unit.cases import arn, function_arn, table

F = function_arn("f")
ECS = "ecs:shop/api@123456789012/us-east-1"
GET = Need(Permission("dynamodb:GetItem", table("t"), exact=True), Certainty.REQUIRED)
DENIED = "User: u is not authorized to perform: dynamodb:GetItem on resource: " + table("t")


def call(
    operation: str = "GetItem",
    *parameters: tuple[str, str],
    outcome: Outcome = Outcome.OK,
    service: str = "DynamoDB",
) -> Call:
    named = parameters or (("table_name", "t"),)
    return Call(F, service, operation, named, region="us-east-1", account="", outcome=outcome)


def reading(
    *calls: ObservedCall, id_: str = "1-1", start: float = 100.0, version: str | None = None, **more: Any
) -> TraceReading:
    """A trace in which the function ran."""
    run = WorkloadRun(start, ran=True, version=version)
    return TraceReading(id_, calls=calls, **{"start": start, "end": start + 1, "workloads": {F: run}, **more})


def usage_of(*items: TraceReading | CallRow) -> Usage:
    """The usage of the one workload of these."""
    builder = UsageBuilder()
    for item in items:
        builder.add(item)
    (usage,) = builder.usages()
    return usage


def at(time: float, made: Call | None = None, message: str = "") -> ObservedCall:
    return ObservedCall(made or call(), time, message)


# --- permissions of traces -----------------------------------------------------------------------


def test_a_permission_is_counted_by_call_and_by_trace() -> None:
    usage = usage_of(
        reading(at(110), at(105, call(outcome=Outcome.FAILED)), id_="1-1"), reading(at(300), id_="1-2")
    )
    assert usage.used == {
        GET: Observation(3, 2, first_seen=105, last_seen=300, succeeded=2, trace_ids=("1-2", "1-1"))
    }
    assert usage.attempted == {}


def test_only_the_newest_traces_are_named() -> None:
    usage = usage_of(*(reading(at(n), id_=f"1-{n}") for n in (5, 2, 9, 1, 7)))
    assert usage.used[GET].trace_ids == ("1-9", "1-7", "1-5")


def test_a_denied_call_and_one_that_was_never_sent_only_attempted_it() -> None:
    usage = usage_of(
        reading(
            at(1, call(outcome=Outcome.DENIED), DENIED), at(2, call(outcome=Outcome.NEVER_SENT)), id_="1-1"
        )
    )
    assert usage.used == {}
    assert usage.attempted[GET].count == 2
    (denied,) = usage.denied
    assert (denied.action, denied.resource, denied.count) == ("dynamodb:GetItem", table("t"), 1)
    assert (denied.message, denied.trace_ids) == (DENIED, ("1-1",))


def test_what_only_the_message_of_a_denial_names_was_attempted_too() -> None:
    message = f"not authorized to perform: kms:Decrypt on resource: {arn('kms', 'key/k')}"
    usage = usage_of(reading(at(1, call(outcome=Outcome.DENIED), message)))
    decrypt = Need(Permission("kms:Decrypt", arn("kms", "key/k"), exact=True), Certainty.REQUIRED)
    assert set(usage.attempted) == {GET, decrypt}
    assert [denied.action for denied in usage.denied] == ["kms:Decrypt"]


UNKNOWN = Need(Permission("shop:Order", "*", exact=False), Certainty.REQUIRED)
PUT = Need(Permission("dynamodb:PutItem", table("t"), exact=True), Certainty.ONE_OF)


@pytest.mark.parametrize(
    ("named", "needs", "denied"),
    [
        ("dynamodb:GetItem", [GET], [("dynamodb:GetItem", table("t"))]),
        ("DynamoDB:getitem", [GET], [("dynamodb:GetItem", table("t"))]),
        ("kms:Decrypt", [GET], [("kms:Decrypt", "*")]),
        ("dynamodb:items", [GET], [("dynamodb:GetItem", table("t"))]),
        ("dynamodb:*", [GET], [("dynamodb:GetItem", table("t"))]),
        ("items:GetItem", [GET], [("dynamodb:GetItem", table("t"))]),
        (
            "dynamodb:items",
            [GET, PUT],
            [("dynamodb:GetItem", table("t")), ("dynamodb:PutItem", table("t"))],
        ),
        ("shop:order", [UNKNOWN], [("shop:order", "*")]),
        ("shop:basket", [UNKNOWN], [("shop:basket", "*")]),
        ("kms:Decrypt", [UNKNOWN], [("kms:Decrypt", "*")]),
    ],
)
def test_a_denial_names_an_action_that_iam_has_if_the_call_needs_one(
    named: str, needs: list[Need], denied: list[tuple[str, str]]
) -> None:
    builder = UsageBuilder(mapper=lambda _: tuple(needs))
    message = f"User: u is not authorized to perform: {named} because no identity-based policy allows it"
    builder.add(reading(at(1, call(outcome=Outcome.DENIED), message)))
    (usage,) = builder.usages()
    assert [(one.action, one.resource) for one in usage.denied] == denied


def test_a_name_that_iam_lacks_was_attempted_all_the_same() -> None:
    message = (
        "User: u is not authorized to perform: dynamodb:NewOne because no identity-based policy allows it"
    )
    usage = usage_of(reading(at(1, call(outcome=Outcome.DENIED), message)))
    newer = Need(Permission("dynamodb:NewOne", "*", exact=False), Certainty.REQUIRED)
    assert set(usage.attempted) == {GET, newer}
    assert [denied.action for denied in usage.denied] == ["dynamodb:GetItem"]


@pytest.mark.parametrize(
    ("certainties", "expected"),
    [
        ([Certainty.POSSIBLE], [Certainty.POSSIBLE]),
        ([Certainty.POSSIBLE, Certainty.ONE_OF], [Certainty.ONE_OF]),
        ([Certainty.ONE_OF, Certainty.POSSIBLE], [Certainty.ONE_OF]),
        ([Certainty.REQUIRED, Certainty.POSSIBLE], [Certainty.POSSIBLE, Certainty.REQUIRED]),
    ],
)
def test_a_permission_is_one_of_several_if_it_was_in_any_call(
    certainties: list[Certainty], expected: list[Certainty]
) -> None:
    by_table = {f"t{n}": certainty for n, certainty in enumerate(certainties)}
    builder = UsageBuilder(mapper=lambda made: (Need(GET.permission, by_table[made.parameters[0][1]]),))
    builder.add_reading(reading(*(at(1, call("GetItem", ("table_name", name))) for name in by_table)))
    (usage,) = builder.usages()
    assert [need.certainty for need in usage.used] == expected
    assert sum(seen.count for seen in usage.used.values()) == len(certainties)


def test_a_call_that_cannot_be_mapped_is_counted_as_that() -> None:
    usage = usage_of(reading(at(1, call("MakeCoffee")), at(2, call("MakeCoffee"))))
    assert [(u.operation, count) for u, count in usage.unmapped.items()] == [("MakeCoffee", 2)]
    assert usage.evidence.unmapped_services == {"dynamodb"}
    assert usage.evidence.calls == 2


# --- evidence of traces --------------------------------------------------------------------------


def evidence_of(readings: Iterable[TraceReading]) -> Evidence:
    return usage_of(*readings).evidence


def test_complete_traces_are_evidence_by_their_start() -> None:
    evidence = evidence_of([reading(at(110)), reading(start=300.0), reading(start=200.0, complete=False)])
    assert (evidence.traces, evidence.incomplete_traces) == (3, 1)
    assert evidence.newest_complete == (300.0, 100.0)
    assert (evidence.first_seen, evidence.last_seen, evidence.last_incomplete) == (100.0, 300.0, 200.0)


def test_a_run_that_was_only_asked_for_is_no_complete_trace() -> None:
    asked = reading(workloads={F: WorkloadRun(100.0)})
    assert evidence_of([asked]).newest_complete == ()


def test_only_the_newest_complete_traces_are_kept() -> None:
    evidence = evidence_of(reading(start=float(n)) for n in range(KEPT_STARTS + 5))
    assert len(evidence.newest_complete) == KEPT_STARTS
    assert evidence.newest_complete[-1] == 5.0


def test_a_call_shows_the_code_that_its_run_began_with() -> None:
    evidence = evidence_of([reading(at(500.0), start=100.0)])
    assert evidence.last_call == 100.0
    assert evidence.services == {"dynamodb": 100.0}


def test_what_a_published_version_shows_stands_apart() -> None:
    evidence = evidence_of([reading(at(110.0), version="5")])
    assert (evidence.newest_complete, evidence.last_call, evidence.services) == ((), None, {})
    assert evidence.of_versions["5"].newest_complete == (100.0,)
    assert evidence.of_versions["5"].services == {"dynamodb": 100.0}
    assert evidence.calls == 1


def test_an_incomplete_trace_may_lack_one_of_a_function_that_was_invoked_in_it() -> None:
    invoke = at(150.0, call("Invoke", ("function_name", "g"), service="Lambda"))
    builder = UsageBuilder()
    builder.add(reading(invoke, complete=False, unanswered=[invoke]))
    builder.add(reading(workloads={function_arn("g"): WorkloadRun(90.0, ran=True)}))
    of_f, of_g = builder.usages()
    assert of_f.evidence.last_incomplete == 100.0
    assert of_g.evidence.last_incomplete == 150.0
    assert builder.unattributed_gaps == 0


def test_an_incomplete_trace_without_a_workload_may_be_any_workloads() -> None:
    builder = UsageBuilder()
    builder.add(TraceReading("1-1", complete=False))
    assert builder.unattributed_gaps == 1


def test_calls_of_no_workload_come_last() -> None:
    builder = UsageBuilder()
    builder.add(reading(at(1, call()._replace(workload=None)), at(2)))
    assert [usage.workload for usage in builder.usages()] == [F, None]


# --- aggregated rows -----------------------------------------------------------------------------


def row(count: int = 4, first: float = 100.0, last: float = 900.0, **made: Any) -> CallRow:
    return CallRow(call(**made), count, first_seen=first, last_seen=last)


def test_a_row_counts_as_that_many_calls() -> None:
    usage = usage_of(row(), row(3, 50.0, 400.0, outcome=Outcome.FAILED))
    assert usage.used == {GET: Observation(7, 0, first_seen=50.0, last_seen=900.0, succeeded=4)}
    assert usage.evidence.calls == 7


def test_a_row_adds_to_what_traces_show() -> None:
    usage = usage_of(reading(at(950.0), id_="1-1"), row())
    assert usage.used == {
        GET: Observation(5, 1, first_seen=100.0, last_seen=950.0, succeeded=5, trace_ids=("1-1",))
    }


def test_a_row_is_no_evidence_of_a_complete_trace() -> None:
    builder = UsageBuilder()
    builder.add(row())
    (usage,) = builder.usages()
    evidence = usage.evidence
    assert (evidence.traces, evidence.newest_complete, evidence.incomplete_traces) == (0, (), 0)
    assert (builder.traces, builder.calls, builder.first, builder.last) == (0, 4, 100.0, 900.0)


def test_a_row_is_evidence_that_calls_of_the_service_are_traced() -> None:
    evidence = usage_of(row(), row(first=10.0, last=20.0)).evidence
    assert (evidence.last_call, evidence.services) == (900.0, {"dynamodb": 900.0})
    assert (evidence.first_seen, evidence.last_seen) == (10.0, 900.0)


def test_a_row_of_denied_calls() -> None:
    denied_row = CallRow(call(outcome=Outcome.DENIED), 6, first_seen=1.0, last_seen=2.0, message=DENIED)
    usage = usage_of(denied_row)
    assert usage.attempted == {GET: Observation(6, 0, first_seen=1.0, last_seen=2.0)}
    (denied,) = usage.denied
    assert (denied.count, denied.message, denied.trace_ids) == (6, DENIED, ())


def test_a_row_that_cannot_be_mapped_is_counted_as_that_many_calls() -> None:
    assert list(usage_of(row(operation="MakeCoffee")).unmapped.values()) == [4]


def test_the_hints_of_a_workload_are_its_newest_whatever_the_order_of_traces() -> None:
    runs = [WorkloadRun(float(n % 30), ran=True, hints=Hints(instance=f"i-{n % 40}")) for n in range(120)]
    runs.append(WorkloadRun(1.0, hints=Hints(denied_role="app")))
    readings = [TraceReading(f"t{n}", workloads={ECS: run}) for n, run in enumerate(runs)]
    usages = []
    for ordered in (readings, readings[::-1]):
        builder = UsageBuilder()
        for reading in ordered:
            builder.add(reading)
        usages.append(builder.usages()[0])
    first, second = (usage.hints for usage in usages)
    assert first == second
    assert first[0] == Hints(denied_role="app")
    assert len(first) == 20
    assert Hints(instance="i-29") in first


def test_a_run_without_hints_has_none() -> None:
    builder = UsageBuilder()
    builder.add(TraceReading("t", workloads={ECS: WorkloadRun(1.0, ran=True)}))
    assert builder.usages()[0].hints == ()


def test_calls_under_other_credentials_are_counted_for_their_workload() -> None:
    builder = UsageBuilder()
    builder.add(TraceReading("1-1", workloads={F: WorkloadRun(1.0, ran=True)}, other_credentials={F: 2}))
    builder.add(TraceReading("1-2", other_credentials={F: 1}))
    assert [usage.other_credentials for usage in builder.usages()] == [3]
