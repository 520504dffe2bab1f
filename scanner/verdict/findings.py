"""Verdicts on grants -> findings: what shares a statement, a verdict and its reasons is said once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from scanner.gate.rules import IgnoreRule, grant_facts, matching_rule
from scanner.iam import catalog, severity
from scanner.model import EXCESS, Evidence, Finding, Function, Grant, Place, Policy, Role, Used, Verdict
from scanner.records.aws_records import NO_RECORDS, AwsRecords
from scanner.usage.evidence import EvidenceRequirements, WorkloadEvidence, workload_evidence
from scanner.verdict.assess import Judgement
from scanner.verdict.reasons import Claim, Reason, reasons_for
from scanner.verdict.redundancy import Redundancy, redundancies

# What a rule can accept: all that may fail the gate.
IGNORABLE = (*EXCESS, Verdict.UNOBSERVABLE, Verdict.INEFFECTIVE)
NOT_REDUNDANT = Redundancy((), redundant=False)


class Judged(NamedTuple):
    """A judgement with its reasons, and what else is known of the grant.

    `redundancy` are the grants that make it needless, `ignore` the team's rule that accepts it, `expired` one
    that did so until its date; `known` tells that the baseline holds it.
    """

    judgement: Judgement
    reasons: tuple[Reason, ...]
    redundancy: Redundancy = NOT_REDUNDANT
    ignore: IgnoreRule | None = None
    expired: IgnoreRule | None = None
    known: bool = False


def with_reasons(
    judgements: Sequence[Judgement],
    role: Role,
    evidence: Mapping[str, Evidence],
    functions: Mapping[str, Function],
    requirements: EvidenceRequirements,
    scan_reasons: Iterable[Reason] = (),
    records: AwsRecords = NO_RECORDS,
) -> list[Judged]:
    """Every judgement with the reasons why it is not confirmed (none where it claims no excess)."""
    role_reasons = frozenset(scan_reasons) | (
        frozenset() if role.workloads_complete else {Reason.ROLE_USERS_UNKNOWN}
    )
    workloads: dict[int, list[WorkloadEvidence]] = {}

    def reasons(claim: Claim, policy: Policy) -> tuple[Reason, ...]:
        if id(policy) not in workloads:
            workloads[id(policy)] = workload_evidence(role, policy, evidence, functions, records)
        return reasons_for(claim, workloads[id(policy)], role_reasons, requirements)

    found = [Judged(j, reasons(j.claim, j.grant.policy) if j.claim is not None else ()) for j in judgements]
    confirmed = [not item.reasons for item in found]
    twice = redundancies(judgements, confirmed)
    return [item._replace(redundancy=twice.get(at, NOT_REDUNDANT)) for at, item in enumerate(found)]


def with_ignores(
    judged: Iterable[Judged], role: Role, ignores: Sequence[IgnoreRule], today: date
) -> list[Judged]:
    """The same with the rules of the team that cover them. `today` is the date in UTC."""
    return [_with_ignore(item, role, ignores, today) for item in judged] if ignores else list(judged)


def _with_ignore(item: Judged, role: Role, ignores: Sequence[IgnoreRule], today: date) -> Judged:
    if item.judgement.verdict not in IGNORABLE:
        return item
    rule = matching_rule(ignores, grant_facts(role.arn, role.workloads, item.judgement.grant), today)
    if rule is not None and rule.is_expired(today):
        return item._replace(expired=rule)
    return item._replace(ignore=rule)


def findings_of(
    role: Role,
    judged: Sequence[Judged],
    used_by: Mapping[tuple[str, str], tuple[str, ...]] | None = None,
) -> list[Finding]:
    """The findings of a role, in the order of its statements.

    Grants of one statement with the same verdict and reasons make one finding; where its actions are
    not granted on the same resources, one for each set of resources, so that each finding can be read
    as "these actions on these resources". `used_by` are the workloads by (action in lower case, resource).
    """
    groups: dict[tuple[object, ...], list[Judged]] = {}
    for item in judged:
        grant, judgement = item.judgement.grant, item.judgement
        key = (id(grant.policy), grant.statement.index, judgement.verdict, *_shared(item))
        groups.setdefault(key, []).append(item)
    return [_finding(role, part, used_by or {}) for group in groups.values() for part in _rectangles(group)]


def _shared(item: Judged) -> tuple[object, ...]:
    """What grants of one finding have in common, beside statement and verdict."""
    redundancy = item.redundancy
    also = frozenset(_place(grant) for grant in redundancy.also)
    judgement = item.judgement
    return item.reasons, also, redundancy.redundant, item.ignore, item.known, judgement.why, judgement.sources


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


def _finding(role: Role, group: list[Judged], used_by: Mapping[tuple[str, str], tuple[str, ...]]) -> Finding:
    first = group[0]
    judgement, grant = first.judgement, first.judgement.grant
    statement, policy = grant.statement, grant.policy
    actions = statement.actions if statement.not_actions else _distinct(group, lambda g: g.action)
    resources = statement.resources if statement.not_resources else _distinct(group, lambda g: g.resource)
    touched = sorted({(t.action, t.resource) for item in group for t in item.judgement.touched})
    place = f"sid {statement.sid}" if statement.sid else f"index {statement.index}"
    identity = (role.arn, policy.arn or policy.name, place, judgement.verdict)
    dangerous, severe = _danger(frozenset().union(*(_in_question(item) for item in group)))
    return Finding(
        id=_digest((*identity, *sorted(actions), "", *sorted(resources))),
        role=role.arn,
        workload=role.workloads[0] if len(role.workloads) == 1 else None,
        verdict=judgement.verdict,
        reasons=first.reasons,
        severity=dangerous,
        policy=policy,
        statement=statement,
        actions=actions,
        resources=resources,
        used=tuple(
            Used(catalog.spelled(a), resource, used_by.get((a, resource), ())) for a, resource in touched
        ),
        severe=severe,
        why=judgement.why,
        also=tuple(dict.fromkeys(_place(other) for item in group for other in item.redundancy.also)),
        redundant=first.redundancy.redundant,
        sources=judgement.sources,
        ignored=first.ignore.reason if first.ignore else None,
        known=first.known,
    )


@lru_cache(maxsize=1 << 12)  # most findings are about the same few actions
def _danger(actions: frozenset[str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return severity.worst(actions).level, severity.named(actions)


def _place(grant: Grant) -> Place:
    return Place(grant.policy.name, grant.policy.arn, grant.statement.index, grant.statement.sid)


def _distinct(group: list[Judged], part: Callable[[Grant], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part(item.judgement.grant) for item in group))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _in_question(item: Judged) -> frozenset[str]:
    """The actions that make a grant dangerous: those that are not needed, else all that it names."""
    action = item.judgement.grant.action
    return item.judgement.excess or catalog.expand(action) or frozenset({action.lower()})
