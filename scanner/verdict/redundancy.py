"""Which permissions a role holds twice, and which of the two grants could go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.iam import arns
from scanner.iam.patterns import contains, is_pattern, overlaps
from scanner.iam.variables import names_of
from scanner.model import Grant, Verdict, is_managed_by_aws
from scanner.usage.of_role import UsedPermission
from scanner.verdict.assess import Judgement

_IN_USE = (Verdict.BROAD, Verdict.USED, Verdict.PLATFORM)


class Redundancy(NamedTuple):
    """All that a grant was used for is allowed by others, too: `also` are these, in their order.

    `redundant` tells that the role needs this grant for nothing that was seen, once the others stay.
    """

    also: tuple[Grant, ...]
    redundant: bool


def redundancies(judgements: Sequence[Judgement], confirmed: Sequence[bool]) -> Mapping[int, Redundancy]:
    """The grants of which every use is allowed by other grants, by their place in `judgements`.

    `confirmed` tells of each whether the evidence carries its verdict. Of two grants the one that is surely
    too wide could go; else the one that the other, if it is not too wide, contains; of two that say the same,
    the later, though rather a role's own than one in a policy of AWS. As nobody can edit that, it goes as a
    whole only.
    """
    shared = _shared(judgements)
    gone: set[int] = set()
    for at in sorted(shared, key=lambda at: _order(judgements[at], at)):
        judgement = judgements[at]
        others = [[o for o in place if o not in gone] for place in shared[at]]
        if all(others) and (
            (
                judgement.verdict is Verdict.BROAD
                and confirmed[at]
                and not judgement.alternatives
                and all(
                    any(not _is_wider(judgements[o].grant, judgement.grant) for o in place)
                    for place in others
                )
            )
            or any(
                # one that is too wide makes nothing needless: it is cut, or should be
                judgements[o].verdict is not Verdict.BROAD
                and _makes_needless(judgements[o].grant, judgement.grant)
                for o in set(others[0])
            )
        ):
            gone.add(at)
    gone -= _inseparable(judgements, gone)
    return {at: Redundancy(_also(judgements, places), at in gone) for at, places in shared.items()}


def _shared(judgements: Sequence[Judgement]) -> dict[int, list[list[int]]]:
    """The grants of which others surely allow every use: these others, for each use."""
    servers: dict[UsedPermission, list[int]] = {}
    for at, judgement in enumerate(judgements):
        if judgement.verdict in _IN_USE:
            for touched in judgement.touched:
                servers.setdefault(touched, []).append(at)
    found = {}
    for at, judgement in enumerate(judgements):
        if judgement.verdict not in _IN_USE or not judgement.touched:
            continue
        if any(len(servers[touched]) < 2 for touched in judgement.touched):
            continue  # most grants
        places = [
            [
                o
                for o in servers[t]
                if o != at
                and _is_sure(judgements[o].grant, judgement.grant)
                and _holds(judgements[o].grant, t)
            ]
            for t in judgement.touched
        ]
        if all(places):
            found[at] = places
    return found


def _holds(grant: Grant, touched: UsedPermission) -> bool:
    """Whether a grant allows all of what was touched: a pattern, or what knows no resources, to the last."""
    if touched.exact and not is_pattern(touched.resource):
        return True  # a single resource that is reached
    resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
    excepted = any(overlaps(pattern, resource) for pattern in grant.except_resources)
    return contains(grant.pattern, resource) and not excepted


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
    return (
        _is_sure(other, grant)
        and contains(other.action.lower(), grant.action.lower())
        and contains(other.pattern, grant.pattern)
        and _excepts_no_more(other, grant)
    )


def _is_sure(other: Grant, grant: Grant) -> bool:
    """Whether nothing is open in what another grant allows that is not as open in this one.

    A condition may not have held for a use, and a policy variable may stand for another resource.
    """
    condition = other.statement.condition
    if condition is not None and (condition, other.statement.variables) != (
        grant.statement.condition,
        grant.statement.variables,
    ):
        return False
    return not _has_unknown_variable(other) or (
        other.resource == grant.resource
        and other.statement.variables == grant.statement.variables
        and (not other.statement.not_resources or other.statement.resources == grant.statement.resources)
    )


def _has_unknown_variable(grant: Grant) -> bool:
    statement = grant.statement
    if statement.not_resources:
        return any(names_of(resource, statement.variables) for resource in statement.resources)
    # one that the role settles leaves no wildcard in its place
    return is_pattern(grant.pattern) and bool(names_of(grant.resource, statement.variables))


def _excepts_no_more(other: Grant, grant: Grant) -> bool:
    exceptions = (other.except_actions, other.except_resources)
    return exceptions in (((), ()), (grant.except_actions, grant.except_resources))


def _also(judgements: Sequence[Judgement], places: Iterable[Iterable[int]]) -> tuple[Grant, ...]:
    """The other grants that serve a use of a grant, in their order."""
    others = sorted({other for place in places for other in place})
    return tuple(judgements[other].grant for other in others)
