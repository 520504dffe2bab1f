"""Assessments of grants -> findings: what shares a statement, a verdict and its reasons is said once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from scanner.iam import catalog, severity
from scanner.model import Finding, Grant, Place, Used
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.bundle_use import bundle_uses

_Severe = tuple[tuple[str, str], ...]


def findings_of(assessed: AssessedRole) -> list[Finding]:
    """The findings of a role, in the order of its statements.

    Grants of one statement with the same verdict and reasons make one finding; where its actions are
    not granted on the same resources, one for each set of resources, so that each finding can be read
    as "these actions on these resources".
    """
    bundles = bundle_uses(assessed)
    groups: dict[tuple[object, ...], list[Assessment]] = {}
    for assessment in assessed.assessments:
        shared = (*_shared(assessment), bundles.get(assessment.grant.key))
        groups.setdefault(shared, []).append(assessment)
    return [
        replace(_finding(assessed, rectangle), bundle=bundles.get(rectangle[0].grant.key))
        for group in groups.values()
        for rectangle in _rectangles(group)
    ]


def _shared(assessment: Assessment) -> tuple[object, ...]:
    """What the grants of one finding have in common."""
    grant, redundancy = assessment.grant, assessment.redundancy
    return (
        grant.policy.key,
        grant.statement.index,
        assessment.verdict,
        assessment.reasons,
        frozenset(map(_place, redundancy.also_granted_by)),
        redundancy.redundant,
        assessment.accepted,
        assessment.why,
        assessment.sources,
    )


def _rectangles(group: Sequence[Assessment]) -> list[list[Assessment]]:
    """A group split so that in each part every action stands on every resource."""
    by_action: dict[str, dict[str, Assessment]] = {}
    for assessment in group:
        grant = assessment.grant
        by_action.setdefault(grant.action, {})[grant.resource] = assessment
    parts: dict[tuple[str, ...], list[Assessment]] = {}
    for by_resource in by_action.values():
        parts.setdefault(tuple(by_resource), []).extend(by_resource.values())
    return list(parts.values())


def _finding(assessed: AssessedRole, group: Sequence[Assessment]) -> Finding:
    role, first = assessed.role, group[0]
    statement, policy = first.grant.statement, first.grant.policy
    actions = statement.actions if statement.not_actions else _distinct(group, lambda grant: grant.action)
    resources = (
        statement.resources if statement.not_resources else _distinct(group, lambda grant: grant.resource)
    )
    place = f"sid {statement.sid}" if statement.sid else f"index {statement.index}"
    identity = (role.arn, policy.arn or policy.name, place, first.verdict)
    level, severe = _danger(frozenset().union(*map(_actions_in_question, group)))
    also = dict.fromkeys(_place(other) for item in group for other in item.redundancy.also_granted_by)
    return Finding(
        id=_digest((*identity, *sorted(actions), "", *sorted(resources))),
        role=role.arn,
        workload=role.workloads[0] if len(role.workloads) == 1 else None,
        verdict=first.verdict,
        reasons=first.reasons,
        severity=level,
        policy=policy,
        statement=statement,
        actions=actions,
        resources=resources,
        used=_used(group, assessed.context.usage.used_by),
        severe=severe,
        why=first.why,
        also_granted_by=tuple(also),
        redundant=first.redundancy.redundant,
        sources=first.sources,
        ignored=first.accepted.rule,
        known=first.accepted.in_baseline,
    )


def _used(
    group: Iterable[Assessment], workloads: Mapping[tuple[str, str], tuple[str, ...]]
) -> tuple[Used, ...]:
    """What the grants were used for. `workloads` are those by (action in lower case, resource)."""
    uses = sorted({(use.action, use.resource) for assessment in group for use in assessment.used_for})
    return tuple(Used(catalog.spelled(use[0]), use[1], workloads.get(use, ())) for use in uses)


@lru_cache(maxsize=1 << 12)  # most findings are about the same few actions
def _danger(actions: frozenset[str]) -> tuple[str, _Severe]:
    return severity.worst(actions).level, severity.named(actions)


def severity_level(assessment: Assessment) -> str:
    """How dangerous a grant is, by its excess."""
    return severity.worst(_actions_in_question(assessment)).level


def _actions_in_question(assessment: Assessment) -> frozenset[str]:
    """The actions that make a grant dangerous: those that are not needed, else all that it names."""
    action = assessment.grant.action
    return assessment.excess or catalog.expand(action) or frozenset({action.lower()})


def _place(grant: Grant) -> Place:
    return Place(grant.policy.name, grant.policy.arn, grant.statement.index, grant.statement.sid)


def _distinct(group: Iterable[Assessment], part: Callable[[Grant], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part(assessment.grant) for assessment in group))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]
