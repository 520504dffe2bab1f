"""What is deployed, as far as it decides which edits of a template there are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from scanner.model import Finding, Role, Verdict
from scanner.templates.locate import Placement
from scanner.templates.places import RolePlace

Objections = Callable[[Sequence[Finding]], Sequence[str]]


class DeployedRole(NamedTuple):
    """A role with its findings, by id where they are placed, and the roles of templates that it can be.

    `objections` tells what speaks against taking away all that some findings are about. `kept` are the
    actions that stay of a wildcard, by the id of a finding that is about it alone, `kept_resources` the
    resources of a pattern.
    """

    role: Role
    findings: Sequence[Finding]
    placements: Mapping[str, Placement]
    places: Sequence[RolePlace]
    objections: Objections
    kept: Mapping[str, tuple[str, ...]] = {}
    kept_resources: Mapping[str, tuple[str, ...]] = {}


def is_removable(finding: Finding) -> bool:
    """Whether what a finding is about may go: nobody used it, surely, and no rule of the team keeps it."""
    return finding.verdict is Verdict.UNUSED and finding.confirmed and finding.ignored is None


def may_go_along(finding: Finding) -> bool:
    """Whether what a finding is about may go with the rest of its statement."""
    return is_removable(finding) or (finding.verdict is Verdict.INEFFECTIVE and finding.ignored is None)
