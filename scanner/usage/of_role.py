"""What all workloads of a role used together, and what their platforms need to run them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Certainty, Permission, UnknownNeed, Usage, Workload
from scanner.records.aws_records import NO_RECORDS, AwsRecords


class UsedPermission(NamedTuple):
    """A permission that counts as used: of a workload, or of the platform."""

    action: str
    resource: str
    exact: bool
    platform: bool = False


@dataclass(frozen=True)
class RoleUsage:
    """All that the workloads of a role used, by action in lower case.

    `possible` are permissions that a call may have needed, or that were asked for in vain.
    `unread` is what a platform may need for a configuration that was not read. `by` are the workloads by
    (action, resource). `records` are other sources than traces, of which `recorded` is what only CloudTrail
    shows; `team` is what the team says that traces do not show.
    """

    required: Mapping[str, tuple[UsedPermission, ...]]
    possible: Mapping[str, tuple[str, ...]]
    alternatives: tuple[UsedPermission, ...]
    unread: Mapping[str, tuple[UnknownNeed, ...]]
    by: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    records: AwsRecords = NO_RECORDS
    recorded: frozenset[UsedPermission] = frozenset()
    team: Sequence[ExtraUntraced] = ()


def usage_of_role(
    usages: Iterable[Usage],
    workloads: Iterable[Workload],
    records: AwsRecords = NO_RECORDS,
    team: Sequence[ExtraUntraced] = (),
) -> RoleUsage:
    """The union of what the workloads of a role used and what their platforms need to run them."""
    workloads = list(workloads)
    needed = _Needed()
    for usage in usages:
        needed.add_usage(usage)
    recorded = needed.add_histories(records)
    for workload in workloads:
        for action, resource in workload.platform.required:
            needed.add(UsedPermission(action, resource, exact=True, platform=True))
    return RoleUsage(
        {action: tuple(found) for action, found in needed.required.items()},
        {action: tuple(found) for action, found in needed.possible.items()},
        tuple(needed.alternatives),
        _by_action(tuple(need for workload in workloads for need in workload.platform.unknown)),
        {key: tuple(arns_) for key, arns_ in needed.by.items()},
        records,
        recorded,
        team,
    )


@lru_cache(maxsize=1 << 12)  # most roles of an account have the same gaps
def _by_action(needs: tuple[UnknownNeed, ...]) -> Mapping[str, tuple[UnknownNeed, ...]]:
    """What platforms may need, by action, without what says the same."""
    by_action: dict[str, dict[tuple[str, ...], UnknownNeed]] = {}
    for need in sorted(needs, key=lambda need: (need.feature, need.cause)):
        by_action.setdefault(need.action, {}).setdefault((need.kind, need.why, need.resource), need)
    return {action: tuple(distinct.values()) for action, distinct in by_action.items()}


class _Needed:
    """Collects what the workloads of a role used: by action in lower case, in the order in which it came."""

    def __init__(self) -> None:
        self.required: dict[str, dict[UsedPermission, None]] = {}
        self.possible: dict[str, dict[str, None]] = {}
        self.alternatives: dict[UsedPermission, None] = {}
        self.by: dict[tuple[str, str], dict[str, None]] = {}

    def add(self, touched: UsedPermission) -> None:
        self.required.setdefault(touched.action, {})[touched] = None

    def add_usage(self, usage: Usage) -> None:
        for need in usage.used:
            if need.required:
                self._add_used(used_permission(need.permission), usage.workload)
            else:
                self._add_possible(need.permission)
        one_of = sorted(need.permission for need in usage.used if need.certainty is Certainty.ONE_OF)
        self.alternatives.update(dict.fromkeys(map(used_permission, one_of)))
        for need in usage.attempted:
            self._add_possible(need.permission)

    def add_histories(self, records: AwsRecords) -> frozenset[UsedPermission]:
        """Add what event history shows, and tell what of it no trace shows."""
        new = {
            (touched, arn)
            for arn, history in records.histories.items()
            for touched in (used_permission(need.permission) for need in history.used if need.required)
            if touched not in self.required.get(touched.action, ())
        }
        for touched, arn in sorted(new):
            self._add_used(touched, arn)
        for history in records.histories.values():
            for need in (*(need for need in history.used if not need.required), *history.attempted):
                self._add_possible(need.permission)
        return frozenset(touched for touched, _ in new)

    def _add_used(self, touched: UsedPermission, workload: str | None) -> None:
        self.add(touched)
        self.by.setdefault((touched.action, touched.resource), {})[workload or ""] = None

    def _add_possible(self, permission: Permission) -> None:
        self.possible.setdefault(permission.action.lower(), {})[permission.resource] = None


def used_permission(permission: Permission) -> UsedPermission:
    """A permission of a call as one that counts as used."""
    return UsedPermission(permission.action.lower(), permission.resource, permission.exact)
