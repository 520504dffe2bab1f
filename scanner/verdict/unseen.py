"""Uses of a grant that traces may not show, and the doubts that follow from them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.patterns import is_pattern, matches, matching
from scanner.mapping.untraced import MAY_RUN_UNTRACED, UNOBSERVABLE, Untraced, is_kept_of_a_wildcard
from scanner.model import Grant, UnknownNeed
from scanner.records.aws_records import LAST_ACCESSED
from scanner.usage.of_role import RoleUsage, UsedPermission
from scanner.verdict.claims import ServiceClaim
from scanner.verdict.grants import matches_action, overlaps_resource, service_of
from scanner.verdict.reasons import Reason
from scanner.workloads.platform import untraced, untraced_actions

_NONE = frozenset[str]()
_CLEAN = ServiceClaim(clean=True)


class Doubts(NamedTuple):
    """Reasons against a claim, and the records of AWS that added one or took one away."""

    reasons: frozenset[Reason]
    sources: frozenset[str] = frozenset()


class UnseenUses:
    """What the traces of a role's workloads may not show."""

    def __init__(self, usage: RoleUsage) -> None:
        self._usage = usage
        self._traced = frozenset((*usage.required, *usage.possible))
        self._unread = frozenset(usage.platform_may_need)
        self._possible = frozenset(usage.possible)

    # --- why traces may not show an action ---

    def untraced(self, grant: Grant, action: str) -> Iterator[Untraced]:
        """Why traces may not show a use of an action by a grant."""
        yield from self._reasons_of_all_grants(action)
        for need in self.platform_needs(grant, action):
            yield Untraced(need.kind, need.why)

    def _reasons_of_all_grants(self, action: str) -> Iterator[Untraced]:
        """Why traces may not show a use of an action, whichever grant allows it."""
        known = untraced(action)
        if known is not None:
            yield known
        for extra in self._usage.team:
            if matches(extra.action, action):
                yield Untraced(extra.kind, extra.reason)

    def unobservable(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of a grant's actions (lower case) whose use by the grant no trace can show."""
        return frozenset(
            action
            for action in self._maybe_untraced(grant, actions)
            if any(untraced.kind == UNOBSERVABLE for untraced in self.untraced(grant, action))
        )

    def _maybe_untraced(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of a grant's actions that `untraced` may name a reason for."""
        if len(actions) == 1:  # most grants
            (action,) = actions
            return actions if any(self._reasons_of_all_grants(action)) or action in self._unread else _NONE
        pattern = grant.action.lower()
        of_reference = actions & untraced_actions(catalog.prefixes_of(pattern))
        of_none = actions - catalog.expand(pattern)
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

    def possible_uses(self, grant: Grant, action: str) -> Iterator[UsedPermission]:
        """What of an action of a grant a call may have needed, depending on what the trace does not show."""
        for resource in self._usage.possible.get(action, ()):
            use = UsedPermission(action, resource, exact=not is_pattern(resource))
            if overlaps_resource(grant, use):
                yield use

    def service_claims(
        self, grant: Grant, actions: frozenset[str], unsure: Mapping[UsedPermission, Reason]
    ) -> tuple[dict[str, ServiceClaim], frozenset[str]]:
        """What must be confirmed of the actions, by service; and the records of AWS that had a say.

        `unsure` are uses that may have been of the grant, each with the doubt about that.
        """
        unsure_actions: dict[str, set[Reason]] = {}
        for use, reason in unsure.items():
            unsure_actions.setdefault(use.action, set()).add(reason)
        doubtful = self._maybe_doubtful(grant, actions).union(actions.intersection(unsure_actions))
        claims = dict.fromkeys(map(service_of, actions - doubtful), _CLEAN)
        sources: set[str] = set()
        for action in doubtful:
            doubts = self.doubts(grant, action)
            reasons = doubts.reasons.union(unsure_actions.get(action, ()))
            sources |= doubts.sources
            never = self._usage.records.never(action, grant.pattern)
            if never and self._usage.records.recorded_until:
                sources.add(LAST_ACCESSED)
            service = service_of(action)
            claim = claims.get(service)
            if claim is None:
                claims[service] = ServiceClaim(not reasons, reasons, never)
            elif reasons - claim.doubts or (not reasons and not claim.clean) or (claim.never and not never):
                claims[service] = claim.with_action(reasons, never)
        return claims, frozenset(sources)

    def _maybe_doubtful(self, grant: Grant, actions: frozenset[str]) -> frozenset[str]:
        """Those of a grant's actions that `doubts`, or the records of AWS, may have something to say of."""
        if self._usage.records.last_accessed is not None:
            return actions
        return self._maybe_untraced(grant, actions) | (actions & self._possible)

    # --- what may be needed all the same ---

    def may_need(self, grant: Grant, actions: frozenset[str]) -> tuple[UsedPermission, ...]:
        """What of a too wide grant may be needed although nothing shows it.

        Permissions that a call may have needed; and, of a pattern that names its service, what a platform
        may need for a configuration that was not read, and what init code commonly reads.
        """
        needed = dict.fromkeys(
            use
            for use in self._usage.one_of
            if matches_action(grant, use.action) and overlaps_resource(grant, use)
        )
        for action in sorted(actions & self._possible):
            needed.update(dict.fromkeys(self.possible_uses(grant, action)))
        if not grant.except_actions and not is_pattern(service_of(grant.action)):
            untraced = sorted(self._maybe_untraced(grant, actions))
            kept = (action for action in untraced if is_kept_of_a_wildcard(action))
            needed.update(dict.fromkeys(UsedPermission(action, grant.pattern, exact=True) for action in kept))
            platform_uses = (use for action in untraced for use in self._platform_uses(grant, action))
            needed.update(dict.fromkeys(platform_uses))
        return tuple(needed)
