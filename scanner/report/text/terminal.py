"""The report on a terminal: as wide as it is, the worst first, no name broken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from scanner.report.text.lists import Findings, lists, worst
from scanner.report.text.sections import sections
from scanner.report.text.shown import Shown
from scanner.report.text.totals import totals
from scanner.report.view import Group, Row, View
from scanner.report.view.viewed import listed
from scanner.text.escape import counted, one_line
from scanner.text.wrap import wrapped

STYLES = {
    "privilege-escalation": "bold red",
    "permissions-management": "red",
    "destruction": "red",
    "write": "yellow",
    "data-access": "yellow",
    "tagging": "cyan",
    "read": "cyan",
    "list": "cyan",
    "unknown": "magenta",
}
_DIM = "bright_black"
_LEAST_WIDTH = 40  # of a finding beside its severity; else it stands below
_NARROWEST = 30


def print_on_terminal(view: View, out: IO[str], shown: Shown) -> None:
    """Print the report."""
    console = Console(file=out, highlight=False)
    width = max(console.width, _NARROWEST)
    for line in _lines(view, shown, width):
        console.print(line, soft_wrap=True)


def _lines(view: View, shown: Shown, width: int) -> Iterator[Text]:
    yield from _paragraph(view.headline, width, style="bold")
    yield from _paragraph(view.facts, width, style=_DIM)
    yield from _totals(view, width)
    all_lists = lists(view, shown)
    number = 0
    for found, whole in _paired(worst(all_lists, shown.groups), all_lists):
        yield from _heading(_title(found, len(whole.groups), shown), width)
        severity_width = max(len(group.severity) for group in found.groups)
        for group in found.groups:
            number += 1
            yield from _group(group, (number, view.noun), severity_width, width)
            if shown.everything:
                yield from _grants(group.rows[0].below, width)
    for title, lines in sections(view, shown):
        yield from _heading(title, width)
        for line in lines:
            yield from _paragraph(line, width, "  ", "    ")
    yield from _next_steps(shown, all_lists, width)


def _paired(found: Iterable[Findings], whole: Iterable[Findings]) -> Iterator[tuple[Findings, Findings]]:
    by_kind = {findings.kind: findings for findings in whole}
    return ((findings, by_kind[findings.kind]) for findings in found)


def _title(found: Findings, total: int, shown: Shown) -> str:
    number = len(found.groups)
    if number == total:
        return found.title
    return f"{found.title}: the {number:,} worst of {total:,}{shown.hint}"


def _heading(title: str, width: int) -> Iterator[Text]:
    yield Text()
    yield from _paragraph(title, width, style="bold")


def _paragraph(text: str, width: int, first: str = "", rest: str = "", style: str = "") -> Iterator[Text]:
    """A text in lines, the first behind one margin, the others behind another one."""
    margin = first
    for line in wrapped(one_line(text), width - max(len(first), len(rest))):
        yield Text.assemble(margin, (line, style))
        margin = rest


def _totals(view: View, width: int) -> Iterator[Text]:
    lines = totals(view)
    if lines:
        yield Text()
    name_width = max((len(total.name) for total in lines), default=0)
    number_width = max((len(total.number) for total in lines if len(total.number) < 10), default=0)
    for name, number, parts in lines:
        label = f"{name:<{name_width}}  {number:>{number_width}}  "
        yield from _paragraph(parts, width, label, " " * (name_width + 2))


def _group(group: Group, named: tuple[int, str], severity_width: int, width: int) -> Iterator[Text]:
    """A grant with its severity, what was seen of it, who holds it."""
    number, noun = named
    head = f"{number:>3}  "
    severity = Text.assemble(head, (f"{group.severity:<{severity_width}}", STYLES.get(group.severity, "")))
    margin = " " * (len(severity) + 2)
    if width - len(margin) < _LEAST_WIDTH:
        yield severity
        margin = " " * len(head)
    else:
        severity = severity.append("  ")
    inner = width - len(margin)
    lines = [
        *((line, "bold") for line in wrapped(one_line(f"{group.actions} on {group.resources}"), inner)),
        *((line, "") for line in wrapped(one_line(group.claim), inner)),
        *((line, _DIM) for line in wrapped(one_line(_holders(group, noun)), inner)),
    ]
    for place, (line, style) in enumerate(lines):
        beside = place == 0 and len(severity) == len(margin)
        yield Text.assemble(severity if beside else margin, (line, style))


def _holders(group: Group, noun: str) -> str:
    """Who holds it, what the verdict rests on, where it stands, and the id that `explain` takes."""
    names = listed(group.functions)
    count = len(group.functions)
    places = listed(f"{place.path}:{place.line}" for place in group.places)
    parts = [
        names if count == 1 else f"{counted(count, noun)}: {names}",
        group.evidence,
        places,
        group.ids[0] if group.ids else "",
    ]
    return " · ".join(part for part in parts if part)


def _grants(rows: Iterable[Row], width: int) -> Iterator[Text]:
    """The grants of a bundle."""
    for row in rows:
        text = f"- {row.actions} on {row.resources}: {row.claim} ({row.severity}) {' '.join(row.ids)}"
        yield from _paragraph(text, width, "     ", "       ", _DIM)


def _next_steps(shown: Shown, found: Sequence[Findings], width: int) -> Iterator[Text]:
    """What to do now: a command or a file, and what it tells."""
    ids = [id_ for findings in found for group in findings.groups for id_ in group.ids]
    steps = []
    if ids and shown.explain:
        steps.append((shown.explain(ids[0]), "the whole story of the first"))
    left_out = shown.groups is not None and sum(len(findings.groups) for findings in found) > shown.groups
    if shown.show_all and left_out:
        steps.append((shown.show_all, "all findings"))
    if shown.html:
        steps.append((shown.html, "all of it, to search and filter"))
    if steps:
        yield from _heading("Next", width)
    column = max((cell_len(one_line(step)) for step, _ in steps), default=0)
    aligned = all(column + 4 + len(why) <= width for _, why in steps)
    for step, why in steps:
        text = one_line(step)
        if cell_len(text) + 4 + len(why) <= width:
            gap = " " * (column - cell_len(text)) if aligned else ""
            yield Text.assemble(f"  {text}{gap}  ", (why, _DIM))
        else:
            yield from _paragraph(text, width, "  ", "    ")
            yield from _paragraph(why, width, "    ", "    ", _DIM)
