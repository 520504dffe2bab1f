"""The command with a ledger: the second run asks only for what is new, and says what one scan of all says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import EXIT_NOTHING_READ, EXIT_OK, EXIT_USAGE
from tests.fakes import notes
from tests.fakes.logs_insights import START_QUERY, FakeLogs, LogsScript
from tests.fakes.traces import Json
from tests.fakes.xray import LISTING, FakeXRay
from tests.integration.test_transaction_search import ON, spans
from tests.integration.tools import Ran, notes_files, notes_trace, run

HOUR = 3600
NOW = int(time.time())
THIS_HOUR = NOW - NOW % HOUR
VERBS = tuple(notes.OPERATIONS)


def traces(hours: int = 30) -> list[Json]:
    """A trace of each function in turn, every half an hour."""
    return [
        notes_trace(VERBS[number % 5], NOW - 60 - 1800 * number, seed=number) for number in range(2 * hours)
    ]


def scan(
    folder: Path, fake: FakeXRay, *arguments: object, name: str = "out", ledger: str = "../ledger.db"
) -> Ran:
    endpoints = {"AWS_ENDPOINT_URL_XRAY": fake.url, "AWS_ENDPOINT_URL_STS": fake.url}
    kept = ("--ledger", ledger) if ledger else ()
    return run(folder / name, *notes_files(folder / "in"), *kept, *arguments, env=endpoints)


def evidence(ran: Ran) -> dict[str, Any]:
    return {
        w["name"]: (w["evidence"]["traces"], w["evidence"]["last_seen"], w["used"])
        for w in ran.report["workloads"]
    }


def said(ran: Ran) -> list[tuple[Any, ...]]:
    return sorted((f["id"], f["verdict"], f["confirmed"], tuple(f["reasons"])) for f in ran.findings())


def asked_from(fake: FakeXRay, before: int = 0) -> float:
    """The start of the time that was asked for, but for the first requests."""
    return min(float(body["StartTime"]) for body in fake.bodies(LISTING)[before:])


def test_a_second_run_asks_x_ray_for_new_hours_only(tmp_path: Path) -> None:
    with FakeXRay(traces()) as fake:
        first = scan(tmp_path, fake, "-r", "28h", name="first")
        assert (first.code, first.warnings) == (EXIT_OK, {}), first.err
        assert asked_from(fake) % HOUR == 0
        before = fake.count(LISTING)
        second = scan(tmp_path, fake, "-r", "28h", name="second")
        assert asked_from(fake, before) == pytest.approx(THIS_HOUR - 3 * HOUR, abs=HOUR)
        alone = scan(tmp_path, fake, "-r", "28h", name="alone", ledger="")
    assert second.code == EXIT_OK
    assert second.report["scan"]["traces"] < first.report["scan"]["traces"] / 4
    assert evidence(second) == evidence(first)
    assert said(second) == said(first) == said(alone)
    known = second.report["scan"]["ledger"]
    assert known["hours"] in (29, 30)
    assert known["since"] == first.report["scan"]["start"]
    assert "with the ledger: " in second.out
    assert "all traces of the time that was read are added as evidence" in second.err
    assert alone.report["scan"]["ledger"] is None


def test_a_run_that_reads_some_traces_says_so_and_only_rescues(tmp_path: Path) -> None:
    with FakeXRay(traces()) as fake:
        filtered = scan(tmp_path, fake, "-r", "28h", "--filter", "error", name="filtered")
        assert "only what was used is added" in filtered.err
        assert filtered.report["scan"]["ledger"]["hours"] == 0
        later = scan(tmp_path, fake, "-r", "1h", name="later")
    assert any("only what was used is added" in note for note in filtered.report["scan"]["notes"])
    assert later.report["scan"]["ledger"]["hours"] <= 2
    seen = [w["name"] for w in later.report["workloads"] if w["evidence"]["traces"]]
    assert seen
    for name in seen:
        assert filtered.used(name) <= later.used(name)


def test_a_ledger_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    ledger.write_bytes(b"something else")
    with FakeXRay(traces(2)) as fake:
        ran = scan(tmp_path, fake)
        alone = scan(tmp_path, fake, name="alone", ledger="")
    assert (ran.code, list(ran.warnings)) == (alone.code, ["ledger-unread"])
    assert said(ran) == said(alone)
    assert ledger.read_bytes() == b"something else"


def test_what_is_no_place_is_wrong_use(tmp_path: Path) -> None:
    ran = run(tmp_path, *notes_files(tmp_path / "in"), "--ledger", "ftp://host/ledger")
    ran.ends_with(EXIT_USAGE, "--ledger")


def test_without_credentials_of_an_account_nothing_is_confirmed_by_the_ledger(tmp_path: Path) -> None:
    with FakeXRay(traces(2)) as fake:
        env = {"AWS_ENDPOINT_URL_XRAY": fake.url, "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:9"}
        ran = run(
            tmp_path / "out",
            *notes_files(tmp_path / "in"),
            "--ledger",
            "../l.db",
            env={**env, "AWS_MAX_ATTEMPTS": "1"},
        )
    assert list(ran.warnings) == ["ledger-unwritten"]
    assert ran.report["scan"]["ledger"]["hours"] == 0


def test_hours_without_a_trace_do_not_end_a_run_that_has_a_ledger(tmp_path: Path) -> None:
    with FakeXRay(traces()) as fake:
        scan(tmp_path, fake, "-r", "28h")
    with FakeXRay([]) as fake:
        ran = scan(tmp_path, fake, "-r", "28h", name="none")
        alone = scan(tmp_path, fake, name="alone", ledger="")
    assert (ran.code, ran.warnings) == (EXIT_OK, {"no-traces": 1})
    alone.ends_with(EXIT_NOTHING_READ, "no trace was found")


def scan_spans(
    folder: Path, records: Sequence[Json], *arguments: object, name: str
) -> tuple[Ran, list[Json]]:
    with FakeXRay((), ON) as xray, FakeLogs(records, LogsScript(created=float(NOW - 90 * HOUR))) as logs:
        endpoints = {
            "AWS_ENDPOINT_URL_XRAY": xray.url,
            "AWS_ENDPOINT_URL_STS": xray.url,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": logs.url,
        }
        ran = run(folder / name, *notes_files(folder / "in"), *arguments, env=endpoints)
        asked = [request.body for request in logs.requests if request.operation == START_QUERY]
        return ran, asked


def test_a_second_run_queries_new_hours_of_spans_only(tmp_path: Path) -> None:
    arguments = ("-r", "20h", "--ledger", "../ledger.db")
    first, asked = scan_spans(tmp_path, spans(), *arguments, name="first")
    assert first.code == EXIT_OK, first.err
    counted = [query for query in asked if "bin(" in query["queryString"]]
    assert 20 <= len(counted) <= 22  # hours; of the newest, both before and after records may still arrive
    assert all(query["startTime"] // HOUR == query["endTime"] // HOUR for query in counted)
    second, asked_again = scan_spans(tmp_path, spans(), *arguments, name="second")
    earliest = min(query["startTime"] for query in asked_again)
    assert min(query["startTime"] for query in asked) < THIS_HOUR - 18 * HOUR
    assert earliest >= THIS_HOUR - 5 * HOUR
    assert evidence(second) == evidence(first)
    assert said(second) == said(first)
