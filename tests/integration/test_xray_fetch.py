"""The command on traces from an X-Ray that behaves as badly as the real one may."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from scanner.aws import clients, patience
from scanner.errors import EXIT_USAGE
from scanner.output import ticking
from tests.fakes import notes
from tests.fakes.traces import Json, make_trace_id
from tests.fakes.xray import DESTINATION, FETCH, FOREVER, LISTING, FakeXRay, Script, _Refusal
from tests.fakes.xray_faults import Expiring, refuse_if
from tests.integration.tools import Ran, notes_files, notes_trace, run

NOW = int(time.time())
START = NOW - 3600
VERBS = tuple(notes.OPERATIONS)


def many(count: int, *, first: float = NOW - 1800, apart: float = 7) -> list[Json]:
    """Traces of the notes application's functions in turn, each with one call."""
    return [notes_trace(VERBS[n % 5], first + apart * n, seed=n) for n in range(count)]


# --- the whole command ------------------------------------------------------------------------------


def scan(folder: Path, fake: FakeXRay, *arguments: object) -> Ran:
    """The command with `-c` and the notes application's roles, against the fake."""
    options = notes_files(folder / "in")
    return run(folder, *options, *arguments, env={"AWS_ENDPOINT_URL_XRAY": fake.url})


def reasons(ran: Ran) -> list[list[str]]:
    """Why the findings of excess are not confirmed."""
    return [finding["reasons"] for finding in ran.findings("unused", "broad")]


def calls_of(ran: Ran) -> dict[str, int]:
    """How often each function's own action was used."""
    return {
        workload["name"].rpartition("-")[2]: used["count"]
        for workload in ran.report["workloads"]
        for used in workload["used"]
    }


def test_a_good_day_confirms_the_finding(tmp_path: Path) -> None:
    with FakeXRay(many(25)) as fake:
        ran = scan(tmp_path, fake)
    assert (ran.code, ran.err) == (0, "")
    assert calls_of(ran) == dict.fromkeys(VERBS, 5)
    assert reasons(ran) == [[]]
    assert (ran.skipped, ran.warnings) == ({}, {})


def test_bad_manners_of_all_kinds_at_once_change_no_count(tmp_path: Path) -> None:
    traces = many(60)
    script = Script(
        empty_pages=1,
        page_size=2,
        batch_page_size=3,
        duplicate_summaries=True,
        unprocessed={trace["Id"]: 1 for trace in traces[::7]},
        throttle_every=6,
        drop_first=1,
    )
    with FakeXRay(traces, script) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0, ran.err
    assert calls_of(ran) == dict.fromkeys(VERBS, 12)
    assert reasons(ran) == [[]]
    assert ran.skipped == {}


def test_an_x_ray_that_throttles_many_at_once_is_read_all_the_same(tmp_path: Path) -> None:
    with FakeXRay(many(300, apart=5), Script(delay=0.02, throttle_in_flight=6)) as fake:
        ran = scan(tmp_path, fake)
        throttled = fake.count(FETCH, 429) + fake.count(LISTING, 429)
    assert throttled > 0
    assert calls_of(ran) == dict.fromkeys(VERBS, 60)
    assert reasons(ran) == [[]]


def test_without_a_terminal_lines_say_how_many_of_the_listed_traces_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "EVERY_SECONDS", 0.02)
    with FakeXRay(many(300, apart=5), Script(delay=0.1)) as fake:
        ran = scan(tmp_path, fake)
    assert re.search(r"still working after [0-9]+ s: traces [0-9]+ of [0-9]+\n", ran.err)
    assert "still working" not in ran.out


def test_unprocessed_traces_leave_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(25)
    with FakeXRay(traces, Script(unprocessed={traces[0]["Id"]: FOREVER})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.skipped == {"traces_unprocessed": 1}
    assert ran.warnings == {"traces-unprocessed": 1}
    assert reasons(ran) == [["incomplete-traces"]]
    assert "incomplete-traces" in ran.out


@pytest.mark.parametrize("verb, confirmed", [("delete", False), ("get", True)])
def test_a_truncated_trace_leaves_the_findings_of_its_own_function_unconfirmed(
    tmp_path: Path, verb: str, confirmed: bool
) -> None:
    traces = many(25)
    truncated = traces[VERBS.index(verb)]["Id"]
    with FakeXRay(traces, Script(limit_exceeded={truncated})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.skipped == {"traces_truncated": 1}
    assert ran.warnings == {"traces-truncated": 1}
    assert reasons(ran) == [[] if confirmed else ["incomplete-traces"]]


def test_a_partial_trace_leaves_the_findings_of_its_function_unconfirmed(tmp_path: Path) -> None:
    traces = many(25)
    with FakeXRay(traces, Script(partial={traces[VERBS.index("delete")]["Id"]: FOREVER})) as fake:
        ran = scan(tmp_path, fake)
    assert ran.skipped == {"traces_partial": 1}
    assert reasons(ran) == [["incomplete-traces"]]


def test_transaction_search_warns_and_leaves_every_finding_unconfirmed(tmp_path: Path) -> None:
    with FakeXRay(many(25), Script(destination=("CloudWatchLogs", "ACTIVE"))) as fake:
        ran = scan(tmp_path, fake, "--fail-on", "unused", "--source", "xray")
    assert ran.code == 0
    assert ran.warnings == {"transaction-search": 1}
    assert reasons(ran) == [["traces-elsewhere"]]
    assert "Transaction Search is on" in ran.out


def test_where_transaction_search_may_not_be_asked_for_the_right_is_named(tmp_path: Path) -> None:
    with FakeXRay(many(25), Script(denied=["GetTraceSegmentDestination"])) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert "allow xray:GetTraceSegmentDestination" in ran.warning_texts
    assert reasons(ran) == [[]]


def test_an_x_ray_that_knows_no_transaction_search_lacks_no_right(tmp_path: Path) -> None:
    with FakeXRay(many(25), Script(destination=None)) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.warnings == {}
    assert reasons(ran) == [[]]


def test_where_transaction_search_cannot_be_asked_for_no_right_is_blamed(tmp_path: Path) -> None:
    def break_it(operation: str, answer: Json) -> Json:
        return refuse_if(operation == DESTINATION, answer, 400, "InvalidRequestException")

    with FakeXRay(many(5), Script(mangle=break_it)) as fake:
        ran = scan(tmp_path, fake)
    assert "could not be asked: InvalidRequestException" in ran.warning_texts
    assert "allow" not in ran.warning_texts


@pytest.mark.parametrize("operation", [LISTING, FETCH])
def test_a_denied_right_ends_the_command_with_exit_code_3(tmp_path: Path, operation: str) -> None:
    with FakeXRay(many(5), Script(denied=[operation])) as fake:
        scan(tmp_path, fake).ends_with(3, f"xray:{operation}", "AWSXrayReadOnlyAccess")


@pytest.mark.parametrize("fetches", [-1, 0, 3])
def test_expired_credentials_end_the_command_with_what_to_do(tmp_path: Path, fetches: int) -> None:
    with Expiring(many(60)) as fake:
        fake.fetches = fetches
        scan(tmp_path, fake).ends_with(3, "ExpiredTokenException", "aws sso login")


def test_an_x_ray_that_cannot_be_reached_ends_the_command(tmp_path: Path) -> None:
    ran = run(tmp_path, *notes_files(tmp_path / "in"))  # nobody listens at the address
    ran.ends_with(3)
    assert "127.0.0.1" in ran.err


def test_an_empty_x_ray_ends_the_command_with_what_to_check(tmp_path: Path) -> None:
    with FakeXRay([]) as fake:
        scan(tmp_path, fake).ends_with(3, "no trace was found", "--region", "tracing")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS is given up at once: botocore repeats nothing, and minutes are half a second."""
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(clients, "_ATTEMPTS", 1)


@pytest.mark.usefixtures("impatient")
def test_an_x_ray_that_only_throttles_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "EVERY_SECONDS", 0.1)
    with FakeXRay(many(5), Script(throttle_every=1)) as fake:
        ran = scan(tmp_path, fake)
    ran.ends_with(3, "nothing but errors", "ThrottledException (HTTP 429)", "later")
    assert re.search(r"still working after [0-9]+ s: traces\n", ran.err)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.usefixtures("impatient")
def test_an_x_ray_that_throttles_in_the_middle_for_ever_ends_the_command(tmp_path: Path) -> None:
    def throttle(operation: str, answer: Json) -> Json:
        return refuse_if(operation == FETCH, answer, 429, "ThrottledException")

    with FakeXRay(many(5), Script(mangle=throttle)) as fake:
        scan(tmp_path, fake).ends_with(3, "nothing but errors", "ThrottledException")


def test_spans_of_time_that_cannot_be_listed_are_one_warning(tmp_path: Path) -> None:
    def refuse(operation: str, answer: Json) -> Json:
        return refuse_if(operation == LISTING, answer, 400, "OddException")

    with FakeXRay(many(5), Script(mangle=refuse)) as fake:
        ran = scan(tmp_path, fake)
    ran.ends_with(3, "no trace could be read", "OddException", "12 spans of time")


# --- messages right after a run ---------------------------------------------------------------------


def test_functions_that_are_not_traced_yet_are_worth_waiting_for(tmp_path: Path) -> None:
    now = time.time()
    traces = [notes_trace(verb, now - 30, seed=verb) for verb in VERBS[:3]]
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path, fake)
    assert "2 of 5 functions not traced yet" in ran.warning_texts
    assert "--wait 60" in ran.warning_texts


@pytest.mark.parametrize(
    ("ago", "count", "more"),
    [(1800.0, 3, []), (30.0, 1, []), (30.0, 5, []), (30.0, 3, ["--workloads", "*-create"])],
    ids=["long ago", "few ran", "all are there", "not asked for"],
)
def test_functions_that_nobody_waits_for_are_no_warning(
    tmp_path: Path, ago: float, count: int, more: list[str]
) -> None:
    traces = [notes_trace(verb, time.time() - ago, seed=verb) for verb in VERBS[:count]]
    with FakeXRay(traces) as fake:
        assert "traces-late" not in scan(tmp_path, fake, *more).warnings


# --- which traces -----------------------------------------------------------------------------------


@pytest.mark.parametrize("time_range", ["30d", "43200", "720", "12h", "7d"])
def test_a_long_range_is_read_in_windows_that_x_ray_allows(tmp_path: Path, time_range: str) -> None:
    with FakeXRay(many(25)) as fake:
        ran = scan(tmp_path, fake, "-r", time_range)
        assert {request.error for request in fake.requests} == {""}
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 25


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["-s", NOW - 31 * 86400], "30 days"),
        (["-r", "31d"], "30 days"),
        (["-s", "2020-01-01T00:00:00Z"], "30 days"),
        (["-s", NOW + 3600], "in the future"),
        (["-s", "2999-01-01"], "in the future"),
        (["-s", "tomorrow"], "tomorrow"),
        (["-s", "nan"], "nan"),
        (["-s=-inf"], "-inf"),
        (["-s", "1e999"], "1e999"),
        (["-r", "9" * 400], "30 days"),
        (["-r", "soon"], "soon"),
        (["-r", "0"], "'0'"),
        (["-r", "-5"], "-5"),
        (["--wait", "nan"], "--wait"),
        (["--min-traces", "0"], "--min-traces"),
        (["--fail-on", "everything"], "--fail-on"),
    ],
)
def test_a_time_that_makes_no_sense_is_wrong_use(tmp_path: Path, arguments: list[object], text: str) -> None:
    with FakeXRay(many(5)) as fake:
        ran = scan(tmp_path, fake, *(f"{a}" for a in arguments))
        assert fake.requests == []
    assert ran.code == EXIT_USAGE
    assert text in ran.last_words


def test_a_start_and_a_range_give_the_traces_between(tmp_path: Path) -> None:
    traces = many(5, first=NOW - 3000, apart=600)
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path / "1", fake, "-s", NOW - 2500, "-r", "10")
        iso = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 2500))
        same = scan(tmp_path / "2", fake, "--start-time", iso, "--time-range", "600s")
    assert ran.report["scan"]["traces"] == 1
    assert ran.report["scan"] == same.report["scan"]
    assert ran.report["scan"]["start"] == iso.replace("Z", ".000Z")


def test_the_filter_goes_to_x_ray_as_it_is(tmp_path: Path) -> None:
    expression = 'service(id(name: "notes-app-api-test-get")) AND !error = "ä"'
    with FakeXRay(many(25), Script(filter=lambda trace, _: "-get" in json.dumps(trace))) as fake:
        ran = scan(tmp_path, fake, "-f", expression)
        assert {body["FilterExpression"] for body in fake.bodies(LISTING)} == {expression}
    assert ran.report["scan"]["filter"] == expression
    assert calls_of(ran).keys() == {"get"}


def test_a_filter_that_x_ray_refuses_is_wrong_use(tmp_path: Path) -> None:
    def refuse(trace: Json, expression: str) -> bool:
        raise _Refusal(400, "InvalidRequestException", "Invalid filter expression: unexpected token")

    with FakeXRay(many(5), Script(filter=refuse)) as fake:
        scan(tmp_path, fake, "-f", "nonsense(").ends_with(2, "--filter", "unexpected token")


def test_a_refusal_that_has_nothing_to_do_with_a_filter_does_not_blame_it(tmp_path: Path) -> None:
    def mangle(operation: str, answer: Json) -> Json:
        return refuse_if(operation == LISTING, answer, 400, "InvalidRequestException")

    with FakeXRay(many(5), Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    ran.ends_with(3)
    assert "refused by the script" in ran.out + ran.err


def test_trace_ids_are_read_in_every_spelling(tmp_path: Path) -> None:
    traces = many(7)
    plain = [trace["Id"] for trace in traces]
    w3c = [trace_id.removeprefix("1-").replace("-", "") for trace_id in plain]
    lines = [
        "# what the test client sent",
        plain[0],
        f"Root={plain[1]};Sampled=1",
        f"X-Amzn-Trace-Id: Root={plain[2]};Parent=53995c3f42cd8ad8;Sampled=1  # the second test",
        f"x-amzn-trace-id: root={plain[3]};sampled=1;lineage=a87bd80c:1",
        w3c[4],
        f"traceparent: 00-{w3c[5]}-53995c3f42cd8ad8-01",
        plain[6].upper(),
        plain[0],
        "",
        "   ",
    ]
    file = tmp_path / "ids.txt"
    file.write_text("\r\n".join(lines), encoding="utf-8")
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path, fake, "--trace-ids", file, "--wait", 0)
        assert fake.count(LISTING) == 0
        assert sorted(fake.fetched()) == sorted(plain)
    assert ran.code == 0, ran.err
    assert ran.report["scan"]["traces"] == 7


def test_the_root_of_a_header_is_the_trace_though_a_load_balancer_put_its_own_id_first(
    tmp_path: Path,
) -> None:
    """docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html"""
    (trace,) = many(1)
    own = make_trace_id(NOW, "the load balancer's")
    file = tmp_path / "ids.txt"
    file.write_text(f"X-Amzn-Trace-Id: Self={own};Root={trace['Id']}\n", encoding="utf-8")
    with FakeXRay([trace]) as fake:
        scan(tmp_path, fake, "--trace-ids", file, "--wait", 0)
        assert set(fake.fetched()) == {trace["Id"]}


def test_a_trace_id_file_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    with FakeXRay(many(5)) as fake:
        scan(tmp_path, fake, "--trace-ids", file).ends_with(2, "ids.txt")
        file.write_text("# nothing\n", encoding="utf-8")
        scan(tmp_path, fake, "--trace-ids", file).ends_with(2, "no trace id")
        file.write_text("1-5f84c7a6\n", encoding="utf-8")
        scan(tmp_path, fake, "--trace-ids", file).ends_with(
            2, "ids.txt:1: no trace id in this line", "1-5759e988-"
        )
        assert fake.requests == []


def test_a_trace_id_that_x_ray_does_not_know_leaves_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(5)
    file = tmp_path / "ids.txt"
    file.write_text(
        "\n".join([*(trace["Id"] for trace in traces), make_trace_id(NOW, "never")]), encoding="utf-8"
    )
    with FakeXRay(traces) as fake:
        ran = scan(tmp_path, fake, "--trace-ids", file, "--wait", "0")
    assert ran.code == 0
    assert ran.skipped == {"traces_unprocessed": 1}
    assert reasons(ran) == [["incomplete-traces"]]


# --- answers that are none --------------------------------------------------------------------------


def is_reported(ran: Ran) -> None:
    """The command ended in an orderly way, and nothing was called confirmed without evidence."""
    assert ran.code in (0, 3)
    assert not any(finding["confirmed"] for finding in ran.findings("unused", "broad"))
    if ran.code == 3:
        ran.ends_with(3)
    assert ran.skipped or ran.warnings or ran.code == 3


@pytest.mark.parametrize("key", ["TraceSummaries", "Segments", "Document", "Id"])
def test_answers_without_a_key_are_reported_and_confirm_nothing(tmp_path: Path, key: str) -> None:
    with FakeXRay(many(5), Script(missing=[key])) as fake:
        ran = scan(tmp_path, fake)
    is_reported(ran)
    assert ran.skipped or ran.warnings


def test_one_trace_without_its_segments_is_counted_and_leaves_no_finding_confirmed(tmp_path: Path) -> None:
    traces = many(25)

    def mangle(operation: str, answer: Json) -> Json:
        for trace in answer.get("Traces", []):
            if trace["Id"] == traces[4]["Id"]:
                del trace["Segments"]
        return answer

    with FakeXRay(traces, Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.skipped or ran.warnings
    assert reasons(ran) == [["incomplete-traces"]]


@pytest.mark.parametrize(
    "key",
    ["ApproximateTime", "TracesProcessedCount", "IsPartial", "Duration", "LimitExceeded", "Destination"],
)
def test_answers_without_a_key_that_is_not_needed_are_read(tmp_path: Path, key: str) -> None:
    with FakeXRay(many(5), Script(missing=[key])) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 5


@pytest.mark.parametrize("body", [b"<html><body>proxy login</body></html>", b"\xff\xfe\x00\x81", b"[]"])
def test_an_answer_that_is_none_is_reported_and_confirms_nothing(tmp_path: Path, body: bytes) -> None:
    with FakeXRay(many(5)) as fake:
        fake.script.mangle = lambda asked, answer: body if asked == LISTING else answer
        is_reported(scan(tmp_path, fake))


def test_an_answer_that_is_none_for_some_traces_leaves_the_others_read(tmp_path: Path) -> None:
    traces = many(25)
    broken = traces[0]["Id"]

    def mangle(operation: str, answer: Json) -> Json | bytes:
        for trace in answer.get("Traces", []):
            if trace["Id"] == broken:
                trace["Segments"][1]["Document"] = "{broken"
        return answer

    with FakeXRay(traces, Script(mangle=mangle)) as fake:
        ran = scan(tmp_path, fake)
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 25
    assert ran.skipped == {"documents": 1}
    assert ran.warnings == {"documents-unreadable": 1}


class Looping(FakeXRay):
    """Every page has the same token, and the same traces."""

    def _list(self, body: Json) -> bytes:
        page = json.loads(super()._list({key: body[key] for key in body if key != "NextToken"}))
        return json.dumps(page | {"NextToken": "AAAA"}).encode()


def test_a_page_token_that_comes_again_does_not_go_on_for_ever(tmp_path: Path) -> None:
    with Looping(many(5)) as fake:
        ran = scan(tmp_path, fake)
        assert fake.count(LISTING) < 100
    assert ran.code == 0
    assert ran.report["scan"]["traces"] == 5
    assert ran.skipped["windows"] > 0
    assert "window-unread" in ran.warnings
    assert reasons(ran) == [["incomplete-traces"]]
