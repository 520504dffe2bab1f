"""How many findings there are of what, what was never traced, what the gate says: a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scanner.report.view import View
from scanner.report.view.never_traced import HOLDING
from scanner.report.view.viewed import listed
from scanner.text.escape import counted

_CONCLUSIONS = {"success": "passed", "neutral": "insufficient evidence", "failure": "failed"}


class Total(NamedTuple):
    """A number of something, and what it is made of."""

    name: str
    number: str
    parts: str


def totals(view: View) -> list[Total]:
    """The lines below the headline."""
    return [*_findings(view), *_since(view), *_never_traced(view), *_gate(view)]


def _findings(view: View) -> Iterable[Total]:
    counts = view.totals
    if counts.confirmed:
        parts = [_counts(counts.by_verdict), _counts(counts.by_severity)]
        yield Total("Confirmed", f"{counts.confirmed:,}", "; ".join(parts))
    if counts.unconfirmed:
        yield Total("Not confirmed", f"{counts.unconfirmed:,}", _counts(counts.unconfirmed_by_severity))
    if view.remainders:
        number = sum(len(group.rows) for group in view.remainders)
        yield Total("Nothing to do", f"{number:,}", "bundles of frameworks, none that fits is smaller")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _since(view: View) -> Iterable[Total]:
    """What changed since the last run, and how many findings there were in the last ones."""
    since = view.since
    if since is None:
        return
    number = f"+{since.number_new:,}" if since.previous else "-"
    yield Total("Since last run", number, since.dated_text)
    if since.trend:
        runs, last = len(since.trend.counts), since.trend.counts[-1]
        yield Total(
            f"Last {runs} runs", f"{last:,}", f"{since.trend.bars} open findings, {since.trend.course}"
        )


def _never_traced(view: View) -> Iterable[Total]:
    never = view.never_traced
    if not never.names:
        if never.why_unknown:
            yield Total("Never traced", "unknown", never.why_unknown)
        return
    total = f"of {counted(never.listed, view.noun)}" if never.listed else ""
    by_rights: dict[str, list[str]] = {}
    for name, rights in never.dangerous:
        by_rights.setdefault(rights, []).append(name)
    dangerous = [
        f"{len(names):,} with {HOLDING[rights]}: {listed(names)}" for rights, names in by_rights.items()
    ]
    parts = "; ".join([part for part in (total, *dangerous) if part])
    yield Total("Never traced", f"{len(never.names):,}", parts or listed(never.names))


def _gate(view: View) -> Iterable[Total]:
    """What the gate says, where anything is asked of it; a gate that had nothing to judge did not pass."""
    gate = view.gate
    if gate is None or not gate.fail_on:
        return
    if not view.totals.functions:
        yield Total("Gate", "not judged", "nothing could be compared")
        return
    verb = "matches" if len(gate.failing) == 1 else "match"
    asked = f"fail-on {' '.join(gate.fail_on)}, at least {gate.at_least}"
    failing = f"{counted(len(gate.failing), 'finding')} {verb} {asked}"
    yield Total("Gate", _CONCLUSIONS[gate.conclusion], failing)
