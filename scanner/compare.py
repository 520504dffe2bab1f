"""Grants of a role and usage of all its workloads -> a verdict on every grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scanner.confirm import Claim, Reason, ServiceClaim
from scanner.iam import catalog, knowledge
from scanner.iam.patterns import contains, is_pattern, matches, overlaps
from scanner.iam.policies import denials_of, grants_of, pattern_of
from scanner.model import Function, Grant, Role, Statement, Usage, Verdict

ALL = "*"


class Touched(NamedTuple):
    """A permission that counts as used: of a workload, or of the platform."""

    action: str
    resource: str
    exact: bool
    platform: bool = False


class Judgement(NamedTuple):
    """A verdict on one grant: what of it was used, and what must be confirmed (None: nothing).

    `alternatives` are what else of it a call that was seen may stand on: one of several actions.
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

    def judge(self, grant: Grant) -> Judgement:
        if self._is_denied(grant.action, grant):
            return Judgement(grant, Verdict.INEFFECTIVE)
        overlapping = [
            t for t in self._required(grant.action) if _reaches(grant, t.action, t.resource, t.exact)
        ]
        touched = tuple(t for t in overlapping if self._is_sure(grant, t))
        if touched:
            return self._judge_used(grant, touched)
        return self._judge_unused(grant, unsure=bool(overlapping))

    def _judge_used(self, grant: Grant, touched: tuple[Touched, ...]) -> Judgement:
        rest = self._unused_actions(grant, touched)
        if rest:
            claim = Claim(self._service_claims(grant, rest), any_suffices=True)
            return Judgement(grant, Verdict.BROAD, touched, claim, rest, self._alternatives(grant))
        used = [t for t in touched if not t.platform]
        if not used:
            return Judgement(grant, Verdict.PLATFORM, touched)
        wide, doubts = self._width(grant, used)
        if wide:
            actions = frozenset(t.action for t in used)
            services = {_prefix(a): ServiceClaim(clean=not doubts, doubts=doubts) for a in actions}
            claim = Claim(services, any_suffices=True)
            return Judgement(grant, Verdict.BROAD, touched, claim, actions, self._alternatives(grant))
        return Judgement(grant, Verdict.USED, touched)

    def _judge_unused(self, grant: Grant, *, unsure: bool) -> Judgement:
        actions = self._actions(grant)
        observable = frozenset(a for a in actions if not self._is_unobservable(a))
        if actions and not observable:
            return Judgement(grant, Verdict.UNOBSERVABLE)
        services = self._service_claims(grant, observable)
        if unsure:
            services = {
                prefix: ServiceClaim(clean=False, doubts=part.doubts | {Reason.RESOURCE_UNKNOWN})
                for prefix, part in services.items()
            }
        return Judgement(grant, Verdict.UNUSED, (), Claim(services, any_suffices=False), observable)

    def _required(self, action: str) -> Iterator[Touched]:
        """What was used of the actions that a pattern matches."""
        action = action.lower()
        if not is_pattern(action):
            yield from self._usage.required.get(action, ())
            return
        for name, touched in self._usage.required.items():
            if matches(action, name):
                yield from touched

    def _is_sure(self, grant: Grant, touched: Touched) -> bool:
        """Whether the use can only have been of this grant, or certainly of this one too.

        Where a call's resource is unknown, several grants may have served it.
        """
        if touched.exact or touched.platform:
            return True
        if not grant.except_resources and contains(grant.pattern, _any_account(touched.resource)):
            return True
        if touched not in self._candidates:
            self._candidates[touched] = len(
                {
                    (g.pattern, g.except_resources)
                    for g in self._grants
                    if _reaches(g, touched.action, touched.resource, exact=False)
                }
            )
        return self._candidates[touched] == 1

    def _alternatives(self, grant: Grant) -> tuple[Touched, ...]:
        found = self._usage.alternatives
        return tuple(t for t in found if _reaches(grant, t.action, t.resource, t.exact))

    # --- actions ---

    def _actions(self, grant: Grant) -> frozenset[str]:
        """The actions, in lower case, that a grant allows, less those that are always denied there.

        An action that IAM's reference does not know stands for itself.
        """
        actions = catalog.expand(grant.action) or frozenset({grant.action.lower()})
        if grant.except_actions:
            actions = frozenset(a for a in actions if not _any_matches(grant.except_actions, a))
        if not self._denials or not is_pattern(grant.action):
            return actions
        return frozenset(a for a in actions if not self._is_denied(a, grant))

    def _unused_actions(self, grant: Grant, touched: tuple[Touched, ...]) -> frozenset[str]:
        """The observable actions of an action pattern that nothing used."""
        if not is_pattern(grant.action):
            return frozenset()
        rest = self._actions(grant) - {t.action for t in touched}
        return frozenset(a for a in rest if not self._is_unobservable(a))

    def _is_unobservable(self, action: str) -> bool:
        if action in knowledge.platform_actions() and not self._usage.settings_known:
            return True
        untraced = knowledge.untraced(action)
        return untraced is not None and untraced.kind == knowledge.UNOBSERVABLE

    def _service_claims(self, grant: Grant, actions: Iterable[str]) -> dict[str, ServiceClaim]:
        """What must be confirmed, by service: the doubts about its actions."""
        claims: dict[str, ServiceClaim] = {}
        for action in actions:
            prefix, doubts = _prefix(action), self._doubts(grant, action)
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
            if _reaches(grant, action, resource, exact=not is_pattern(resource)):
                doubts.add(Reason.POSSIBLE)
        return frozenset(doubts)

    def _is_denied(self, action: str, grant: Grant) -> bool:
        return any(_denies(statement, action.lower(), grant.pattern) for statement in self._denials)

    # --- resources ---

    def _width(self, grant: Grant, used: Sequence[Touched]) -> tuple[bool, frozenset[Reason]]:
        """Whether a grant's resource is wider than what was touched, and what speaks against saying so."""
        limited = [t for t in used if catalog.knows_resources(t.action)]
        if not limited or not is_wide(grant.pattern):
            return False, frozenset()
        if not grant.except_resources and any(
            t.exact and contains(_any_place(t.resource), _narrow(grant.pattern)) for t in limited
        ):
            return False, frozenset()
        doubts = set()
        if not all(t.exact for t in limited):
            doubts.add(Reason.RESOURCE_UNKNOWN)
        if any(Reason.POSSIBLE in self._doubts(grant, t.action) for t in limited):
            doubts.add(Reason.POSSIBLE)
        return True, frozenset(doubts)


# --- matching ------------------------------------------------------------------------------------


def _reaches(grant: Grant, action: str, resource: str, exact: bool) -> bool:
    """Whether a grant allows an action on a resource, or on something that an unknown one may be."""
    if not matches(grant.action.lower(), action) or _any_matches(grant.except_actions, action):
        return False
    return _resource_reaches(grant, resource, exact)


def _resource_reaches(grant: Grant, resource: str, exact: bool) -> bool:
    touched = resource if exact else _any_account(resource)
    # overlap, even for an exact one: `bucket/in/*` reaches part of what a generalised `bucket/*` stands for
    return overlaps(grant.pattern, touched) and not (
        grant.except_resources and _any_contains(grant.except_resources, touched)
    )


def _denies(statement: Statement, action: str, resource: str) -> bool:
    """Whether a Deny statement covers an action (pattern) on a resource pattern entirely."""
    patterns = [a.lower() for a in statement.actions]
    if statement.not_actions:
        action_denied = not any(overlaps(p, action) for p in patterns)
    else:
        action_denied = any(contains(p, action) for p in patterns)
    if not action_denied:
        return False
    resources = [pattern_of(r, statement.variables) for r in statement.resources]
    if statement.not_resources:
        return not any(overlaps(r, resource) for r in resources)
    # a variable in a Deny narrows it to what only the request tells
    plain = [r for r, raw in zip(resources, statement.resources, strict=True) if "${" not in raw]
    return any(contains(r, resource) for r in plain)


def is_wide(resource: str) -> bool:
    """Whether a resource pattern is wider than one resource.

    A wildcard that the resource's type needs, or one for the region or the account, does not count.
    """
    return is_pattern(_narrow(resource))


def _narrow(resource: str) -> str:
    """A resource pattern less the wildcards that are no excess."""
    fields = resource.split(":", 5)
    if len(fields) < 6:
        return resource
    return ":".join(
        [
            *(f.replace("*", "").replace("?", "") for f in fields[:5]),
            knowledge.without_needed_wildcard(resource).split(":", 5)[5],
        ]
    )


def _any_place(resource: str) -> str:
    """A touched resource, of whatever partition, region and account."""
    fields = resource.split(":", 5)
    return resource if len(fields) < 6 else ":".join(["*", "*", fields[2], "*", "*", fields[5]])


def _any_account(resource: str) -> str:
    """A resource of which only the type is known may be another account's."""
    fields = resource.split(":", 5)
    if len(fields) < 6 or not fields[4]:
        return resource
    return ":".join([*fields[:4], "*", fields[5]])


def _any_matches(patterns: Iterable[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _any_contains(patterns: Iterable[str], resource: str) -> bool:
    return any(contains(pattern, resource) for pattern in patterns)


def _prefix(action: str) -> str:
    return action.partition(":")[0]
