"""A result as Markdown, as the summary and the comment show it. Pure."""

from __future__ import annotations

from scanner.action.file_changes import markdown_of
from scanner.action.publish.publication import Publication
from scanner.gate.decide import GateDecision
from scanner.report.markdown import Extras, markdown
from scanner.report.view import Row
from scanner.text.escape import counted, markdown_text

MOST_EXPIRED = 3  # rules that are named where they fail the check


def text_of(publication: Publication, limit: int, more: str) -> str:
    """The result in at most `limit` characters. `more` says in Markdown where the rest can be read."""
    changes = markdown_of(publication.result.changes, publication.console.masked)
    note = "\n\n".join(part for part in (_gate_note(publication), changes) if part)
    if publication.view is None:
        return f"### Nothing could be scanned\n\n{note}\n"

    def place(row: Row) -> str:
        location = row.finding.location
        if location is None:
            return ""
        made_by = f", made by {location.made_by}" if location.made_by else ""
        return f"{location.path}:{location.line}{made_by}"

    return markdown(publication.view, limit, Extras(note=note, more=more, place=place))


def _gate_note(publication: Publication) -> str:
    """The gate's decision in a sentence, and what evidence is missing."""
    result, decision = publication.result, publication.result.decision
    parts = []
    if decision.failing or decision.expired:
        parts.append(f"❌ The check fails: {'; '.join(_causes(publication))}.")
    elif decision.conclusion == "failure":
        parts.append("❌ The check fails: insufficient evidence.")
    elif decision.missing:
        parts.append("⚠️ Insufficient evidence for a full verdict.")
    elif result.request.compare and not result.findings:
        accepted = f" ({counted(result.accepted, 'finding')} accepted)" if result.accepted else ""
        parts.append(f"✅ No excessive permissions{accepted}.")
    parts += [f"{line[0].upper()}{line[1:]}." for line in decision.notes]
    parts += [f"{markdown_text(publication.console.redaction.text(line))}." for line in decision.missing]
    return " ".join(parts)


def _causes(publication: Publication) -> list[str]:
    decision = publication.result.decision
    causes = [decision.failing_text] if decision.failing else []
    if decision.expired:
        causes.append(markdown_text(publication.console.masked(_expired_text(decision))))
    return causes


def _expired_text(decision: GateDecision) -> str:
    """The rules that expired, in a sentence."""
    named, more = decision.expired[:MOST_EXPIRED], len(decision.expired) - MOST_EXPIRED
    rules = "a rule" if len(decision.expired) == 1 else "rules"
    rest = f"; and {more} more" if more > 0 else ""
    return f"{rules} of the configuration expired: {'; '.join(named)}{rest}"
