"""Verdicts on grants -> findings: what shares a statement, a verdict and its reasons is said once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.compare import Judgement
from scanner.confirm import Claim, Reason, Standard, User, reasons_for
from scanner.iam import catalog
from scanner.model import Evidence, Finding, Function, Grant, Policy, Role


class Judged(NamedTuple):
    """A judgement with its reasons."""

    judgement: Judgement
    reasons: tuple[Reason, ...]


def with_reasons(
    judgements: Sequence[Judgement],
    role: Role,
    evidence: Mapping[str, Evidence],
    functions: Mapping[str, Function],
    standard: Standard,
    scan_reasons: Iterable[Reason] = (),
) -> list[Judged]:
    """Every judgement with the reasons why it is not confirmed (none where it claims no excess)."""
    role_reasons = frozenset(scan_reasons) | (
        frozenset() if role.users_known else {Reason.ROLE_USERS_UNKNOWN}
    )
    users: dict[int, list[User]] = {}

    def reasons(claim: Claim, policy: Policy) -> tuple[Reason, ...]:
        if id(policy) not in users:
            users[id(policy)] = users_of(role, policy, evidence, functions)
        return reasons_for(claim, users[id(policy)], role_reasons, standard)

    return [Judged(j, reasons(j.claim, j.grant.policy) if j.claim is not None else ()) for j in judgements]


def users_of(
    role: Role, policy: Policy | None, evidence: Mapping[str, Evidence], functions: Mapping[str, Function]
) -> list[User]:
    """The workloads of a role with their evidence and the time of the last change that matters."""
    granted = policy.created.timestamp() if policy and policy.created else 0.0
    users = []
    for arn in role.users:
        function = functions.get(arn)
        known = function.last_modified if function else None
        deployed = known.timestamp() if known else math.inf  # nothing is surely newer
        users.append(User(evidence.get(arn, Evidence()), max(granted, deployed)))
    return users


def findings_of(role: Role, judged: Sequence[Judged]) -> list[Finding]:
    """The findings of a role, in the order of its statements.

    Grants of one statement with the same verdict and reasons make one finding; where its actions are
    not granted on the same resources, one for each set of resources, so that each finding can be read
    as "these actions on these resources".
    """
    groups: dict[tuple[object, ...], list[Judged]] = {}
    for item in judged:
        grant = item.judgement.grant
        key = (id(grant.policy), grant.statement.index, item.judgement.verdict, item.reasons)
        groups.setdefault(key, []).append(item)
    return [_finding(role, part) for group in groups.values() for part in _rectangles(group)]


def _rectangles(group: list[Judged]) -> list[list[Judged]]:
    """A group split so that in each part every action stands on every resource."""
    by_action: dict[str, dict[str, Judged]] = {}
    for item in group:
        grant = item.judgement.grant
        by_action.setdefault(grant.action, {})[grant.resource] = item
    parts: dict[tuple[str, ...], list[Judged]] = {}
    for found in by_action.values():
        parts.setdefault(tuple(found), []).extend(found.values())
    return list(parts.values())


def _finding(role: Role, group: list[Judged]) -> Finding:
    first, reasons = group[0]
    statement, policy = first.grant.statement, first.grant.policy
    actions = statement.actions if statement.not_actions else _distinct(group, lambda g: g.action)
    resources = statement.resources if statement.not_resources else _distinct(group, lambda g: g.resource)
    used = sorted({(catalog.spelled(t.action), t.resource) for item in group for t in item.judgement.touched})
    place = f"sid {statement.sid}" if statement.sid else f"index {statement.index}"
    identity = (role.arn, policy.arn or policy.name, place, first.verdict)
    return Finding(
        id=_digest((*identity, *sorted(actions), "", *sorted(resources))),
        role=role.arn,
        workload=role.users[0] if len(role.users) == 1 else None,
        verdict=first.verdict,
        reasons=reasons,
        severity=_severity(group),
        policy=policy,
        statement=statement,
        actions=actions,
        resources=resources,
        used=tuple(used),
    )


def _distinct(group: list[Judged], part: Callable[[Grant], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part(item.judgement.grant) for item in group))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _severity(group: list[Judged]) -> str:
    """The most dangerous access level of the actions in question."""
    places = [
        _worst(item.judgement.excess)
        if item.judgement.excess
        else _worst(catalog.expand(item.judgement.grant.action))
        for item in group
    ]
    return catalog.ACCESS_LEVELS[min(places)]


def _worst(actions: frozenset[str]) -> int:
    levels = catalog.ACCESS_LEVELS
    return min((levels.index(catalog.access_level(a)) for a in actions), default=len(levels) - 1)
