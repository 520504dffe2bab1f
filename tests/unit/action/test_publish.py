"""Publishers: what each place shows of a result, and that no place takes another one down."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from scanner.action import publish
from scanner.action.console import Console
from scanner.action.inputs import inputs_of
from scanner.action.publish.annotations import publish_annotations
from scanner.action.publish.comment import publish_comment
from scanner.action.publish.conclusion import publish_conclusion
from scanner.action.publish.log import publish_log
from scanner.action.publish.outputs import OUTPUTS, outputs_of
from scanner.action.publish.publication import Publication, Publisher
from scanner.action.publish.summary import publish_summary
from scanner.action.publish.text import comment_text, summary_text
from scanner.action.result import ActionResult
from scanner.action.trusted_files import FileChange
from scanner.action.workflow_run import WorkflowRun
from scanner.aws.clients import Clients
from scanner.gate.decide import GateDecision, GatePolicy, decide
from scanner.github.api import Repository
from scanner.github.commands import AnnotationLevel
from scanner.github.errors import GithubError
from scanner.model import Location, Verdict
from scanner.options.parsers import Options
from scanner.options.request import request_of
from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.view import view_of
from scanner.request import ScanRequest
from scanner.result import ScanResult
from scanner.scan import scan
from scanner.text.redact import NO_REDACTION, PUBLIC_REDACTION, Redaction

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FAIL_ON_UNUSED = GatePolicy(frozenset({Verdict.UNUSED}))
GREEN, NEUTRAL = GateDecision("success", (), ()), GateDecision("neutral", (), ("few traces", "an old role"))
PULL_REQUEST = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REPOSITORY": "octocat/notes",
    "GITHUB_RUN_ID": "900",
}


@cache
def walk_through() -> tuple[ScanRequest, ScanResult]:
    """The scan of the examples: one unused grant, in the role of the delete function."""
    options = Options(
        compare=True,
        traces=(EXAMPLES / "traces",),
        iam=EXAMPLES / "iam.json",
        functions=EXAMPLES / "functions.json",
    )
    request = request_of(options, now=0.0)
    return request, scan(request, Clients(None, None))


def nothing_scanned(
    missing: Sequence[str] = ("no credentials",), gate: GatePolicy | None = None
) -> ActionResult:
    gate = gate or GatePolicy()
    return ActionResult(
        scan=None, request=ScanRequest(compare=True), gate=gate, decision=decide([], missing, gate)
    )


def scanned(gate: GatePolicy = FAIL_ON_UNUSED, decision: GateDecision | None = None) -> ActionResult:
    request, result = walk_through()
    decision = decision or decide(result.findings, (), gate)
    record = report(result, request, gate, decision)
    return ActionResult(scan=result, request=request, gate=gate, decision=decision, report=record)


def no_github() -> Repository:
    raise GithubError(403, "", "GitHub refused")


def publication(
    result: ActionResult,
    environ: dict[str, str] | None = None,
    redaction: Redaction = NO_REDACTION,
    place: Location | None = None,
    note: str = "",
) -> Publication:
    """A publication whose findings are all granted at one place, at a GitHub that refuses everything."""
    shown, view = None, None
    if result.scan:
        roles = [
            replace(r, findings=[replace(f, location=place, location_note=note) for f in r.findings])
            for r in result.scan.roles
        ]
        scan = replace(result.scan, roles=roles)
        record = report(scan, result.request, result.gate, result.decision)
        result = replace(result, scan=scan, report=record)
        shown = hidden(record, redaction)
        view = view_of(shown, names_hidden=redaction is not NO_REDACTION)
    return Publication(
        inputs=inputs_of(environ or {}),
        workflow=WorkflowRun.of(environ or {}),
        result=result,
        report=shown,
        view=view,
        console=Console(io.StringIO(), redaction),
        github=no_github,
    )


def log_of(of: Publication) -> list[str]:
    out = of.console.out
    assert isinstance(out, io.StringIO)
    return out.getvalue().splitlines()


# --- all together --------------------------------------------------------------------------------


def test_a_place_that_fails_is_a_warning_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(of: Publication) -> dict[str, str]:
        raise RuntimeError("out of order")

    monkeypatch.setattr(publish, "PUBLISHERS", (broken, outputs_of))
    monkeypatch.setattr(publish, "LATER_PUBLISHERS", ())
    out = io.StringIO()
    workflow = WorkflowRun.of({"GITHUB_OUTPUT": str(tmp_path / "outputs"), "GITHUB_WORKSPACE": str(tmp_path)})
    publish.publish(inputs_of({}), workflow, scanned(), Console(out, NO_REDACTION), no_github)
    (warning,) = out.getvalue().splitlines()
    assert warning.startswith("::warning ")
    assert warning.endswith("a part of the result could not be published: RuntimeError: out of order")
    outputs = dict(line.split("=", 1) for line in (tmp_path / "outputs").read_text().splitlines())
    assert list(outputs) == list(OUTPUTS)
    assert (outputs["conclusion"], outputs["failing"], outputs["comment-url"]) == ("failure", "1", "")


def test_outputs_are_set_before_annotations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A step that is killed while it annotates has set its outputs."""

    def killed(of: Publication) -> dict[str, str]:
        raise KeyboardInterrupt

    def commented(of: Publication) -> dict[str, str]:
        return {"comment-url": "https://example.com/1"}

    monkeypatch.setattr(publish, "PUBLISHERS", (outputs_of, commented))
    monkeypatch.setattr(publish, "LATER_PUBLISHERS", (killed,))
    workflow = WorkflowRun.of({"GITHUB_OUTPUT": str(tmp_path / "outputs"), "GITHUB_WORKSPACE": str(tmp_path)})
    with pytest.raises(KeyboardInterrupt):
        publish.publish(inputs_of({}), workflow, scanned(), Console(io.StringIO(), NO_REDACTION), no_github)
    outputs = dict(line.split("=", 1) for line in (tmp_path / "outputs").read_text().splitlines())
    assert (outputs["conclusion"], outputs["comment-url"]) == ("failure", "https://example.com/1")


def test_the_comment_comes_before_the_outputs_and_annotations_after() -> None:
    assert publish_comment in publish.PUBLISHERS
    assert publish_annotations == publish.LATER_PUBLISHERS[-1]


@pytest.mark.parametrize("publisher", [*publish.PUBLISHERS, *publish.LATER_PUBLISHERS])
def test_publishers_return_known_outputs_only(publisher: Publisher) -> None:
    known = set(OUTPUTS) if publisher in publish.PUBLISHERS else set()
    for result in (nothing_scanned(), scanned()):
        assert set(publisher(publication(result))) <= known


# --- the text ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (None, "Fails because of `fail-on: unused`"),
        (GateDecision("failure", (), (), ("a", "b", "c", "d")), "Fails because of rules that expired"),
        (GateDecision("failure", (), ("few traces",)), "Fails because of `on-insufficient-evidence: fail`"),
        (NEUTRAL, "The evidence is not sufficient for a verdict"),
        (GREEN, "Matches no `fail-on: unused`"),
    ],
)
def test_the_gate_s_decision_names_the_input_that_decides(decision: GateDecision | None, state: str) -> None:
    of = publication(scanned(decision=decision))
    for text in (comment_text(of, limit=65_000), summary_text(of, limit=65_000, more="")):
        assert state in text


@pytest.mark.parametrize(
    ("decision", "lines"),
    [
        (
            GateDecision("failure", (), (), ("a", "b", "c", "d")),
            ["⚠️ Expired: a", "⚠️ Expired: b", "⚠️ Expired: c, and 1 more"],
        ),
        (GateDecision("failure", (), ("few traces",)), ["⚠️ few traces"]),
        (NEUTRAL, ["⚠️ few traces", "⚠️ an old role"]),
    ],
)
def test_what_expired_and_what_was_not_seen_is_a_line_each(decision: GateDecision, lines: list[str]) -> None:
    of = publication(scanned(decision=decision))
    for text in (comment_text(of, limit=65_000), summary_text(of, limit=65_000, more="")):
        assert [line for line in text.splitlines() if line.startswith("⚠️")] == lines


def test_which_findings_do_not_fail_is_said() -> None:
    notes = ["2 findings are below `fail-on-severity: data-access`"]
    of = publication(scanned(decision=GateDecision("success", (), (), notes=notes)))
    for text in (comment_text(of, limit=65_000), summary_text(of, limit=65_000, more="")):
        assert "Does not fail&#58; 2 findings are below" in text.replace(": ", "&#58; ")


def test_where_nothing_could_be_scanned_the_text_says_why() -> None:
    text = comment_text(publication(nothing_scanned()), limit=65_000)
    assert text == (
        "### Nothing could be scanned\n\n⚠️ Insufficient evidence for a full verdict. no credentials.\n"
    )


def test_nothing_excessive_in_a_sentence() -> None:
    _, result = walk_through()
    roles = [replace(role, findings=[]) for role in result.roles]
    clean = replace(scanned(GatePolicy(), GREEN), scan=replace(result, roles=roles))
    assert "### ✅ 5 functions&#58; no excessive permission found" in comment_text(publication(clean), 65_000)


def test_the_summary_names_the_place_that_grants(tmp_path: Path) -> None:
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    publish_summary(publication(scanned(), environ, place=Location("serverless.yml", 11, 12)))
    assert "serverless&#46;yml&#58;11" in (tmp_path / "summary").read_text()


def test_a_place_is_linked_at_the_head_of_the_pull_request(tmp_path: Path) -> None:
    head = "a1" * 20
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"head": {"sha": head}}}))
    environ = PULL_REQUEST | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}
    place = Location("a (b)/[x].yml", 11, 12)
    of = publication(scanned(), environ | {"GITHUB_SERVER_URL": "https://ghe.example.com"}, place=place)
    address = f"https://ghe.example.com/octocat/notes/blob/{head}/a%20%28b%29/%5Bx%5D.yml#L11"
    for text in (comment_text(of, 65_000), summary_text(of, 65_000, "")):
        assert f"]({address})" in text


def test_the_summary_names_the_event_that_makes_the_permission(tmp_path: Path) -> None:
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    publish_summary(publication(scanned(), environ, place=Location("t", 11, 12, made_by="event Jobs")))
    assert "t&#58;11</code>, made by event Jobs" in (tmp_path / "summary").read_text()


# --- the log -------------------------------------------------------------------------------------


def test_expired_rules_and_missing_evidence_are_annotations_as_long_as_they_are_few() -> None:
    decision = GateDecision("failure", (), ("w", "x", "y", "z"), ("a", "b", "c", "d"))
    of = publication(scanned(decision=decision))
    publish_conclusion(of)
    errors = [line.rpartition("::")[2] for line in log_of(of) if line.startswith("::error")]
    warnings = [line.rpartition("::")[2] for line in log_of(of) if line.startswith("::warning")]
    assert errors == [f"a rule of the configuration expired: {rule}" for rule in "abc"]
    assert warnings == [f"insufficient evidence: {line}" for line in "wxy"]
    assert "a rule of the configuration expired: d" in log_of(of)
    assert "insufficient evidence: z" in log_of(of)
    assert log_of(of)[-1] == "conclusion: failure; findings that fail the check: 0"


@pytest.mark.parametrize(
    ("insufficient", "start"),
    [("fail", "::error "), ("warn", "::warning "), ("pass", "insufficient evidence: ")],
)
def test_missing_evidence_is_as_serious_as_the_configuration_says(insufficient: str, start: str) -> None:
    of = publication(nothing_scanned(["few traces"], GatePolicy(insufficient=insufficient)))  # type: ignore[arg-type]
    publish_conclusion(of)
    assert log_of(of)[0].startswith(start)


def test_a_changed_file_that_cannot_be_read_is_a_warning() -> None:
    change = FileChange("baseline", "known.json", "changes", "", ("it is not JSON",))
    of = publication(replace(nothing_scanned(()), changes=(change,)))
    publish_conclusion(of)
    log, warning, _ = log_of(of)
    assert log == "This pull request changes known.json: what it changes takes effect after the merge"
    assert warning.endswith("::the baseline of this pull request cannot be read: it is not JSON")


@pytest.mark.parametrize("debug", [True, False])
def test_how_much_was_seen_is_in_debug_logs(debug: bool) -> None:
    of = publication(scanned(), {"RUNNER_DEBUG": "1"} if debug else {})
    publish_log(of)
    assert ("::debug::notes-app-api-test-get: 4 traces, " in "\n".join(log_of(of))) == debug


# --- annotations ---------------------------------------------------------------------------------


def test_a_finding_that_fails_is_an_error_on_the_line_that_grants() -> None:
    of = publication(scanned(), place=Location("serverless.yml", 11, 12))
    publish_annotations(of)
    (error,) = log_of(of)
    assert error.startswith("::error file=serverless.yml,line=11,endLine=12,title=")
    assert "dynamodb:GetItem on table/notes: never used" in error


def test_why_the_line_is_unknown_is_said() -> None:
    of = publication(scanned(), note="a.yml:9 and b.yml:9 fit equally")
    publish_annotations(of)
    (error,) = log_of(of)
    assert "file=" not in error
    assert error.endswith(" Its line is unknown: a.yml:9 and b.yml:9 fit equally.")


def test_a_finding_that_does_not_fail_is_a_warning() -> None:
    of = publication(scanned(GatePolicy()))
    publish_annotations(of)
    (warning,) = log_of(of)
    assert warning.startswith("::warning title=")


@pytest.mark.parametrize(("level", "findings"), [("error", 0), ("warning", 1), ("notice", 1)])
def test_findings_take_the_room_that_other_annotations_leave_of_their_level(
    level: AnnotationLevel, findings: int
) -> None:
    of = publication(scanned())
    for number in range(10):
        of.console.annotate(level, str(number))
    publish_annotations(of)
    assert len(log_of(of)) == 10 + findings


def test_what_github_would_not_show_as_an_annotation_is_a_line_of_the_log() -> None:
    of = publication(scanned())
    for number in range(11):
        of.console.annotate("warning", f"number {number}")
    assert log_of(of)[-2:] == ["::warning title=xray-privilege-scan::number 9", "warning: number 10"]


def test_annotations_can_be_switched_off() -> None:
    of = publication(scanned(), {"INPUT_ANNOTATIONS": "false"})
    publish_annotations(of)
    assert log_of(of) == []


# --- the comment ---------------------------------------------------------------------------------


def commented(result: ActionResult, tmp_path: Path, **environ: str) -> list[str]:
    """The log of a run on pull request 7 that would comment."""
    (tmp_path / "event.json").write_text('{"pull_request": {"number": 7}}')
    of = publication(result, PULL_REQUEST | {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), **environ})
    publish_comment(of)
    return log_of(of)


def test_where_github_refuses_a_comment_that_is_a_warning(tmp_path: Path) -> None:
    (warning,) = commented(scanned(), tmp_path)
    assert warning == "::warning title=xray-privilege-scan::no comment: GitHub refused"


def test_where_nothing_was_compared_an_earlier_comment_stays(tmp_path: Path) -> None:
    (line,) = commented(nothing_scanned(), tmp_path)
    assert line == "no comment: nothing was compared, so that an earlier comment may still be valid"


def test_where_comments_are_switched_off_nobody_is_asked(tmp_path: Path) -> None:
    (line,) = commented(scanned(), tmp_path, INPUT_COMMENT="never")
    assert line == "no comment: comments are switched off (`comment: never`)"


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"GITHUB_EVENT_NAME": "workflow_dispatch"}, "`workflow_dispatch` belongs to no pull request"),
        ({"GITHUB_EVENT_PATH": "/nowhere"}, "the file with the event's payload (GITHUB_EVENT_PATH) is"),
        ({"GITHUB_EVENT_NAME": "issue_comment"}, "the comment is one on an issue that is no pull request"),
    ],
)
def test_a_run_that_does_not_comment_says_why(tmp_path: Path, environ: dict[str, str], why: str) -> None:
    (line,) = commented(scanned(), tmp_path, **environ)
    assert line.startswith(f"no comment: {why}")


def test_the_ref_of_the_run_tells_the_pull_request(tmp_path: Path) -> None:
    environ = {"GITHUB_EVENT_PATH": "/nowhere", "GITHUB_REF": "refs/pull/7/merge"}
    (line,) = commented(scanned(), tmp_path, **environ)
    assert line == "::warning title=xray-privilege-scan::no comment: GitHub refused", "it was asked"


# --- the console ---------------------------------------------------------------------------------


def test_in_public_no_line_shows_an_account_and_none_ever_an_access_key() -> None:
    out = io.StringIO()
    console = Console(out, PUBLIC_REDACTION)
    for write in (console.log, console.debug, lambda text: console.annotate("notice", text)):
        write("account 123456789012, key AKIAIOSFODNN7EXAMPLE\n::error::x")
    assert "123456789012" not in out.getvalue() and "AKIA" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 3
