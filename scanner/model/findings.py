"""What the comparison says of grants."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from scanner.model.location import Location
from scanner.model.policies import Policy, Statement, is_managed_by_aws


class Verdict(StrEnum):
    """What the comparison says of a grant. DESIGN's words."""

    USED = "used"
    UNUSED = "unused"
    BROAD = "broad"
    PLATFORM = "platform"
    UNOBSERVABLE = "unobservable"
    INEFFECTIVE = "ineffective"


EXCESS = (Verdict.UNUSED, Verdict.BROAD)


class Acceptance(NamedTuple):
    """Why a team accepts a grant: the reason and line of its rule (None without one), or its baseline."""

    rule: str | None = None
    line: int | None = None
    in_baseline: bool = False


NOT_ACCEPTED = Acceptance()


class Used(NamedTuple):
    """A permission that a grant was used for, and the ARNs of the workloads that used it."""

    action: str
    resource: str
    workloads: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a grant stands: what tells the policy from the others of its role, and the statement in it."""

    policy_key: str
    statement: int


class BundleUse(NamedTuple):
    """The bundle that grants belong to: what a call of CDK, a template of SAM or a policy of AWS's writes.

    `target` is the resource that it stands on. `fits` tells that it is the smallest of its framework that
    covers what was seen. `smaller` covers that too, and all that may be needed but the actions of `unless`.
    `used` are the actions that were seen.
    """

    framework: str
    name: str
    target: str
    fits: bool
    used: tuple[str, ...] = ()
    smaller: str | None = None
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A verdict on grants of one statement that share it, with the reasons if it is not confirmed.

    `grant_ids` are the ids of its grants: each stays with its grant, whatever shares a finding. `id` is the
    smallest of them. `actions` and `resources` are spelled as in the policy; every one of the actions is
    granted on every one of the resources. `severity` is one of `SEVERITY_LEVELS` or "none", `breadth`
    says how much they span (`verdict.rank.Breadth`), `severe` names the actions behind it, (action, what an
    attacker gains). `why` tells why traces cannot show it, or why it has no effect; `note` what is worth a
    look though it is no finding. `also_granted_by` are the
    other grants that allow all that these were used for; with `redundant` the role needs these for nothing
    that was seen. `sources` are the records of AWS that had a say. `ignored` is the reason of the team's rule
    that accepts it, `known` tells that the baseline holds it. `bundle` is the framework's bundle that all of
    the grants belong to, if any. `location` is where a template grants it; without one, `location_note` tells
    why, if anything is known of that. `fix_note` tells why no edit of the template is offered.
    """

    id: str
    role: str
    workload: str | None
    verdict: Verdict
    reasons: tuple[str, ...]
    severity: str
    breadth: str
    policy: Policy
    statement: Statement
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    used: tuple[Used, ...]
    severe: tuple[tuple[str, str], ...] = ()
    why: str = ""
    note: str = ""
    also_granted_by: tuple[Place, ...] = ()
    redundant: bool = False
    sources: tuple[str, ...] = ()
    ignored: str | None = None
    known: bool = False
    bundle: BundleUse | None = None
    location: Location | None = None
    location_note: str = ""
    fix_note: str = ""
    grant_ids: tuple[str, ...] = ()

    @property
    def confirmed(self) -> bool:
        """True when the evidence carries the verdict."""
        return not self.reasons

    @property
    def accepted(self) -> bool:
        """True when the team took it into account: by a rule, or in the baseline. It fails no gate."""
        return self.ignored is not None or self.known

    @property
    def bundle_fits(self) -> bool:
        """True when its bundle is the smallest that covers what was seen: it fails no gate."""
        return self.bundle is not None and self.bundle.fits

    @property
    def remedy(self) -> Literal["edit", "replace"] | None:
        """What is to be done with the policy: "edit", or "replace" for one of AWS's own. None: nothing."""
        if self.verdict not in EXCESS:
            return None
        return "replace" if is_managed_by_aws(self.policy) else "edit"


@dataclass(frozen=True)
class ScanWarning:
    """Something that the reader of the report must know. `count` is how often it happened."""

    code: str
    message: str
    count: int = 1
