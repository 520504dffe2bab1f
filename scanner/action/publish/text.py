"""A result as Markdown, as the summary and the comment show it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from scanner.action.file_changes import markdown_of
from scanner.action.publish.publication import Publication
from scanner.gate.decide import GateDecision
from scanner.github.event import head_of
from scanner.report.issue_record import IssueState
from scanner.report.markdown import CommentExtras, Extras, comment, issue_body, issue_news, markdown
from scanner.report.recorded import Changes
from scanner.report.records import Location
from scanner.text.escape import markdown_text

MOST_EXPIRED = 3  # rules that are named where they fail the check


def summary_text(publication: Publication, limit: int, more: str) -> str:
    """The whole result in at most `limit` bytes. `more` says in Markdown where the rest can be read."""
    if publication.view is None:
        return _nothing_scanned(publication)
    extras = Extras(note=_changes_of_files(publication), more=more, link=_Links(publication).to)
    return markdown(publication.view, limit, extras)


def comment_text(publication: Publication, limit: int, changes: Changes | None = None) -> str:
    """The result in a few lines, in at most `limit` characters, with what changed since the last comment."""
    if publication.view is None:
        return _nothing_scanned(publication)
    extras = CommentExtras(
        note=_changes_of_files(publication),
        report=publication.workflow.url,
        link=_Links(publication).to,
        changes=changes,
    )
    return comment(publication.view, limit, extras)


def issue_text(publication: Publication, limit: int, state: IssueState) -> tuple[str, str]:
    """The body of an issue in at most `limit` characters, and what a comment on it tells, if anything."""
    if publication.view is None:
        return _nothing_scanned(publication), ""
    extras = CommentExtras(report=publication.workflow.url, link=_Links(publication).to)
    view = publication.view
    return issue_body(view, limit, state, extras), issue_news(view, state, extras)


def location_links(publication: Publication) -> Callable[[Location], str]:
    """The address of a place in the checkout, empty where there is none."""
    return _Links(publication).to


class _Links:
    """The addresses of places in the checkout, at the commit that the run is about."""

    def __init__(self, publication: Publication) -> None:
        workflow = publication.workflow
        commit = head_of(workflow.event_name, workflow.event, workflow.sha)
        self._start = f"{workflow.server}/{workflow.repository}/blob/{commit}/" if commit else ""

    def to(self, location: Location) -> str:
        """The address of a place; empty where the commit is not known."""
        if not self._start:
            return ""
        return f"{self._start}{quote(location.path, safe='/', errors='replace')}#L{location.line}"


def _changes_of_files(publication: Publication) -> str:
    """What a pull request changes in configuration and baseline."""
    return markdown_of(publication.result.changes, publication.console.masked)


def _nothing_scanned(publication: Publication) -> str:
    note = "\n\n".join(filter(None, (_gate_note(publication), _changes_of_files(publication))))
    return f"### Nothing could be scanned\n\n{note}\n"


def _gate_note(publication: Publication) -> str:
    """The gate's decision in a sentence, and what evidence is missing."""
    decision = publication.result.decision
    parts = []
    if decision.expired:
        parts.append(f"❌ The check fails: {markdown_text(publication.console.masked(_expired(decision)))}.")
    elif decision.conclusion == "failure":
        parts.append("❌ The check fails: insufficient evidence.")
    elif decision.missing:
        parts.append("⚠️ Insufficient evidence for a full verdict.")
    parts += [f"{markdown_text(publication.console.redaction.text(line))}." for line in decision.missing]
    return " ".join(parts)


def _expired(decision: GateDecision) -> str:
    """The rules that expired, in a sentence."""
    named, more = decision.expired[:MOST_EXPIRED], len(decision.expired) - MOST_EXPIRED
    rules = "a rule" if len(decision.expired) == 1 else "rules"
    rest = f"; and {more} more" if more > 0 else ""
    return f"{rules} of the configuration expired: {'; '.join(named)}{rest}"
