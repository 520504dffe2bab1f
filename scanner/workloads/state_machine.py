"""Step Functions: state machines, their roles, and what their definitions need of these. Pure.

docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from scanner.aws.times import time_of
from scanner.errors import Warnings
from scanner.iam import catalog
from scanner.mapping.permissions import required_permissions
from scanner.mapping.untraced import UNOBSERVABLE
from scanner.model import Arn, Call, Outcome, PlatformNeeds, UnknownNeed, Unmapped, Workload
from scanner.model.workloads import PublishedVersion, workload_name
from scanner.workloads.asked import Asked, settled
from scanner.workloads.asl import Definition, Integration, parse_definition
from scanner.workloads.documents import Documents, Entry, part, text
from scanner.workloads.features import (
    ALL,
    Feature,
    Remedies,
    only_platform,
    required_needs,
    rows_of,
    unread_needs,
)
from scanner.workloads.listing import ReadWorkloads, Workloads
from scanner.workloads.warnings import explained, warn_of_others, with_role

PRINCIPAL = "states.amazonaws.com"
TABLE = "state_machine"
_UNREAD, _DYNAMIC = "machine", "definition"
_REMEDIES = Remedies(
    (
        (
            _UNREAD,
            "its definition was not read, allow states:DescribeStateMachine, or give --workload-config what "
            "`aws stepfunctions describe-state-machine` prints",
        ),
        (_DYNAMIC, "its definition does not tell"),
    )
)
_MISSING = (
    "allow states:DescribeStateMachine, or add what `aws stepfunctions describe-state-machine` prints to "
    "--workload-config"
)
_LISTS = ("`aws stepfunctions list-state-machines`", "`... describe-state-machine` of each")
_INITIAL = ("", "INITIAL")
_SYNC = ".sync"
# what a service asks of a job and does to one that it waits for
_WATCHING = re.compile(r"(?i)[\w-]+:(Describe|Get|List|BatchGet|Stop|Cancel|Terminate|Delete|BatchStop)\w+")
_RULES = ("events:puttargets", "events:putrule", "events:describerule")


def unread_machine(workload: str) -> Workload:
    """A state machine of which nothing was read."""
    return Workload(
        workload, "state-machine", workload_name(workload), platform=unread_needs(TABLE, _UNREAD, _REMEDIES)
    )


def machines_of(documents: Documents, asked: Asked, warnings: Warnings) -> ReadWorkloads:
    """The state machines that documents and traces show."""
    entries: dict[str, list[Entry]] = {}
    for form in ("state-machine", "execution"):
        for entry in documents.of(form):
            entries.setdefault(_machine_of(text(entry, "stateMachineArn")) or "", []).append(entry)
    known: dict[str, Workload] = {}
    pairs: set[tuple[str, str]] = set()
    shared: dict[str, str] = {}
    for arn in sorted({*entries, *asked.usages} - {""}):
        workload, roles = _machine(arn, entries.get(arn, []), documents, asked)
        if arn in asked.usages:
            workload = explained(workload, _MISSING, warnings)
        known[arn] = workload
        pairs |= {(role, arn) for role in roles}
        unclear = _not_understood(_current(arn, entries.get(arn, [])))
        if unclear and workload.role:
            shared[workload.role] = f"is also used by {unclear}: no trace tells for what"
    summaries = {text(entry, "stateMachineArn") for entry in documents.of("state-machine-summary")}
    described = {arn for arn, of_arn in entries.items() if _current(arn, of_arn)}
    complete = (
        documents.has_all("state-machine-summary")
        and summaries <= described
        and "state-machine-version" not in documents.partial
        and "state-machine" not in documents.partial
    )
    if asked.usages and any(workload.role for workload in known.values()):
        warn_of_others(documents, complete, "state machines", _LISTS, warnings)
    return ReadWorkloads(
        Workloads(
            known=known,
            roles_of_versions=frozenset(pairs),
            missing=documents.missing,
            platforms=frozenset({PRINCIPAL}) if complete else frozenset(),
            shared_roles=shared,
        )
    )


def _machine_of(arn: str) -> str | None:
    """The ARN of a state machine, without the version, the alias or the label of a map."""
    fields = arn.split(":")
    return ":".join((*fields[:6], fields[6].partition("/")[0])) if len(fields) > 6 else None


def _current(arn: str, entries: Iterable[Entry]) -> Entry | None:
    """What describes the state machine as it is now."""
    return next(
        (entry for entry in entries if text(entry, "stateMachineArn") == arn and "updateDate" not in entry),
        None,
    )


def _machine(
    arn: str, entries: list[Entry], documents: Documents, asked: Asked
) -> tuple[Workload, frozenset[str]]:
    """A state machine, with the roles of it and of its versions."""
    entry = _current(arn, entries)
    candidates = [text(entry, "roleArn")] if entry else []
    role = settled([one for one in candidates if one], arn, asked, PRINCIPAL)
    if entry is None:
        workload = with_role(unread_machine(arn), role)
        return workload, frozenset({workload.role} if workload.role else ())
    versions = _versions(arn, entries, documents)
    known = documents.has_all("state-machine-version")
    workload = Workload(
        arn,
        "state-machine",
        workload_name(arn),
        changed=_changed(entry, entries, versions),
        published=versions,
        aliases=() if known and not versions else None,
        platform=_needs(arn, entry, traced=arn in asked.usages),
        defined=not _not_understood(entry),
    )
    workload = with_role(workload, role)
    roles = {version.role for version in versions} | {workload.role}
    return workload, frozenset(one for one in roles if one)


def _versions(arn: str, entries: Iterable[Entry], documents: Documents) -> tuple[PublishedVersion, ...]:
    """The published versions; the role of one that is not described is unknown."""
    roles = {text(entry, "stateMachineArn"): text(entry, "roleArn") for entry in entries}
    found = {
        PublishedVersion(
            version.rpartition(":")[2], time_of(entry.get("creationDate")), roles.get(version) or None
        )
        for entry in documents.of("state-machine-version")
        for version in [text(entry, "stateMachineVersionArn")]
        if _machine_of(version) == arn
    }
    return tuple(sorted(found, key=lambda version: version.name))


def _changed(
    entry: Entry, entries: Iterable[Entry], versions: tuple[PublishedVersion, ...]
) -> datetime | None:
    """When a state machine last changed.

    AWS tells it of an execution alone. One that never changed has its creation; a version that was published
    of the same revision came after the change.
    """
    revision = text(entry, "revisionId")
    if revision in _INITIAL:
        return time_of(entry.get("creationDate"))
    same = [other for other in entries if other is not entry and text(other, "revisionId") == revision]
    of_executions = [time_of(other.get("updateDate")) for other in same if "updateDate" in other]
    arns = {text(other, "stateMachineArn").rpartition(":")[2] for other in same}
    of_versions = [version.made for version in versions if version.name in arns]
    return min((moment for moment in (*of_executions, *of_versions) if moment), default=None)


def _not_understood(entry: Entry | None) -> str:
    """What of a definition is not understood, empty where all of it is."""
    if entry is None:
        return ""
    definition = parse_definition(entry.get("definition"))
    name = workload_name(text(entry, "stateMachineArn"))
    if definition is None:
        return f"the definition of {name}, which was not read"
    unmapped = [one.name for one in definition.integrations if _prefix_unknown(one)]
    unknown = (*definition.unknown, *unmapped)
    return f"states of {name} ({', '.join(unknown[:3])})" if unknown else ""


def _prefix_unknown(integration: Integration) -> bool:
    if integration.optimised and integration.name in rows_of(TABLE):
        return False
    needs = required_permissions(_call("", integration))
    return isinstance(needs, Unmapped) and needs.prefix is None


# --- what its definition needs -------------------------------------------------------------------


def _needs(arn: str, entry: Entry, *, traced: bool) -> PlatformNeeds:
    """What a state machine needs of its role, as far as its definition tells."""
    features = list(_features_of_machine(arn, entry, traced))
    definition = parse_definition(entry.get("definition"))
    if definition is None:
        unread = unread_needs(TABLE, _UNREAD, _REMEDIES)
        return PlatformNeeds(required_needs(TABLE, features), unread.unknown)
    place = _place(arn)
    features += _features_of_definition(arn, definition)
    required: dict[tuple[str, str], None] = dict.fromkeys(required_needs(TABLE, features))
    unknown: dict[UnknownNeed, None] = {}
    for integration in definition.integrations:
        sure, unsure = _needs_of(arn, integration, place)
        required.update(dict.fromkeys(sure))
        unknown.update(dict.fromkeys(unsure))
    return PlatformNeeds(tuple(required), tuple(unknown), only_platform(TABLE))


def _place(arn: str) -> tuple[tuple[str, str], ...]:
    parsed = Arn.parse(arn)
    if parsed is None:
        return ()
    return (("partition", parsed.partition), ("region", parsed.region), ("account", parsed.account))


def _features_of_machine(arn: str, entry: Entry, traced: bool) -> Iterator[Feature]:
    if part(entry, "loggingConfiguration").get("level") not in (None, "OFF"):
        yield Feature("logging")
    if traced or part(entry, "tracingConfiguration").get("enabled") is True:
        yield Feature("tracing")
    key = text(part(entry, "encryptionConfiguration"), "kmsKeyId")
    if key:
        yield Feature("encryption", (("key", key if key.startswith("arn:") else ALL),))


def _features_of_definition(arn: str, definition: Definition) -> Iterator[Feature]:
    if definition.distributed:
        executions = arn.replace(":stateMachine:", ":execution:", 1)
        of_maps = (("executions", f"{executions}:*"), ("map_executions", f"{executions}/*:*"))
        yield Feature("distributed-map", (("machine", arn), *of_maps))
    for target in definition.writers:
        partition = dict(_place(arn)).get("partition", "aws")
        objects = f"arn:{partition}:s3:::{target.rstrip('/')}/*" if target else f"arn:{partition}:s3:::*/*"
        yield Feature("result-writer", (("objects", objects),))


def _needs_of(
    arn: str, integration: Integration, place: tuple[tuple[str, str], ...]
) -> tuple[list[tuple[str, str]], list[UnknownNeed]]:
    """What a state surely needs, and what it may need."""
    if integration.role:
        role = integration.role
        if role == "?":
            return [], [_unknown("sts:assumerole", ALL, integration)]
        return [("sts:assumerole", role)], []
    sure: list[tuple[str, str]] = []
    unsure: list[UnknownNeed] = []
    table = rows_of(TABLE)
    if integration.optimised and integration.name in table:
        sure += required_needs(TABLE, [Feature(integration.name, place)])
    else:
        needs = required_permissions(_call(arn, integration))
        if isinstance(needs, Unmapped):
            actions = catalog.expand(f"{needs.prefix}:*") if needs.prefix else ()
            unsure += [_unknown(action.lower(), ALL, integration) for action in sorted(actions)]
        else:
            for permission, certainty in needs:
                action = permission.action.lower()
                if certainty == "required" and permission.exact:
                    sure.append((action, permission.resource))
                else:
                    unsure.append(_unknown(action, permission.resource, integration))
    if integration.waits:
        sure += required_needs(TABLE, [Feature(integration.name + _SYNC, place)])
        if integration.name + _SYNC not in table:
            unsure += [_unknown(action, ALL, integration) for action in _watching(integration)]
    return sure, unsure


def _watching(integration: Integration) -> list[str]:
    """What a state may need to wait for a job of a service that the table does not have."""
    actions = catalog.expand(f"{integration.service}:*")
    return [*(action.lower() for action in sorted(actions) if _WATCHING.fullmatch(action)), *_RULES]


def _unknown(action: str, resource: str, integration: Integration) -> UnknownNeed:
    return UnknownNeed(
        action=action,
        resource=resource,
        kind=UNOBSERVABLE,
        why=f"may be needed by {integration.name} in a definition, which leaves open on what",
        feature=integration.name,
        cause=_DYNAMIC,
    )


def _call(arn: str, integration: Integration) -> Call:
    """The call of the SDK that an integration stands for."""
    operation = integration.operation[:1].upper() + integration.operation[1:]
    place = Arn.parse(arn)
    return Call(
        arn or None,
        integration.service,
        operation,
        integration.parameters,
        place.region if place else "",
        place.account if place else "",
        Outcome.OK,
    )
