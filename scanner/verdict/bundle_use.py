"""What was used of the bundles of a role, and which smaller one fits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.fit import fits
from scanner.iam.patterns import contains, is_pattern
from scanner.model import EXCESS, BundleUse, Grant, GrantKey, Policy, Verdict
from scanner.model.policies import is_managed_by_aws
from scanner.usage.of_role import RoleUsage
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.bundle_table import AWS, Bundle, bundles
from scanner.verdict.bundles import GrantedBundle, bundles_of, smaller_bundles
from scanner.verdict.grants import matches_action, named_actions, overlaps_resource


class _Need(NamedTuple):
    """An action (lower case) that is needed on one of these resources: the used one, or the granted one."""

    action: str
    resources: tuple[str, ...]


class _Pair(NamedTuple):
    """An action (lower case) that is granted on a resource pattern."""

    action: str
    resource: str


def bundle_uses(assessed: AssessedRole) -> dict[GrantKey, BundleUse]:
    """What was used of the bundle that each grant belongs to. Grants of none are left out."""
    by_policy: dict[str, list[Assessment]] = {}
    for assessment in assessed.assessments:
        by_policy.setdefault(assessment.grant.policy.key, []).append(assessment)
    uses: dict[GrantKey, BundleUse] = {}
    for policy in assessed.role.policies:
        assessments = by_policy.get(policy.key, [])
        if is_managed_by_aws(policy):
            use = _use_of_aws(policy, assessed, assessments)
            uses.update((assessment.grant.key, use) for assessment in assessments)
            continue
        for granted in bundles_of(policy):
            its = [assessment for assessment in assessments if _belongs_to(assessment.grant, granted)]
            use = _use(granted, its, _of_several(its, assessed.context.usage))
            uses.update((assessment.grant.key, use) for assessment in its)
    return uses


def _belongs_to(grant: Grant, granted: GrantedBundle) -> bool:
    index = grant.statement.index
    return grant.resource in granted.resources.get(index, ()) or _comes_with(grant, granted)


def _comes_with(grant: Grant, granted: GrantedBundle) -> bool:
    return grant.resource in granted.companions.get(grant.statement.index, ())


def _use_of_aws(policy: Policy, assessed: AssessedRole, assessments: Sequence[Assessment]) -> BundleUse:
    """A managed policy of AWS's own: a smaller one, or what was used of it, is to be put in its place."""
    seen, attached = _seen(assessments), {other.name for other in assessed.role.policies}
    candidates = _smaller_of_aws(assessments, seen) if seen else ()
    smaller = next((name for name in candidates if name not in attached), None)
    return BundleUse(AWS, policy.name, arns.ALL, fits=False, used=_spelled(seen), smaller=smaller)


def _smaller_of_aws(assessments: Sequence[Assessment], seen: set[_Need]) -> Iterator[str]:
    """The managed policies for execution roles that surely allow all that a larger one is needed for."""
    smaller = [(name, pairs) for name, pairs in _policies_of_aws() if _covers(pairs, seen)]
    granted = _expanded(frozenset(a.grant.action.lower() for a in assessments if _is_everywhere(a.grant)))
    smaller = [(name, pairs) for name, pairs in smaller if {pair.action for pair in pairs} < granted]
    if smaller:
        may_need = {need for assessment in assessments for need in _may_need(assessment)}
        yield from (name for name, pairs in smaller if _covers(pairs, may_need))


def _is_everywhere(grant: Grant) -> bool:
    """Whether a grant allows its action on everything, whatever the circumstances."""
    statement = grant.statement
    return grant.resource == arns.ALL and not statement.not_actions and statement.condition is None


@cache
def _policies_of_aws() -> list[tuple[str, frozenset[_Pair]]]:
    """The managed policies of the table, the smallest first."""
    policies = [
        (bundle.name, _pairs(tuple((part.actions, part.shapes[0]) for part in bundle.parts)))
        for bundle in bundles()
        if bundle.framework == AWS
    ]
    return sorted(policies, key=lambda item: len(item[1]))


@lru_cache(maxsize=1 << 6)
def _expanded(actions: frozenset[str]) -> frozenset[str]:
    return frozenset(action for pattern in actions for action in catalog.expand(pattern))


def _use(
    granted: GrantedBundle, assessments: Sequence[Assessment], of_several: frozenset[_Need]
) -> BundleUse:
    """What was used of a bundle, and which smaller one covers it.

    `of_several` are needs of calls that surely had one of them: which, nobody knows.
    """
    seen = _seen(assessments)
    needed = seen | of_several
    may_need = {
        need
        for assessment in assessments
        if not _comes_with(assessment.grant, granted)  # it is needed for the others alone
        for need in _may_need(assessment)
    }
    smaller = [(bundle, pairs) for bundle, pairs in _smaller(granted) if _covers(pairs, needed)]
    surely = [(bundle, pairs) for bundle, pairs in smaller if _covers(pairs, may_need)]
    best, pairs = next(iter(surely or smaller), (None, frozenset[_Pair]()))
    if not needed or best is None:
        fits = bool(needed) and not _grants_service(granted.bundle)
        return BundleUse(granted.framework, granted.name, granted.target, fits=fits, used=_spelled(seen))
    left_out = {need for need in may_need if not _covers(pairs, {need})}
    return BundleUse(
        granted.framework,
        granted.name,
        granted.target,
        fits=False,
        used=_spelled(seen),
        smaller=best.name,
        unless=_spelled(left_out),
    )


def _grants_service(bundle: Bundle) -> bool:
    """Whether a bundle grants a whole service, which fits nobody."""
    return any(action.endswith(":*") for action in bundle.actions)


# --- what is needed ------------------------------------------------------------------------------


def _seen(assessments: Iterable[Assessment]) -> set[_Need]:
    """What was seen of grants."""
    return {
        _Need(
            use.action, (use.resource, assessment.grant.pattern) if use.exact else (assessment.grant.pattern,)
        )
        for assessment in assessments
        for use in assessment.used_for
    }


def _of_several(assessments: Iterable[Assessment], usage: RoleUsage) -> frozenset[_Need]:
    """What calls needed of grants that surely needed one of several actions, as TransactWriteItems does."""
    return frozenset(
        _Need(use.action, (assessment.grant.pattern,))
        for assessment in assessments
        if assessment.verdict is not Verdict.INEFFECTIVE
        for use in usage.one_of
        if matches_action(assessment.grant, use.action) and overlaps_resource(assessment.grant, use)
    )


def _may_need(assessment: Assessment) -> set[_Need]:
    """What a suggestion keeps of a grant: all if it is in doubt, else what was or may have been needed."""
    grant = assessment.grant
    if assessment.verdict is Verdict.INEFFECTIVE:
        return set()
    actions = _working(named_actions(grant), grant.pattern, is_pattern(grant.action))
    is_doubtful = assessment.reasons or assessment.accepted.rule is not None
    if assessment.verdict in EXCESS and not is_doubtful:
        actions = frozenset(use.action for use in (*assessment.used_for, *assessment.may_need))
    seen = {need.action: need for need in _seen([assessment])}
    return {seen.get(action) or _Need(action, (grant.pattern,)) for action in actions}


def _spelled(needs: Iterable[_Need]) -> tuple[str, ...]:
    return tuple(map(catalog.spelled, sorted({need.action for need in needs})))


# --- which bundle covers it ----------------------------------------------------------------------


def _smaller(granted: GrantedBundle) -> list[tuple[Bundle, frozenset[_Pair]]]:
    """The bundles that grant a true part of a bundle, the smallest first."""
    bundle = granted.bundle
    own = [
        (part.actions, shape) for part, shape in zip(bundle.parts, granted.resources.values(), strict=True)
    ]
    all_pairs = _pairs(tuple(own + _with_keys(bundle, granted)))
    smaller: dict[str, tuple[Bundle, frozenset[_Pair]]] = {}
    for other in smaller_bundles(granted):
        statements = [(part.actions, resources) for part, resources in other.parts]
        pairs = _pairs(tuple(statements + _with_keys(other.bundle, granted)))
        if _is_part(pairs, all_pairs):
            smaller.setdefault(other.bundle.name, (other.bundle, pairs))
    return sorted(smaller.values(), key=lambda item: len(item[1]))


def _with_keys(bundle: Bundle, granted: GrantedBundle) -> list[tuple[frozenset[str], tuple[str, ...]]]:
    """The statements that come with a bundle, on the key that one was granted with."""
    return [(part.actions, keys) for part in bundle.companions for keys in granted.companions.values()]


def _is_part(pairs: frozenset[_Pair], whole: frozenset[_Pair]) -> bool:
    """Whether pairs grant some of the actions of others and no more, on what belongs to the same resource.

    Templates spread their actions over a bucket and its objects, or a table and its indexes, as they please.
    """
    actions = {pair.action for pair in pairs}
    everywhere = {pair.action for pair in pairs if pair.resource == arns.ALL}
    return actions < {pair.action for pair in whole} and everywhere <= {
        pair.action for pair in whole if pair.resource == arns.ALL
    }


def _covers(pairs: Iterable[_Pair], needs: Iterable[_Need]) -> bool:
    """Whether pairs allow all that is needed."""
    pairs = tuple(pairs)
    return all(any(_is_granted(_Pair(need.action, r), pairs) for r in need.resources) for need in needs)


def _is_granted(pair: _Pair, pairs: Iterable[_Pair]) -> bool:
    return any(pair.action == other.action and contains(other.resource, pair.resource) for other in pairs)


@lru_cache(maxsize=1 << 10)
def _pairs(statements: tuple[tuple[frozenset[str], tuple[str, ...]], ...]) -> frozenset[_Pair]:
    """The pairs that statements grant."""
    return frozenset(
        _Pair(action, resource)
        for patterns, resources in statements
        for pattern in patterns
        for resource in resources
        for action in catalog.expand(pattern)
    )


def _working(actions: frozenset[str], resource: str, of_a_wildcard: bool) -> frozenset[str]:
    """Those of the actions that may work on a resource.

    One that knows no resources does so where it is named, to be careful; a wildcard names none.
    """
    by_fit = fits(actions, resource)
    may_work = by_fit.works | by_fit.unknown
    return may_work if of_a_wildcard else may_work | by_fit.account_wide
