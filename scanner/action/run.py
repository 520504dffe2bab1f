"""What the action does with its inputs, from the scan to the exit code."""

from __future__ import annotations

import argparse
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import orjson

from scanner.action.inputs import ActionInputs, inputs_of, judged_by
from scanner.errors import EXIT_GATE, EXIT_OK, EXIT_USAGE, ScanError
from scanner.gate.decide import GateDecision, GatePolicy, decide
from scanner.github import commands
from scanner.github.event import Activity, activity_of, is_public, trusted_of
from scanner.github.trusted_files import (
    Change,
    Read,
    TrustedFiles,
    UnreachableError,
    markdown_of,
    said,
    team_of,
    wanted_files,
)
from scanner.model import EXCESS, Finding, Location, Verdict
from scanner.model.workloads import workload_name
from scanner.options import gate_of, parser, request_of
from scanner.report.files import EXCESSIVE, REPORT, write_markdown, write_reports
from scanner.report.markdown import Extras, markdown
from scanner.report.text import print_text
from scanner.report.view import Row, View, view_of
from scanner.request import ScanRequest, with_stacks
from scanner.result import ScanResult, missing_evidence, nothing_read
from scanner.scan import scan
from scanner.templates.locate import locate
from scanner.templates.read import read_templates
from scanner.text.escape import counted, markdown_text, one_line
from scanner.text.redact import FOR_THE_PUBLIC, NOTHING_HIDDEN, Redaction, redacted

if TYPE_CHECKING:
    from scanner.github.api import Repository

T = TypeVar("T")

MARKDOWN = "report.md"
# docs.github.com/en/rest/issues/comments, .../workflow-commands#adding-a-job-summary
MAX_COMMENT = 65_000  # of 65,536: the marker comes on top
MAX_SUMMARY = 900_000  # characters, of 1,024 KiB: some take more than one byte
MOST_EXPIRED = 3  # rules that are named where they fail the check


@dataclass(frozen=True)
class Run:
    """The workflow run that the action is part of."""

    repository: str
    url: str
    run: tuple[int, int]
    api_url: str
    graphql_url: str
    event_name: str
    event: Mapping[str, Any]
    workspace: Path
    summary: Path | None
    outputs: Path | None
    debug: bool

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Run:
        """Read what the runner says.

        docs.github.com/en/actions/reference/workflows-and-actions/variables
        """
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        repository, run_id = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_RUN_ID", "0")
        return cls(
            repository=repository,
            url=f"{server}/{repository}/actions/runs/{run_id}",
            run=(_number(run_id), _number(environ.get("GITHUB_RUN_ATTEMPT", "1"))),
            api_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
            graphql_url=environ.get("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            event=_event(environ.get("GITHUB_EVENT_PATH")),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
            summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
            outputs=_path(environ.get("GITHUB_OUTPUT")),
            debug=environ.get("RUNNER_DEBUG") == "1",
        )


@dataclass(frozen=True)
class Result:
    """A scan with what the gate says of it. `scanned` is None where it could not even begin.

    `changes` are what a pull request changes in the team's files, which count as they are in its base.
    """

    scanned: ScanResult | None
    request: ScanRequest
    gate: GatePolicy
    decision: GateDecision
    changes: Sequence[Change] = ()
    files: Sequence[Path] = ()

    @property
    def findings(self) -> list[Finding]:
        """The findings of excess that the team does not accept, and those that fail the gate."""
        failing = {finding.id for finding in self.decision.failing}
        return [f for f in self._every if (f.verdict in EXCESS and not f.accepted) or f.id in failing]

    @property
    def new(self) -> int:
        """The number of findings of excess that neither a rule nor the baseline accepts."""
        return sum(finding.verdict in EXCESS and not finding.accepted for finding in self._every)

    @property
    def accepted(self) -> int:
        """The number of findings that a rule or the baseline accepts."""
        return sum(finding.accepted for finding in self._every)

    @property
    def fixed(self) -> int:
        """The number of grants of the baseline that are gone."""
        against = self.scanned.against_baseline if self.scanned else None
        return len(against.fixed) if against else 0

    @property
    def _every(self) -> list[Finding]:
        return self.scanned.findings if self.scanned else []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was compared, which speaks neither for nor against what was said before."""
        if self.scanned is None or not self.request.compare:
            return True
        return nothing_read(self.scanned, self.request.compare) is not None

    @property
    def has_something_to_say(self) -> bool:
        """Whether a reviewer should know of it."""
        return bool(self.findings or self.changes or self.decision.expired)


def run(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    """Scan and publish. Raises ScanError on wrong use; whatever else goes wrong is told and survived."""
    settings, this = inputs_of(environ), Run.of(environ)
    if this.workspace.resolve() not in (this.workspace / settings.output_dir).resolve().parents:
        raise ScanError("input `output-dir`: it must be a folder below the workspace", EXIT_USAGE)
    arguments = parser().parse_args(list(settings.options))
    _check(arguments, now)
    hidden = settings.redact == "always" or (settings.redact == "auto" and is_public(this.event))
    github = _connection(settings, this)
    publisher = Publisher(settings, this, github, FOR_THE_PUBLIC if hidden else NOTHING_HIDDEN, out)
    wanted = wanted_files(arguments.config, arguments.baseline)
    trusted = trusted_of(this.event_name, this.event)
    try:
        team = team_of(wanted, trusted, this.workspace, _reader(github), publisher.say)
        result = _scan(settings, arguments, team, now)
        publisher.publish(result)
    finally:
        _hand_back(this.workspace, settings.output_dir)
    return EXIT_OK if result.decision.passed else EXIT_GATE


def _check(arguments: argparse.Namespace, now: float) -> None:
    """Raise ScanError on wrong use, before anybody is asked anything; large files are left for later."""
    request_of(argparse.Namespace(**{**vars(arguments), "iam": None, "functions": None}), now)


def _connection(settings: ActionInputs, this: Run) -> Callable[[], Repository]:
    """The repository, connected once, so that one patience bounds all waiting. Raises GithubError."""

    @cache
    def connected() -> Repository:
        from scanner.github import api

        return api.repository(settings.token, this.api_url, this.repository, this.graphql_url)

    return connected


def _reader(github: Callable[[], Repository]) -> Read:
    """How files are read at a commit."""

    def read(path: str, ref: str) -> bytes | None:
        from scanner.github import api

        try:
            return github().file(path, ref)
        except api.NoFileError as error:
            raise ScanError(str(error), EXIT_USAGE) from None
        except api.GithubError as error:
            raise UnreachableError(str(error)) from None

    return read


def _scan(settings: ActionInputs, arguments: argparse.Namespace, team: TrustedFiles, now: float) -> Result:
    from scanner.aws.clients import Clients

    config = judged_by(settings, team.config)
    request = request_of(arguments, now, config, team.baseline)
    gate = gate_of(arguments, config)
    clients = Clients(request.regions[0] if request.regions else None, None)
    try:
        request = with_stacks(request, clients)
        scanned = scan(request, clients)
    except ScanError as error:
        if error.exit_code == EXIT_USAGE:
            raise
        # no credentials, as in a pull request from a fork: the configuration decides
        return Result(None, request, gate, decide([], [str(error)], gate), team.changes)
    expired = scanned.rules.failures(request.config_name)
    decision = decide(scanned.findings, missing_evidence(scanned, request), gate, expired)
    files = write_reports(scanned, request, settings.output_dir)
    write_markdown(view_of(scanned, request, also=_ids(decision)), settings.output_dir / MARKDOWN)
    return Result(scanned, request, gate, decision, team.changes, [*files, settings.output_dir / MARKDOWN])


def _ids(decision: GateDecision) -> set[str]:
    return {finding.id for finding in decision.failing}


class Publisher:
    """Shows a result: summary, log, comment, outputs, annotations. Nothing here can fail the step."""

    def __init__(
        self,
        settings: ActionInputs,
        this: Run,
        github: Callable[[], Repository],
        hide: Redaction,
        out: TextIO,
    ) -> None:
        self._settings = settings
        self._run = this
        self._github = github
        self._activity: Activity = activity_of(this.event_name, this.event)
        self._hide = hide
        self._out = out
        self._own: Counter[str] = Counter()

    def publish(self, result: Result) -> None:
        """Show the result everywhere it is to be shown."""
        view = None
        if result.scanned:
            view = view_of(result.scanned, result.request, self._hide, _ids(result.decision))
        places = self._guarded(lambda: self._places(result)) or {}
        self._guarded(lambda: self._summarise(view, result, places))
        self._guarded(lambda: self._log(view))
        url = self._guarded(lambda: self._comment(view, result, places)) or ""
        self._guarded(lambda: self._set_outputs(result, url))
        self._tell_changes(result)
        self._conclude(result)
        if view is not None and self._settings.annotations:
            shown = view
            self._guarded(lambda: self._annotate(shown, result, places))

    def _guarded(self, part: Callable[[], T]) -> T | None:
        try:
            return part()
        except Exception as error:
            self._tell("warning", f"a part of the result could not be shown: {type(error).__name__}: {error}")
            return None

    def say(self, text: str) -> None:
        """Say something in a line of the log."""
        self._out.write(commands.log_line(self._shown(one_line(text))) + "\n")
        self._out.flush()

    def _tell(self, level: commands.Level, text: str) -> None:
        """Say something as an annotation of the run."""
        self._own[level] += 1
        text = self._shown(one_line(text))
        self._out.write(commands.annotation(level, text, title="xray-privilege-scan") + "\n")

    def _shown(self, text: str) -> str:
        return redacted(self._hide.text(text))

    # --- the text ---

    def _text(
        self, view: View | None, result: Result, places: Mapping[str, Location], limit: int, more: str
    ) -> str:
        note = "\n\n".join(part for part in (self._note(result), self._changes(result)) if part)
        if view is None:
            return f"### Nothing could be scanned\n\n{note}\n"

        def place(row: Row) -> str:
            found = places.get(row.finding.id)
            return self._hide.text(f"{found.path}:{found.line}") if found else ""

        return markdown(view, limit, Extras(note=note, more=more, place=place))

    def _changes(self, result: Result) -> str:
        return markdown_of(result.changes, self._shown)

    def _note(self, result: Result) -> str:
        """The gate's verdict in a sentence, as Markdown."""
        decision = result.decision
        found = f"{counted(len(decision.failing), 'finding')} of what it does not allow"
        causes = [found] if decision.failing else []
        causes += [markdown_text(self._shown(_expired(decision)))] if decision.expired else []
        parts = [f"❌ The check fails: {'; '.join(causes)}."] if causes else []
        if not parts and decision.conclusion == "failure":
            parts.append("❌ The check fails: not enough was seen.")
        elif not parts and decision.missing:
            parts.append("⚠️ Not enough was seen for a full verdict.")
        elif not parts and result.request.compare and not result.findings:
            but = f" but {counted(result.accepted, 'finding')} that the team accepts"
            parts.append(f"✅ Nothing excessive is left{but if result.accepted else ''}.")
        parts += [f"{markdown_text(self._hide.text(line))}." for line in decision.missing]
        return " ".join(parts)

    def _places(self, result: Result) -> dict[str, Location]:
        """Where findings are granted in the checkout, by their ids."""
        if result.scanned is None or not result.findings:
            return {}
        templates = read_templates(self._run.workspace)
        workloads = {s.role.arn: s.role.workloads for s in result.scanned.roles}
        found = {}
        for finding in result.findings:
            place = locate(
                finding, [workload_name(arn) for arn in workloads.get(finding.role, ())], templates
            )
            if place is not None:
                found[finding.id] = place
        return found

    # --- where it is shown ---

    def _summarise(self, view: View | None, result: Result, places: Mapping[str, Location]) -> None:
        more = f"all of it is in {MARKDOWN} and {REPORT}, in the folder of `output-dir`"
        text = self._text(view, result, places, MAX_SUMMARY, more)
        if self._run.summary:
            commands.write_summary(self._run.summary, text)

    def _log(self, view: View | None) -> None:
        if view is None:
            return
        text = io.StringIO()
        print_text(view, text)
        with commands.grouped(self._out, "The whole report"):
            for line in text.getvalue().splitlines():
                self.say(line)
        if self._run.debug:
            for name, traces, calls, used, _ in view.workloads:
                seen = f"{counted(traces, 'trace')}, {counted(calls, 'call')}, {counted(used, 'permission')}"
                self._out.write(commands.debug(redacted(self._hide.text(one_line(f"{name}: {seen}")))) + "\n")

    def _comment(self, view: View | None, result: Result, places: Mapping[str, Location]) -> str:
        if self._settings.comment == "never" or not self._activity.comments:
            return ""
        if self._activity.read_only:
            self.say(f"no comment: {self._activity.read_only}")
            return ""
        if view is None or result.is_empty:
            self.say("no comment: nothing was compared, and what an earlier run said may still hold")
            return ""
        from scanner.github import comment
        from scanner.github.api import GithubError

        link = f"[full report]({self._run.url}) in the run's summary"
        body = self._text(view, result, places, MAX_COMMENT, f"see the {link}") + f"\n<sub>{link}</sub>\n"
        try:
            repository = self._github()
            number = self._activity.pull_request
            if number is None and self._activity.find_by_commit:
                number = repository.open_pull_request_of_commit(
                    self._activity.find_by_commit, self.say, self._activity.branch
                )
            if number is None:
                self.say("no comment: it is not clear on which pull request")
                return ""
            posted = comment.post(
                repository,
                number,
                body,
                key=self._settings.key,
                run=self._run.run,
                mode=self._settings.comment,
                has_findings=result.has_something_to_say,
            )
        except GithubError as error:
            self._tell("warning", f"no comment: {error}")
            return ""
        self.say(f"comment: {posted.kind}. {posted.note}".strip())
        return posted.url or ""

    def _set_outputs(self, result: Result, comment_url: str) -> None:
        if self._run.outputs is None:
            return
        folder, findings = self._settings.output_dir, result.findings
        names = {path.name for path in result.files}
        confirmed = Counter(finding.verdict for finding in findings if finding.confirmed)
        commands.set_outputs(
            self._run.outputs,
            {
                "conclusion": result.decision.conclusion,
                "report": str(folder / REPORT) if REPORT in names else "",
                "excessive-permissions": str(folder / EXCESSIVE) if EXCESSIVE in names else "",
                "markdown": str(folder / MARKDOWN) if MARKDOWN in names else "",
                "unused": str(confirmed[Verdict.UNUSED]),
                "broad": str(confirmed[Verdict.BROAD]),
                "unconfirmed": str(sum(not finding.confirmed for finding in findings)),
                "failing": str(len(result.decision.failing)),
                "new": str(result.new),
                "accepted": str(result.accepted),
                "fixed": str(result.fixed),
                "comment-url": comment_url,
            },
        )

    def _tell_changes(self, result: Result) -> None:
        for change in result.changes:
            self.say(said(change))
            if change.problems:
                problems = "; ".join(change.problems)
                self._tell("warning", f"the {change.kind} of this pull request cannot be read: {problems}")

    def _conclude(self, result: Result) -> None:
        decision = result.decision
        for place, line in enumerate(decision.expired):
            text = f"a rule of the configuration expired: {line}"
            if place < MOST_EXPIRED:
                self._tell("error", text)
            else:
                self.say(text)
        fails = decision.conclusion == "failure" and not decision.failing and not decision.expired
        for place, line in enumerate(decision.missing):
            text = f"not enough was seen: {line}"
            if place < 3 and result.gate.insufficient != "pass":
                self._tell("error" if fails else "warning", text)
            else:
                self.say(text)
        number = len(decision.failing)
        self.say(f"conclusion: {decision.conclusion}; findings that fail the check: {number}")

    def _annotate(self, view: View, result: Result, places: Mapping[str, Location]) -> None:
        """The findings that GitHub has room for beside what was told before, the most severe first."""
        failing = {finding.id for finding in result.decision.failing}
        lines = []
        for row in [*view.others, *view.confirmed, *view.unconfirmed]:
            place = places.get(row.finding.id)
            fails = row.finding.id in failing
            if place is None and not (row.confirmed or fails):
                continue  # a doubt without a place only takes the room of others
            doubt = "" if row.confirmed else f" Not confirmed: {row.evidence}."
            lines.append(
                commands.Annotation(
                    level="error" if fails else "warning" if row.confirmed else "notice",
                    message=one_line(
                        f"{row.actions} on {row.resources}: {row.claim} [{row.severity}].{doubt}"
                    ),
                    title=one_line(f"{row.who} holds more than it needs"),
                    file=place.path if place else None,
                    line=place.line if place else None,
                    end_line=place.end_line if place else None,
                )
            )
        room = commands.ANNOTATIONS_A_LEVEL - max(self._own.values(), default=0)
        for line in commands.annotations(lines, limit=max(0, room)):
            self._out.write(f"{line}\n")


def _expired(decision: GateDecision) -> str:
    """The rules that expired, in a sentence."""
    shown, more = decision.expired[:MOST_EXPIRED], len(decision.expired) - MOST_EXPIRED
    rules = "a rule" if len(decision.expired) == 1 else "rules"
    return f"{rules} of the configuration expired: {'; '.join(shown)}" + (
        f"; and {more} more" if more > 0 else ""
    )


def _hand_back(workspace: Path, folder: Path) -> None:
    """Give what was written to the owner of the workspace: a self-hosted runner must be able to delete it."""
    try:
        owner, root = workspace.stat(), workspace.resolve()
        written = (workspace / folder).resolve()
        inside = [path for path in (written, *written.parents) if root in path.parents]
        for path in (*inside, *written.rglob("*")):
            if not path.is_symlink() and path.stat().st_uid == os.geteuid():
                os.chown(path, owner.st_uid, owner.st_gid)
    except OSError:
        return  # not root, or a file system without owners: nothing to hand back


def _event(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        event = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return event if isinstance(event, dict) else {}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
