"""The smallest policy that allows what was seen, and nothing that today's policies do not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from scanner.iam import arns, catalog
from scanner.iam.patterns import contains, is_pattern
from scanner.iam.policies import VARIABLES_VERSION
from scanner.mapping.untraced import is_kept_of_a_wildcard
from scanner.model import Certainty, Grant, Role, Statement, Usage, Verdict, is_managed_by_aws
from scanner.usage.of_role import UsedPermission
from scanner.verdict.assess import Judgement
from scanner.verdict.findings import Judged
from scanner.verdict.reasons import GENERAL_DOUBTS

# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: all inline policies of a role
# together, one managed policy, how many of these a role can have; white space is not counted.
MAX_INLINE_CHARACTERS = 10_240
MAX_MANAGED_CHARACTERS = 6_144
MAX_MANAGED_POLICIES = 10
_MOST_PAIRS = 100_000
_NAME_OF_A_RESOURCE = re.compile(r"[\w+=,.@:/*?${}!~-]+", re.ASCII)


class Item(NamedTuple):
    """An action on a resource to be allowed, under a condition (JSON text, empty for none)."""

    action: str
    resource: str
    condition: str = ""
    not_action: tuple[str, ...] = ()
    not_resource: tuple[str, ...] = ()


def usage_policy(usage: Usage) -> dict[str, Any]:
    """The policy that allows all that a workload was seen to need, whatever its role grants.

    Of a call that needs one of several actions it allows all of these.
    """
    needed = (need.permission for need in usage.used if need.certainty is not Certainty.POSSIBLE)
    items = {Item(permission.action, _literal(permission.resource)) for permission in needed}
    return _policy(_statements(items))


class Suggestion(NamedTuple):
    """The policies to put in the place of all identity policies of a role.

    `policy` is the whole of it. `parts` are several managed policies that say the same, where the whole does
    not fit into a role's inline policies; else none.
    """

    policy: dict[str, Any]
    parts: tuple[dict[str, Any], ...] = ()


def suggested_policy(role: Role, judged: Sequence[Judged]) -> Suggestion | None:
    """The policy to put in the place of all identity policies of a role.

    Grants that are needed (or of which traces cannot tell) stay as they are spelled; what is too wide is
    cut to what was used; what was not used goes. Deny statements stay. None where not all policies could
    be read, where nothing would be left, or where it does not fit into what IAM takes.
    """
    if not role.readable or any(_has_old_variables(s) for p in role.policies for s in p.statements):
        return None
    denials = [s for policy in role.policies for s in policy.statements if not s.allow]
    # Spelled as today, a policy that is too long may become short enough.
    for narrow in (True, False):
        items = {item for j in judged for item in _items(j, narrow)}
        if not items:
            return None
        policy = _policy([*_statements(items), *_with_sids_once(spelled(s) for s in denials)])
        if _size(policy) <= MAX_INLINE_CHARACTERS:
            return Suggestion(policy)
        parts = split(policy)
        if 0 < len(parts) <= MAX_MANAGED_POLICIES:
            return Suggestion(policy, tuple(parts))
    return None


def _with_sids_once(statements: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Statements of several policies for one: a Sid stands once in a policy.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    taken: set[str] = set()
    for statement in statements:
        sid = statement.get("Sid")
        yield {k: v for k, v in statement.items() if k != "Sid" or sid not in taken}
        if sid:
            taken.add(sid)


def split(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A policy as managed policies, each within IAM's limit; none where a single statement is too long.

    Statements keep their order. One that is too long is cut between its resources, or else its actions.
    """
    parts: list[dict[str, Any]] = []
    for statement in (piece for whole in policy["Statement"] for piece in _pieces(whole)):
        if _size(_policy([statement])) > MAX_MANAGED_CHARACTERS:
            return []
        if parts and _size(_policy([*parts[-1]["Statement"], statement])) <= MAX_MANAGED_CHARACTERS:
            parts[-1]["Statement"].append(statement)
        else:
            parts.append(_policy([statement]))
    return parts


def _pieces(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """A statement, cut in halves until each fits. What NotAction and NotResource except cannot be cut."""
    if _size(_policy([statement])) <= MAX_MANAGED_CHARACTERS:
        return [statement]
    for key in ("Resource", "Action"):
        values = statement.get(key)
        if isinstance(values, list) and len(values) > 1:
            half = len(values) // 2
            whole = {k: v for k, v in statement.items() if k != "Sid"}  # a Sid stands once
            return [p for part in (values[:half], values[half:]) for p in _pieces({**whole, key: part})]
    return [statement]


def offered_policy(denied: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """The policy that would allow (action, resource) pairs that were refused; None without any.

    What has no name that a resource could have is left out: whoever calls a function may have chosen it.
    """
    items = {
        Item(catalog.spelled(action), _literal(resource))
        for action, resource in denied
        if _NAME_OF_A_RESOURCE.fullmatch(resource)
    }
    return _policy(_statements(items)) if items else None


class Edit(NamedTuple):
    """A statement of today's policies that says more than is needed, and what to put in its place."""

    policy: str
    managed_by_aws: bool
    before: dict[str, Any]
    after: tuple[dict[str, Any], ...]


def edits(role: Role, judged: Sequence[Judged]) -> list[Edit]:
    """The statements of a role to be changed, in their order; what stays keeps its order and spelling."""
    by_statement: dict[tuple[int, int], list[Judged]] = {}
    for item in judged:
        grant = item.judgement.grant
        by_statement.setdefault((id(grant.policy), grant.statement.index), []).append(item)
    found = []
    for policy in role.policies:
        for statement in policy.statements:
            own = by_statement.get((id(policy), statement.index), [])
            kept = list(dict.fromkeys(item for j in own for item in _items(j, narrow=True)))
            granted = [_kept(j.judgement.grant) for j in own]
            if own and kept != granted:
                after = _rectangles(kept, statement)
                found.append(Edit(policy.name, is_managed_by_aws(policy), spelled(statement), tuple(after)))
    return found


def _rectangles(items: Sequence[Item], statement: Statement) -> list[dict[str, Any]]:
    """Items as statements, in the order in which they stand."""
    resources_of: dict[tuple[Any, ...], list[str]] = {}
    for item in items:
        resources_of.setdefault((item.action, item.not_action, item.not_resource), []).append(item.resource)
    actions_of: dict[tuple[Any, ...], list[str]] = {}
    for (action, not_action, not_resource), found in resources_of.items():
        actions_of.setdefault((not_action, tuple(found), not_resource), []).append(action)
    sid = {"Sid": statement.sid} if statement.sid and len(actions_of) == 1 else {}
    condition = _condition(statement)
    return [
        {**sid, **_statement(actions, not_action, resources, condition, not_resource, ordered=True)}
        for (not_action, resources, not_resource), actions in actions_of.items()
    ]


def _items(judged: Judged, narrow: bool) -> Iterable[Item]:
    judgement, reasons = judged.judgement, judged.reasons
    kept = _kept(judgement.grant)
    if judged.ignore is not None:
        return [kept]  # the team says that it is needed
    if judged.redundancy.redundant:
        return []
    if judgement.verdict is Verdict.BROAD:
        if not GENERAL_DOUBTS.issuperset(reasons):
            return [kept]
        needed = (*judgement.touched, *judgement.alternatives)
        return [_narrowed(judgement, touched, kept, narrow) for touched in needed]
    if judgement.verdict is Verdict.UNUSED:
        return [] if GENERAL_DOUBTS.issuperset(reasons) else [kept]
    if judgement.verdict is Verdict.INEFFECTIVE:
        return []
    return [kept]


def _kept(grant: Grant) -> Item:
    """A grant as it is."""
    return Item(
        grant.action,
        # in a policy of the older version a variable is no variable
        grant.resource if grant.statement.variables else _literal(grant.resource),
        _condition(grant.statement),
        grant.statement.actions if grant.statement.not_actions else (),
        tuple(_named_resources(grant.statement)) if grant.statement.not_resources else (),
    )


def _narrowed(judgement: Judgement, touched: UsedPermission, kept: Item, narrow: bool) -> Item:
    """One used action of a grant that is too wide, on the part of its resource that was used."""
    action = catalog.spelled(touched.action)
    own = kept._replace(action=action, not_action=())
    if not narrow or kept.not_resource or "${" in kept.resource or not arns.is_wide(kept.resource):
        return own
    if not touched.platform and is_kept_of_a_wildcard(touched.action):
        return own  # it may be used elsewhere too, unseen
    pattern = judgement.grant.pattern
    resource = touched.resource if touched.exact else arns.of_any_account(touched.resource)
    return own._replace(resource=_literal(resource)) if contains(pattern, resource) else own


def _has_old_variables(statement: Statement) -> bool:
    """Whether a condition of the older policy version holds what the newer one takes for a variable."""
    return not statement.variables and "${" in _condition(statement)


def _literal(resource: str) -> str:
    """A resource in which nothing is a policy variable."""
    return resource.replace("${", "${$}{")


def _condition(statement: Statement) -> str:
    if statement.condition is None:
        return ""
    return orjson.dumps(statement.condition, option=orjson.OPT_SORT_KEYS).decode()


# --- readable statements -------------------------------------------------------------------------


def _statements(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Items grouped: actions with the same resources share a statement. Sorted, so that two runs agree."""
    resources_of: dict[tuple[str, tuple[str, ...], str, tuple[str, ...]], set[str]] = {}
    for item in _without_covered(items):
        key = (item.action, item.not_action, item.condition, item.not_resource)
        resources_of.setdefault(key, set()).add(item.resource)
    actions_of: dict[tuple[Any, ...], list[str]] = {}
    for (action, not_action, condition, not_resource), found in resources_of.items():
        service = action.partition(":")[0]
        group = (service, not_action, tuple(sorted(found)), condition, not_resource)
        actions_of.setdefault(group, []).append(action)
    return [
        _statement(actions, *group[1:])
        for group, actions in sorted(
            actions_of.items(), key=lambda entry: (entry[0][0], sorted(entry[1]), entry[0])
        )
    ]


def _without_covered(items: Iterable[Item]) -> Iterable[Item]:
    """Items less those on a resource that another item of the same action covers."""
    by_action: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        by_action.setdefault((item.action, *item[2:]), []).append(item)
    survivors: dict[frozenset[str], frozenset[str]] = {}
    for same in by_action.values():
        resources = frozenset(item.resource for item in same)
        if resources not in survivors:  # many actions stand on the same resources
            survivors[resources] = _not_covered(resources)
        yield from (item for item in same if item.resource in survivors[resources])


def _not_covered(resources: frozenset[str]) -> frozenset[str]:
    wide = [r for r in resources if is_pattern(r) and "${" not in r]  # `${*}` is no wildcard
    if len(wide) * len(resources) > _MOST_PAIRS:
        return resources  # such a policy does not fit anyway
    return frozenset(r for r in resources if not any(_covers(other, r) for other in wide))


def _covers(resource: str, other: str) -> bool:
    """Whether a resource pattern makes another one needless (of two that say the same, one stays)."""
    return (
        resource != other
        and contains(resource, other)
        and (not contains(other, resource) or resource < other)
    )


def _statement(
    actions: list[str],
    not_action: tuple[str, ...],
    resources: tuple[str, ...],
    condition: str,
    not_resource: tuple[str, ...],
    *,
    ordered: bool = False,
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow"}
    if not_action:
        statement["NotAction"] = list(not_action)
    else:
        statement["Action"] = actions if ordered else sorted(actions)
    if not_resource:
        statement["NotResource"] = list(not_resource)
    else:
        statement["Resource"] = resources[0] if len(resources) == 1 else list(resources)
    if condition:
        statement["Condition"] = orjson.loads(condition)
    return statement


def spelled(statement: Statement) -> dict[str, Any]:
    """A statement as it is."""
    spelled: dict[str, Any] = {"Sid": statement.sid} if statement.sid else {}
    spelled["Effect"] = "Allow" if statement.allow else "Deny"
    spelled["NotAction" if statement.not_actions else "Action"] = list(statement.actions)
    named = _named_resources(statement)
    resources: Any = named[0] if len(named) == 1 else named
    spelled["NotResource" if statement.not_resources else "Resource"] = resources
    if statement.condition is not None:
        spelled["Condition"] = dict(statement.condition)
    return spelled


def _named_resources(statement: Statement) -> list[str]:
    """The resources of a statement as the newer policy version spells them."""
    return [r if statement.variables else _literal(r) for r in statement.resources]


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": VARIABLES_VERSION, "Statement": statements}


def _size(policy: Mapping[str, Any]) -> int:
    return len(orjson.dumps(policy))
