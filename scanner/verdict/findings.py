"""Assessments of grants -> findings: what shares a statement, a verdict and its reasons is said once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from scanner.iam import catalog, severity
from scanner.iam.wildcards import crossing_accounts, leaves_account_open
from scanner.model import EXCESS, BundleUse, Finding, Grant, Place, Used, Verdict
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.bundle_use import bundle_uses
from scanner.verdict.grants import named_actions
from scanner.verdict.rank import Breadth, breadth_of, widest

# What is needed has no danger that somebody could take away.
_CLAIMING = (*EXCESS, Verdict.UNOBSERVABLE)
OPEN_ACCOUNT = "any account: name the account, unless others are meant to let it in"
_Severe = tuple[tuple[str, str], ...]


def findings_of(assessed: AssessedRole) -> list[Finding]:
    """The findings of a role, in the order of its statements.

    Grants of one statement with the same verdict, reasons and severity make one finding; where its
    actions are not granted on the same resources, one for each set of resources, so that each finding can
    be read as "these actions on these resources".
    """
    bundles = bundle_uses(assessed)
    groups: dict[tuple[object, ...], list[Assessment]] = {}
    for assessment in assessed.assessments:
        shared = (*_shared(assessment), bundles.get(assessment.grant.key))
        groups.setdefault(shared, []).append(assessment)
    return [
        _finding(assessed, rectangle, bundles.get(rectangle[0].grant.key))
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
        _level(_actions_in_question(assessment)) if assessment.verdict in _CLAIMING else None,
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


def _finding(assessed: AssessedRole, group: Sequence[Assessment], bundle: BundleUse | None) -> Finding:
    role, first = assessed.role, group[0]
    statement, policy = first.grant.statement, first.grant.policy
    actions = statement.actions if statement.not_actions else _distinct(group, lambda grant: grant.action)
    resources = (
        statement.resources if statement.not_resources else _distinct(group, lambda grant: grant.resource)
    )
    in_question = _actions_in_question(first) if len(group) == 1 else _actions_of_all(group)
    level = _level(in_question) if in_question else severity.NONE
    ids = _ids(assessed, group)
    also = dict.fromkeys(_place(other) for item in group for other in item.redundancy.also_granted_by)
    return Finding(
        id=ids[0],
        grant_ids=ids,
        role=role.arn,
        workload=role.workloads[0] if len(role.workloads) == 1 else None,
        verdict=first.verdict,
        reasons=first.reasons,
        severity=level,
        breadth=_breadth(group, in_question, level),
        policy=policy,
        statement=statement,
        actions=actions,
        resources=resources,
        used=_used(group, assessed.context.usage.used_by),
        severe=_named(in_question),
        why=first.why,
        note=OPEN_ACCOUNT if any(map(_crosses_accounts, group)) else "",
        also_granted_by=tuple(also),
        redundant=first.redundancy.redundant,
        sources=first.sources,
        ignored=first.accepted.rule,
        known=first.accepted.in_baseline,
        bundle=bundle,
    )


def _ids(assessed: AssessedRole, group: Sequence[Assessment]) -> tuple[str, ...]:
    """The ids of the grants of a finding, sorted: their order says nothing."""
    return tuple(sorted({assessed.ids[assessment.grant.key] for assessment in group}))


def _used(
    group: Sequence[Assessment], workloads: Mapping[tuple[str, str], tuple[str, ...]]
) -> tuple[Used, ...]:
    """What the grants were used for: by workloads, then by their platforms.

    `workloads` are those by (action in lower case, resource).
    """
    by_workloads = {(use.action, use.resource) for item in group for use in item.used_for if not use.platform}
    by_platform = {(use.action, use.resource) for item in group for use in item.used_for if use.platform}
    uses = (*sorted(by_workloads), *sorted(by_platform - by_workloads))
    return tuple(Used(catalog.spelled(use[0]), use[1], workloads.get(use, ())) for use in uses)


def _crosses_accounts(assessment: Assessment) -> bool:
    """Whether a used grant also allows a write to what other accounts let it write to."""
    return leaves_account_open(assessment.grant.pattern) and any(
        not use.platform and use.action in crossing_accounts() for use in assessment.used_for
    )


def _breadth(group: Sequence[Assessment], in_question: frozenset[str], level: str) -> Breadth:
    if not in_question:
        return Breadth.NOTHING
    return widest(breadth_of(assessment.grant, in_question, level) for assessment in group)


def _actions_of_all(group: Iterable[Assessment]) -> frozenset[str]:
    return frozenset().union(*map(_actions_in_question, group))


@lru_cache(maxsize=1 << 12)  # most findings are about the same few actions
def _level(actions: frozenset[str]) -> str:
    return severity.worst_level(actions)


@lru_cache(maxsize=1 << 12)
def _named(actions: frozenset[str]) -> _Severe:
    return severity.named(actions)


def severity_level(assessment: Assessment) -> str:
    """How dangerous a grant is, by its excess."""
    return severity.worst(_actions_in_question(assessment)).level


def _actions_in_question(assessment: Assessment) -> frozenset[str]:
    """The actions that make a grant dangerous: those in excess, else all that it names."""
    if assessment.verdict is Verdict.INEFFECTIVE:
        return frozenset()
    return assessment.in_question or named_actions(assessment.grant)


def _place(grant: Grant) -> Place:
    return Place(policy_key=grant.policy.key, statement=grant.statement.index)


def _distinct(group: Iterable[Assessment], part: Callable[[Grant], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part(assessment.grant) for assessment in group))
