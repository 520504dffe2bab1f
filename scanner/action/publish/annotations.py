"""The findings as annotations, on the lines that grant."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.action.publish.publication import Publication
from scanner.github import commands
from scanner.github.commands import Annotation
from scanner.report.view import Row
from scanner.text.escape import one_line


def publish_annotations(publication: Publication) -> Mapping[str, str]:
    """Annotate the findings that GitHub has room for after other annotations, the most severe first."""
    view = publication.view
    if view is None or not publication.inputs.annotations:
        return {}
    rows = (_annotation(row, publication) for row in [*view.others, *view.confirmed, *view.unconfirmed])
    annotations = [annotation for annotation in rows if annotation]
    for line in commands.annotations(annotations, publication.console.annotations_left):
        publication.console.command(line)
    return {}


def _annotation(row: Row, publication: Publication) -> Annotation | None:
    """None for a doubt without a place, which would only take the room of others."""
    place, note = row.finding.location, row.finding.location_note
    fails = row.fails
    if place is None and not (row.confirmed or fails):
        return None
    unplaced = f" Its line is unknown: {note}." if note else ""
    doubt = "" if row.confirmed else f" Not confirmed: {row.evidence}."
    return Annotation(
        level="error" if fails else "warning" if row.confirmed else "notice",
        message=one_line(f"{row.actions} on {row.resources}: {row.claim} [{row.severity}].{doubt}{unplaced}"),
        title=one_line(f"{row.who} holds more than it needs"),
        file=place.path if place else None,
        line=place.line if place else None,
        end_line=place.end_line if place else None,
    )
