"""EC2: instances, their instance profiles and the roles of these. Pure.

A workload is a service on instances with a role: instances come and go. Everything on an instance uses its
role, traced or not, so that who uses it is never known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scanner.aws.times import time_of
from scanner.errors import Warnings
from scanner.model import Workload
from scanner.model.workloads import Hints, WorkloadKey
from scanner.workloads.asked import Asked, settled
from scanner.workloads.documents import Documents, part, parts, text
from scanner.workloads.features import Feature, Gap, Remedies, features_of, needs_of, unread_needs
from scanner.workloads.listing import ReadWorkloads, Workloads
from scanner.workloads.warnings import explained, with_role

PRINCIPAL = "ec2.amazonaws.com"
TABLE = "ec2"
_SOFTWARE = "software"
_REMEDIES = Remedies(((_SOFTWARE, "which software runs on an instance is in no configuration"),))
_UNREAD = (
    "its instances are not known (any more): allow ec2:DescribeInstances, or add what `aws ec2 "
    "describe-instances` prints while they run to --workload-config"
)
_NO_PROFILE = "its instances have no instance profile, so that its code uses other credentials"
_PROFILE_UNREAD = (
    "the role of instance profile {profile} was not read: allow iam:GetInstanceProfile, or add what `aws iam "
    "list-instance-profiles` prints to --workload-config"
)


@dataclass(frozen=True)
class _Instance:
    """An instance: its profile, empty for none; its role by ARN, None where it is not known; since when."""

    profile: str
    role: str | None
    since: datetime | None


def unread_service(workload: str) -> Workload:
    """A service of which nothing was read."""
    return Workload(
        workload, "ec2", WorkloadKey.parse(workload).name, platform=unread_needs(TABLE, _SOFTWARE, _REMEDIES)
    )


def services_of(documents: Documents, asked: Asked, warnings: Warnings) -> ReadWorkloads:
    """The services that traces show on instances, by the roles of these."""
    instances = _instances(documents)
    known, renamed, pairs = {}, {}, set()
    for traced in sorted(asked.usages):
        workload = explained(_service(traced, instances, asked), _why(traced, instances, asked), warnings)
        if workload.key in known:  # another one that leaves its account or region open is named so
            workload = replace(workload, key=traced, name=WorkloadKey.parse(traced).name)
        if workload.key != traced:
            renamed[traced] = workload.key
        known[workload.key] = workload
        if workload.role:
            pairs.add((workload.role, workload.key))
    return ReadWorkloads(
        Workloads(
            known=known,
            roles_of_versions=frozenset(pairs),
            missing=documents.missing,
            renamed=renamed,
        )
    )


def _service(traced: str, instances: Mapping[str, _Instance], asked: Asked) -> Workload:
    """A service with its role, under a key that names the role."""
    hints = asked.hints(traced)
    used = {hint.instance for hint in hints if hint.instance}
    found = [instances[name] for name in sorted(used) if name in instances]
    roles = [instance.role for instance in found if instance.role]
    role = settled(roles, traced, asked, PRINCIPAL, inferred=len(found) < len(used))
    key = WorkloadKey.parse(traced)
    if role.role:
        service = key.name.partition("/")[2]
        key = key._replace(name=f"{role.role.rpartition('/')[2]}/{service}")
    since = [instance.since for instance in found]
    known = [moment for moment in since if moment]
    platform = needs_of(
        TABLE,
        [Feature("tracing")],
        (Gap(feature, _SOFTWARE) for feature in features_of(TABLE, "software")),
        _REMEDIES,
    )
    workload = Workload(
        key.text,
        "ec2",
        key.name,
        changed=max(known) if len(known) == len(since) and known else None,
        platform=platform,
    )
    return with_role(workload, role)


def _why(traced: str, instances: Mapping[str, _Instance], asked: Asked) -> str:
    """Why the role of a service is not known."""
    found = [instances[name] for name in sorted(instances_of(asked.hints(traced))) if name in instances]
    profiles = [instance.profile for instance in found if instance.profile]
    if profiles:
        return _PROFILE_UNREAD.format(profile=profiles[0])
    return _NO_PROFILE if found else _UNREAD


def _instances(documents: Documents) -> dict[str, _Instance]:
    """The instances by their ids. An association with a profile may be newer than the instance."""
    roles = dict(_roles_of_profiles(documents))
    associated = {
        text(entry, "InstanceId"): entry
        for entry in documents.of("profile-association")
        if text(entry, "State") in ("associated", "associating")
    }
    ids = {text(entry, "InstanceId"): entry for entry in documents.of("instance")}
    instances = {}
    for name in {*ids, *associated}:
        association, entry = associated.get(name, {}), ids.get(name, {})
        profile = text(part(association or entry, "IamInstanceProfile"), "Arn")
        times = [time_of(association.get("Timestamp")), time_of(entry.get("LaunchTime"))]
        since = max((moment for moment in times if moment), default=None)
        instances[name] = _Instance(profile.rpartition("/")[2], roles.get(profile), since)
    return instances


def _roles_of_profiles(documents: Documents) -> Iterator[tuple[str, str]]:
    """The role of each instance profile, which holds one at most.

    docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
    """
    for profile in documents.of("profile"):
        yield from ((text(profile, "Arn"), text(role, "Arn")) for role in parts(profile, "Roles")[:1])


def profiles_of(documents: Documents) -> frozenset[str]:
    """The ARNs of the instance profiles that instances have."""
    entries = (*documents.of("instance"), *documents.of("profile-association"))
    arns = (text(part(entry, "IamInstanceProfile"), "Arn") for entry in entries)
    return frozenset(filter(None, arns))


def instances_of(hints: Collection[Hints]) -> frozenset[str]:
    """The instances that hints name."""
    return frozenset(hint.instance for hint in hints if hint.instance)
