"""Which permissions a role holds twice, and which of the two grants could go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from scanner.iam.patterns import contains, is_pattern, overlaps
from scanner.iam.variables import names_of
from scanner.model import Grant, GrantKey, Verdict, is_managed_by_aws
from scanner.usage.of_role import UsedPermission
from scanner.verdict.assessment import Assessment, Redundancy
from scanner.verdict.grants import possible_resource

_IN_USE = (Verdict.BROAD, Verdict.USED, Verdict.PLATFORM)
# For each use of a grant the other grants that allow it, as places in the list of assessments.
_Others = Sequence[Sequence[int]]


def redundancies(assessments: Sequence[Assessment]) -> Mapping[GrantKey, Redundancy]:
    """The grants whose every use is allowed by other grants.

    Of two grants the one that is surely too wide could go; else the one that the other, if it is not too
    wide, contains; of two that say the same, the later, though rather a role's own than one in a policy of
    AWS. As nobody can edit that, it goes as a whole only.
    """
    shared = _shared(assessments)
    gone: set[int] = set()
    for place in _in_order(assessments, shared):
        others = [[other for other in others if other not in gone] for others in shared[place]]
        if all(others) and _could_go(assessments, place, others):
            gone.add(place)
    gone -= _inseparable(assessments, gone)
    return {
        assessments[place].grant.key: Redundancy(_grants_of(assessments, others), place in gone)
        for place, others in shared.items()
    }


def _could_go(assessments: Sequence[Assessment], place: int, others: _Others) -> bool:
    """Whether the role needs a grant for nothing that was seen, given the others."""
    assessment = assessments[place]
    grant = assessment.grant
    if (
        assessment.verdict is Verdict.BROAD
        and not assessment.reasons
        and not assessment.may_need
        and all(any(not _is_wider(assessments[o].grant, grant) for o in of_use) for of_use in others)
    ):
        return True
    return any(
        # a grant that is too wide makes none redundant: it is cut, or should be
        assessments[other].verdict is not Verdict.BROAD and _contains(assessments[other].grant, grant)
        for other in set(others[0])
    )


def _shared(assessments: Sequence[Assessment]) -> dict[int, _Others]:
    """The grants of which others surely allow every use: these others, for each use."""
    allowing: dict[UsedPermission, list[int]] = {}
    for place, assessment in enumerate(assessments):
        if assessment.verdict in _IN_USE:
            for use in assessment.used_for:
                allowing.setdefault(use, []).append(place)
    shared: dict[int, _Others] = {}
    for place, assessment in enumerate(assessments):
        if assessment.verdict not in _IN_USE or not assessment.used_for:
            continue
        if any(len(allowing[use]) < 2 for use in assessment.used_for):
            continue  # most grants
        others = [
            [
                other
                for other in allowing[use]
                if other != place
                and _is_as_sure(assessments[other].grant, assessment.grant)
                and _allows_all_of(assessments[other].grant, use)
            ]
            for use in assessment.used_for
        ]
        if all(others):
            shared[place] = others
    return shared


def _allows_all_of(grant: Grant, use: UsedPermission) -> bool:
    """Whether a grant allows all of what was used: a pattern, or what knows no resources, to the last."""
    if use.exact and not is_pattern(use.resource):
        return True  # a single resource that the grant overlaps
    resource = possible_resource(use)
    excepted = any(overlaps(pattern, resource) for pattern in grant.except_resources)
    return contains(grant.pattern, resource) and not excepted


def _inseparable(assessments: Sequence[Assessment], gone: set[int]) -> set[int]:
    """The grants of AWS's policies that hold something else in use."""
    needed = {
        assessment.grant.policy.key
        for place, assessment in enumerate(assessments)
        if place not in gone and assessment.verdict in (*_IN_USE, Verdict.UNOBSERVABLE)
    }
    policies = ((place, assessments[place].grant.policy) for place in gone)
    return {place for place, policy in policies if is_managed_by_aws(policy) and policy.key in needed}


def _in_order(assessments: Sequence[Assessment], places: Iterable[int]) -> list[int]:
    """The places of grants, in the order in which they could go.

    Of two that say the same, the one without a Sid, or whose policy and Sid come later: statements move.
    """

    def name(place: int) -> tuple[str, bool, str, int]:
        policy, statement = assessments[place].grant.policy, assessments[place].grant.statement
        return policy.key, statement.sid is None, statement.sid or "", place

    def order(place: int) -> tuple[bool, bool]:
        assessment = assessments[place]
        return assessment.verdict is not Verdict.BROAD, is_managed_by_aws(assessment.grant.policy)

    return sorted(sorted(places, key=name, reverse=True), key=order)


def _is_wider(other: Grant, grant: Grant) -> bool:
    return _contains(other, grant) and not _contains(grant, other)


def _contains(other: Grant, grant: Grant) -> bool:
    """Whether a grant allows all that another one does, under no narrower a condition."""
    return (
        _is_as_sure(other, grant)
        and contains(other.action.lower(), grant.action.lower())
        and contains(other.pattern, grant.pattern)
        and _excepts_no_more(other, grant)
    )


def _is_as_sure(other: Grant, grant: Grant) -> bool:
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


def _grants_of(assessments: Sequence[Assessment], others: _Others) -> tuple[Grant, ...]:
    """The other grants that allow a use of a grant, in their order."""
    places = sorted({other for of_use in others for other in of_use})
    return tuple(assessments[place].grant for place in places)
