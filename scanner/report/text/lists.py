"""The lists of findings that the text shows, in their order. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scanner.model import Verdict
from scanner.report.text.shown import Shown
from scanner.report.view import Group, View
from scanner.report.view.groups import groups_of

_LEAST_DOUBTS = 3  # that are shown beside many confirmed findings


class Findings(NamedTuple):
    """A list of findings: its kind, which plain lines begin with, its title, and groups, the worst first."""

    kind: str
    title: str
    groups: Sequence[Group]


def lists(view: View, shown: Shown) -> list[Findings]:
    """The lists that hold anything, all of each."""
    found = [
        Findings("gate", "Fails the gate, though it is no excess", groups_of(view.others)),
        Findings("confirmed", "Confirmed", view.groups),
        Findings("unconfirmed", "Not confirmed", view.doubts),
    ]
    if shown.shows(Verdict.UNOBSERVABLE):
        found.append(Findings("unobservable", "Traces cannot show", groups_of(view.unobservable)))
    if shown.whole:
        found.append(Findings("bundle", "Nothing to do: no smaller bundle fits", view.remainders))
    if shown.in_detail:
        found.append(Findings("accepted", "Accepted", groups_of(view.accepted)))
    return [findings for findings in found if findings.groups]


def worst(found: Sequence[Findings], top: int | None) -> list[Findings]:
    """The lists with the worst `top` groups in all (None: all of them); of doubts always a few."""
    shown: list[Findings] = []
    room = top
    for findings in found:
        least = 0 if room is None or findings.kind == "confirmed" else min(_LEAST_DOUBTS, top or 0)
        count = None if room is None else max(room, least)
        shown.append(findings._replace(groups=findings.groups[:count]))
        room = None if room is None else max(room - len(findings.groups), 0)
    return [findings for findings in shown if findings.groups]
