"""The summary on the terminal: tables where it is one, plain lines otherwise."""

from __future__ import annotations

from collections.abc import Sequence
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
        lines += ["", f"{title}:"]
        for row in rows:
            lines.append(f"  {_sentence(row, verbose)}")
            lines += [f"    {_grant(grant, verbose)}" for grant in row.below]
    return lines + _rest(view, verbose)


def _rest(view: View, verbose: bool) -> list[str]:
    """What follows the findings: the reasons, once each, and what else was seen."""
    reasons = [f"{reason.code}: {reason.meaning}. To remove it: {reason.remedy}" for reason in view.reasons]
    dangers = [f"{danger.action}: {danger.gain}" for danger in view.dangers] if verbose else []
    workloads = _workloads(view) if verbose or not (view.confirmed or view.unconfirmed) else []
    return [
        *_section("Not confirmed, because", reasons),
        *_section("Granted without effect", _ineffective(view) if verbose else []),
        *_section("Workloads", workloads),
        *_section("What an attacker would gain", dangers),
        *_section("Denied by AWS", _denied(view)),
        *_section(
            "Allowed elsewhere (AWS did it, though the role's policies do not allow it)",
            _allowed_elsewhere(view),
        ),
        *_section("Redundant grants", _redundant(view)),
        *_section("Accepted by the team", view.accepted_facts),
        *_section("Could not be mapped to permissions", _unmapped(view)),
        *_section("Warnings", view.warnings),
    ]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _workloads(view: View) -> list[str]:
    lines = []
    for workload in view.workloads:
        runs = workload.invocations
        total = "" if runs is None else f" of {counted(runs, 'invocation')}"
        lines.append(
            f"{workload.name}: {counted(workload.traces, 'trace')}{total}, "
            f"{counted(workload.calls, 'call')}, {counted(workload.permissions, 'permission')} used"
        )
    return lines


def _denied(view: View) -> list[str]:
    return [
        f"{calls.who}: {calls.action} on {calls.resource} ({calls.count}): {calls.meaning}"
        for calls in view.denied
    ]


def _allowed_elsewhere(view: View) -> list[str]:
    return [
        f"{calls.who}: {calls.action} on {calls.resource} "
        f"({calls.count}{', and a policy even denies it' if calls.denied else ''})"
        for calls in view.allowed_elsewhere
    ]


def _redundant(view: View) -> list[str]:
    return [
        f"{grant.who}: {grant.actions} on {grant.resources}, of {grant.place}: "
        f"all that was seen of it is also allowed by {grant.also_granted_by}"
        for grant in view.redundant_grants
    ]


def _ineffective(view: View) -> list[str]:
    return [f"{grants.who}: {grants.count}: {grants.examples}" for grants in view.ineffective]


def _unmapped(view: View) -> list[str]:
    return [
        f"{calls.service or '?'} {calls.operation or '?'} ({calls.count}): {calls.reason}"
        for calls in view.unmapped
    ]


def _sections(view: View, verbose: bool) -> list[tuple[str, list[Row]]]:
    sections = [
        ("Not allowed by the gate, though no excess", list(view.others)),
        ("Confirmed", list(view.confirmed)),
        ("Not confirmed", list(view.unconfirmed)),
    ]
    if verbose:
        sections.append(("Traces cannot show", list(view.unobservable)))
        sections.append(("Accepted", list(view.accepted)))
    return [(title, rows) for title, rows in sections if rows]


def _sentence(row: Row, verbose: bool) -> str:
    """A finding in a line; verbose with its id, which `explain` takes."""
    sentence = f"{row.who}: {row.actions} on {row.resources}: {row.claim} [{row.severity}; {row.evidence}]"
    return f"{sentence} {' '.join(row.ids)}" if verbose else sentence


def _grant(row: Row, verbose: bool) -> str:
    """A grant of a bundle in a line."""
    sentence = f"{row.actions} on {row.resources}: {row.claim} [{row.severity}; {row.evidence}]"
    return f"{sentence} {' '.join(row.ids)}" if verbose else sentence


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
        for row in (shown for whole in rows for shown in (whole, *whole.below)):
            cells = (row.who, row.actions, row.resources, row.claim, row.severity, row.evidence)
            texts = (*cells, " ".join(row.ids)) if verbose else cells
            table.add_row(*(Text(one_line(text)) for text in texts))
        console.print(table)
    for line in _rest(view, verbose):
        console.print(Text(one_line(line)), soft_wrap=True)
