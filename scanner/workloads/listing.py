"""What is known of the workloads of an account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model import Workload


@dataclass(frozen=True)
class Workloads:
    """The workloads that were read, by key, as they are configured now.

    A published version keeps the role that it was published with: `roles_of_versions` are (role, workload)
    of all versions. `complete` tells whether these are all workloads of the regions in question, so that
    nobody else among them uses a role. `missing` are the rights that the scan lacked, `regions` those whose
    functions were listed. `compared_roles` are the roles that the scan is about.
    `platforms` are the principals (beside Lambda's) all of whose workloads are known, so that nobody else
    uses a role that lets only them in. `shared_roles` are roles that something uses of which no trace can
    tell, with what a warning says of each. `renamed` are workloads that are known by another key than traces
    name them by. `names` are all that were listed, whether more than their role was read or not.
    """

    known: Mapping[str, Workload] = field(default_factory=dict)
    roles_of_versions: frozenset[tuple[str, str]] = frozenset()
    complete: bool = True
    missing: tuple[str, ...] = ()
    regions: frozenset[str] = frozenset()
    compared_roles: tuple[str, ...] = ()
    platforms: frozenset[str] = frozenset()
    shared_roles: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    @property
    def other_roles(self) -> frozenset[str] | None:
        """The roles of workloads that the scan is not about, None where these may not be all."""
        if not self.complete:
            return None
        roles = {workload.role for workload in self.known.values() if workload.role}
        return frozenset(
            {*roles, *(role for role, _ in self.roles_of_versions)}.difference(self.compared_roles)
        )


class Listing(Protocol):
    """The workloads of one kind as they were listed: enough to tell their roles.

    What takes further requests is read only for those whose roles are compared.
    """

    @property
    def roles(self) -> Mapping[str, str | None]:
        """The roles of the workloads as they are configured now, by key."""

    @property
    def roles_of_versions(self) -> frozenset[tuple[str, str]]:
        """The (role, workload) pairs of all versions."""

    @property
    def renamed(self) -> Mapping[str, str]:
        """The keys of workloads by those that traces name them by, where these differ."""

    @property
    def companions(self) -> Mapping[str, tuple[str, ...]]:
        """Workloads that are compared whenever another one is, by that one: both are its parts."""

    def workloads(self, traced: Collection[str]) -> Workloads:
        """The workloads as far as they were read. `traced` are the ARNs of those that wrote traces."""

    def with_configuration(self, aws: Aws, arns: Iterable[str], warnings: Warnings) -> Listing:
        """The listing with the whole configuration of some workloads. Raises ScanError."""


@dataclass(frozen=True)
class ReadWorkloads:
    """A listing of which nothing is left to be read."""

    read: Workloads = field(default_factory=Workloads)
    companions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def roles(self) -> Mapping[str, str | None]:
        """The roles of the workloads."""
        return {key: workload.role for key, workload in self.read.known.items()}

    @property
    def roles_of_versions(self) -> frozenset[tuple[str, str]]:
        """The (role, workload) pairs of all versions."""
        return self.read.roles_of_versions

    @property
    def renamed(self) -> Mapping[str, str]:
        """The keys of workloads by those that traces name them by, where these differ."""
        return self.read.renamed

    def workloads(self, traced: Collection[str]) -> Workloads:
        """The workloads; whether they were traced was known when they were read."""
        del traced
        return self.read

    def with_configuration(self, aws: Aws, arns: Iterable[str], warnings: Warnings) -> ReadWorkloads:
        """The same: nothing is left."""
        del aws, arns, warnings
        return self


def union(parts: Iterable[Workloads]) -> Workloads:
    """The workloads of all kinds together."""
    parts = list(parts)
    return Workloads(
        known={arn: workload for part in parts for arn, workload in part.known.items()},
        roles_of_versions=frozenset().union(*(part.roles_of_versions for part in parts)),
        complete=all(part.complete for part in parts),
        missing=tuple(right for part in parts for right in part.missing),
        regions=frozenset().union(*(part.regions for part in parts)),
        platforms=frozenset().union(*(part.platforms for part in parts)),
        shared_roles={role: what for part in parts for role, what in part.shared_roles.items()},
        renamed={old: new for part in parts for old, new in part.renamed.items()},
    )
