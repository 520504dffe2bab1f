"""What all workloads of a role used together, and what their platforms need to run them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from scanner.iam.arns import of_any_account
from scanner.iam.patterns import is_pattern
from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Certainty, ConditionValues, Permission, UnknownNeed, Usage, Workload
from scanner.records.aws_records import NO_RECORDS, AwsRecords


class UsedPermission(NamedTuple):
    """A permission that counts as used: of a workload, or of the platform."""

    action: str
    resource: str
    exact: bool
    platform: bool = False
    condition_values: ConditionValues = ()


@dataclass(frozen=True)
class RoleUsage:
    """All that the workloads of a role used, by action in lower case.

    `required` is what calls and platforms surely need. `possible` are resources on which a call may have
    needed the action, or whose call was denied or never sent. `one_of` are permissions of which a call needs
    at least one. `platform_may_need` is what a platform may need for a configuration that was not read.
    `platform_decided` are actions of which the configuration of all workloads tells whether they are needed.
    `used_by` are the workloads by (action, resource). `records` are other sources than traces, `recorded` is
    what only CloudTrail shows. `team` is what the team says that traces do not show.
    """

    required: Mapping[str, tuple[UsedPermission, ...]]
    possible: Mapping[str, tuple[str, ...]]
    one_of: tuple[UsedPermission, ...]
    platform_may_need: Mapping[str, tuple[UnknownNeed, ...]]
    used_by: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    records: AwsRecords = NO_RECORDS
    recorded: frozenset[UsedPermission] = frozenset()
    platform_decided: frozenset[str] = frozenset()
    team: Sequence[ExtraUntraced] = ()


def usage_of_role(
    usages: Iterable[Usage],
    workloads: Sequence[Workload],
    records: AwsRecords = NO_RECORDS,
    team: Sequence[ExtraUntraced] = (),
) -> RoleUsage:
    """The union of what the workloads of a role used and what their platforms need to run them."""
    uses = _Uses()
    for usage in usages:
        uses.add_usage(usage)
    recorded = uses.add_histories(records)
    for workload in workloads:
        for action, resource in workload.platform.required:
            uses.add(UsedPermission(action, resource, exact=True, platform=True))
    decided = [workload.platform.decided for workload in workloads if not workload.by_platform_only]
    return RoleUsage(
        required={action: tuple(required) for action, required in uses.required.items()},
        possible={action: tuple(resources) for action, resources in uses.possible.items()},
        one_of=tuple(uses.one_of),
        platform_may_need=_by_action(
            tuple(need for workload in workloads for need in workload.platform.unknown)
        ),
        used_by={place: tuple(arns) for place, arns in uses.used_by.items()},
        records=records,
        recorded=recorded,
        platform_decided=frozenset.intersection(*decided) if decided else frozenset(),
        team=team,
    )


@lru_cache(maxsize=1 << 12)  # most roles of an account have the same gaps
def _by_action(needs: tuple[UnknownNeed, ...]) -> Mapping[str, tuple[UnknownNeed, ...]]:
    """What platforms may need, by action, without what says the same."""
    by_action: dict[str, dict[tuple[str, ...], UnknownNeed]] = {}
    for need in sorted(needs, key=lambda need: (need.feature, need.cause)):
        by_action.setdefault(need.action, {}).setdefault((need.kind, need.why, need.resource), need)
    return {action: tuple(distinct.values()) for action, distinct in by_action.items()}


class _Uses:
    """Collects what the workloads of a role used: by action in lower case, in the order in which it came."""

    def __init__(self) -> None:
        self.required: dict[str, dict[UsedPermission, None]] = {}
        self.possible: dict[str, dict[str, None]] = {}
        self.one_of: dict[UsedPermission, None] = {}
        self.used_by: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, use: UsedPermission) -> None:
        """Add what is surely needed."""
        self.required.setdefault(use.action, {})[use] = None

    def add_usage(self, usage: Usage) -> None:
        """Add what the traces of a workload show."""
        for need in usage.used:
            if need.required:
                self._add_used(used_permission(need.permission), usage.workload)
            else:
                self._add_possible(need.permission)
        one_of = sorted(need.permission for need in usage.used if need.certainty is Certainty.ONE_OF)
        self.one_of.update(dict.fromkeys(map(used_permission, one_of)))
        for need in usage.attempted:
            self._add_possible(need.permission)

    def add_histories(self, records: AwsRecords) -> frozenset[UsedPermission]:
        """Add what event history shows, and return what of it no trace shows."""
        untraced = {
            (use, arn)
            for arn, history in records.histories.items()
            for use in (used_permission(need.permission) for need in history.used if need.required)
            if use not in self.required.get(use.action, ())
        }
        for use, arn in sorted(untraced):
            self._add_used(use, arn)
        for history in records.histories.values():
            for need in (*(need for need in history.used if not need.required), *history.attempted):
                self._add_possible(need.permission)
        return frozenset(use for use, _ in untraced)

    def _add_used(self, use: UsedPermission, workload: str | None) -> None:
        self.add(use)
        self.used_by.setdefault((use.action, use.resource), {})[workload or ""] = None

    def _add_possible(self, permission: Permission) -> None:
        # a resource without a name ("catalog") whose account no parameter tells
        whole = permission.exact or is_pattern(permission.resource)
        resource = permission.resource if whole else of_any_account(permission.resource)
        self.possible.setdefault(permission.action.lower(), {})[resource] = None


def used_permission(permission: Permission) -> UsedPermission:
    """A permission of a call as a used one."""
    return UsedPermission(
        permission.action.lower(),
        permission.resource,
        permission.exact,
        condition_values=permission.condition_values,
    )
