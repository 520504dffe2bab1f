"""Grants of a role and usage of all its workloads -> an assessment of every grant. Pure.

A grant of one action is used or not. A pattern of actions is judged action by action: those that surely were
not needed are its excess, and one doubtful action never silences the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from scanner.iam.fit import Fit, fit
from scanner.iam.patterns import is_pattern
from scanner.model import EXCESS, Grant, Verdict
from scanner.records.aws_records import CLOUDTRAIL
from scanner.usage.of_role import UsedPermission
from scanner.verdict.acting import may_act_unseen
from scanner.verdict.assessment import AssessedRole, Assessment
from scanner.verdict.claims import EvidenceReasons
from scanner.verdict.context import RoleContext
from scanner.verdict.grants import RoleGrants, matches_action, named_actions, service_of_action
from scanner.verdict.new_grants import is_new
from scanner.verdict.reasons import ORDER, Reason
from scanner.verdict.redundancy import redundancies
from scanner.verdict.unseen import ActionDoubts, UnseenUses
from scanner.verdict.uses import GrantUses, UsesByAction, uses_without_grant
from scanner.verdict.width import is_wider, may_use_up

WHY_INEFFECTIVE = {
    Fit.OTHER_TYPE: "works on other types of resources than this one",
    Fit.NO_ACTION: "is no action of IAM",
}
WHY_EXCEPTED = "works on nothing but what NotResource excepts"
_POSSIBLE = frozenset({Reason.POSSIBLE})


def assess_role(context: RoleContext) -> AssessedRole:
    """An assessment of every grant of a role, in the order of its policies."""
    assessor = _Assessor(context)
    assessments = assessor.assessments()
    by_grant = redundancies(assessments)
    return AssessedRole(
        context,
        tuple(
            replace(item, redundancy=by_grant[item.grant.key]) if item.grant.key in by_grant else item
            for item in assessments
        ),
        assessor.not_understood,
    )


class _Assessor:
    """The grants of one role, against what its workloads used."""

    def __init__(self, context: RoleContext) -> None:
        usage, self._context = context.usage, context
        self._grants = grants = RoleGrants(context.role)
        self._unseen = UnseenUses(usage)
        self._evidence = EvidenceReasons(context)
        if may_act_unseen(grants, self._unseen, self._evidence):
            self._evidence = EvidenceReasons(context, frozenset({Reason.ACTS_FOR_CALLER}))
        self._recorded = usage.recorded
        by_action = UsesByAction(usage)
        self._uses = [
            None if grants.is_never_allowed(grant) else by_action.of_grant(grant, grants)
            for grant in grants.grants
        ]
        without_grant = uses_without_grant(usage, grants, (uses for uses in self._uses if uses is not None))
        self.not_understood = frozenset(
            use for use in without_grant if any(matches_action(grant, use.action) for grant in grants.grants)
        )
        self._not_understood = frozenset(use.action for use in self.not_understood)

    def assessments(self) -> list[Assessment]:
        """The assessments of all grants."""
        return [
            self._assess(grant, uses) for grant, uses in zip(self._grants.grants, self._uses, strict=True)
        ]

    def _assess(self, grant: Grant, uses: GrantUses | None) -> Assessment:
        if uses is None:
            return Assessment(grant, Verdict.INEFFECTIVE)
        if is_pattern(grant.action):
            assessment = self._of_pattern(grant, uses)
        elif uses.sure:
            assessment = self._used(grant, uses)
        else:
            assessment = self._unused(grant, uses)
        if assessment.verdict in EXCESS and is_new(grant, self._context):
            reasons = _in_order({*assessment.reasons, Reason.NEW_GRANT})
            assessment = replace(assessment, reasons=reasons)
        if self._recorded.isdisjoint(uses.sure):
            return assessment
        return replace(assessment, sources=tuple(sorted({*assessment.sources, CLOUDTRAIL})))

    # --- one action --------------------------------------------------------------------------------

    def _used(self, grant: Grant, uses: GrantUses) -> Assessment:
        """An action, or a pattern of actions, all of which were used."""
        if not uses.of_workloads:
            return Assessment(grant, Verdict.PLATFORM, uses.sure)
        by_action = self._doubts_of_width(grant, uses)
        if not by_action:
            return Assessment(grant, Verdict.USED, uses.sure)
        reasons = min((self._reasons(grant, a, doubts) for a, doubts in by_action.items()), key=_weight)
        return Assessment(
            grant,
            Verdict.BROAD,
            uses.sure,
            may_need=(*uses.unsure, *self._unseen.may_need(grant, uses.actions)),
            wide=frozenset(
                a for a, doubts in by_action.items() if self._reasons(grant, a, doubts) == reasons
            ),
            reasons=_in_order(reasons),
        )

    def _unused(self, grant: Grant, uses: GrantUses) -> Assessment:
        action = grant.action.lower()
        its_fit = fit(action, grant.pattern)
        known = self._known_doubts(grant, uses, frozenset({action} if its_fit is Fit.UNKNOWN else ()))
        doubts = self._unseen.doubts_of_actions(grant, frozenset({action}), known)
        reasons = doubts.reasons.get(action, frozenset())
        excepted = WHY_EXCEPTED if self._grants.excepts_all_of(grant, action) else ""
        why = WHY_INEFFECTIVE.get(its_fit, excepted)
        if why and Reason.POSSIBLE not in reasons and not uses.unsure:
            return Assessment(grant, Verdict.INEFFECTIVE, why=why)
        if action in doubts.unobservable:
            why = self._unseen.why_unobservable(grant, (action,))
            return Assessment(grant, Verdict.UNOBSERVABLE, why=why)
        needs = self._unseen.platform_needs(grant, action)
        return self._of_nothing_used(
            grant, doubts, frozenset({action}), "; ".join(dict.fromkeys(need.why for need in needs))
        )

    def _of_nothing_used(
        self, grant: Grant, doubts: ActionDoubts, excess: frozenset[str], why: str = ""
    ) -> Assessment:
        """A grant of which nothing was used: unused, with all doubts about its actions."""
        never, sources = self._unseen.never_used(grant, excess - self._unseen.decided(excess))
        reasons = self._evidence.of_services(grant.policy, never).union(*doubts.reasons.values())
        return Assessment(
            grant,
            Verdict.UNUSED,
            excess=excess,
            reasons=_in_order(reasons),
            why=why,
            sources=tuple(sorted(sources | doubts.sources)),
        )

    # --- a pattern of actions ----------------------------------------------------------------------

    def _of_pattern(self, grant: Grant, uses: GrantUses) -> Assessment:
        fits = self._grants.fits_of(grant)
        unplaced = fits.unknown | (self._not_understood & named_actions(grant))
        unplaced |= self._unseen.possible_actions(grant, fits.other_type)
        unplaced |= self._unseen.unplaced_actions(fits.account_wide)
        actions = fits.works | unplaced
        if not actions and fits.other_type:
            why = WHY_EXCEPTED if grant.except_resources else WHY_INEFFECTIVE[Fit.OTHER_TYPE]
            return Assessment(grant, Verdict.INEFFECTIVE, why=why)
        if not actions:  # none that the reference knows to work there
            actions = unplaced = named_actions(grant)
        rest = actions - uses.actions
        doubts = self._unseen.doubts_of_actions(grant, rest, self._known_doubts(grant, uses, unplaced))
        doubts = doubts._replace(unplaced=unplaced)
        clean = rest.difference(doubts.unobservable, doubts.reasons)
        if not clean and not doubts.reasons and uses.sure:
            return self._used(grant, uses)
        may_need = dict.fromkeys(
            (
                *uses.unsure,
                *self._unseen.may_need(grant, actions),
                *self._unseen.may_be_used_unseen(grant, uses.actions, doubts),
            )
        )
        if clean:
            return self._with_excess(grant, uses, doubts, clean, tuple(may_need))
        if uses.sure:
            return self._with_doubts_only(grant, uses, doubts, tuple(may_need))
        if not doubts.reasons:
            why = self._unseen.why_unobservable(grant, actions)
            return Assessment(grant, Verdict.UNOBSERVABLE, why=why)
        if doubts.unobservable:
            doubts = doubts._replace(reasons={**doubts.reasons, "": frozenset({Reason.MAY_RUN_UNTRACED})})
        return self._of_nothing_used(grant, doubts, rest - doubts.unobservable)

    def _with_excess(
        self,
        grant: Grant,
        uses: GrantUses,
        doubts: ActionDoubts,
        clean: frozenset[str],
        may_need: tuple[UsedPermission, ...],
    ) -> Assessment:
        """A pattern with actions that nothing speaks for (`clean`)."""
        never, sources = self._unseen.never_used(grant, clean)
        by_service = {p: self._evidence.of_service(grant.policy, p, n) for p, n in never.items()}
        reasons = min(by_service.values(), key=_weight)
        shown = {prefix for prefix, of_service in by_service.items() if of_service == reasons}
        all_or_none = bool(reasons) or len(shown) == len(by_service)
        may_be_used = self._unseen.may_be_used(grant, doubts) or bool(uses.unsure)
        if not uses.sure and all_or_none and not may_be_used:
            return self._of_nothing_used(grant, doubts, clean)
        excess = clean if reasons else frozenset(a for a in clean if service_of_action(a) in shown)
        width = self._doubts_of_width(grant, uses)
        return Assessment(
            grant,
            Verdict.BROAD,
            uses.sure,
            may_need=may_need,
            excess=excess,
            wide=frozenset(a for a, its in width.items() if self._reasons(grant, a, its) <= reasons),
            unshown=clean - excess,
            reasons=_in_order(reasons),
            sources=tuple(sorted(sources | doubts.sources)),
        )

    def _with_doubts_only(
        self, grant: Grant, uses: GrantUses, doubts: ActionDoubts, may_need: tuple[UsedPermission, ...]
    ) -> Assessment:
        """A pattern, part of which was used, with a doubt about every other action."""
        width = self._doubts_of_width(grant, uses)
        of_width = {a: self._reasons(grant, a, its) for a, its in width.items()}
        of_excess = {a: self._reasons(grant, a, its) for a, its in doubts.reasons.items()}
        reasons = min((*of_width.values(), *of_excess.values()), key=_weight)
        return Assessment(
            grant,
            Verdict.BROAD,
            uses.sure,
            may_need=may_need,
            excess=frozenset(a for a, its in of_excess.items() if its == reasons),
            wide=frozenset(a for a, its in of_width.items() if its == reasons),
            reasons=_in_order(reasons),
            sources=tuple(sorted(doubts.sources)),
        )

    # --- doubts ------------------------------------------------------------------------------------

    def _reasons(self, grant: Grant, action: str, doubts: frozenset[Reason]) -> frozenset[Reason]:
        """The doubts about an action, with those of the evidence about its service."""
        return doubts | self._evidence.of_service(grant.policy, service_of_action(action), never=False)

    def _known_doubts(
        self, grant: Grant, uses: GrantUses, unplaced: frozenset[str]
    ) -> Mapping[str, frozenset[Reason]]:
        """The doubts about actions that follow from the grants of the role.

        A use may have been of this grant or of another. It may have been of this grant although the program
        does not see that: nothing else allows it, or the reference does not know what the action works on.
        """
        possible = unplaced | self._named_and_not_understood(grant)
        doubts: dict[str, frozenset[Reason]] = dict.fromkeys(possible, _POSSIBLE)
        for use, reason in uses.unsure.items():
            doubts[use.action] = doubts.get(use.action, frozenset()) | {reason}
        return doubts

    def _named_and_not_understood(self, grant: Grant) -> frozenset[str]:
        return frozenset(action for action in self._not_understood if matches_action(grant, action))

    def _doubts_of_width(self, grant: Grant, uses: GrantUses) -> dict[str, frozenset[Reason]]:
        """The used actions for which the grant's resource is too wide, with what speaks against saying so."""
        by_action: dict[str, list[UsedPermission]] = {}
        for use in uses.of_workloads:
            by_action.setdefault(use.action, []).append(use)
        return {
            action: self._doubts_of_action_width(grant, action, used, uses)
            for action, used in sorted(by_action.items())
            if is_wider(grant, action, used, self._grants.limits)
        }

    def _doubts_of_action_width(
        self, grant: Grant, action: str, used: Iterable[UsedPermission], uses: GrantUses
    ) -> frozenset[Reason]:
        used = tuple(used)
        reasons = set()
        # What a platform does with an event source, or init code with other secrets, is in no trace, though
        # the workload did the like itself.
        if any(self._unseen.untraced(grant, action)):
            reasons.add(Reason.MAY_RUN_UNTRACED)
        if any(use.action == action for use in uses.unsure) or not all(use.exact for use in used):
            reasons.add(Reason.RESOURCE_UNKNOWN)
        if not all(self._grants.condition_held(grant, use) for use in used):
            reasons.add(Reason.CONDITION_UNKNOWN)  # it may narrow the resources to just these
        possible = [use._replace(exact=True) for use in self._unseen.possible_uses(grant, action)]
        # What may have been used as well is a doubt only where it would use up the grant.
        uses_up = possible and not is_wider(grant, action, [*used, *possible], self._grants.limits)
        uses_up = uses_up or any(may_use_up(grant, action, use) for use in possible)
        if uses_up or action in self._not_understood:
            reasons.add(Reason.POSSIBLE)
        return frozenset(reasons)


def _weight(reasons: frozenset[Reason]) -> tuple[int, list[Reason]]:
    return len(reasons), sorted(reasons)


def _in_order(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    return tuple(sorted(reasons, key=ORDER.__getitem__))
