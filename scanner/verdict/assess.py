"""Grants of a role and usage of all its workloads -> an assessment of every grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern, matches
from scanner.model import Grant, Policy, Verdict
from scanner.records.aws_records import CLOUDTRAIL
from scanner.usage.evidence import WorkloadEvidence, workload_evidence
from scanner.usage.of_role import RoleUsage, UsedPermission
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.claims import Claim, ServiceClaim, reasons_for
from scanner.verdict.context import RoleContext
from scanner.verdict.grants import RoleGrants, matches_any, named_actions, overlaps_resource, service_of
from scanner.verdict.reasons import Reason
from scanner.verdict.redundancy import redundancies
from scanner.verdict.unseen import Doubts, UnseenUses
from scanner.verdict.width import is_wider

_NO_DOUBTS = Doubts(frozenset())


def assess_role(context: RoleContext) -> AssessedRole:
    """An assessment of every grant of a role, in the order of its policies."""
    assessor = _Assessor(context)
    assessments = [assessor.assess(grant) for grant in assessor.grants]
    evidence: dict[str, list[WorkloadEvidence]] = {}
    reasons = [_reasons(item, context, evidence) for item in assessments]
    reasoned = [
        replace(item, reasons=reasons_) if reasons_ else item
        for item, reasons_ in zip(assessments, reasons, strict=True)
    ]
    by_grant = redundancies(reasoned)
    return AssessedRole(
        context,
        tuple(
            replace(item, redundancy=by_grant[item.grant.key]) if item.grant.key in by_grant else item
            for item in reasoned
        ),
    )


def _reasons(
    assessment: Assessment, context: RoleContext, evidence: dict[str, list[WorkloadEvidence]]
) -> tuple[Reason, ...]:
    """Why an assessment is not confirmed. `evidence` remembers what was seen since each policy's change."""
    if assessment.claim is None:
        return ()
    policy: Policy = assessment.grant.policy
    if policy.key not in evidence:
        evidence[policy.key] = workload_evidence(
            context.role, policy, context.evidence, context.workloads, context.records
        )
    return reasons_for(assessment.claim, evidence[policy.key], context.role_reasons, context.requirements)


class _Assessor:
    """The grants of one role, against what its workloads used."""

    def __init__(self, context: RoleContext) -> None:
        self._grants = RoleGrants(context.role)
        self._unseen = UnseenUses(context.usage)
        self._recorded = context.usage.recorded
        self._used = _UsesByAction(context.usage)
        self.grants = self._grants.grants

    def assess(self, grant: Grant) -> Assessment:
        """The verdict on a grant, without the reasons."""
        if self._grants.is_ineffective(grant):
            return Assessment(grant, Verdict.INEFFECTIVE)
        sure: list[UsedPermission] = []
        unsure: dict[UsedPermission, Reason] = {}
        for use in self._used.candidates(grant):
            if not overlaps_resource(grant, use):
                continue
            doubt = self._grants.doubt_of_use(grant, use)
            if doubt is not None:
                unsure[use] = doubt
            elif self._grants.condition_held(grant, use) is not False:
                sure.append(use)
        if not sure:
            return self._unused(grant, unsure)
        assessment = self._in_use(grant, tuple(sure), unsure)
        if self._recorded.isdisjoint(sure):
            return assessment
        return replace(assessment, sources=tuple(sorted({*assessment.sources, CLOUDTRAIL})))

    def _in_use(
        self, grant: Grant, used_for: tuple[UsedPermission, ...], unsure: Mapping[UsedPermission, Reason]
    ) -> Assessment:
        unused, unobservable = self._unused_actions(grant, used_for)
        used = [use for use in used_for if not use.platform]
        if not unused and not used:
            return Assessment(grant, Verdict.PLATFORM, used_for)
        if unused:
            services, sources = self._unseen.service_claims(grant, unused, unsure)
            excess = unused
        else:
            doubts = self._doubts_of_width(grant, used, unsure)
            if doubts is None:
                return Assessment(grant, Verdict.USED, used_for)
            excess, sources = frozenset(use.action for use in used), doubts.sources
            claim = ServiceClaim(clean=not doubts.reasons, doubts=doubts.reasons)
            services = {service_of(action): claim for action in excess}
        actions = unobservable | unused | {use.action for use in used_for}
        return Assessment(
            grant,
            Verdict.BROAD,
            used_for,
            may_need=(*unsure, *self._unseen.may_need(grant, actions)),
            excess=excess,
            claim=Claim(services, any_suffices=True),
            sources=tuple(sorted(sources)),
        )

    def _unused(self, grant: Grant, unsure: Mapping[UsedPermission, Reason]) -> Assessment:
        actions = self._grants.actions_of(grant)
        observable = actions - self._unseen.unobservable(grant, actions)
        if actions and not observable:
            why = self._unseen.why_unobservable(grant, actions)
            return Assessment(grant, Verdict.UNOBSERVABLE, why=why)
        if not actions:
            # No action that IAM's reference knows can work there: the evidence decides all the same.
            observable = named_actions(grant)
        services, sources = self._unseen.service_claims(grant, observable, unsure)
        if len(observable) < len(actions):
            # Part of the pattern may be in use where no trace shows it.
            services = {
                service: claim.doubted(Reason.MAY_RUN_UNTRACED) for service, claim in services.items()
            }
        # Of a wildcard this would be about every service.
        needs = () if is_pattern(grant.action) else self._unseen.platform_needs(grant, grant.action.lower())
        return Assessment(
            grant,
            Verdict.UNUSED,
            excess=observable,
            claim=Claim(services, any_suffices=False),
            why="; ".join(dict.fromkeys(need.why for need in needs)),
            sources=tuple(sorted(sources)),
        )

    def _unused_actions(
        self, grant: Grant, used_for: tuple[UsedPermission, ...]
    ) -> tuple[frozenset[str], frozenset[str]]:
        """The actions of an action pattern that nothing used: observable ones, and the others."""
        if not is_pattern(grant.action):
            return frozenset(), frozenset()
        unused = self._grants.actions_of(grant) - {use.action for use in used_for}
        unobservable = self._unseen.unobservable(grant, unused)
        return unused - unobservable, unobservable

    def _doubts_of_width(
        self, grant: Grant, used: Sequence[UsedPermission], unsure: Mapping[UsedPermission, Reason]
    ) -> Doubts | None:
        """What speaks against saying that a grant's resource is too wide; None where it is not."""
        limited = [use for use in used if catalog.knows_resources(use.action)]
        if not limited or not is_wider(grant, limited, self._grants.limits):
            return None
        reasons = set()
        # What a platform does with an event source, or init code with other secrets, is in no trace, though
        # the workload did the like itself.
        if any(any(self._unseen.untraced(grant, use.action)) for use in limited):
            reasons.add(Reason.MAY_RUN_UNTRACED)
        if unsure or not all(use.exact for use in limited):
            reasons.add(Reason.RESOURCE_UNKNOWN)
        if not all(self._grants.condition_held(grant, use) for use in limited):
            reasons.add(Reason.CONDITION_UNKNOWN)  # it may narrow the resources to just these
        doubts = [self._unseen.doubts(grant, use.action) for use in limited]
        # What may have been touched as well is a doubt only where it would use up the grant.
        possible = [
            use
            for action in {use.action for use in limited}
            for use in self._unseen.possible_uses(grant, action)
        ]
        if possible and not is_wider(
            grant, [*limited, *(use._replace(exact=True) for use in possible)], self._grants.limits
        ):
            reasons.add(Reason.POSSIBLE)
        return Doubts(frozenset(reasons), frozenset().union(*(doubt.sources for doubt in doubts)))


class _UsesByAction:
    """What was used, by action: single resources by name, and patterns and unknown ones."""

    def __init__(self, usage: RoleUsage) -> None:
        self._by_action = {action: _by_resource(uses) for action, uses in usage.required.items()}

    def candidates(self, grant: Grant) -> Iterator[UsedPermission]:
        """What was used of the actions of a grant, without single resources that it does not name."""
        action, is_literal = grant.action.lower(), not is_pattern(grant.pattern)
        names: Iterable[str] = (action,)
        if is_pattern(action):
            names = (
                name
                for name in self._by_action
                if matches(action, name) and not matches_any(grant.except_actions, name)
            )
        for name in names:
            by_resource, patterns = self._by_action.get(name, ({}, ()))
            if not is_literal:
                yield from by_resource.values()
            elif grant.pattern in by_resource:
                yield by_resource[grant.pattern]
            yield from patterns


def _by_resource(
    uses: Iterable[UsedPermission],
) -> tuple[dict[str, UsedPermission], tuple[UsedPermission, ...]]:
    single: dict[str, UsedPermission] = {}
    patterns = []
    for use in uses:
        if use.exact and not use.platform and not is_pattern(use.resource):
            single[use.resource] = use
        else:
            patterns.append(use)
    return single, tuple(patterns)
