"""From a scan of a pull request to suggestions on the lines that it adds."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scanner.action.console import Console
from scanner.action.inputs import inputs_of
from scanner.action.publish.publication import Publication
from scanner.action.publish.suggestions import publish_suggestions
from scanner.action.publish.text import comment_text
from scanner.action.result import ActionResult
from scanner.action.workflow_run import WorkflowRun
from scanner.gate.decide import decide
from scanner.places import with_places
from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.view import view_of
from scanner.text.redact import NO_REDACTION, PUBLIC_REDACTION, Redaction
from tests.fakes import notes
from tests.fakes.github import NOT_ACCESSIBLE, FakeGitHub, Script
from tests.fakes.github_reviews import FILES, PULL, REVIEW, REVIEWS, Content, ReviewedPull
from tests.unit.action.test_publish import FAIL_ON_UNUSED, log_of, walk_through
from tests.unit.github.tools import NUMBER, repository

HEAD = "c" * 40
PATH = "serverless.yml"
UNUSED = b"          - dynamodb:GetItem\n"
BEFORE = notes.SERVERLESS.encode().replace(UNUSED, b"")
AFTER = notes.SERVERLESS.encode()


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub(name="octocat/notes") as fake:
        yield fake


def event(fork: bool = False, **pull: Any) -> dict[str, Any]:
    here = {"full_name": "octocat/notes"}
    head = {"sha": HEAD, "repo": {"full_name": "somebody/notes"} if fork else here}
    pull_request = {"number": NUMBER, "state": "open", "head": head, "base": {"repo": here}} | pull
    return {"action": "synchronize", "number": NUMBER, "pull_request": pull_request}


class Run(NamedTuple):
    """A run of the action in a pull request, whose checkout is a folder."""

    github: FakeGitHub
    folder: Path

    def publication(
        self,
        number: int = 1,
        *,
        name: str = "pull_request",
        payload: dict[str, Any] | None = None,
        suggest: str = "",
        redaction: Redaction = NO_REDACTION,
        accepted: str | None = None,
    ) -> Publication:
        file = self.folder / "event.json"
        file.write_text(json.dumps(event() if payload is None else payload))
        environ = {
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REPOSITORY": "octocat/notes",
            "GITHUB_RUN_ID": str(number),
            "GITHUB_WORKSPACE": str(self.folder),
            "INPUT_SUGGEST": suggest,
        }
        request, scanned = walk_through()
        scanned = with_places(scanned, request, None, self.folder)  # type: ignore[arg-type]  # asks nobody
        decision = decide(scanned.findings, (), FAIL_ON_UNUSED)
        record = report(scanned, request, FAIL_ON_UNUSED, decision)
        shown = hidden(record, redaction)
        return Publication(
            inputs=inputs_of(environ),
            workflow=WorkflowRun.of(environ),
            result=ActionResult(scanned, request, FAIL_ON_UNUSED, decision, report=record),
            report=shown,
            view=view_of(shown, names_hidden=redaction is not NO_REDACTION),
            console=Console(io.StringIO(), redaction),
            github=lambda: repository(self.github),
        )

    def log(self, number: int = 1, **more: Any) -> str:
        """Publish the suggestions of a run; its log."""
        of = self.publication(number, **more)
        assert publish_suggestions(of) == {}
        return "\n".join(log_of(of))


def pull_of(github: FakeGitHub, before: bytes = BEFORE, after: bytes = AFTER) -> ReviewedPull:
    return github.reviewed_pull(NUMBER, HEAD, {PATH: Content(before, after)})


@pytest.fixture
def run(github: FakeGitHub, tmp_path: Path) -> Run:
    pull_of(github)
    (tmp_path / PATH).write_bytes(AFTER)
    return Run(github, tmp_path)


# --- what is suggested ---------------------------------------------------------------------------


def test_the_line_that_the_pull_request_adds_is_suggested_away(run: Run) -> None:
    assert run.log() == "suggestions: 1 suggestion made, 0 hidden as outdated"
    (thread,) = run.github.reviewed[NUMBER].threads
    assert run.github.reviewed[NUMBER].apply(thread) == BEFORE
    assert thread.suggested == "        Action:"
    assert (thread.first, thread.last) == (notes.SERVERLESS_LINE - 1, notes.SERVERLESS_LINE)
    text = thread.body.partition("\n")[2]
    assert text.startswith("Unused: <code>dynamodb&#58;GetItem</code> [")
    assert notes.ACCOUNT not in thread.body


def test_once_it_is_applied_nothing_is_left(run: Run) -> None:
    run.log()
    pull = run.github.reviewed[NUMBER]
    assert "0 suggestions made, 0 hidden" in run.log(2)
    (run.folder / PATH).write_bytes(BEFORE)
    pull.push(HEAD, {PATH: Content(BEFORE + b"# more\n", BEFORE)})
    pull.threads[0].is_outdated = False  # as where GitHub does not see it
    assert "0 suggestions made, 1 hidden" in run.log(3)
    assert pull.threads[0].is_minimized


STYLES = {
    "CRLF": AFTER.replace(b"\n", b"\r\n"),
    "a byte order mark": b"\xef\xbb\xbf" + AFTER,
    "no newline at the end": AFTER.rstrip(b"\n"),
    "a flow": AFTER.replace(
        b"\n          - dynamodb:GetItem\n          - dynamodb:DeleteItem",
        b" [dynamodb:GetItem, dynamodb:DeleteItem]",
    ),
}


@pytest.mark.parametrize("after", STYLES.values(), ids=STYLES)
def test_what_is_applied_is_the_edit(run: Run, after: bytes) -> None:
    (run.folder / PATH).write_bytes(after)
    pull = pull_of(run.github, b"", after)
    run.log()
    (thread,) = pull.threads
    end = b"\r\n" if b"\r" in after else b"\n"
    expected = after.replace(UNUSED.replace(b"\n", end), b"").replace(b"dynamodb:GetItem, ", b"")
    assert pull.apply(thread) == expected


def test_a_mark_in_the_first_line_is_not_written_again(run: Run) -> None:
    text = (
        '{"service": "notes-app-api", "provider": {"name": "aws", "stage": "test"}, "functions": {"delete": '
    )
    statement = '{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:DeleteItem"], "Resource": "*"}'
    after = f'{text}{{"handler": "a.b", "iamRoleStatements": [{statement}]}}}}}}'
    for mark in ("", "\ufeff"):
        (run.folder / PATH).write_text(mark + after, encoding="utf-8")
        pull = pull_of(run.github, b"", (mark + after).encode())
        run.log()
        assert not (mark and pull.threads)


def test_lines_that_the_diff_does_not_show_stay_in_the_comment(run: Run) -> None:
    far = AFTER + b"# comment\n" * 20
    (run.folder / PATH).write_bytes(far + b"# more\n")
    pull = pull_of(run.github, far, far + b"# more\n")
    assert "1 more of the edits are not of lines of the diff" in run.log()
    assert pull.reviews == []
    of = run.publication()
    assert "-          - dynamodb:GetItem" in comment_text(of, 65_000)


def test_a_deletion_at_the_edge_of_a_hunk_stays_in_it(run: Run) -> None:
    """The line above is not of the diff: the one below is taken."""
    after = AFTER.replace(b"    iamRoleStatements:\n", b"    iamRoleStatements:\n# 1\n# 2\n# 3\n")
    lines = after.split(b"\n")
    place = lines.index(UNUSED.rstrip(b"\n"))
    before = b"\n".join([*lines[: place + 4], *lines[place + 5 :]])  # three lines below
    (run.folder / PATH).write_bytes(after)
    pull = pull_of(run.github, before, after)
    run.log()
    for thread in pull.threads:
        assert pull.apply(thread) == after.replace(UNUSED, b"")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (Content(BEFORE, AFTER, has_patch=False), "GitHub shows no diff of serverless.yml"),
        (Content(AFTER, b"", status="removed"), "not of lines of the diff"),
    ],
)
def test_files_without_lines(run: Run, content: Content, why: str) -> None:
    run.github.reviewed_pull(NUMBER, HEAD, {PATH: content})
    assert why in run.log()
    assert run.github.count(REVIEW) == 0


# --- the checkout and the head -------------------------------------------------------------------

ABOVE = b"# of the base\n# since then\n"


def test_in_a_merge_the_lines_have_other_numbers(run: Run) -> None:
    (run.folder / PATH).write_bytes(ABOVE + AFTER)
    run.github.commit({PATH: AFTER}, HEAD)
    run.log()
    pull = run.github.reviewed[NUMBER]
    (thread,) = pull.threads
    assert pull.apply(thread) == BEFORE


@pytest.mark.parametrize(
    ("checkout", "head"),
    [
        (AFTER, AFTER.replace(b"Effect: Allow", b"Effect: Deny")),  # other lines around it
        (AFTER, AFTER.replace(b"GetItem", b"Query")),
        (AFTER, AFTER + AFTER.replace(b"service", b"again")),  # which of the two?
    ],
)
def test_where_the_lines_are_others_at_the_head_nothing_is_suggested(
    run: Run, checkout: bytes, head: bytes
) -> None:
    (run.folder / PATH).write_bytes(checkout)
    run.github.commit({PATH: head}, HEAD)
    pull = pull_of(run.github, b"", head)
    run.log()
    assert pull.threads == []


def test_what_is_not_known_hides_nothing(run: Run) -> None:
    run.log()
    (run.folder / PATH).write_bytes(ABOVE + AFTER)  # and nobody may read the head
    run.github.script = Script(rights=[r for r in Script().rights if r not in ("contents", "blob")])
    assert "0 suggestions made, 0 hidden" in run.log(2)


@pytest.mark.parametrize("name", ["pull_request_target", "issue_comment"])
def test_a_checkout_of_the_base_suggests_nothing_where_the_file_differs(run: Run, name: str) -> None:
    payload = event() | {"issue": {"number": NUMBER, "pull_request": {"url": "x"}, "state": "open"}}
    (run.folder / PATH).write_bytes(ABOVE + AFTER)
    run.github.commit({PATH: AFTER}, HEAD)
    assert "the checkout has another version of it" in run.log(name=name, payload=payload)
    (run.folder / PATH).write_bytes(AFTER)
    assert "1 suggestion made" in run.log(2, name=name, payload=payload)


# --- where nothing is suggested ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"suggest": "never"}, "they are switched off (`suggest: never`)"),
        ({"payload": event(fork=True)}, "the pull request comes from a fork"),
        ({"payload": event(state="closed")}, "the pull request is closed"),
        ({"name": "schedule", "payload": {"schedule": "0 0 * * *"}}, "`schedule` belongs to no pull request"),
        ({"name": "merge_group", "payload": {"merge_group": {}}}, "a merge queue's run"),
    ],
)
def test_the_log_says_why_there_are_none(run: Run, more: dict[str, Any], why: str) -> None:
    assert run.log(**more).startswith(f"no suggestions: {why}")
    assert run.github.requests == []


def test_a_read_only_token_is_no_warning(run: Run) -> None:
    run.github.script = Script(rights=(PULL, FILES, REVIEWS), denial=(403, NOT_ACCESSIBLE))
    log = run.log()
    assert log.startswith("no suggestions: GitHub did not review #7 (403")
    assert "`pull-requests: write`" in log
    assert log.endswith("the comment and the summary have the edits")


def test_a_fault_of_github_s_is_a_warning(run: Run) -> None:
    run.github.script = Script(fail={PULL: 99})
    assert run.log().startswith("::warning")


def test_an_empty_result_hides_nothing(run: Run) -> None:
    of = run.publication()
    publish_suggestions(replace(of, result=replace(of.result, scan=None)))
    assert run.github.requests == []
    assert "nothing was compared" in log_of(of)[0]


def test_workflows_are_never_touched(run: Run) -> None:
    path = ".github/workflows/serverless.yml"
    (run.folder / ".github/workflows").mkdir(parents=True)
    (run.folder / PATH).rename(run.folder / path)
    run.github.reviewed_pull(NUMBER, HEAD, {path: Content(BEFORE, AFTER)})
    run.log()
    assert run.github.count(REVIEW) == 0


def test_in_public_only_lines_of_the_diff_are_shown(run: Run) -> None:
    after = AFTER.replace(b":GetItem", b":GetItem # of 123456789012")
    (run.folder / PATH).write_bytes(after)
    pull = pull_of(run.github, BEFORE, after)
    run.log(redaction=PUBLIC_REDACTION)
    (thread,) = pull.threads
    assert notes.ACCOUNT not in thread.body + pull.reviews[0].body
