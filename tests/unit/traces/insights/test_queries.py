"""Single queries against the stand-in for Logs Insights, with all that may go wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scanner.errors import ScanError
from scanner.traces.insights.cost import Bound, Meter
from scanner.traces.insights.queries import (
    BoundError,
    DeniedError,
    GroupMissingError,
    Pace,
    Queries,
    QueryError,
    StoppedError,
    TooLongError,
)
from scanner.traces.insights.windows import Window
from tests.fakes.clients import client_of
from tests.fakes.insights_query import MalformedQueryError, Query
from tests.fakes.logs_insights import (
    BROKEN,
    GROUP,
    HALF,
    REFUSED,
    RESET,
    STOP_QUERY,
    THROTTLED,
    FakeLogs,
    LogsScript,
)

QUICK = Pace(first=0.001, longest=0.002, retries=(0.001, 0.001, 0.001))
START = 1_795_500_000
ALL = Window(START, START + 60)
COUNT = "filter kind = 'CLIENT' | stats count(*) as n by name"


def record(second: int, name: str, kind: str = "CLIENT") -> dict[str, Any]:
    nanoseconds = (START + second) * 1_000_000_000
    return {
        "traceId": f"{second:032x}",
        "spanId": f"{second:016x}",
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds,
        "endTimeUnixNano": nanoseconds,
        "durationNano": 0,
        "attributes": {"list": ["a", "b"], "dotted.name": 5},
    }


RECORDS = [record(n, f"call-{n % 3}") for n in range(9)]


def queries_of(fake: FakeLogs, *groups: str, meter: Meter | None = None, limit: int = 100_000) -> Queries:
    return Queries(client_of("logs", fake.url), groups or (GROUP,), meter or Meter(), QUICK, limit)


def counts(rows: list[Mapping[str, str]]) -> dict[str, int]:
    return {row["name"]: int(row["n"]) for row in rows}


EXPECTED = {"call-0": 3, "call-1": 3, "call-2": 3}


def test_rows_are_those_of_the_finished_query_however_it_is_paged() -> None:
    script = LogsScript(page=2, scheduled=2, running=3)
    with FakeLogs(RECORDS, script) as fake:
        rows, cut = queries_of(fake).run(COUNT, ALL)
        assert (counts(rows), cut) == (EXPECTED, False)  # type: ignore[arg-type]  # dict is invariant
        assert fake.open_queries == []


def test_the_second_after_a_window_is_not_in_it() -> None:
    with FakeLogs(RECORDS) as fake:
        rows, _ = queries_of(fake).run(COUNT, Window(START, START + 4))
    assert sum(int(row["n"]) for row in rows) == 4


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_as_many_rows_as_the_limit_may_be_cut(limit: int) -> None:
    with FakeLogs(RECORDS) as fake:
        assert queries_of(fake, limit=limit).run(COUNT, ALL).cut


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, RESET, HALF, REFUSED])
@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_what_passes_is_waited_out(fault: str, request_number: int) -> None:
    script = LogsScript(page=2, faults={request_number: fault})
    with FakeLogs(RECORDS, script) as fake:
        queries = queries_of(fake)
        assert counts(queries.run(COUNT, ALL).rows) == EXPECTED  # type: ignore[arg-type]  # as above
        queries.close()
        assert fake.open_queries == []


@pytest.mark.parametrize("ending", ["Failed", "Cancelled", "Unknown"])
def test_a_query_without_a_result_is_begun_again(ending: str) -> None:
    with FakeLogs(RECORDS, LogsScript(endings={1: ending, 2: ending})) as fake:
        assert counts(queries_of(fake).run(COUNT, ALL).rows) == EXPECTED  # type: ignore[arg-type]  # as above
    with FakeLogs(RECORDS, LogsScript(endings={0: ending})) as fake, pytest.raises(QueryError, match=ending):
        queries_of(fake).run(COUNT, ALL)


def test_a_query_that_takes_too_long_is_told_apart() -> None:
    with FakeLogs(RECORDS, LogsScript(endings={0: "Timeout"})) as fake, pytest.raises(TooLongError):
        queries_of(fake).run(COUNT, ALL)


def test_a_missing_right_is_named() -> None:
    for operation in ("StartQuery", "GetQueryResults"):
        with (
            FakeLogs(RECORDS, LogsScript(denied={operation})) as fake,
            pytest.raises(DeniedError, match=f"logs:{operation}"),
        ):
            queries_of(fake).run(COUNT, ALL)


def test_a_key_that_may_not_be_used_is_named() -> None:
    refusal = "The ciphertext refers to a KMS key that does not exist, or you are not allowed to access"
    with (
        FakeLogs(RECORDS, LogsScript(denied={"StartQuery"}, refusal=refusal)) as fake,
        pytest.raises(DeniedError, match="kms:Decrypt"),
    ):
        queries_of(fake).run(COUNT, ALL)


def test_a_group_that_is_not_there_is_told_apart() -> None:
    with FakeLogs(RECORDS) as fake, pytest.raises(GroupMissingError):
        queries_of(fake, "elsewhere").run(COUNT, ALL)


def test_groups_of_other_accounts_are_asked_by_their_arns() -> None:
    other = ("aws/spans", "210987654321", record(3, "theirs"))
    with FakeLogs([*RECORDS, other]) as fake:
        arns = [f"arn:aws:logs:us-east-1:{account}:log-group:aws/spans" for account in ("210987654321",)]
        rows = queries_of(fake, *arns).run(COUNT, ALL).rows
    assert [row["name"] for row in rows] == ["theirs"]


def test_bytes_of_all_queries_count_and_end_the_reading() -> None:
    meter = Meter(Bound(1e-9))
    with FakeLogs(RECORDS) as fake:
        queries = queries_of(fake, meter=meter)
        queries.run(COUNT, ALL)
        assert meter.gb * 1e9 == pytest.approx(fake.scanned)
        with pytest.raises(BoundError, match="--max-scan-gb"):
            queries.run(COUNT, ALL)


def test_nothing_is_left_open_after_closing() -> None:
    script = LogsScript(running=1_000_000)
    with FakeLogs(RECORDS, script) as fake:
        queries = queries_of(fake)
        script.on_query = lambda _: None
        started = queries._begun(COUNT, ALL)
        assert fake.open_queries == [started]
        queries.close()
        assert (fake.open_queries, fake.count(STOP_QUERY)) == ([], 1)
        with pytest.raises(StoppedError):
            queries.run(COUNT, ALL)


def test_credentials_that_are_refused_end_the_scan() -> None:
    with FakeLogs(RECORDS, LogsScript(faults_from=(1, "expired"))) as fake, pytest.raises(QueryError):
        queries_of(fake).run(COUNT, ALL)
    with pytest.raises((QueryError, ScanError)):
        Queries(client_of("logs", "http://127.0.0.1:9"), (GROUP,), Meter(), QUICK).run(COUNT, ALL)


@pytest.mark.parametrize(
    "text",
    [
        "stats count(*) as n by coalesce(a, b)",
        "stats count(*)",
        "stats count(*) as n by attributes.rpc.service",
        "fields coalesce(a,b,c,d,e,f,g,h,i,j,k) as x",
        "parse @message /(?=x)(?<y>.)/",
        "fields a | unmask a",
        "filter a = 'b' | display a",
        "filter strlen(a) > 3",
        "fields a,",
    ],
)
def test_the_stand_in_refuses_what_goes_beyond(text: str) -> None:
    with pytest.raises(MalformedQueryError):
        Query(text)
