"""Whether AWS may have acted with a role's own rights after a call that no trace shows. Pure."""

from __future__ import annotations

from scanner.iam import catalog
from scanner.iam.fit import Fit, fit
from scanner.iam.patterns import is_pattern
from scanner.mapping.acts_for_caller import suggested_by
from scanner.model import Grant
from scanner.verdict.claims import EvidenceReasons
from scanner.verdict.grants import RoleGrants, matches_action, service_of_action
from scanner.verdict.reasons import Reason
from scanner.verdict.unseen import UnseenUses

_UNSEEN = frozenset({Reason.ACCESSED_UNTRACED, Reason.MAY_RUN_UNTRACED})


def may_act_unseen(grants: RoleGrants, unseen: UnseenUses, evidence: EvidenceReasons) -> bool:
    """Whether a grant names a call after which AWS acts for the caller, and traces may not show it.

    A grant of `*` names none: it says nothing of what its code does.
    """
    return any(_may_be_used_unseen(grant, grants, unseen, evidence) for grant in grants.grants)


def _may_be_used_unseen(
    grant: Grant, grants: RoleGrants, unseen: UnseenUses, evidence: EvidenceReasons
) -> bool:
    pattern = grant.action.lower()
    if is_pattern(service_of_action(pattern)) or grants.is_never_allowed(grant):
        return False
    acting = frozenset(
        action
        for action in suggested_by(pattern) & catalog.expand(pattern)
        if matches_action(grant, action)
        and fit(action, grant.pattern) is not Fit.OTHER_TYPE
        and not grants.limits.always_deny(action, grant.pattern)
    )
    if not acting:
        return False
    never, _ = unseen.never_used(grant, acting)
    of_services = evidence.of_services(grant.policy, never)
    if of_services - evidence.of_services(grant.policy, {}):
        return True
    return any(unseen.doubts(grant, action).reasons & _UNSEEN for action in acting)
