"""Grants of a role and usage of all its workloads -> a verdict on every grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from scanner.confirm import Claim, Reason, ServiceClaim
from scanner.iam import arns, catalog, knowledge
from scanner.iam.patterns import contains, is_pattern, matches, overlaps
from scanner.iam.policies import denials_of, grants_of, pattern_of
from scanner.model import Function, Grant, Role, Statement, Usage, Verdict


class Touched(NamedTuple):
    """A permission that counts as used: of a workload, or of the platform."""

    action: str
    resource: str
    exact: bool
    platform: bool = False


class Judgement(NamedTuple):
    """A verdict on one grant: what of it was used, and what must be confirmed (None: nothing).

    `alternatives` are what else of it a call that was seen may stand on, or what traces cannot show.
    `excess` are the actions (lower case) that make it unused or too wide, for the severity.
    """

    grant: Grant
    verdict: Verdict
    touched: tuple[Touched, ...] = ()
    claim: Claim | None = None
    excess: frozenset[str] = frozenset()
    alternatives: tuple[Touched, ...] = ()


@dataclass(frozen=True)
class RoleUsage:
    """All that the workloads of a role used, by action in lower case.

    `possible` are permissions that a call may have needed, or that were asked for in vain.
    `settings_known` tells whether the configuration of every workload was read.
    """

    required: Mapping[str, tuple[Touched, ...]]
    possible: Mapping[str, tuple[str, ...]]
    alternatives: tuple[Touched, ...]
    settings_known: bool


def usage_of_role(
    usages: Iterable[Usage], users: Iterable[str], functions: Mapping[str, Function]
) -> RoleUsage:
    """The union of what the workloads of a role used and what Lambda needs to run them."""
    required: dict[str, dict[Touched, None]] = {}
    possible: dict[str, dict[str, None]] = {}
    alternatives: dict[Touched, None] = {}
    traced = set()
    for usage in usages:
        if usage.evidence.traces:
            traced.add(usage.workload)
        for permission in usage.used:
            action = permission.action.lower()
            if permission.required:
                touched = Touched(action, permission.resource, permission.exact)
                required.setdefault(action, {})[touched] = None
            else:
                possible.setdefault(action, {})[permission.resource] = None
        for permission in sorted(usage.alternatives):
            alternatives[Touched(permission.action.lower(), permission.resource, permission.exact)] = None
        for permission in usage.wanted:
            possible.setdefault(permission.action.lower(), {})[permission.resource] = None
    settings_known = True
    for arn in users:
        function = functions.get(arn)
        if function is None:
            settings_known = False
            continue
        for action, resource in knowledge.platform_permissions(function, traced=arn in traced):
            touched = Touched(action, resource, exact=True, platform=True)
            required.setdefault(action, {})[touched] = None
    return RoleUsage(
        {action: tuple(found) for action, found in required.items()},
        {action: tuple(found) for action, found in possible.items()},
        tuple(alternatives),
        settings_known,
    )


def judge_role(role: Role, usage: RoleUsage) -> list[Judgement]:
    """A verdict on every grant of a role, in the order of its policies."""
    grants = [grant for policy in role.policies for grant in grants_of(policy)]
    judge = _Judge(grants, denials_of(role.policies), usage)
    return [judge.judge(grant) for grant in grants]


# --- one role ------------------------------------------------------------------------------------


class _Judge:
    def __init__(self, grants: Sequence[Grant], denials: Sequence[Statement], usage: RoleUsage) -> None:
        self._denials = denials
        self._usage = usage
        self._grants = grants
        self._candidates: dict[Touched, int] = {}
        self._required = {action: _by_resource(touched) for action, touched in usage.required.items()}

    def judge(self, grant: Grant) -> Judgement:
        if any(_denies(statement, grant.action.lower(), grant.pattern) for statement in self._denials):
            return Judgement(grant, Verdict.INEFFECTIVE)
        sure: list[Touched] = []
        unsure: list[Touched] = []
        for touched in self._candidates_of(grant):
            if _resource_reaches(grant, touched):
                (sure if self._is_sure(grant, touched) else unsure).append(touched)
        if sure:
            return self._judge_used(grant, tuple(sure), tuple(unsure))
        return self._judge_unused(grant, tuple(unsure))

    def _judge_used(
        self, grant: Grant, touched: tuple[Touched, ...], unsure: tuple[Touched, ...]
    ) -> Judgement:
        rest, unseen = self._unused_actions(grant, touched)
        used = [t for t in touched if not t.platform]
        if not rest and not used:
            return Judgement(grant, Verdict.PLATFORM, touched)
        if rest:
            claim, excess = Claim(self._service_claims(grant, rest, unsure), any_suffices=True), rest
        else:
            wide, doubts = self._width(grant, used, unsure)
            if not wide:
                return Judgement(grant, Verdict.USED, touched)
            excess = frozenset(t.action for t in used)
            services = {_prefix(a): ServiceClaim(clean=not doubts, doubts=doubts) for a in excess}
            claim = Claim(services, any_suffices=True)
        own = unseen | rest | {t.action for t in touched}
        alternatives = (*unsure, *self._alternatives(grant, own))
        return Judgement(grant, Verdict.BROAD, touched, claim, excess, alternatives)

    def _judge_unused(self, grant: Grant, unsure: tuple[Touched, ...]) -> Judgement:
        actions = self._actions(grant)
        observable = frozenset(a for a in actions if not self._is_unobservable(a))
        if actions and not observable:
            return Judgement(grant, Verdict.UNOBSERVABLE)
        if (
            not actions
        ):  # no action that IAM's reference knows can work there: the evidence decides all the same
            observable = _expanded(grant.action, grant.except_actions)
        services = self._service_claims(grant, observable, unsure)
        if len(observable) < len(actions):  # part of the pattern may be in use where no trace shows it
            services = {p: _doubted(part, Reason.MAY_RUN_UNTRACED) for p, part in services.items()}
        return Judgement(grant, Verdict.UNUSED, (), Claim(services, any_suffices=False), observable)

    def _candidates_of(self, grant: Grant) -> Iterator[Touched]:
        """What was used of the actions of a grant, less single resources that are not its own."""
        action, literal = grant.action.lower(), not is_pattern(grant.pattern)
        names: Iterable[str] = (action,)
        if is_pattern(action):
            names = (
                n for n in self._required if matches(action, n) and not _any_matches(grant.except_actions, n)
            )
        for name in names:
            by_resource, patterns = self._required.get(name, ({}, ()))
            if not literal:
                yield from by_resource.values()
            elif grant.pattern in by_resource:
                yield by_resource[grant.pattern]
            yield from patterns

    def _is_sure(self, grant: Grant, touched: Touched) -> bool:
        """Whether the use can only have been of this grant, or certainly of this one too.

        Where a call's resource is unknown or generalised (`bucket/*`), several grants may have served it.
        """
        if touched.platform or (touched.exact and not is_pattern(touched.resource)):
            return True
        resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
        if not grant.except_resources and contains(grant.pattern, resource):
            return True
        if touched not in self._candidates:
            self._candidates[touched] = len(
                {
                    (other.pattern, other.except_resources)
                    for other in self._grants
                    if _allows(other, touched.action) and _resource_reaches(other, touched)
                }
            )
        return self._candidates[touched] == 1

    def _alternatives(self, grant: Grant, unused: frozenset[str]) -> tuple[Touched, ...]:
        """What of a too wide grant may be needed although nothing shows it.

        Permissions that a call may have needed; and, of a pattern that names its service, what Lambda itself
        may need to read an event source, and what init code commonly reads.
        """
        found = dict.fromkeys(
            t for t in self._usage.alternatives if _allows(grant, t.action) and _resource_reaches(grant, t)
        )
        for action in sorted(unused):
            for resource in self._usage.possible.get(action, ()):
                touched = Touched(action, resource, exact=not is_pattern(resource))
                if _resource_reaches(grant, touched):
                    found[touched] = None
        if not grant.except_actions and not is_pattern(_prefix(grant.action)):
            own = (action for action in sorted(unused) if knowledge.is_kept_of_a_wildcard(action))
            found.update(dict.fromkeys(Touched(action, grant.pattern, exact=True) for action in own))
        return tuple(found)

    # --- actions ---

    def _actions(self, grant: Grant) -> frozenset[str]:
        """The actions, in lower case, that a grant allows, less those that are always denied there.

        An action that IAM's reference does not know stands for itself.
        """
        actions = arns.applicable(_expanded(grant.action, grant.except_actions), grant.pattern)
        if not self._denials or not is_pattern(grant.action):
            return actions
        for statement in self._denials:
            actions = _less_denied(actions, statement, grant.pattern)
        return actions

    def _unused_actions(
        self, grant: Grant, touched: tuple[Touched, ...]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The actions of an action pattern that nothing used: observable ones, and the others."""
        if not is_pattern(grant.action):
            return frozenset(), frozenset()
        rest = self._actions(grant) - {t.action for t in touched}
        observable = frozenset(a for a in rest if not self._is_unobservable(a))
        return observable, rest - observable

    def _is_unobservable(self, action: str) -> bool:
        if action in knowledge.platform_actions() and not self._usage.settings_known:
            return True
        untraced = knowledge.untraced(action)
        return untraced is not None and untraced.kind in (knowledge.UNOBSERVABLE, knowledge.PLATFORM)

    def _service_claims(
        self, grant: Grant, actions: Iterable[str], unsure: Iterable[Touched]
    ) -> dict[str, ServiceClaim]:
        """What must be confirmed, by service: the doubts about its actions."""
        unsure_actions = {t.action for t in unsure}
        claims: dict[str, ServiceClaim] = {}
        for action in actions:
            prefix, doubts = _prefix(action), self._doubts(grant, action)
            if action in unsure_actions:
                doubts |= {Reason.RESOURCE_UNKNOWN}
            known = claims.get(prefix)
            if known is None:
                claims[prefix] = ServiceClaim(not doubts, doubts)
            elif doubts - known.doubts or (not doubts and not known.clean):
                claims[prefix] = ServiceClaim(known.clean or not doubts, known.doubts | doubts)
        return claims

    def _doubts(self, grant: Grant, action: str) -> frozenset[Reason]:
        doubts = set()
        untraced = knowledge.untraced(action)
        if untraced is not None and untraced.kind == knowledge.MAY_RUN_UNTRACED:
            doubts.add(Reason.MAY_RUN_UNTRACED)
        for resource in self._usage.possible.get(action, ()):
            if _resource_reaches(grant, Touched(action, resource, exact=not is_pattern(resource))):
                doubts.add(Reason.POSSIBLE)
        return frozenset(doubts)

    # --- resources ---

    def _width(
        self, grant: Grant, used: Sequence[Touched], unsure: Sequence[Touched]
    ) -> tuple[bool, frozenset[Reason]]:
        """Whether a grant's resource is wider than what was touched, and what speaks against saying so."""
        limited = [t for t in used if catalog.knows_resources(t.action)]
        if not limited or not arns.is_wide(grant.resource if grant.statement.variables else grant.pattern):
            return False, frozenset()
        if not grant.except_resources and any(
            t.exact
            and (
                arns.is_fully_used(grant.pattern, t.resource)
                or (grant.pattern != grant.resource and arns.is_a_value_of(grant.resource, t.resource))
            )
            for t in limited
        ):
            return False, frozenset()
        # what Lambda does with an event source is in no trace, though the function did the like itself
        doubts = {Reason.MAY_RUN_UNTRACED} if any(self._is_unobservable(t.action) for t in limited) else set()
        if unsure or not all(t.exact for t in limited):
            doubts.add(Reason.RESOURCE_UNKNOWN)
        if any(Reason.POSSIBLE in self._doubts(grant, t.action) for t in limited):
            doubts.add(Reason.POSSIBLE)
        return True, frozenset(doubts)


def _by_resource(touched: Iterable[Touched]) -> tuple[dict[str, Touched], tuple[Touched, ...]]:
    """What was touched of an action: single resources by name, and patterns and unknown ones."""
    single: dict[str, Touched] = {}
    patterns = []
    for one in touched:
        if one.exact and not one.platform and not is_pattern(one.resource):
            single[one.resource] = one
        else:
            patterns.append(one)
    return single, tuple(patterns)


# --- matching ------------------------------------------------------------------------------------


def _allows(grant: Grant, action: str) -> bool:
    """Whether a grant's action pattern names an action (in lower case)."""
    return matches(grant.action.lower(), action) and not _any_matches(grant.except_actions, action)


def _resource_reaches(grant: Grant, touched: Touched) -> bool:
    """Whether a grant reaches a touched resource, or something that an unknown one may be."""
    if touched.exact and touched.resource == arns.ALL:  # an action that knows no resources
        return arns.grants_account_wide(grant.pattern, _prefix(touched.action))
    resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
    return arns.meet(grant.pattern, resource) and not (
        grant.except_resources and any(contains(pattern, resource) for pattern in grant.except_resources)
    )


@lru_cache(maxsize=1 << 12)
def _expanded(action: str, except_actions: tuple[str, ...]) -> frozenset[str]:
    actions = catalog.expand(action) or frozenset({action.lower()})
    excepted = frozenset[str]().union(*(catalog.expand(pattern) for pattern in except_actions))
    return actions - excepted


def _less_denied(actions: frozenset[str], statement: Statement, pattern: str) -> frozenset[str]:
    """The actions less those that a Deny statement takes away on all of a resource pattern."""
    if not _denies_resource(statement, pattern):
        return actions
    named = _named_actions(statement.actions)
    return actions & named if statement.not_actions else actions - named


@lru_cache(maxsize=1 << 12)
def _named_actions(patterns: tuple[str, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(catalog.expand(pattern) for pattern in patterns))


def _denies(statement: Statement, action: str, resource: str) -> bool:
    """Whether a Deny statement covers an action (pattern) on a resource pattern entirely."""
    patterns = [a.lower() for a in statement.actions]
    if statement.not_actions:
        action_denied = not any(overlaps(p, action) for p in patterns)
    else:
        action_denied = any(contains(p, action) for p in patterns)
    return action_denied and _denies_resource(statement, resource)


def _denies_resource(statement: Statement, resource: str) -> bool:
    resources = [pattern_of(r, statement.variables) for r in statement.resources]
    if statement.not_resources:
        return not any(overlaps(r, resource) for r in resources)
    # a variable in a Deny narrows it to what only the request tells
    plain = [r for r, raw in zip(resources, statement.resources, strict=True) if "${" not in raw]
    return any(contains(r, resource) for r in plain)


def _doubted(part: ServiceClaim, reason: Reason) -> ServiceClaim:
    return ServiceClaim(clean=False, doubts=part.doubts | {reason})


def _any_matches(patterns: Iterable[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _prefix(action: str) -> str:
    return action.partition(":")[0].lower()
