"""What the gate decided, and why, as annotations of the run and lines of the log."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.action.file_changes import describe
from scanner.action.publish.publication import Publication
from scanner.action.publish.text import MOST_EXPIRED

MOST_MISSING = 3  # lines on evidence that are annotations; the rest stands in the log


def publish_conclusion(publication: Publication) -> Mapping[str, str]:
    """Name the changes of configuration and baseline, the expired rules, the evidence that is missing."""
    decision, console = publication.result.decision, publication.console
    _publish_changes(publication)
    for index, line in enumerate(decision.expired):
        text = f"a rule of the configuration expired: {line}"
        if index < MOST_EXPIRED:
            console.annotate("error", text)
        else:
            console.log(text)
    fails = decision.conclusion == "failure" and not decision.failing and not decision.expired
    for index, line in enumerate(decision.missing):
        text = f"insufficient evidence: {line}"
        if index < MOST_MISSING and publication.result.gate.insufficient != "pass":
            console.annotate("error" if fails else "warning", text)
        else:
            console.log(text)
    for line in decision.notes:
        console.log(line)
    console.log(f"conclusion: {decision.conclusion}; findings that fail the check: {len(decision.failing)}")
    return {}


def _publish_changes(publication: Publication) -> None:
    for change in publication.result.changes:
        publication.console.log(describe(change))
        if change.problems:
            problems = "; ".join(change.problems)
            text = f"the {change.kind} of this pull request cannot be read: {problems}"
            publication.console.annotate("warning", text)
