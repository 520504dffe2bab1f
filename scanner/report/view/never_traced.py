"""The workloads that no trace shows, in a line. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scanner.report.view.values import NeverTraced
from scanner.report.view.viewed import ViewedReport, is_never_traced
from scanner.text.escape import counted
from scanner.verdict.rights import WORST_FIRST

# What is said where only some traces were read: of no workload is it known that it was never traced.
_ONLY_SOME: Mapping[str, str] = {
    "filter": "a filter chose the traces",
    "trace-ids": "only the traces of given ids were read",
}
HOLDING = {
    "administrator": "administrator's rights",
    "privilege-escalation": "rights that escalate privileges",
}


def never_traced(viewed: ViewedReport) -> NeverTraced:
    """The workloads that were asked for, and that no trace shows."""
    report = viewed.report
    why_not = report.scan.why_not_listed
    if not report.scan.compared or why_not in _ONLY_SOME:
        why = _ONLY_SOME.get(why_not or "", "")
        return NeverTraced(text=f"What was never traced is not told: {why}" if why else "", why_unknown=why)
    unseen = [workload for workload in report.workloads if is_never_traced(workload)]
    dangerous = sorted(
        ((viewed.name(workload.id), workload.rights) for workload in unseen if workload.rights),
        key=lambda danger: WORST_FIRST.index(danger[1]),
    )
    return NeverTraced(
        names=tuple(viewed.name(workload.id) for workload in unseen),
        listed=report.scan.listed,
        dangerous=tuple(dangerous),
        text=_text(
            _share(len(unseen), report.scan.listed, viewed.noun),
            len(unseen),
            Counter(rights for _, rights in dangerous),
        ),
    )


def _share(unseen: int, listed: int | None, noun: str) -> str:
    return counted(unseen, noun) if listed is None else f"{unseen:,} of {counted(listed, noun)}"


def _text(share: str, unseen: int, rights: Mapping[str, int]) -> str:
    """How many there are, and how many of them are dangerous: "2 of 5 functions were never traced: ..."."""
    if not unseen:
        return ""
    said = f"{share} {'was' if unseen == 1 else 'were'} never traced"
    holding = " and ".join(
        f"{rights[kind]:,} with {HOLDING[kind]}" for kind in WORST_FIRST if rights.get(kind)
    )
    return f"{said}: {holding}" if holding else said
