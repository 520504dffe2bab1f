"""What a team accepts of the assessments of all roles: by its rules, and in its baseline. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from scanner.gate import baseline
from scanner.gate.baseline import Baseline, Comparison, Entry
from scanner.gate.grant_ids import grant_ids
from scanner.gate.rules import IgnoreRule, RuleTally, grant_facts, matching_rule, tally_rules
from scanner.model import EXCESS, Acceptance, Role, Verdict
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.findings import severity_level

# What a rule can accept: all that may fail the gate.
_ACCEPTABLE = (*EXCESS, Verdict.UNOBSERVABLE, Verdict.INEFFECTIVE)


@dataclass(frozen=True)
class Terms:
    """What a team accepts.

    `baseline_verdicts` are the verdicts that a baseline holds. `logical_ids` are CloudFormation's, as
    "Stack/LogicalId" by physical name. `today` is the date in UTC, `date.min` where no rule has an end.
    `every_role` tells that all roles were asked for: only then a rule without a match is idle. `other_roles`
    are the ARNs of further roles that are known, None where they are not known: a baseline may name them
    as it names those that were compared.
    """

    rules: Sequence[IgnoreRule] = ()
    baseline: Baseline | None = None
    baseline_verdicts: frozenset[Verdict] = frozenset(EXCESS)
    logical_ids: Mapping[str, str] = field(default_factory=dict)
    today: date = date.min
    every_role: bool = True
    other_roles: frozenset[str] | None = frozenset()


@dataclass(frozen=True)
class Accepted:
    """The roles with what is accepted of them; what became of the rules; what is new and what was fixed."""

    roles: tuple[AssessedRole, ...]
    rules: RuleTally = field(default_factory=RuleTally)
    baseline: Comparison | None = None


def accept(roles: Sequence[AssessedRole], terms: Terms) -> Accepted:
    """What the team accepts of all roles at once: entries that look alike share one count."""
    roles = _with_ids(roles, terms)
    rules = [[_rule_for(item, role.role, terms) for item in role.assessments] for role in roles]
    by_rules = tuple(
        replace(role, assessments=tuple(map(partial(_by_rule, terms), role.assessments, of_role)))
        for role, of_role in zip(roles, rules, strict=True)
    )
    tallied = _tally(by_rules, [rule for of_role in rules for rule in of_role if rule], terms)
    if terms.baseline is None:
        return Accepted(by_rules, tallied)
    accepted, comparison = _by_baseline(by_rules, terms.baseline, terms)
    return Accepted(accepted, tallied, comparison)


def _with_ids(roles: Sequence[AssessedRole], terms: Terms) -> list[AssessedRole]:
    """The roles with the ids of their grants, which are told apart over all roles."""
    grants = ((role.role, item.grant) for role in roles for item in role.assessments)
    ids = grant_ids(grants, _logical_ids(roles, terms))
    return [replace(role, ids=ids.get(role.role.arn, {})) for role in roles]


# --- rules ---------------------------------------------------------------------------------------


def _rule_for(assessment: Assessment, role: Role, terms: Terms) -> IgnoreRule | None:
    """The team's rule about a grant, expired or not; None where there is none."""
    if not terms.rules or assessment.verdict not in _ACCEPTABLE:
        return None
    return matching_rule(terms.rules, grant_facts(role.arn, role.workloads, assessment.grant), terms.today)


def _by_rule(terms: Terms, assessment: Assessment, rule: IgnoreRule | None) -> Assessment:
    if rule is None or rule.is_expired(terms.today):
        return assessment
    return replace(assessment, accepted=Acceptance(rule.reason, rule.line))


def _tally(roles: Iterable[AssessedRole], matched: Iterable[IgnoreRule], terms: Terms) -> RuleTally:
    tallied = tally_rules(terms.rules, ((rule, 1) for rule in matched), terms.today)
    # Roles that were not asked for, or not read, may be those that a rule is about.
    every_role = terms.every_role and all(role.role.readable for role in roles)
    return tallied if every_role else replace(tallied, idle=())


# --- baseline ------------------------------------------------------------------------------------


def _by_baseline(
    roles: Sequence[AssessedRole], known: Baseline, terms: Terms
) -> tuple[tuple[AssessedRole, ...], Comparison]:
    """The roles with what the baseline has, and what is new and what was fixed."""
    listed = _listed(roles, terms)
    entries = _entries(listed, roles, terms)
    verdicts = {str(verdict) for verdict in terms.baseline_verdicts}
    comparison = baseline.compare(known, entries, compared_roles(roles, terms), verdicts)
    # What a rule accepts is not new, nor fixed where the baseline has it too.
    new = tuple(
        entry
        for (_, item), entry, is_known in zip(listed, entries, comparison.is_known, strict=True)
        if not is_known and item.accepted.rule is None
    )
    in_baseline = {
        (role.arn, item.grant.key)
        for (role, item), is_known in zip(listed, comparison.is_known, strict=True)
        if is_known
    }
    accepted = tuple(
        replace(
            role,
            assessments=tuple(
                _in_baseline(item) if (role.role.arn, item.grant.key) in in_baseline else item
                for item in role.assessments
            ),
        )
        for role in roles
    )
    grown = tuple(growth for growth in comparison.grown if growth.entry in new)
    return accepted, comparison._replace(new=new, grown=grown)


def _in_baseline(assessment: Assessment) -> Assessment:
    return replace(assessment, accepted=assessment.accepted._replace(in_baseline=True))


def baseline_entries(roles: Sequence[AssessedRole], terms: Terms) -> list[Entry]:
    """The lines that a baseline would hold of these roles: all that may fail, and no rule accepts."""
    listed = [(role, item) for role, item in _listed(roles, terms) if item.accepted.rule is None]
    return _entries(listed, roles, terms)


def compared_roles(roles: Sequence[AssessedRole], terms: Terms) -> set[str]:
    """The roles that were wholly read, as a baseline names them.

    Without names that they share with a role that was not: entries of that name may be about the other one.
    """
    if terms.other_roles is None and not terms.every_role:
        return set()
    names = _logical_ids(roles, terms)
    read = {role.role.arn for role in roles if role.role.readable}
    others = {*(terms.other_roles or ()), *(role.role.arn for role in roles)} - read
    # The logical ids of roles that were not read are not known.
    names_of_others = {baseline.stable_role_name(arn) for arn in others}
    alone = (arn for arn in read if baseline.stable_role_name(arn) not in names_of_others)
    return {baseline.stable_role_name(arn, names) for arn in alone}


def _listed(roles: Iterable[AssessedRole], terms: Terms) -> list[tuple[Role, Assessment]]:
    """What a baseline can hold."""
    return [
        (role.role, item)
        for role in roles
        for item in role.assessments
        if item.verdict in terms.baseline_verdicts
    ]


def _entries(
    listed: Iterable[tuple[Role, Assessment]], roles: Iterable[AssessedRole], terms: Terms
) -> list[Entry]:
    facts = (
        baseline.deployed_grant(role, item.grant, item.verdict, severity_level(item)) for role, item in listed
    )
    return baseline.entries_of(facts, _logical_ids(roles, terms))


def _logical_ids(roles: Iterable[AssessedRole], terms: Terms) -> dict[str, str]:
    """CloudFormation's logical ids by physical name or ARN: from stacks, and from the tags of roles.

    docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    names = dict(terms.logical_ids)
    for role in roles:
        tags = role.role.tags or {}
        stack, logical = tags.get("aws:cloudformation:stack-name"), tags.get("aws:cloudformation:logical-id")
        if stack and logical:
            names[role.role.arn] = f"{stack}/{logical}"
    return names
