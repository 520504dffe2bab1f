"""Grants of a role and usage of all its workloads -> a verdict on every grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.conditions import holds
from scanner.iam.limits import Limits
from scanner.iam.patterns import contains, is_pattern, matches, overlaps
from scanner.iam.policies import Principal, grants_of, principal_of
from scanner.mapping.untraced import MAY_RUN_UNTRACED, UNOBSERVABLE, Untraced, is_kept_of_a_wildcard
from scanner.model import Grant, Permission, Role, Verdict
from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED
from scanner.usage.of_role import RoleUsage, UsedPermission, used_permission
from scanner.verdict.reasons import Claim, Reason, ServiceClaim
from scanner.workloads import lambda_platform as platform
from scanner.workloads.platform import untraced

# A use of which nothing is known: what is decided then is decided by the role alone.
_ANYTHING = UsedPermission("", arns.ALL, exact=False)
_ANYTHING_OF_AWS = _ANYTHING._replace(platform=True)
_SOURCE_FUNCTION = "lambda:sourcefunctionarn"


class Judgement(NamedTuple):
    """A verdict on one grant: what of it was used, and what must be confirmed (None: nothing).

    `alternatives` are what else of it a call that was seen may stand on, or what traces cannot show.
    `excess` are the actions (lower case) that make it unused or too wide, for the severity. `why` says of an
    unobservable one why traces cannot show it, and which right would tell. `sources` are those beside the
    traces that rescued something of it, added a doubt or took one away.
    """

    grant: Grant
    verdict: Verdict
    touched: tuple[UsedPermission, ...] = ()
    claim: Claim | None = None
    excess: frozenset[str] = frozenset()
    alternatives: tuple[UsedPermission, ...] = ()
    why: str = ""
    sources: tuple[str, ...] = ()


def judge_role(role: Role, usage: RoleUsage) -> list[Judgement]:
    """A verdict on every grant of a role, in the order of its policies."""
    principal = principal_of(role)
    grants = [grant for policy in role.policies for grant in grants_of(policy, principal)]
    judge = _Judge(role, grants, usage)
    return [judge.judge(grant) for grant in grants]


# --- one role ------------------------------------------------------------------------------------


class _Judge:
    def __init__(self, role: Role, grants: Sequence[Grant], usage: RoleUsage) -> None:
        self._role = role
        self._limits = Limits(role)
        self._usage = usage
        self._grants = grants
        self._candidates: dict[UsedPermission, int] = {}
        self._conditions: dict[tuple[int, str, bool, bool], bool | None] = {}
        self._required = {action: _by_resource(touched) for action, touched in usage.required.items()}
        self._traced = frozenset((*usage.required, *usage.possible))
        self._sources: set[str] = set()

    def judge(self, grant: Grant) -> Judgement:
        """The verdict on a grant."""
        self._sources.clear()
        judgement = self._judge(grant)
        if self._usage.recorded and not self._usage.recorded.isdisjoint(judgement.touched):
            self._sources.add(CLOUDTRAIL)
        return judgement._replace(sources=tuple(sorted(self._sources))) if self._sources else judgement

    def _judge(self, grant: Grant) -> Judgement:
        if self._is_ineffective(grant):
            return Judgement(grant, Verdict.INEFFECTIVE)
        sure: list[UsedPermission] = []
        unsure: dict[UsedPermission, Reason] = {}
        for touched in self._candidates_of(grant):
            if not _resource_reaches(grant, touched):
                continue
            doubt = self._doubt_of_use(grant, touched)
            if doubt is not None:
                unsure[touched] = doubt
            elif self._condition(grant, touched) is not False:
                sure.append(touched)
        if sure:
            return self._judge_used(grant, tuple(sure), unsure)
        return self._judge_unused(grant, unsure)

    def _is_ineffective(self, grant: Grant) -> bool:
        """Whether nothing of a grant is ever allowed.

        For a Deny, the boundary, a variable without value, an exception of everything, or a condition that
        this role never meets, whether its function asks or Lambda itself.
        """
        if self._limits.deny(grant.action.lower(), grant.pattern):
            return True
        if _grants_nothing(grant):
            return True
        if all(self._condition(grant, use) is False for use in (_ANYTHING, _ANYTHING_OF_AWS)):
            return True
        if self._limits.are_none or not is_pattern(grant.action):
            return False
        actions = arns.applicable(_expanded(grant.action, grant.except_actions), grant.pattern)
        return bool(actions) and not self._limits.left(actions, grant.pattern)

    def _doubt_of_use(self, grant: Grant, touched: UsedPermission) -> Reason | None:
        """Why a use that a grant allows may have been of another grant only, None if it was of this one."""
        held = self._condition(grant, touched)
        if held is None and self._is_allowed_without(grant, touched):
            return Reason.CONDITION_UNKNOWN
        return None if held is False or self._is_sure(grant, touched) else Reason.RESOURCE_UNKNOWN

    def _condition(self, grant: Grant, touched: UsedPermission) -> bool | None:
        """Whether a grant's condition held for a use, None where the trace does not tell."""
        statement = grant.statement
        if statement.condition is None:
            return True
        key = (id(statement), touched.resource, touched.exact, touched.platform)
        if key not in self._conditions:
            context, absent = context_of(self._role, touched)
            self._conditions[key] = holds(statement.condition, context, absent, statement.variables)
        return self._conditions[key]

    def _is_allowed_without(self, grant: Grant, touched: UsedPermission) -> bool:
        """Whether another grant surely allows a use."""
        return any(
            other is not grant
            and _allows(other, touched.action)
            and self._condition(other, touched)
            and _resource_reaches(other, touched)
            and not self._limits.deny(touched.action, other.pattern)
            for other in self._grants
        )

    def _judge_used(
        self, grant: Grant, touched: tuple[UsedPermission, ...], unsure: Mapping[UsedPermission, Reason]
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

    def _judge_unused(self, grant: Grant, unsure: Mapping[UsedPermission, Reason]) -> Judgement:
        actions = self._actions(grant)
        observable = frozenset(a for a in actions if not self._is_unobservable(grant, a))
        if actions and not observable:
            return Judgement(grant, Verdict.UNOBSERVABLE, why=self._why(grant, actions))
        if (
            not actions
        ):  # no action that IAM's reference knows can work there: the evidence decides all the same
            observable = _expanded(grant.action, grant.except_actions)
        services = self._service_claims(grant, observable, unsure)
        if len(observable) < len(actions):  # part of the pattern may be in use where no trace shows it
            services = {p: _doubted(part, Reason.MAY_RUN_UNTRACED) for p, part in services.items()}
        # of a wildcard this would be about every service
        unread = (
            [] if is_pattern(grant.action) else [u.why for u in self._may_need(grant, grant.action.lower())]
        )
        claim = Claim(services, any_suffices=False)
        return Judgement(grant, Verdict.UNUSED, (), claim, observable, why="; ".join(dict.fromkeys(unread)))

    def _candidates_of(self, grant: Grant) -> Iterator[UsedPermission]:
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

    def _is_sure(self, grant: Grant, touched: UsedPermission) -> bool:
        """Whether the use can only have been of this grant, or certainly of this one too.

        Where a call's resource is unknown or generalised (`bucket/*`), several grants may have served it.
        """
        if touched.platform or (touched.exact and not is_pattern(touched.resource)):
            return True
        resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
        if contains(grant.pattern, resource) and not any(
            overlaps(excepted, resource) for excepted in grant.except_resources
        ):
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

    def _alternatives(self, grant: Grant, unused: frozenset[str]) -> tuple[UsedPermission, ...]:
        """What of a too wide grant may be needed although nothing shows it.

        Permissions that a call may have needed; and, of a pattern that names its service, what Lambda itself
        may need for a configuration that was not read, and what init code commonly reads.
        """
        found = dict.fromkeys(
            t for t in self._usage.alternatives if _allows(grant, t.action) and _resource_reaches(grant, t)
        )
        for action in sorted(unused):
            for resource in self._usage.possible.get(action, ()):
                touched = UsedPermission(action, resource, exact=not is_pattern(resource))
                if _resource_reaches(grant, touched):
                    found[touched] = None
        if not grant.except_actions and not is_pattern(_prefix(grant.action)):
            own = (action for action in sorted(unused) if is_kept_of_a_wildcard(action))
            found.update(dict.fromkeys(UsedPermission(action, grant.pattern, exact=True) for action in own))
            found.update(dict.fromkeys(t for action in sorted(unused) for t in self._unread(grant, action)))
        return tuple(found)

    # --- actions ---

    def _actions(self, grant: Grant) -> frozenset[str]:
        """The actions, in lower case, that a grant allows, less those that are always denied there.

        An action that IAM's reference does not know stands for itself.
        """
        actions = arns.applicable(_expanded(grant.action, grant.except_actions), grant.pattern)
        return self._limits.left(actions, grant.pattern) if is_pattern(grant.action) else actions

    def _unused_actions(
        self, grant: Grant, touched: tuple[UsedPermission, ...]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The actions of an action pattern that nothing used: observable ones, and the others."""
        if not is_pattern(grant.action):
            return frozenset(), frozenset()
        rest = self._actions(grant) - {t.action for t in touched}
        observable = frozenset(a for a in rest if not self._is_unobservable(grant, a))
        return observable, rest - observable

    def _is_unobservable(self, grant: Grant, action: str) -> bool:
        return any(u.kind == UNOBSERVABLE for u in self._untraced(grant, action))

    def _untraced(self, grant: Grant, action: str) -> Iterator[Untraced]:
        """Why traces may not show a use of an action by a grant."""
        known = untraced(action)
        if known is not None:
            yield known
        for extra in self._usage.team:
            if matches(extra.action, action):
                yield Untraced(extra.kind, extra.reason)
        for unread in self._may_need(grant, action):
            yield Untraced(unread.kind, unread.why)

    def _why(self, grant: Grant, actions: Iterable[str]) -> str:
        reasons = (u for action in sorted(actions) for u in self._untraced(grant, action))
        return "; ".join(dict.fromkeys(u.why for u in reasons if u.kind == UNOBSERVABLE))

    def _unread(self, grant: Grant, action: str) -> Iterator[UsedPermission]:
        """What of a grant Lambda may need for a configuration that was not read."""
        for unread in self._may_need(grant, action):
            resource = grant.pattern if unread.resource == arns.ALL else unread.resource
            yield UsedPermission(action, resource, exact=True, platform=True)

    def _may_need(self, grant: Grant, action: str) -> Iterator[platform.Unread]:
        return (u for u in self._usage.unread.get(action, ()) if _may_be_read(grant, action, u))

    def _service_claims(
        self, grant: Grant, actions: Iterable[str], unsure: Mapping[UsedPermission, Reason]
    ) -> dict[str, ServiceClaim]:
        """What must be confirmed, by service: the doubts about its actions."""
        unsure_actions: dict[str, set[Reason]] = {}
        for touched, reason in unsure.items():
            unsure_actions.setdefault(touched.action, set()).add(reason)
        claims: dict[str, ServiceClaim] = {}
        for action in actions:
            prefix, doubts = _prefix(action), self._doubts(grant, action)
            if action in unsure_actions:
                doubts |= unsure_actions[action]
            never = self._usage.records.never(action, grant.pattern)
            if never and self._usage.records.recorded_until:
                self._sources.add(LAST_ACCESSED)
            known = claims.get(prefix)
            if known is None:
                claims[prefix] = ServiceClaim(not doubts, doubts, never)
            elif doubts - known.doubts or (not doubts and not known.clean) or (known.never and not never):
                claims[prefix] = ServiceClaim(
                    known.clean or not doubts, known.doubts | doubts, known.never and never
                )
        return claims

    def _doubts(self, grant: Grant, action: str) -> frozenset[Reason]:
        doubts = set()
        if any(u.kind == MAY_RUN_UNTRACED for u in self._untraced(grant, action)):
            created = grant.policy.created
            source = self._usage.records.source_of_absence(
                action, grant.pattern, created.timestamp() if created else 0.0
            )
            if source is None or any(self._unread(grant, action)):
                doubts.add(Reason.MAY_RUN_UNTRACED)
            else:
                self._sources.add(source)
        if self._usage.records.was_used_untraced(action, self._traced):
            self._sources.add(LAST_ACCESSED)
            doubts.add(Reason.ACCESSED_UNTRACED)
        for resource in self._usage.possible.get(action, ()):
            if _resource_reaches(grant, UsedPermission(action, resource, exact=not is_pattern(resource))):
                doubts.add(Reason.POSSIBLE)
        return frozenset(doubts)

    # --- resources ---

    def _width(
        self, grant: Grant, used: Sequence[UsedPermission], unsure: Mapping[UsedPermission, Reason]
    ) -> tuple[bool, frozenset[Reason]]:
        """Whether a grant's resource is wider than what was touched, and what speaks against saying so."""
        limited = [t for t in used if catalog.knows_resources(t.action)]
        if not limited or not self._is_wider(grant, limited):
            return False, frozenset()
        # What Lambda does with an event source, or init code with other secrets, is in no trace, though the
        # function did the like itself.
        doubts = set()
        if any(any(self._untraced(grant, t.action)) for t in limited):
            doubts.add(Reason.MAY_RUN_UNTRACED)
        if unsure or not all(t.exact for t in limited):
            doubts.add(Reason.RESOURCE_UNKNOWN)
        if not all(self._condition(grant, t) for t in limited):
            doubts.add(Reason.CONDITION_UNKNOWN)  # it may narrow the resources to just these
        if any(Reason.POSSIBLE in self._doubts(grant, t.action) for t in limited):
            doubts.add(Reason.POSSIBLE)
        return True, frozenset(doubts)

    def _is_wider(self, grant: Grant, limited: Sequence[UsedPermission]) -> bool:
        """Whether a grant's resource, as far as the boundary leaves it, is wider than what was touched."""
        spelled = grant.resource if grant.statement.variables else grant.pattern
        parts = self._limits.within_boundary(grant, {t.action for t in limited})
        if parts != (grant.pattern,):
            return not all(_is_used_up(part, limited) for part in parts)
        if not arns.is_wide(spelled):
            return False
        return bool(grant.except_resources) or not any(
            t.exact
            and (
                arns.is_fully_used(grant.pattern, t.resource)
                or (grant.pattern != grant.resource and arns.is_a_value_of(grant.resource, t.resource))
            )
            for t in limited
        )


def _by_resource(
    touched: Iterable[UsedPermission],
) -> tuple[dict[str, UsedPermission], tuple[UsedPermission, ...]]:
    """What was touched of an action: single resources by name, and patterns and unknown ones."""
    single: dict[str, UsedPermission] = {}
    patterns = []
    for one in touched:
        if one.exact and not one.platform and not is_pattern(one.resource):
            single[one.resource] = one
        else:
            patterns.append(one)
    return single, tuple(patterns)


def context_of(role: Role, touched: UsedPermission) -> Principal:
    """What is known of the context of a use.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. A region or account that
    stands in the touched resource is that of the request and of the resource. The function's ARN comes with
    the requests of its code, and with few that Lambda makes itself:
    docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
    """
    own, absent = principal_of(role)
    context = dict(own)
    if touched == _ANYTHING_OF_AWS:
        absent |= {_SOURCE_FUNCTION}
    elif len(role.workloads) == 1 and role.workloads_complete and not touched.platform:
        context[_SOURCE_FUNCTION] = (role.workloads[0],)
    fields = touched.resource.split(":", 5)
    if len(fields) == 6 and touched.exact:
        known = {"aws:requestedregion": fields[3], "aws:resourceaccount": fields[4]}
        context |= {key: (value,) for key, value in known.items() if value and not is_pattern(value)}
    return Principal(context, absent)


# --- matching ------------------------------------------------------------------------------------


def _allows(grant: Grant, action: str) -> bool:
    """Whether a grant's action pattern names an action (in lower case)."""
    return matches(grant.action.lower(), action) and not _any_matches(grant.except_actions, action)


def grant_matches(grant: Grant, permission: Permission) -> bool:
    """Whether a grant names an action and reaches a resource, or something that an unknown one may be."""
    touched = used_permission(permission)
    return _allows(grant, touched.action) and _resource_reaches(grant, touched)


def _resource_reaches(grant: Grant, touched: UsedPermission) -> bool:
    """Whether a grant reaches a touched resource, or something that an unknown one may be."""
    if touched.exact and touched.resource == arns.ALL:  # an action that knows no resources
        return arns.grants_account_wide(grant.pattern, _prefix(touched.action))
    resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
    return arns.meet(grant.pattern, resource) and not (
        grant.except_resources and any(contains(pattern, resource) for pattern in grant.except_resources)
    )


def _grants_nothing(grant: Grant) -> bool:
    """Whether NotAction or NotResource excepts all that there is."""
    excepts_all = any(contains(excepted, grant.pattern) for excepted in grant.except_resources)
    return excepts_all or any(contains(excepted, grant.action) for excepted in grant.except_actions)


def _is_used_up(part: str, touched: Iterable[UsedPermission]) -> bool:
    """Whether no more than what was touched is in a part of a grant's resource."""
    return any(
        arns.is_fully_used(part, t.resource)
        if t.exact
        else not arns.is_wide(part) and arns.meet(part, arns.of_any_account(t.resource))
        for t in touched
    )


def _may_be_read(grant: Grant, action: str, unread: platform.Unread) -> bool:
    """Whether a grant reaches what Lambda may need."""
    needed = UsedPermission(action, unread.resource, exact=True, platform=True)
    return unread.resource == arns.ALL or _resource_reaches(grant, needed)


@lru_cache(maxsize=1 << 12)
def _expanded(action: str, except_actions: tuple[str, ...]) -> frozenset[str]:
    actions = catalog.expand(action) or frozenset({action.lower()})
    excepted = frozenset[str]().union(*(catalog.expand(pattern) for pattern in except_actions))
    return actions - excepted


def _doubted(part: ServiceClaim, reason: Reason) -> ServiceClaim:
    return ServiceClaim(clean=False, doubts=part.doubts | {reason})


def _any_matches(patterns: Iterable[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)


def _prefix(action: str) -> str:
    return action.partition(":")[0].lower()
