"""What is said of one grant of a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scanner.model import NOT_ACCEPTED, Acceptance, Grant, GrantKey, Role, Verdict
from scanner.usage.of_role import UsedPermission
from scanner.verdict.context import RoleContext
from scanner.verdict.reasons import Reason


class Redundancy(NamedTuple):
    """All that a grant was used for is allowed by others, too: `also_granted_by` are these, in their order.

    `redundant` tells that the role needs this grant for nothing that was seen, once the others stay.
    """

    also_granted_by: tuple[Grant, ...] = ()
    redundant: bool = False


NOT_REDUNDANT = Redundancy()


@dataclass(frozen=True)
class Assessment:
    """A verdict on one grant, and all that is known of it.

    `used_for` are the permissions that it was used for. `may_need`: permissions of this grant that an
    observed call may have needed, or that traces cannot show. `excess` are the actions (lower case) that
    surely were not needed, once there are no `reasons`; `wide` are those that were used on a part of the
    resource only. `unshown` are further actions that nothing speaks for, of services of which the evidence
    shows too little: they tell how dangerous a wildcard is, and are no part of what is claimed.
    `reasons` say why it is not confirmed. `why` says of an unobservable one why traces cannot show it, and
    which right would tell; of an ineffective one why it allows nothing. `sources` are the records of AWS that
    rescued something of it, added a doubt or took one away.
    """

    grant: Grant
    verdict: Verdict
    used_for: tuple[UsedPermission, ...] = ()
    may_need: tuple[UsedPermission, ...] = ()
    excess: frozenset[str] = frozenset()
    wide: frozenset[str] = frozenset()
    unshown: frozenset[str] = frozenset()
    reasons: tuple[Reason, ...] = ()
    redundancy: Redundancy = NOT_REDUNDANT
    accepted: Acceptance = NOT_ACCEPTED
    why: str = ""
    sources: tuple[str, ...] = ()

    @property
    def in_question(self) -> frozenset[str]:
        """The actions that tell how dangerous it is: those that are not needed, or needed on less."""
        if not self.wide and not self.unshown:  # most
            return self.excess
        return self.excess | self.wide | self.unshown


@dataclass(frozen=True)
class AssessedRole:
    """The assessments of all grants of a role, in the order of its policies.

    `not_understood` are uses that no grant was found to allow, though one names their action. `ids` are those
    of the grants.
    """

    context: RoleContext
    assessments: tuple[Assessment, ...]
    not_understood: frozenset[UsedPermission] = frozenset()
    ids: Mapping[GrantKey, str] = field(default_factory=dict)

    @property
    def role(self) -> Role:
        """The role."""
        return self.context.role
