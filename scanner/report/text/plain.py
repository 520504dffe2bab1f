"""The report as plain lines: one finding a line, its columns separated by tabs. Pure.

The columns, in this order, are documented in docs/command-line.md. Text cannot hold a tab: it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model import Verdict
from scanner.report.text.lists import Findings, lists, worst
from scanner.report.text.sections import sections
from scanner.report.text.shown import Shown
from scanner.report.text.totals import totals
from scanner.report.view import Group, Row, View
from scanner.report.view.groups import groups_of
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
)

_MOST_IDS = 4  # of the same grant of several roles


def plain_lines(view: View, shown: Shown) -> Iterator[str]:
    """The report, without the ends of lines."""
    yield one_line(view.headline)
    yield one_line(view.facts)
    for name, number, parts in totals(view):
        yield one_line(f"{name}: {number} ({parts})")
    findings = [line for found in _lists(view, shown) for line in _lines(found, shown)]
    if findings:
        yield from ("", *findings)
    for title, lines in sections(view, shown):
        yield from ("", f"{title}:", *(f"  {one_line(line)}" for line in lines))


def _lists(view: View, shown: Shown) -> list[Findings]:
    """The worst groups where a number is asked for, else each finding on its own."""
    found = lists(view, shown)
    if not shown.whole:
        return worst(found, shown.groups)
    return [findings._replace(groups=[*map(_alone, _rows(findings))]) for findings in found]


def _rows(findings: Findings) -> Iterator[Row]:
    return (row for group in findings.groups for row in group.rows)


def _alone(row: Row) -> Group:
    (group,) = groups_of([row])
    return group


def _lines(findings: Findings, shown: Shown) -> Iterator[str]:
    for group in findings.groups:
        yield _line(findings.kind, group)
        if shown.everything:
            yield from (_line("grant", _alone(part)) for row in group.rows for part in row.below)


def _line(kind: str, group: Group) -> str:
    several = len(group.rows) > 1
    cells = (
        kind,
        group.severity,
        _verdict(group),
        listed(group.functions) if several else ", ".join(group.functions),
        group.actions,
        group.resources,
        group.claim,
        group.evidence,
        ", ".join(f"{place.path}:{place.line}" for place in group.places) or "-",
        " ".join(group.ids[:_MOST_IDS] if several else group.ids),
    )
    return "\t".join(map(one_line, cells))


def _verdict(group: Group) -> str:
    """The verdict on all of it; a bundle of which a part was used in any of the roles is `broad`."""
    bundles = [bundle_of(row.role, row.finding) for row in group.rows if row.below]
    if not bundles:
        return str(group.rows[0].finding.verdict)
    return str(Verdict.BROAD if any(bundle and bundle.used for bundle in bundles) else Verdict.UNUSED)
