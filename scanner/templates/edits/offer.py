"""The edits of a checkout's templates that take findings away. Pure.

An edit is offered where all of this holds, whatever framework and syntax the text is of: every role that
shares the text agrees; the text parses as before without just what goes; the templates declare the same roles
without just that; and the evaluator has nothing against it. Else the finding says why there is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.model import Fix
from scanner.templates.edits.agreement import disagreements
from scanner.templates.edits.compose import composed
from scanner.templates.edits.deployed_role import DeployedRole
from scanner.templates.edits.file_edits import FileEdits, Files, Removal
from scanner.templates.edits.swap import Swap
from scanner.templates.edits.swaps import swaps_of
from scanner.templates.edits.votes import Votes, votes_of
from scanner.templates.places import Templates
from scanner.templates.written import Leaf


class Offer(NamedTuple):
    """Edits, and by the id of a finding why there is none for it."""

    fixes: tuple[Fix, ...] = ()
    notes: Mapping[str, str] = {}


def offer(templates: Templates, files: Files, deployed: Sequence[DeployedRole]) -> Offer:
    """The edits for the findings of deployed roles."""
    voted = [(role, votes_of(role)) for role in deployed]
    notes = {id_: note for _, votes in voted for id_, note in votes.notes.items()}
    removals = list(_removals(voted))
    leaves = {leaf for removal in removals for leaf in removal.leaves}
    blocked = disagreements(leaves, templates.roles, voted)
    removals = _unblocked(removals, blocked, notes)
    while blocked := composed({leaf for r in removals for leaf in r.leaves}, templates.roles).blocked:
        removals = _unblocked(removals, blocked, notes)
    fixes: list[Fix] = []
    for path, its in sorted(_by_path(removals).items()):
        found, why_not = FileEdits(path, files, templates.roles).fixes(its)
        fixes += found
        notes |= why_not
    fixes += _swaps(templates, files, deployed)
    fixed = {id_ for fix in fixes for id_ in fix.findings}
    return Offer(tuple(fixes), {id_: note for id_, note in notes.items() if id_ not in fixed})


def _swaps(templates: Templates, files: Files, deployed: Sequence[DeployedRole]) -> Iterable[Fix]:
    """The edits that need a look: on each, all roles that share the text agree, too."""
    proposed: dict[Leaf, list[Swap]] = defaultdict(list)
    voted = []
    for role in deployed:
        swaps = list(swaps_of(role))
        leaves = {id_: frozenset({swap.leaf}) for swap in swaps for id_ in swap.findings}
        holders = {id_: swap.holder for swap in swaps for id_ in swap.findings}
        voted.append((role, Votes(leaves, holders=holders)))
        for swap in swaps:
            proposed[swap.leaf].append(swap)
    if not proposed:
        return
    blocked = disagreements(proposed, templates.roles, voted)
    for leaf, its in sorted(proposed.items()):
        values = tuple(dict.fromkeys(value for swap in its for value in swap.values))
        ids = frozenset(id_ for swap in its for id_ in swap.findings)
        if leaf not in blocked and (len(its) == 1 or its[0].values == values):
            swap = Swap(leaf, values, ids, its[0].why, its[0].holder)
            fix = FileEdits(leaf.path, files, templates.roles).swap(swap)
            if fix:
                yield fix


def _removals(voted: Iterable[tuple[DeployedRole, Votes]]) -> Iterable[Removal]:
    for role, votes in voted:
        for finding in role.findings:
            if finding.id in votes.leaves:
                yield Removal(finding, votes.leaves[finding.id], votes.policies[finding.id])


def _unblocked(
    removals: Sequence[Removal], blocked: Mapping[Leaf, str], notes: dict[str, str]
) -> list[Removal]:
    """The removals of which nothing is blocked; those of others are noted."""
    kept = []
    for removal in removals:
        why = next((blocked[leaf] for leaf in sorted(removal.leaves) if leaf in blocked), "")
        if why:
            notes[removal.finding.id] = why
        else:
            kept.append(removal)
    return kept


def _by_path(removals: Iterable[Removal]) -> dict[str, list[Removal]]:
    by_path: dict[str, list[Removal]] = {}
    for removal in removals:
        by_path.setdefault(next(iter(removal.leaves)).path, []).append(removal)
    return by_path
