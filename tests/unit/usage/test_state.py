"""What several builders counted, put together, is what one builder counts of all."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scanner.model import (
    Call,
    CallRow,
    Certainty,
    Need,
    Observation,
    ObservedCall,
    Outcome,
    Permission,
    RunRow,
    Unmapped,
)
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.model.usage import DayRuns, day_of
from scanner.model.workloads import NO_HINTS, Hints
from scanner.usage.builder import KEPT_STARTS, UsageBuilder
from scanner.usage.state import (
    CodeState,
    Counters,
    DenialState,
    PermissionState,
    Seen,
    StateUnreadError,
    UsageState,
    Use,
    WorkloadState,
    decode,
    encode,
    uses_of,
)
from scanner.usage.times import TraceTimes
from tests.unit.cases import function_arn, table
from tests.unit.usage.test_builder import GET, F, at, call, reading, row

DAY = 86_400.0
Item = TraceReading | CallRow | RunRow

# Few values each, so that things meet. Some times are those of no trace.
WORKLOADS = st.sampled_from([function_arn("f"), function_arn("g"), "ecs:shop/api@123456789012/us-east-1"])
TIMES = st.one_of(
    st.sampled_from([0, 5, 1e9, 3 * DAY - 1, 3 * DAY]), st.floats(1.0, 9 * DAY), st.integers(1, 9)
)
POSSIBLE = TraceTimes(1.0, 10 * DAY)
VERSIONS = st.sampled_from([None, "5", "live"])
HINTS = st.one_of(
    st.just(NO_HINTS),
    st.builds(Hints, instance=st.integers(0, 40).map("i-{}".format)),
    st.builds(Hints, denied_role=st.sampled_from(["a", "b"])),
)
SAID = [
    "",
    f"not authorized to perform: dynamodb:GetItem on resource: {table('t')} because no identity-based "
    "policy allows the dynamodb:GetItem action",
    f"not authorized to perform: kms:Decrypt on resource: {table('t')} with an explicit deny in an "
    "identity-based policy",
    *(f'not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::b/{key}"' for key in "xy"),
]
MADE: list[tuple[str, str, tuple[tuple[str, str], ...]]] = [
    ("DynamoDB", "GetItem", (("table_name", "t"),)),
    ("DynamoDB", "GetItem", (("table_name", "u"),)),
    ("DynamoDB", "BatchExecuteStatement", ()),
    ("DynamoDB", "MakeCoffee", ()),
    ("S3", "GetObject", (("bucket_name", "b"),)),
    ("S3", "HeadObject", ()),
    ("Lambda", "Invoke", (("function_name", "g"),)),
    ("Coffee", "Make", ()),
]


def calls(workloads: st.SearchStrategy[Any] = WORKLOADS) -> st.SearchStrategy[Call]:
    return st.builds(
        lambda workload, made, outcome: Call(workload, made[0], made[1], made[2], "us-east-1", "", outcome),
        st.one_of(st.none(), workloads),
        st.sampled_from(MADE),
        st.sampled_from(list(Outcome)),
    )


OBSERVED = st.builds(ObservedCall, calls(), TIMES, st.sampled_from(SAID))
RUNS = st.builds(
    WorkloadRun, TIMES, st.booleans(), st.booleans(), VERSIONS, st.booleans(), st.booleans(), HINTS
)
READINGS = st.builds(
    TraceReading,
    trace_id=st.just(""),
    documents=st.integers(0, 3),
    unreadable_documents=st.integers(0, 1),
    complete=st.booleans(),
    start=st.one_of(st.none(), TIMES),
    end=st.one_of(st.none(), TIMES),
    workloads=st.dictionaries(WORKLOADS, RUNS, max_size=2),
    calls=st.lists(OBSERVED, max_size=4),
    unowned=st.integers(0, 1),
    foreign=st.booleans(),
    unanswered=st.lists(OBSERVED, max_size=1),
    other_credentials=st.dictionaries(WORKLOADS, st.integers(1, 3), max_size=1),
)
CALL_ROWS = st.builds(
    CallRow,
    calls(),
    st.integers(1, 50),
    TIMES,
    TIMES,
    st.sampled_from(SAID),
    VERSIONS,
    st.sampled_from(["", "1-row", "2-row", "3-row", "4-row"]),
    HINTS,
)
RUN_ROWS = st.builds(
    RunRow,
    WORKLOADS,
    st.integers(0, 2000),
    TIMES,
    TIMES,
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    VERSIONS,
    HINTS,
)
USES = st.tuples(
    st.builds(
        Use,
        WORKLOADS,
        st.builds(Need, st.sampled_from([GET.permission]), st.sampled_from(list(Certainty))),
        st.booleans(),
    ),
    st.builds(Seen, TIMES, TIMES, st.integers(1, 9), st.sampled_from([(), ("spans",), ("spans", "xray")])),
)


def numbered(items: Sequence[Any]) -> list[Any]:
    """Each trace once."""
    return [
        item._replace(trace_id=f"1-{number}") if isinstance(item, TraceReading) else item
        for number, item in enumerate(items)
    ]


def built(items: Sequence[Any], kept: int = 1) -> UsageBuilder:
    builder = UsageBuilder(kept, times=POSSIBLE)
    add(builder, items)
    return builder


def add(builder: UsageBuilder, items: Sequence[Any]) -> None:
    for item in items:
        if isinstance(item, UsageState):
            builder.add_state(item)
        elif isinstance(item, tuple) and not isinstance(item, TraceReading):
            builder.add_use(*item)
        else:
            builder.add(item)


def counted(builder: UsageBuilder) -> Any:
    """All that a builder gives, in its order."""
    usages = [
        (usage, list(usage.used), list(usage.attempted), list(usage.unmapped), list(usage.evidence.services))
        for usage in builder.usages()
    ]
    return usages, {name: getattr(builder, name) for name in Counters.__struct_fields__}


ITEMS = st.lists(st.one_of(READINGS, CALL_ROWS, RUN_ROWS, USES), max_size=14).map(numbered)


@given(ITEMS, st.randoms(use_true_random=False))
def test_parts_in_any_order_make_the_whole(items: list[Any], random: random.Random) -> None:
    whole = built(items)
    parts: list[list[Any]] = [[] for _ in range(random.randint(1, 5))]
    random.shuffle(items)
    for item in items:
        random.choice(parts).append(item)
    while len(parts) > 1:  # in any grouping: a part becomes an item of another one
        part = parts.pop(random.randrange(len(parts)))
        builder = built(part)
        if random.random() < 0.3:
            builder.usages()  # to ask changes nothing
        into = random.choice(parts)
        into.insert(random.randint(0, len(into)), decode(encode(builder.state())))
    together = built(parts[0])
    assert counted(together) == counted(whole)
    assert encode(together.state()) == encode(whole.state())


@given(ITEMS)
def test_a_state_is_read_back_as_it_was(items: list[Any]) -> None:
    state = built(items).state()
    assert decode(encode(state)) == state
    assert encode(decode(encode(state))) == encode(state)


@given(ITEMS)
def test_the_uses_of_a_state_are_all_that_was_used_or_attempted(items: list[Any]) -> None:
    builder = built(items)
    uses = uses_of(builder.state())
    assert {(use.workload, use.need, use.sent) for use in uses} == {
        (usage.workload, need, sent)
        for usage in builder.usages()
        if usage.workload
        for sent, needs in ((True, usage.used), (False, usage.attempted))
        for need in needs
    }
    before = counted(builder)
    for use, seen in uses.items():
        builder.add_use(use, seen)
    assert counted(builder) == before  # they count the same calls


def test_a_use_that_is_remembered_is_a_use_and_no_evidence() -> None:
    builder = UsageBuilder()
    builder.add_use(Use(F, GET, sent=True), Seen(5.0, 9.0, 3))
    (usage,) = builder.usages()
    assert usage.used == {GET: Observation(3, 0, first_seen=5.0, last_seen=9.0)}
    assert not usage.evidence.was_seen
    assert (usage.evidence.services, usage.evidence.last_call, builder.calls) == ({}, None, 0)


def test_a_use_that_is_remembered_stands_beside_calls_of_now() -> None:
    builder = UsageBuilder()
    builder.add_use(Use(F, GET, sent=True), Seen(5.0, 9.0, 3))
    builder.add_use(Use(F, GET, sent=True), Seen(4.0, 9.0, 2))
    builder.add(row(2, 100.0, 900.0))
    assert builder.usages()[0].used == {GET: Observation(3, 0, first_seen=4.0, last_seen=900.0, succeeded=2)}


def test_a_trace_that_several_rows_name_has_its_latest_time() -> None:
    rows = [
        CallRow(call(), 1, time, time, trace_id=f"1-{name}")
        for name, time in (("a", 5.0), ("b", 6.0), ("c", 7.0), ("a", 9.0), ("d", 8.0))
    ]
    for ordered in (rows, rows[::-1]):
        assert built(ordered, 1).usages()[0].used[GET].trace_ids == ("1-a", "1-d", "1-c")


# --- days ----------------------------------------------------------------------------------------


def test_complete_traces_are_counted_by_their_day() -> None:
    builder = UsageBuilder()
    starts = [5.0, DAY - 1, DAY, 3 * DAY + 7]
    for number, start in enumerate(starts):
        builder.add(reading(id_=f"1-{number}", start=start))
    builder.add(reading(id_="2", start=5 * DAY, complete=False))
    builder.add(RunRow(F, 2000, first=4 * DAY, last=6 * DAY))
    (usage,) = builder.usages()
    assert usage.evidence.complete_days == {
        0: DayRuns(2, 5.0, DAY - 1),
        1: DayRuns(1, DAY, DAY),
        3: DayRuns(1, 3 * DAY + 7, 3 * DAY + 7),
        4: DayRuns(1999, 4 * DAY, 4 * DAY),
        6: DayRuns(1, 6 * DAY, 6 * DAY),
    }
    assert len(usage.evidence.newest_complete) == KEPT_STARTS


@pytest.mark.parametrize("time", [1e308, -1e308, float("inf"), float("-inf")])
def test_a_day_can_be_told_of_any_time(time: float) -> None:
    assert abs(day_of(time)) < 1 << 40


def observed(starts: Sequence[float], change: float) -> tuple[float, ...]:
    items = [reading(id_=f"1-{number}", start=start) for number, start in enumerate(starts)]
    return tuple(built(items).usages()[0].evidence.observed_since(change))


@given(st.lists(st.floats(1.0, 9 * DAY)), st.floats(0.0, 10 * DAY))
def test_few_traces_since_a_change_are_counted_one_by_one(starts: list[float], change: float) -> None:
    newer = [start for start in starts if start > change]
    if starts:
        assert observed(starts, change)[:2] == (len({day_of(start) for start in newer}), len(newer))


def test_of_many_traces_those_of_later_days_are_counted() -> None:
    """On the day of the change the newest ones only, which are all of a later day: it has one at least."""
    first = [100.0 + n for n in range(500)]
    later = [DAY + n for n in range(5000)]
    assert observed([*first, *later], change=0.0) == (2, 5500, False)
    assert observed([*first, *later], change=300.0) == (2, 5001, True)
    assert observed([*first, *later], change=700.0) == (1, 5000, False)
    assert observed([*first, *later], change=3 * DAY) == (0, 0, False)


# --- bytes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cut off"),
        (b"no state", "cannot be read"),
        (encode(UsageState())[:-3], "cut off"),
        (zlib.compress(b"\x91\x63"), "another version"),
        (zlib.compress(b"\x92\x01\xc0"), "cannot be read"),
        (zlib.compress(b"\xc1"), "cannot be read"),
    ],
)
def test_bytes_that_are_no_state_are_refused(content: bytes, said: str) -> None:
    with pytest.raises(StateUnreadError, match=said):
        decode(content)


def test_a_state_grows_with_what_is_distinct_and_not_with_calls() -> None:
    few, many = (
        built(
            [reading(*(at(n + m) for m in range(3)), id_=f"1-{n}", start=float(n)) for n in range(1, count)]
        )
        for count in (KEPT_STARTS, 20 * KEPT_STARTS)
    )
    assert len(encode(many.state())) < 2 * len(encode(few.state()))


_CODE = CodeState(None, (), (), None, None, None, ())
_USED = PermissionState(Permission("s3:GetObject", "*", True), True, 1.0, 1.0, 1, 1, 1, ())
_WORKLOAD = WorkloadState(
    "w", 1, 1, 1.0, 1.0, 0, None, _CODE, (), (_USED,), (), (), (), (), (), other_credentials=0, remembered=()
)


@pytest.mark.parametrize(
    "workload",
    [
        replace(_WORKLOAD, traces=-1),
        replace(_WORKLOAD, used=(replace(_USED, count=-1),)),
        replace(_WORKLOAD, unmapped=((Unmapped("S3", "Get", "unknown", None), -1),)),
        replace(_WORKLOAD, denied=(DenialState("s3:GetObject", "*", (1.0, "", "", "", ""), -1, ()),)),
        replace(_WORKLOAD, code=replace(_CODE, days=((10**15, DayRuns(1, 1.0, 1.0)),))),
    ],
)
def test_counts_and_days_that_cannot_be_are_refused_as_no_state(workload: WorkloadState) -> None:
    state = UsageState(workloads=(workload,))
    packed = msgspec.msgpack.encode((1, state))
    with pytest.raises(StateUnreadError):
        decode(zlib.compress(packed))


def test_a_state_of_possible_counts_is_read() -> None:
    state = UsageState(workloads=(_WORKLOAD,))
    assert decode(encode(state)) == state
