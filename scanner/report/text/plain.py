"""The report as plain lines: a finding a line, its columns separated by tabs. Pure.

The columns, in this order, are documented in docs/command-line.md. Text cannot hold a tab: it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from scanner.model import Verdict
from scanner.report.text.lists import Findings, lists, worst
from scanner.report.text.sections import sections
from scanner.report.text.shown import Shown
from scanner.report.text.totals import totals
from scanner.report.view import Group, Row, View
from scanner.report.view.rows import actions_of, resources_of
from scanner.report.view.viewed import bundle_of, listed
from scanner.text.escape import one_line

COLUMNS = (
    "kind",
    "severity",
    "verdict",
    "workloads",
    "actions",
    "resources",
    "seen",
    "evidence",
    "place",
    "ids",
    "roles",
    "bundle",
)

_MOST_IDS = 4  # of the same grant of several roles
_NOTHING = "-"


def plain_lines(view: View, shown: Shown) -> Iterator[str]:
    """The report, without the ends of lines."""
    yield one_line(view.headline)
    yield one_line(view.facts)
    for name, number, parts in totals(view):
        yield one_line(f"{name}: {number} ({parts})")
    found = lists(view, shown)
    findings = [*_every(found)] if shown.whole else [*_worst(found, shown)]
    if findings:
        yield from ("", *findings)
    for title, lines in sections(view, shown):
        yield from ("", f"{title}:", *(f"  {one_line(line)}" for line in lines))


def _every(found: Iterable[Findings]) -> Iterator[str]:
    """Each finding on its own: whatever `grep` looks for stands in its line, nothing is left out."""
    for findings in found:
        for row in (row for group in findings.groups for row in group.rows):
            yield from (_finding(_kind(findings.kind, one), one) for one in row.below or (row,))


def _kind(kind: str, row: Row) -> str:
    """What a line begins with: the parts of a bundle may be confirmed or not."""
    if kind not in ("confirmed", "unconfirmed"):
        return kind
    return "confirmed" if row.confirmed else "unconfirmed"


def _worst(found: Sequence[Findings], shown: Shown) -> Iterator[str]:
    """The worst grants: the same of many roles, and a bundle, is one line."""
    for findings in worst(found, shown.groups):
        yield from (_grant(findings.kind, group) for group in findings.groups)


def _finding(kind: str, row: Row) -> str:
    finding, location = row.finding, row.finding.location
    return _joined(
        kind,
        row.severity,
        finding.verdict,
        ", ".join(row.functions),
        actions_of(row),
        resources_of(row),
        row.claim,
        row.evidence,
        f"{location.path}:{location.line}" if location else _NOTHING,
        " ".join(row.ids),
        row.role.name,
        _bundle(row),
    )


def _bundle(row: Row) -> str:
    bundle = bundle_of(row.role, row.finding)
    return f"{bundle.framework} {bundle.name}" if bundle else _NOTHING


def _grant(kind: str, group: Group) -> str:
    """The same grant of all its roles, or a bundle of them, in short."""
    return _joined(
        kind,
        group.severity,
        _verdict(group),
        listed(group.functions),
        group.actions,
        group.resources,
        group.claim,
        group.evidence,
        ", ".join(f"{place.path}:{place.line}" for place in group.places) or _NOTHING,
        " ".join(group.ids[:_MOST_IDS]),
        listed(row.role.name for row in group.rows),
        listed(_bundle(row) for row in group.rows),
    )


def _joined(*cells: str) -> str:
    return "\t".join(map(one_line, cells))


def _verdict(group: Group) -> str:
    """The verdict on all of it; a bundle of which a part was used in any of the roles is `broad`."""
    bundles = [bundle_of(row.role, row.finding) for row in group.rows if row.below]
    if not bundles:
        return str(group.rows[0].finding.verdict)
    return str(Verdict.BROAD if any(bundle and bundle.used for bundle in bundles) else Verdict.UNUSED)
