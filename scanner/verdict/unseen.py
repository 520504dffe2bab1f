"""Uses of a grant that traces may not show, and the doubts that follow from them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.patterns import is_pattern, matches, matching
from scanner.mapping.services import names_something
from scanner.mapping.untraced import MAY_RUN_UNTRACED, UNOBSERVABLE, Untraced, may_be_used_by_code
from scanner.model import Grant, UnknownNeed
from scanner.records.aws_records import LAST_ACCESSED
from scanner.usage.of_role import RoleUsage, UsedPermission
from scanner.verdict.grants import matches_action, overlaps_resource, service_of_action
from scanner.verdict.reasons import Reason
from scanner.workloads.platform import unobservable_actions, untraced, untraced_actions

_NONE = frozenset[str]()


class Doubts(NamedTuple):
    """Reasons against a claim, and the records of AWS that added one or took one away."""

    reasons: frozenset[Reason]
    sources: frozenset[str] = frozenset()


class ActionDoubts(NamedTuple):
    """What speaks against saying of each action of a grant that it was not used.

    `unobservable` are actions that no trace can show, `reasons` those of the others that have any. `unplaced`
    are those of which a use is known, though not on which resource of the grant.
    """

    unobservable: frozenset[str]
    reasons: Mapping[str, frozenset[Reason]]
    sources: frozenset[str] = frozenset()
    unplaced: frozenset[str] = frozenset()


class UnseenUses:
    """What the traces of a role's workloads may not show."""

    def __init__(self, usage: RoleUsage) -> None:
        self._usage = usage
        self._traced = frozenset((*usage.required, *usage.possible))
        self._unread = frozenset(usage.platform_may_need)
        self._decided = usage.platform_decided - self._unread
        self._possible = frozenset(usage.possible)
        self._services = frozenset(
            service_of_action(action)
            for action, uses in usage.required.items()
            if any(not use.platform for use in uses)
        ).union(map(service_of_action, usage.possible))

    # --- why traces may not show an action ---

    def untraced(self, grant: Grant, action: str) -> Iterator[Untraced]:
        """Why traces may not show a use of an action by a grant."""
        yield from self._reasons_of_all_grants(action)
        for need in self.platform_needs(grant, action):
            yield Untraced(need.kind, need.why)

    def _reasons_of_all_grants(self, action: str) -> Iterator[Untraced]:
        """Why traces may not show a use of an action, whichever grant allows it."""
        known = None if action in self._decided else untraced(action)
        if known is not None:
            yield known
        for extra in self._usage.team:
            if matches(extra.action, action):
                yield Untraced(extra.kind, extra.reason)

    def _unobservable(self, grant: Grant, maybe: frozenset[str]) -> frozenset[str]:
        """Of a grant's actions that may be untraced those whose use by the grant no trace can show."""
        surely = _NONE
        if len(maybe) > 1:
            surely = maybe & unobservable_actions(catalog.prefixes_of(grant.action.lower()))
        return surely.union(
            action
            for action in maybe - surely
            if any(untraced.kind == UNOBSERVABLE for untraced in self.untraced(grant, action))
        )

    def _maybe_untraced(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of a grant's actions that `untraced` may name a reason for."""
        if len(actions) == 1:  # most grants
            (action,) = actions
            return actions if any(self._reasons_of_all_grants(action)) or action in self._unread else _NONE
        pattern = grant.action.lower()
        of_reference = (actions & untraced_actions(catalog.prefixes_of(pattern))) - self._decided
        of_none = _NONE if catalog.expand(pattern) else actions
        of_team = (matching(extra.action, actions) for extra in self._usage.team)
        return (of_reference | of_none | (actions & self._unread)).union(*of_team)

    def why_unobservable(self, grant: Grant, actions: Iterable[str]) -> str:
        """Why no trace can show the actions, each reason once."""
        reasons = (untraced for action in sorted(actions) for untraced in self.untraced(grant, action))
        return "; ".join(dict.fromkeys(reason.why for reason in reasons if reason.kind == UNOBSERVABLE))

    def platform_needs(self, grant: Grant, action: str) -> Iterator[UnknownNeed]:
        """What of an action a platform may need for a configuration that was not read."""
        return (
            need
            for need in self._usage.platform_may_need.get(action, ())
            if need.resource == arns.ALL
            or overlaps_resource(grant, UsedPermission(action, need.resource, exact=True, platform=True))
        )

    def decided(self, actions: frozenset[str]) -> frozenset[str]:
        """Those of the actions that only platforms use, and that no workload's configuration asks for.

        Whether calls of their service were traced does not matter.
        """
        return actions & self._decided

    def _platform_uses(self, grant: Grant, action: str) -> Iterator[UsedPermission]:
        for need in self.platform_needs(grant, action):
            resource = grant.pattern if need.resource == arns.ALL else need.resource
            yield UsedPermission(action, resource, exact=True, platform=True)

    # --- doubts ---

    def doubts(self, grant: Grant, action: str) -> Doubts:
        """The doubts about a claim that a grant's action (in lower case) was not used."""
        reasons, sources = set(), set()
        if any(untraced.kind == MAY_RUN_UNTRACED for untraced in self.untraced(grant, action)):
            created = grant.policy.created
            source = self._usage.records.source_of_absence(
                action, grant.pattern, created.timestamp() if created else 0.0
            )
            if source is None or any(self.platform_needs(grant, action)):
                reasons.add(Reason.MAY_RUN_UNTRACED)
            else:
                sources.add(source)
        if self._usage.records.was_used_untraced(action, self._traced):
            sources.add(LAST_ACCESSED)
            reasons.add(Reason.ACCESSED_UNTRACED)
        if any(self.possible_uses(grant, action)):
            reasons.add(Reason.POSSIBLE)
        return Doubts(frozenset(reasons), frozenset(sources))

    def possible_actions(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of the actions that a call may have needed on a resource of a grant."""
        return frozenset(a for a in actions & self._possible if any(self.possible_uses(grant, a)))

    def unplaced_actions(self, actions: frozenset[str]) -> frozenset[str]:
        """Those of some actions without a type of resource of which a call names something.

        What it names may be a resource of any grant, whatever else allows the call.
        """
        return frozenset(action for action in actions & self._traced if names_something(action))

    def possible_uses(self, grant: Grant, action: str) -> Iterator[UsedPermission]:
        """What of an action of a grant a call may have needed, depending on what the trace does not show."""
        for resource in self._usage.possible.get(action, ()):
            use = UsedPermission(action, resource, exact=not is_pattern(resource))
            if overlaps_resource(grant, use):
                yield use

    def doubts_of_actions(
        self, grant: Grant, actions: frozenset[str], known: Mapping[str, frozenset[Reason]]
    ) -> ActionDoubts:
        """What speaks against saying of each of a grant's actions that it was not used.

        `known` are doubts that the grants of the role give rise to.
        """
        maybe = self._maybe_untraced(grant, actions)
        unobservable = self._unobservable(grant, maybe)
        reasons: dict[str, frozenset[Reason]] = {}
        sources: set[str] = set()
        doubtful = (maybe | self._maybe_recorded(actions)) - unobservable
        for action in sorted(doubtful.union(actions.intersection(known) - unobservable)):
            of_action = known.get(action, frozenset())
            if action in doubtful:
                doubts = self.doubts(grant, action)
                sources |= doubts.sources
                of_action |= doubts.reasons
            if of_action:
                reasons[action] = of_action
        return ActionDoubts(unobservable, reasons, frozenset(sources))

    def _maybe_recorded(self, actions: frozenset[str]) -> frozenset[str]:
        """Those of the actions that a call may have needed, or the records of AWS may tell of."""
        return actions if self._usage.records.last_accessed is not None else actions & self._possible

    def never_used(self, grant: Grant, actions: Iterable[str]) -> tuple[dict[str, bool], frozenset[str]]:
        """Of each service of some actions, whether IAM saw no attempt to use any; and who recorded that."""
        records = self._usage.records
        if records.last_accessed is None:
            return dict.fromkeys(map(service_of_action, actions), False), frozenset()
        never: dict[str, bool] = {}
        for action in actions:
            service = service_of_action(action)
            never[service] = never.get(service, True) and records.never(action, grant.pattern)
        is_source = records.recorded_until and any(never.values())
        return never, frozenset({LAST_ACCESSED} if is_source else ())

    # --- what may be needed all the same ---

    def may_need(self, grant: Grant, actions: frozenset[str]) -> tuple[UsedPermission, ...]:
        """What observed calls may have needed of a grant: on what resource, they do not tell for sure."""
        needed = dict.fromkeys(
            use
            for use in self._usage.one_of
            if matches_action(grant, use.action) and overlaps_resource(grant, use)
        )
        for action in sorted(actions & self._possible):
            needed.update(dict.fromkeys(self.possible_uses(grant, action)))
        return tuple(needed)

    def may_be_used_unseen(
        self, grant: Grant, used: frozenset[str], doubts: ActionDoubts
    ) -> tuple[UsedPermission, ...]:
        """What of a wildcard traces do not show, though workloads or their platforms may use it.

        Of a wildcard that names no service only what is of a service that was seen in use: else half of AWS
        would have to stay. What no operation of an SDK uses, and no table names, does not stay.
        """
        needed: dict[UsedPermission, None] = {}
        doubtful = doubts.unobservable.union(doubts.reasons)
        kept = self._of_kept_services(grant, doubtful)
        for action in (
            *sorted(self._of_kept_services(grant, self._maybe_untraced(grant, used))),
            *sorted(kept),
        ):
            needed.update(dict.fromkeys(self._platform_uses(grant, action)))
            if action in kept and self._may_be_of_any_resource(action, doubts):
                needed[UsedPermission(action, grant.pattern, exact=True)] = None
        return tuple(needed)

    def may_be_used(self, grant: Grant, doubts: ActionDoubts) -> bool:
        """Whether something of a wildcard may be used although no trace shows it."""
        return bool(doubts.reasons) or any(
            self._may_be_of_any_resource(action, doubts)
            or any(self.platform_needs(grant, action))
            or any(self.possible_uses(grant, action))
            for action in doubts.unobservable
        )

    def _of_kept_services(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of the actions that may stay of a wildcard, by their service."""
        if not grant.except_actions and not is_pattern(service_of_action(grant.action)):
            return actions
        services = self._services.union(grant.pattern.split(":", 3)[2:3])
        return _NONE.union(*(actions & catalog.expand(f"{service}:*") for service in services))

    def _may_be_of_any_resource(self, action: str, doubts: ActionDoubts) -> bool:
        """Whether a use that traces do not show may be on all of a grant's resource."""
        reasons = doubts.reasons.get(action, frozenset())
        if Reason.ACCESSED_UNTRACED in reasons or action in doubts.unplaced:
            return True
        if action not in doubts.unobservable and Reason.MAY_RUN_UNTRACED not in reasons:
            return False
        return may_be_used_by_code(action) or any(matches(extra.action, action) for extra in self._usage.team)
