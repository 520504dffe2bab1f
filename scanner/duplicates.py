"""Which permissions a role holds twice, and which of the two grants could go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.compare import Judgement, Touched
from scanner.iam.patterns import contains
from scanner.model import Grant, Verdict, is_managed_by_aws

_IN_USE = (Verdict.BROAD, Verdict.USED, Verdict.PLATFORM)


class Duplicate(NamedTuple):
    """All that a grant was used for is allowed by others, too: `also` are these, in their order.

    `could_go` tells that the role needs this grant for nothing that was seen, once the others stay.
    """

    also: tuple[Grant, ...]
    could_go: bool


def duplicates(judgements: Sequence[Judgement], surely_excessive: Sequence[bool]) -> Mapping[int, Duplicate]:
    """The grants of which every use is allowed by other grants, by their place in `judgements`.

    `surely_excessive` tells of each whether what was not used of it may be taken away. Of two grants the one
    that is too wide could go; else the one that the other contains; of two that say the same, the later,
    though rather a role's own than one in a policy of AWS. As nobody can edit that, it goes as a whole only.
    """
    servers: dict[Touched, list[int]] = {}
    for at, judgement in enumerate(judgements):
        if judgement.verdict in _IN_USE:
            for touched in judgement.touched:
                servers.setdefault(touched, []).append(at)
    shared = [
        at
        for at, judgement in enumerate(judgements)
        if judgement.verdict in _IN_USE
        and judgement.touched
        and all(len(servers[touched]) > 1 for touched in judgement.touched)
    ]
    gone: set[int] = set()
    for at in sorted(shared, key=lambda at: _order(judgements[at], at)):
        judgement = judgements[at]
        others = [[o for o in servers[touched] if o != at and o not in gone] for touched in judgement.touched]
        if all(others) and (
            (
                judgement.verdict is Verdict.BROAD
                and surely_excessive[at]
                and not judgement.alternatives
                and all(
                    any(not _is_wider(judgements[o].grant, judgement.grant) for o in place)
                    for place in others
                )
            )
            or any(
                # one that is itself cut to what was seen makes nothing needless
                not (judgements[o].verdict is Verdict.BROAD and surely_excessive[o])
                and _makes_needless(judgements[o].grant, judgement.grant)
                for o in set(others[0])
            )
        ):
            gone.add(at)
    gone -= _inseparable(judgements, gone)
    return {at: Duplicate(_also(at, judgements, servers), at in gone) for at in shared}


def _inseparable(judgements: Sequence[Judgement], gone: set[int]) -> set[int]:
    """The grants of AWS's policies of which something else is in use."""
    needed = {
        id(judgement.grant.policy)
        for at, judgement in enumerate(judgements)
        if at not in gone and judgement.verdict in (*_IN_USE, Verdict.UNOBSERVABLE)
    }
    own = ((at, judgements[at].grant.policy) for at in gone)
    return {at for at, policy in own if is_managed_by_aws(policy) and id(policy) in needed}


def _order(judgement: Judgement, at: int) -> tuple[bool, bool, int]:
    return (judgement.verdict is not Verdict.BROAD, is_managed_by_aws(judgement.grant.policy), -at)


def _is_wider(other: Grant, grant: Grant) -> bool:
    return _makes_needless(other, grant) and not _makes_needless(grant, other)


def _makes_needless(other: Grant, grant: Grant) -> bool:
    """Whether a grant allows all that another one does, under no narrower a condition."""
    conditions = (None, grant.statement.condition)
    return (
        other.statement.condition in conditions
        and contains(other.action.lower(), grant.action.lower())
        and contains(other.pattern, grant.pattern)
        and _excepts_no_more(other, grant)
    )


def _excepts_no_more(other: Grant, grant: Grant) -> bool:
    exceptions = (other.except_actions, other.except_resources)
    return exceptions in (((), ()), (grant.except_actions, grant.except_resources))


def _also(
    at: int, judgements: Sequence[Judgement], servers: Mapping[Touched, Iterable[int]]
) -> tuple[Grant, ...]:
    """The other grants that serve a use of a grant."""
    places = sorted({o for touched in judgements[at].touched for o in servers[touched] if o != at})
    return tuple(judgements[place].grant for place in places)
