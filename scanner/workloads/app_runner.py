"""App Runner: services and the roles of their instances. Pure.

Traces name a service by the name that its instrumentation was given: that it is the App Runner service of
that name is inferred. docs.aws.amazon.com/apprunner/latest/api/API_Service.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.aws.times import time_of
from scanner.errors import Warnings
from scanner.model import Arn, PlatformNeeds, Workload
from scanner.model.workloads import WorkloadKey
from scanner.workloads.asked import Asked, Settled, settled
from scanner.workloads.documents import Documents, Entry, part, text
from scanner.workloads.features import Feature, Gap, Remedies, features_of, needs_of, unread_needs
from scanner.workloads.listing import ReadWorkloads, Workloads
from scanner.workloads.warnings import explained, warn_of_others, with_role

PRINCIPAL = "tasks.apprunner.amazonaws.com"
TABLE, ACCESS_TABLE = "app_runner", "app_runner_access"
_UNREAD, _KEY = "service", "key"
_REMEDIES = Remedies(
    (
        (_UNREAD, "its service was not read, allow apprunner:DescribeService"),
        (_KEY, "whether it is encrypted with a key of the account is not read"),
    )
)
_MISSING = (
    "no App Runner service of this name was read (allow apprunner:ListServices and "
    "apprunner:DescribeService, or add what `aws apprunner describe-service` prints to --workload-config), "
    "or it names no instance role"
)
_LISTS = ("`aws apprunner list-services`", "`... describe-service` of each")
_ACCESS = "access"
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)")


def unread_service(workload: str) -> Workload:
    """A service of which nothing was read."""
    return Workload(
        workload,
        "app-runner",
        WorkloadKey.parse(workload).name,
        platform=unread_needs(TABLE, _UNREAD, _REMEDIES),
    )


def services_of(documents: Documents, asked: Asked, warnings: Warnings) -> ReadWorkloads:
    """The services that documents and traces show."""
    entries = {text(entry, "ServiceArn"): entry for entry in documents.of("app-runner-service")}
    known: dict[str, Workload] = {}
    companions: dict[str, tuple[str, ...]] = {}
    matched = set()
    for traced in sorted(asked.usages):
        found = [arn for arn, entry in sorted(entries.items()) if _is_called(arn, entry, traced)]
        matched.update(found)
        of_traced = list(_workloads(traced, [entries[arn] for arn in found], asked))
        of_traced[0] = explained(of_traced[0], _MISSING, warnings)
        known |= {workload.key: workload for workload in of_traced}
        companions[traced] = tuple(workload.key for workload in of_traced[1:])
    for arn in sorted(entries.keys() - matched):
        entry, place = entries[arn], Arn.parse(arn)
        if place:
            key = WorkloadKey("app-runner", text(entry, "ServiceName"), place.account, place.region)
            known |= {workload.key: workload for workload in _workloads(key.text, [entry], asked)}
    summaries = {text(entry, "ServiceArn") for entry in documents.of("app-runner-summary")}
    complete = documents.has_all("app-runner-summary") and summaries <= entries.keys()
    if asked.usages and any(workload.role for workload in known.values()):
        warn_of_others(documents, complete, "App Runner services", _LISTS, warnings)
    return ReadWorkloads(
        Workloads(
            known=known,
            roles_of_versions=frozenset((w.role, w.key) for w in known.values() if w.role),
            missing=documents.missing,
            platforms=frozenset({PRINCIPAL}) if complete else frozenset(),
        ),
        companions,
    )


def _is_called(arn: str, entry: Entry, traced: str) -> bool:
    key, place = WorkloadKey.parse(traced), Arn.parse(arn)
    return (
        place is not None
        and text(entry, "ServiceName") == key.name
        and text(entry, "Status") != "DELETED"
        and key.account in ("", place.account)
        and key.region in ("", place.region)
    )


def _workloads(workload: str, entries: list[Entry], asked: Asked) -> Iterator[Workload]:
    """A service; and App Runner itself, which pulls its image with a role of its own."""
    roles = [text(part(entry, "InstanceConfiguration"), "InstanceRoleArn") for entry in entries]
    role = settled(
        [role for role in roles if role],
        workload,
        asked,
        PRINCIPAL,
        inferred=workload in asked.usages,
    )
    if len(entries) != 1:
        yield with_role(unread_service(workload), role)
        return
    (entry,) = entries
    changed = time_of(entry.get("UpdatedAt"))
    key = WorkloadKey.parse(workload)
    of_service = Workload(
        workload,
        "app-runner",
        key.name,
        changed=changed,
        platform=_needs(entry, traced=workload in asked.usages),
    )
    yield with_role(of_service, role)
    source = part(entry, "SourceConfiguration")
    access = text(part(source, "AuthenticationConfiguration"), "AccessRoleArn")
    if access:
        of_platform = key._replace(name=f"{key.name}/{_ACCESS}")
        of_access = Workload(
            of_platform.text,
            "app-runner",
            of_platform.name,
            changed=changed,
            platform=_access_needs(text(part(source, "ImageRepository"), "ImageIdentifier")),
            by_platform_only=True,
        )
        yield with_role(of_access, Settled(access))


def _needs(entry: Entry, *, traced: bool) -> PlatformNeeds:
    """What App Runner needs of the instance role."""
    arn = Arn.parse(text(entry, "ServiceArn"))
    features = []
    if traced or part(entry, "ObservabilityConfiguration").get("ObservabilityEnabled") is True:
        features.append(Feature("tracing"))
    source = part(entry, "SourceConfiguration")
    image = part(source, "ImageRepository", "ImageConfiguration", "RuntimeEnvironmentSecrets")
    code = part(
        source, "CodeRepository", "CodeConfiguration", "CodeConfigurationValues", "RuntimeEnvironmentSecrets"
    )
    for value in (*image.values(), *code.values()):
        secret = Arn.parse(value) if isinstance(value, str) else None
        if secret and secret.service == "secretsmanager":
            name = ":".join(secret.resource.split(":")[:2])
            features.append(Feature("secret", (("secret", str(secret.with_resource(name))),)))
        elif secret and secret.service == "ssm":
            features.append(Feature("parameter", (("parameter", value),)))
        elif arn and isinstance(value, str):
            parameter = f"arn:{arn.partition}:ssm:{arn.region}:{arn.account}:parameter/{value.lstrip('/')}"
            features.append(Feature("parameter", (("parameter", parameter),)))
    injected = any(feature.name != "tracing" for feature in features)
    gaps = [Gap(feature, _KEY) for feature in features_of(TABLE, "key") if injected]
    return needs_of(TABLE, features, gaps, _REMEDIES)


def _access_needs(image: str) -> PlatformNeeds:
    registry = _ECR.match(image)
    if registry is None:
        return unread_needs(ACCESS_TABLE, _UNREAD, _REMEDIES)
    account, region, repository = registry.groups()
    arn = f"arn:aws:ecr:{region}:{account}:repository/{repository}"
    return needs_of(ACCESS_TABLE, [Feature("ecr", (("repository", arn),))], (), _REMEDIES)
