"""The findings as annotations, on the lines that grant: a group once for each of its places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scanner.action.publish.publication import Publication
from scanner.github import commands
from scanner.github.commands import Annotation
from scanner.report.records import Location
from scanner.report.view import Group, Row
from scanner.report.view.viewed import listed
from scanner.text.escape import one_line


def publish_annotations(publication: Publication) -> Mapping[str, str]:
    """Annotate the groups that GitHub has room for after other annotations, the most severe first."""
    view = publication.view
    if view is None or not publication.inputs.annotations:
        return {}
    groups = (*view.other_groups, *view.groups, *view.doubts)
    annotations = [annotation for group in groups for annotation in _annotations(group)]
    for line in commands.annotations(annotations, publication.console.annotations_left):
        publication.console.command(line)
    return {}


def _annotations(group: Group) -> Iterator[Annotation]:
    """One for each place, and one for what has none: not for a doubt, which would take the room of others."""
    by_place: dict[tuple[Location | None, str], list[Row]] = {}
    for row in group.rows:
        place = row.finding.location
        by_place.setdefault((place, "" if place else row.finding.location_note), []).append(row)
    for (place, note), rows in by_place.items():
        if place or group.confirmed or group.fails:
            yield _annotation(group, rows, place, note)


def _annotation(group: Group, rows: Sequence[Row], place: Location | None, note: str) -> Annotation:
    names = list(dict.fromkeys(name for row in rows for name in row.functions))
    resources = rows[0].resources if len(rows) == 1 else group.resources
    claim, evidence = (rows[0].claim, rows[0].evidence) if len(rows) == 1 else (group.claim, group.evidence)
    unplaced = f" Its line is unknown: {note}." if note else ""
    doubt = "" if group.confirmed else f" Not confirmed: {evidence}."
    hold = "holds more than it needs" if len(names) == 1 else "hold more than they need"
    return Annotation(
        level="error" if group.fails else "warning" if group.confirmed else "notice",
        message=one_line(f"{group.actions} on {resources}: {claim} [{group.severity}].{doubt}{unplaced}"),
        title=one_line(f"{listed(names)} {hold}"),
        file=place.path if place else None,
        line=place.line if place else None,
        end_line=place.end_line if place else None,
    )
