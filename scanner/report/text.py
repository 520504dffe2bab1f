"""The summary on the terminal: tables where it is one, plain lines otherwise."""

from __future__ import annotations

from typing import IO

from scanner.report.view import Row, View
from scanner.text.escape import counted, one_line


def print_text(view: View, out: IO[str], *, verbose: bool = False) -> None:
    """Print the summary."""
    if out.isatty():
        _print_tables(view, out, verbose)
    else:
        out.write("\n".join(one_line(line) for line in _lines(view, verbose)) + "\n")


def _lines(view: View, verbose: bool) -> list[str]:
    lines = [view.headline, view.facts]
    for title, rows in _sections(view, verbose):
        lines += ["", f"{title}:", *(f"  {_sentence(row, verbose)}" for row in rows)]
    return lines + _rest(view, verbose)


def _rest(view: View, verbose: bool) -> list[str]:
    """What follows the findings: the reasons, each said once, and what else was seen."""
    lines = []
    if view.reasons:
        lines += ["", "Not confirmed, because:"]
        lines += [f"  {code}: {meaning}. To remove it: {remedy}" for code, meaning, remedy in view.reasons]
    return lines + _facts_aside(view, verbose)


def _facts_aside(view: View, verbose: bool) -> list[str]:
    lines = []
    if verbose or not (view.confirmed or view.unconfirmed):
        lines += ["", "Workloads:"] if view.workloads else []
        for name, traces, calls, used, invocations in view.workloads:
            ran = "" if invocations is None else f" of {counted(invocations, 'invocation')}"
            seen = f"{counted(traces, 'trace')}{ran}, {counted(calls, 'call')}"
            lines.append(f"  {name}: {seen}, {counted(used, 'permission')} used")
    if verbose and view.dangers:
        lines += ["", "What an attacker would gain:", *(f"  {action}: {why}" for action, why in view.dangers)]
    if view.denied:
        lines += ["", "Refused by AWS:"]
        lines += [
            f"  {who}: {action} on {resource} ({count}): {meaning}"
            for who, action, resource, count, meaning in view.denied
        ]
    if view.elsewhere:
        lines += ["", "Allowed elsewhere (AWS did it, though the role's policies do not allow it):"]
        lines += [
            f"  {who}: {action} on {resource} ({count}{', and a policy even denies it' if denied else ''})"
            for who, action, resource, count, denied in view.elsewhere
        ]
    if view.twice:
        lines += ["", "Granted twice, and could go:"]
        lines += [
            f"  {who}: {actions} on {resources}, of {here}: all that was seen of it is also allowed by {also}"
            for who, actions, resources, here, also in view.twice
        ]
    if view.accepted_facts:
        lines += ["", "Accepted by the team:", *(f"  {line}" for line in view.accepted_facts)]
    if view.unmapped:
        lines += ["", "Could not be mapped to permissions:"]
        lines += [
            f"  {service or '?'} {operation or '?'} ({count}): {reason}"
            for service, operation, reason, count in view.unmapped
        ]
    if view.warnings:
        lines += ["", "Warnings:"]
        lines += [f"  {warning}" for warning in view.warnings]
    return lines


def _sections(view: View, verbose: bool) -> list[tuple[str, list[Row]]]:
    sections = [
        ("Not allowed by the gate, though no excess", list(view.others)),
        ("Confirmed", list(view.confirmed)),
        ("Not confirmed", list(view.unconfirmed)),
    ]
    if verbose:
        sections.append(("Traces cannot show", list(view.unobservable)))
        sections.append(("Always denied", list(view.ineffective)))
        sections.append(("Accepted", list(view.accepted)))
    return [(title, rows) for title, rows in sections if rows]


def _sentence(row: Row, verbose: bool) -> str:
    """A finding in a line; verbose with its id, which `explain` takes."""
    said = f"{row.who}: {row.actions} on {row.resources}: {row.claim} [{row.severity}; {row.evidence}]"
    return f"{said} {row.finding.id}" if verbose else said


def _print_tables(view: View, out: IO[str], verbose: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    console.print(Text(one_line(view.headline), style="bold"))
    console.print(Text(one_line(view.facts)))
    for title, rows in _sections(view, verbose):
        table = Table(title=title, title_justify="left")
        headings = ("Function", "Granted", "On", "Seen", "Severity", "Evidence")
        for heading in (*headings, "Id") if verbose else headings:
            table.add_column(heading, overflow="fold")
        for row in rows:
            cells = (row.who, row.actions, row.resources, row.claim, row.severity, row.evidence)
            shown = (*cells, row.finding.id) if verbose else cells
            table.add_row(*(Text(one_line(cell)) for cell in shown))
        console.print(table)
    for line in _rest(view, verbose):
        console.print(Text(one_line(line)), soft_wrap=True)
