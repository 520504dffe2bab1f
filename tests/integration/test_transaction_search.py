"""The command where Transaction Search is on: spans are read, compared, confirmed; and what stops that."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.errors import EXIT_INTERRUPTED, EXIT_NOTHING_READ, EXIT_USAGE
from tests.fakes import notes
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.fakes.traces import Json
from tests.fakes.xray import FakeXRay, Script
from tests.integration.tools import Ran, notes_files, run

NOW = int(time.time())
ON = Script(destination=("CloudWatchLogs", "ACTIVE"))


def record(verb: str, number: int, span: int, attributes: Json, **more: object) -> Json:
    """A span of a run of a function of the notes application."""
    start = (NOW - 2400 + 10 * number) * 1_000_000_000 + span
    function = notes.function_name(verb)
    return {
        "resource": {
            "attributes": {
                "faas.name": function,
                "service.name": function,
                "cloud.region": notes.REGION,
                "telemetry.auto.version": "0.21.0-aws",
            }
        },
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number * 2 + span + 1:016x}",
        "startTimeUnixNano": start,
        "endTimeUnixNano": start + 1_000_000,
        "durationNano": 1_000_000,
        "status": {"code": "UNSET"},
        "attributes": {"cloud.resource_id": notes.function_arn(verb), **attributes},
        **more,
    }


def spans(runs: int = 4) -> list[Json]:
    """Each function runs so often, with its call."""
    records = []
    for number in range(5 * runs):
        verb = tuple(notes.OPERATIONS)[number % 5]
        call = {
            "rpc.system": "aws-api",
            "rpc.service": "DynamoDB",
            "rpc.method": notes.OPERATIONS[verb],
            "aws.region": notes.REGION,
            "aws.dynamodb.table_names": ["notes"],
            "http.status_code": 200,
            "aws.request_id": "R",
        }
        records.append(record(verb, number, 0, {}, name=verb, kind="SERVER"))
        parent = records[-1]["spanId"]
        records.append(record(verb, number, 1, call, name="DynamoDB", kind="CLIENT", parentSpanId=parent))
    return records


def scan(folder: Path, records: Sequence[Json], *arguments: object, script: LogsScript | None = None) -> Ran:
    with FakeXRay((), ON) as xray, FakeLogs(records, script or LogsScript()) as logs:
        endpoints = {"AWS_ENDPOINT_URL_XRAY": xray.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": logs.url}
        ran = run(folder, *notes_files(folder / "in"), *arguments, env=endpoints)
        assert logs.open_queries == []
        return ran


def reasons(ran: Ran) -> list[list[str]]:
    return [finding["reasons"] for finding in ran.findings("unused", "broad")]


def test_a_finding_is_confirmed_from_spans(tmp_path: Path) -> None:
    ran = scan(tmp_path, spans())
    assert (ran.code, ran.report["scan"]["source"]) == (0, "spans")
    assert (ran.report["scan"]["calls"], ran.report["scan"]["traces"]) == (20, 20)
    assert reasons(ran) == [[]]
    assert ran.warnings == {}
    assert "us-east-1: spans, since Transaction Search is on" in ran.err
    assert re.search(r"Logs Insights read \d+ kB in 4 queries of us-east-1 \(less than 0.01 USD", ran.err)
    assert ran.report["scan"]["notes"]


def test_missing_rights_leave_x_ray_and_are_named(tmp_path: Path) -> None:
    ran = scan(tmp_path, spans(), script=LogsScript(denied={"StartQuery"}))
    ran.ends_with(EXIT_NOTHING_READ, "no trace was found")
    assert "logs:StartQuery is denied" in ran.warning_texts


def test_spans_that_were_asked_for_need_their_rights(tmp_path: Path) -> None:
    ran = scan(tmp_path, spans(), "--source", "spans", script=LogsScript(denied={"StartQuery"}))
    ran.ends_with(EXIT_NOTHING_READ, "spans cannot be read: logs:StartQuery is denied")


def test_a_scan_that_costs_too_much_is_wrong_use(tmp_path: Path) -> None:
    script = LogsScript(created=NOW - 3600.0, stored=10**12)
    ran = scan(tmp_path, spans(), "--max-scan-gb", "5", script=script)
    ran.ends_with(EXIT_USAGE, "--max-scan-gb 5")


def test_an_interrupted_scan_reports_what_it_has_and_confirms_nothing(tmp_path: Path) -> None:
    script = LogsScript()

    def interrupt(query: int) -> None:
        if query == 3:  # the probe, then calls and runs
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)

    script.on_query = interrupt
    script.running = 2
    ran = scan(tmp_path, spans(), script=script)
    assert ran.code == EXIT_INTERRUPTED, ran.err
    assert ran.report["scan"]["interrupted"]
    assert all("incomplete-traces" in of_finding for of_finding in reasons(ran))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--source", "files"), "--source files requires files"),
        (("--source", "spans", "--filter", "error"), "--filter"),
        (("--source", "xray", "--log-group", "g"), "--log-group"),
        (("--max-scan-gb", "0"), "not a number above 0"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(
    arguments: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    ran = run(tmp_path, *arguments)
    assert (ran.code, text in ran.err) == (EXIT_USAGE, True), ran.err
