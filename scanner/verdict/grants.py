"""Which grants of a role may have allowed a use, and which surely did. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from scanner.iam import arns, catalog
from scanner.iam.conditions import holds
from scanner.iam.evaluate import AccessRequest, Effect, about, evaluate
from scanner.iam.fit import Fits, fits
from scanner.iam.limits import Limits
from scanner.iam.patterns import contains, is_pattern, matches, overlaps
from scanner.iam.policies import Principal, grants_of, principal_of
from scanner.model import Arn, Grant, Permission, Role
from scanner.usage.of_role import UsedPermission, used_permission
from scanner.verdict.reasons import Reason
from scanner.workloads.kinds import context_keys, request_context

# A use of which nothing is known: what is decided then is decided by the role alone.
_ANY_USE = UsedPermission("", arns.ALL, exact=False)
_DENIED = (Effect.EXPLICITLY_DENIED, Effect.IMPLICITLY_DENIED)
_ANY_USE_OF_THE_PLATFORM = _ANY_USE._replace(platform=True)


class RoleGrants:
    """The grants of a role. What is asked of the same use again is answered from memory."""

    def __init__(self, role: Role) -> None:
        principal = principal_of(role)
        self.grants = tuple(grant for policy in role.policies for grant in grants_of(policy, principal))
        self.limits = Limits(role)
        self._role = role
        self._allowing: dict[UsedPermission, int] = {}
        self._conditions: dict[tuple[object, ...], bool | None] = {}

    def fits_of(self, grant: Grant) -> Fits:
        """How the actions of a grant fit its resource, without those that are always denied there."""
        of_grant = fits(named_actions(grant), grant.pattern)
        if grant.except_resources:
            excepted = frozenset(action for action in of_grant.works if self.excepts_all_of(grant, action))
            of_grant = of_grant._replace(
                works=of_grant.works - excepted, other_type=of_grant.other_type | excepted
            )
        if self.limits.are_none:
            return of_grant
        left = self.limits.without_denied
        return of_grant._replace(
            works=left(of_grant.works, grant.pattern),
            unknown=left(of_grant.unknown, grant.pattern),
            account_wide=left(of_grant.account_wide, grant.pattern),
        )

    def excepts_all_of(self, grant: Grant, action: str) -> bool:
        """Whether NotResource excepts all that an action works on: `arn:aws:sqs` for sqs:SendMessage."""
        known = catalog.action(action) if grant.except_resources else None
        formats = [form for kind in known.resource_types for form in kind.formats] if known else []
        return bool(formats) and all(
            any(contains(excepted, self._of_partition(form)) for excepted in grant.except_resources)
            for form in formats
        )

    def _of_partition(self, form: str) -> str:
        """The pattern of all ARNs of a format in the role's partition."""
        return arns.format_pattern(form.replace("${Partition}", self._role.arn.split(":")[1]))

    def is_never_allowed(self, grant: Grant) -> bool:
        """Whether nothing of a grant is ever allowed, whatever types its actions work on.

        For a Deny, the boundary, a variable without value, an exception of everything, or a condition that
        this role never meets, whether its workload asks or the platform itself.
        """
        if self.limits.always_deny(grant.action.lower(), grant.pattern):
            return True
        if _excepts_everything(grant):
            return True
        if grant.statement.condition is not None and all(
            self.condition_held(grant, use) is False for use in (_ANY_USE, _ANY_USE_OF_THE_PLATFORM)
        ):
            return True
        if self.limits.are_none or not is_pattern(grant.action):
            return False
        works = fits(named_actions(grant), grant.pattern).works
        return bool(works) and not self.limits.without_denied(works, grant.pattern)

    def denies(self, use: UsedPermission) -> bool:
        """Whether the role's policies deny a use, by a Deny statement or its boundary."""
        if self.limits.are_none:
            return False
        context, absent = context_of(self._role, use)
        request = AccessRequest(use.action, possible_resource(use), context, absent)
        policies = about(self._role.policies, use.action)
        return evaluate(request, policies, self._role.boundary).effect in _DENIED

    def condition_held(self, grant: Grant, use: UsedPermission) -> bool | None:
        """Whether a grant's condition held for a use, None where the trace does not tell."""
        statement = grant.statement
        if statement.condition is None:
            return True
        key = (grant.policy.key, statement.index, *use[1:])
        if key not in self._conditions:
            context, absent = context_of(self._role, use)
            self._conditions[key] = holds(statement.condition, context, absent, statement.variables)
        return self._conditions[key]

    def doubt_of_use(self, grant: Grant, use: UsedPermission) -> Reason | None:
        """Why a use that a grant allows may have been of another grant only, None if it was of this one."""
        held = self.condition_held(grant, use)
        if held is None and self._is_allowed_without(grant, use):
            return Reason.CONDITION_UNKNOWN
        return None if held is False or self._surely_allows(grant, use) else Reason.RESOURCE_UNKNOWN

    def _is_allowed_without(self, grant: Grant, use: UsedPermission) -> bool:
        """Whether another grant surely allows a use."""
        return any(
            other is not grant
            and matches_action(other, use.action)
            and self.condition_held(other, use)
            and overlaps_resource(other, use)
            and not self.limits.always_deny(use.action, other.pattern)
            for other in self.grants
        )

    def _surely_allows(self, grant: Grant, use: UsedPermission) -> bool:
        """Whether the use can only have been of this grant, or certainly of this one too.

        Where a call's resource is unknown or generalised (`bucket/*`), several grants may have served it.
        """
        if use.platform or (use.exact and not is_pattern(use.resource)):
            return True
        resource = possible_resource(use)
        if contains(grant.pattern, resource) and not any(
            overlaps(excepted, resource) for excepted in grant.except_resources
        ):
            return True
        if use not in self._allowing:
            self._allowing[use] = len(
                {
                    (other.pattern, other.except_resources)
                    for other in self.grants
                    if matches_action(other, use.action) and overlaps_resource(other, use)
                }
            )
        return self._allowing[use] == 1


def context_of(role: Role, use: UsedPermission) -> Principal:
    """What is known of the context of a use.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html. A region or account that
    stands in the used resource is that of the request and of the resource. The workload's ARN comes with
    the requests of its code, and with few that the platform makes itself. What the call tells beside its
    resource (`condition_values`) is known, too.
    """
    of_principal, absent = principal_of(role)
    context = dict(of_principal)
    if use == _ANY_USE_OF_THE_PLATFORM:
        absent |= context_keys()
    elif len(role.workloads) == 1 and role.workloads_complete and not use.platform:
        context |= request_context(role.workloads[0])
    arn = Arn.parse(use.resource) if use.exact else None
    if arn is not None:
        known = {"aws:requestedregion": arn.region, "aws:resourceaccount": arn.account}
        context |= {key: (value,) for key, value in known.items() if value and not is_pattern(value)}
    return Principal(context | dict(use.condition_values), absent)


def matches_action(grant: Grant, action: str) -> bool:
    """Whether a grant's action pattern matches an action (in lower case)."""
    return matches(grant.action.lower(), action) and not matches_any(grant.except_actions, action)


def matches_permission(grant: Grant, permission: Permission) -> bool:
    """Whether a grant matches an action and overlaps a resource, or what an unknown one may be."""
    use = used_permission(permission)
    return matches_action(grant, use.action) and overlaps_resource(grant, use)


def overlaps_resource(grant: Grant, use: UsedPermission) -> bool:
    """Whether a grant overlaps a used resource, or what an unknown one may be."""
    # that a platform needs it on `*` may leave its resource open, that a call did says that there is none
    left_open = use.platform and catalog.knows_resources(use.action)
    if use.exact and use.resource == arns.ALL and not left_open:
        return arns.grants_account_wide(grant.pattern, service_of_action(use.action))
    resource = possible_resource(use)
    return arns.overlaps(grant.pattern, resource) and not (
        grant.except_resources and any(contains(pattern, resource) for pattern in grant.except_resources)
    )


def possible_resource(use: UsedPermission) -> str:
    """The resource of a use; an inexact one may be in any account."""
    return use.resource if use.exact else arns.of_any_account(use.resource)


@lru_cache(maxsize=1 << 12)
def _named_actions(action: str, except_actions: tuple[str, ...]) -> frozenset[str]:
    actions = catalog.expand(action) or frozenset({action.lower()})
    excepted = frozenset[str]().union(*(catalog.expand(pattern) for pattern in except_actions))
    return actions - excepted


def named_actions(grant: Grant) -> frozenset[str]:
    """The actions (lower case) that a grant names, whether they work on its resource or not."""
    return _named_actions(grant.action, grant.except_actions)


def _excepts_everything(grant: Grant) -> bool:
    """Whether NotAction or NotResource excepts all that there is."""
    excepts_all = any(contains(excepted, grant.pattern) for excepted in grant.except_resources)
    return excepts_all or any(contains(excepted, grant.action) for excepted in grant.except_actions)


def matches_any(patterns: Iterable[str], text: str) -> bool:
    """Whether one of the patterns matches a text."""
    return any(matches(pattern, text) for pattern in patterns)


def service_of_action(action: str) -> str:
    """The service prefix of an action, in lower case."""
    return action.partition(":")[0].lower()
