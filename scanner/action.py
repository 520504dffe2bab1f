"""What the action does with its inputs, from the scan to the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import orjson

from scanner.confirm import evidence_reasons
from scanner.errors import EXIT_GATE, EXIT_OK, EXIT_USAGE, ScanError
from scanner.gate import Decision, decide
from scanner.github import commands
from scanner.github.event import Activity, activity_of, is_public
from scanner.locate import Location, locate, read_templates
from scanner.model import EXCESS, Finding
from scanner.options import parser, request_of
from scanner.redact import for_the_public
from scanner.report.clean import counted, one_line
from scanner.report.files import EXCESSIVE, REPORT, write_reports
from scanner.report.markdown import Extras, markdown
from scanner.report.view import Row, View, view_of
from scanner.scan import Request, Scanned, is_wanted, nothing_read, scan, with_stacks
from scanner.settings import Settings, settings_of

MARKDOWN = "report.md"
# docs.github.com/en/rest/issues/comments, .../workflow-commands#adding-a-job-summary
MAX_COMMENT = 65_000  # of 65,536: the marker comes on top
MAX_SUMMARY = 900_000  # characters, of 1,024 KiB: some take more than one byte


@dataclass(frozen=True)
class Run:
    """The workflow run that the action is part of."""

    server: str
    repository: str
    run: tuple[int, int]
    api_url: str
    graphql_url: str
    event_name: str
    event: Mapping[str, Any]
    actor: str
    workspace: Path
    summary: Path | None
    outputs: Path | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Run:
        """Read what the runner says.

        docs.github.com/en/actions/reference/workflows-and-actions/variables
        """
        return cls(
            server=environ.get("GITHUB_SERVER_URL", "https://github.com"),
            repository=environ.get("GITHUB_REPOSITORY", ""),
            run=(_number(environ.get("GITHUB_RUN_ID", "0")), _number(environ.get("GITHUB_RUN_ATTEMPT", "1"))),
            api_url=environ.get("GITHUB_API_URL", "https://api.github.com"),
            graphql_url=environ.get("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            event=_event(environ.get("GITHUB_EVENT_PATH")),
            actor=environ.get("GITHUB_ACTOR", ""),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
            summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
            outputs=_path(environ.get("GITHUB_OUTPUT")),
        )


@dataclass(frozen=True)
class Result:
    """A scan with what the gate says of it. `scanned` is None where it could not even begin."""

    scanned: Scanned | None
    request: Request | None
    decision: Decision
    files: Sequence[Path] = ()

    @property
    def findings(self) -> list[Finding]:
        """The findings of excess."""
        return [f for f in self.scanned.findings if f.verdict in EXCESS] if self.scanned else []


def run(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    """Scan and publish. Raises ScanError on wrong use; whatever else goes wrong is told and survived."""
    settings, this = settings_of(environ), Run.of(environ)
    say = _speaker(out)
    activity = activity_of(this.event_name, this.event, this.actor)
    hidden = settings.redact == "always" or (settings.redact == "auto" and is_public(this.event))
    hide: Callable[[str], str] = for_the_public if hidden else str
    result = _scan(settings, now, lambda text: say(hide(text)))
    Publisher(settings, this, activity, hide, out).publish(result)
    _hand_back(this.workspace, settings.output_dir)
    return EXIT_OK if result.decision.passed else EXIT_GATE


def _scan(settings: Settings, now: float, say: Callable[[str], None]) -> Result:
    from scanner.aws import Clients

    arguments = parser().parse_args(list(settings.options))
    request = request_of(arguments, now)
    clients = Clients(arguments.region, None)
    try:
        request = with_stacks(request, clients)
        scanned = scan(request, clients)
    except ScanError as error:
        if error.exit_code == EXIT_USAGE:
            raise
        say(str(error))  # no credentials, as in a pull request from a fork: the configuration decides
        return Result(None, request, decide([], [str(error)], settings.gate))
    files = write_reports(scanned, request, settings.output_dir)
    decision = decide(scanned.findings, missing_evidence(scanned, request), settings.gate)
    return Result(scanned, request, decision, files)


def missing_evidence(scanned: Scanned, request: Request) -> list[str]:
    """What was not there to judge by, a line each."""
    error = nothing_read(scanned, request.compare)
    if error:
        return [str(error)]
    from scanner.findings import users_of

    unseen: dict[str, list[str]] = {}
    for scanned_role in scanned.roles:
        role = scanned_role.role
        evidence = {u.workload: u.evidence for u in scanned.usages if u.workload in role.users}
        users = users_of(role, None, {a: e for a, e in evidence.items() if a}, scanned.functions)
        for arn, user in zip(role.users, users, strict=True):
            for reason in (
                evidence_reasons(user, request.standard) if is_wanted(arn, request.workloads) else ()
            ):
                unseen.setdefault(reason, []).append(arn.rpartition(":")[2])
    unread = [s.role.name for s in scanned.roles if not s.role.readable]
    return [
        *(f"{counted(len(names), 'function')}: {reason}" for reason, names in sorted(unseen.items())),
        *([f"{counted(len(unread), 'role')} could not be read wholly"] if unread else []),
    ]


class Publisher:
    """Shows a result: log, annotations, summary, comment, outputs. Nothing here can fail the step."""

    def __init__(
        self, settings: Settings, this: Run, activity: Activity, hide: Callable[[str], str], out: TextIO
    ) -> None:
        self._settings = settings
        self._run = this
        self._activity = activity
        self._hide = hide
        self._out = out
        self._say = _speaker(out)

    def publish(self, result: Result) -> None:
        """Show the result everywhere it is to be shown."""
        view = (
            view_of(result.scanned, result.request, self._hide) if result.scanned and result.request else None
        )
        places = self._places(result)
        if view and self._settings.annotations:
            self._annotate(view, result, places)
        text = self._text(view, result, places, MAX_SUMMARY, more="")
        self._write(text)
        url = self._comment(view, result, places)
        self._set_outputs(result, url)
        self._conclude(result)

    # --- the text ---

    def _text(
        self, view: View | None, result: Result, places: Mapping[str, Location], limit: int, more: str
    ) -> str:
        note = self._note(result)
        if view is None:
            return f"### Nothing could be scanned\n\n{note}\n"

        def place(row: Row) -> str:
            found = places.get(row.finding.id)
            return f"{found.path}:{found.line}" if found else ""

        return markdown(view, limit, Extras(note=note, more=more, place=place))

    def _note(self, result: Result) -> str:
        """The gate's verdict in a sentence, as Markdown."""
        from scanner.report.clean import markdown_text

        decision = result.decision
        parts = []
        if decision.failing:
            parts.append(
                f"❌ The check fails: {counted(len(decision.failing), 'finding')} of what it does not allow."
            )
        elif decision.conclusion == "failure":
            parts.append("❌ Not enough was seen, which fails the check here.")
        elif decision.conclusion == "neutral":
            parts.append("⚠️ Not enough was seen for a full verdict.")
        elif not decision.missing and not result.findings:
            parts.append("✅ Nothing excessive is left.")
        parts += [f"{markdown_text(self._hide(line))}." for line in decision.missing]
        return " ".join(parts)

    def _places(self, result: Result) -> dict[str, Location]:
        """Where findings are granted in the checkout, by their ids."""
        if result.scanned is None or not result.findings:
            return {}
        templates = read_templates(self._run.workspace)
        users = {s.role.arn: s.role.users for s in result.scanned.roles}
        found = {}
        for finding in result.findings:
            names = [arn.rpartition(":")[2] for arn in users.get(finding.role, ())]
            place = locate(finding, names, templates)
            if place is not None:
                found[finding.id] = place
        return found

    # --- where it is shown ---

    def _annotate(self, view: View, result: Result, places: Mapping[str, Location]) -> None:
        failing = {finding.id for finding in result.decision.failing}
        lines = []
        for row in [*view.confirmed, *view.unconfirmed]:
            place = places.get(row.finding.id)
            doubt = "" if row.confirmed else f" Not confirmed: {row.evidence}."
            level: commands.Level = (
                "error" if row.finding.id in failing else "warning" if row.confirmed else "notice"
            )
            lines.append(
                commands.Annotation(
                    level=level,
                    message=one_line(
                        f"{row.actions} on {row.resources}: {row.claim} [{row.severity}].{doubt}"
                    ),
                    title=one_line(f"{row.who} holds more than it needs"),
                    file=place.path if place else None,
                    line=place.line if place else None,
                    end_line=place.end_line if place else None,
                )
            )
        for line in commands.annotations(lines):
            self._out.write(f"{line}\n")

    def _write(self, text: str) -> None:
        path = self._settings.output_dir / MARKDOWN
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            if self._run.summary:
                commands.write_summary(self._run.summary, text)
        except OSError as error:
            self._say(f"the summary could not be written: {error}")

    def _comment(self, view: View | None, result: Result, places: Mapping[str, Location]) -> str:
        if self._settings.comment == "never" or not self._activity.comments:
            return ""
        if self._activity.read_only:
            self._say(f"no comment: {self._activity.read_only}")
            return ""
        if view is None:
            self._say("no comment: there is nothing to say")
            return ""
        from scanner.github import api, comment

        try:
            repository = api.repository(
                self._settings.token, self._run.api_url, self._run.repository, self._run.graphql_url
            )
            number = self._activity.pull_request
            if number is None and self._activity.find_by_commit:
                number = repository.open_pull_request_of_commit(self._activity.find_by_commit, self._say)
            if number is None:
                self._say("no comment: it is not clear on which pull request")
                return ""
            # not of this run: a comment that says the same as before is left alone
            checks = f"{self._run.server}/{self._run.repository}/pull/{number}/checks"
            link = f"[full report]({checks}) in the run's summary"
            body = self._text(view, result, places, MAX_COMMENT, f"see the {link}") + f"\n<sub>{link}</sub>\n"
            posted = comment.post(
                repository,
                number,
                body,
                key=self._settings.key,
                run=self._run.run,
                mode=self._settings.comment,
                has_findings=bool(result.findings),
            )
        except api.GithubError as error:
            self._out.write(
                commands.annotation("warning", f"no comment: {error}", title="xray-privilege-scan") + "\n"
            )
            return ""
        self._say(f"comment: {posted.kind}. {posted.note}".strip())
        return posted.url or ""

    def _set_outputs(self, result: Result, comment_url: str) -> None:
        if self._run.outputs is None:
            return
        folder, findings = self._settings.output_dir, result.findings
        names = {path.name for path in result.files}
        confirmed = [finding for finding in findings if finding.confirmed]
        commands.set_outputs(
            self._run.outputs,
            {
                "conclusion": result.decision.conclusion,
                "report": str(folder / REPORT) if REPORT in names else "",
                "excessive-permissions": str(folder / EXCESSIVE) if EXCESSIVE in names else "",
                "markdown": str(folder / MARKDOWN),
                "unused": str(sum(f.verdict == "unused" for f in confirmed)),
                "broad": str(sum(f.verdict == "broad" for f in confirmed)),
                "unconfirmed": str(len(findings) - len(confirmed)),
                "comment-url": comment_url,
            },
        )

    def _conclude(self, result: Result) -> None:
        decision = result.decision
        for line in decision.missing:
            fails = decision.conclusion == "failure" and not decision.failing
            level: commands.Level = "error" if fails else "warning"
            if self._settings.gate.insufficient != "pass":
                text = self._hide(one_line(line))
                self._out.write(commands.annotation(level, text, title="Not enough was seen") + "\n")
        self._say(f"conclusion: {decision.conclusion}; findings that fail the check: {len(decision.failing)}")


def _speaker(out: TextIO) -> Callable[[str], None]:
    def say(text: str) -> None:
        out.write(commands.log_line(one_line(text)) + "\n")
        out.flush()

    return say


def _hand_back(workspace: Path, folder: Path) -> None:
    """Give what was written to the owner of the workspace: a self-hosted runner must be able to delete it."""
    try:
        owner, root = workspace.stat(), workspace.resolve()
        inside = [p for p in (folder.resolve(), *folder.resolve().parents) if root in p.parents]
        for path in (*inside, *folder.resolve().rglob("*")):
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
