"""What AWS recorded of the roles of a scan: from each source that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model import Role
from scanner.model.workloads import workload_kind
from scanner.records.aws_records import CLOUDTRAIL, INVOCATIONS, LAST_ACCESSED, AwsRecords
from scanner.records.cloudtrail.history import History
from scanner.records.cloudtrail.read import HistoryRequest, Session, read_cloudtrail
from scanner.records.invocations import read_invocations, window_of
from scanner.records.last_accessed import LastAccessed, read_last_accessed
from scanner.records.of_role import TracedWorkloads, records_of_role
from scanner.workloads.versions import changed_at


@dataclass(frozen=True)
class RecordsRequest:
    """What is asked of AWS's records: `sources` are some of `aws_records.SOURCES`.

    `start` and `end` are the scanned time, `now` is the time of the scan (Unix seconds). `regions` are those
    in which event history is read in addition to each workload's own.
    """

    sources: frozenset[str]
    start: float
    end: float
    now: float
    regions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Records:
    """What AWS recorded: by the ARN of the role; and how often functions ran, by their ARN."""

    by_role: Mapping[str, AwsRecords] = field(default_factory=dict)
    invocations: Mapping[str, int] = field(default_factory=dict)


def read_records(
    request: RecordsRequest, aws: Aws, roles: Sequence[Role], traced: TracedWorkloads, warnings: Warnings
) -> Records:
    """What the sources that are asked for say of the roles. Raises ScanError on bad credentials."""
    if not request.sources:
        return Records()
    accessed: Mapping[str, LastAccessed] = {}
    histories: Mapping[str, History] = {}
    invocations: Mapping[str, int] = {}
    if LAST_ACCESSED in request.sources:
        accessed = read_last_accessed(aws.iam(), [role.arn for role in roles], warnings, request.now)
    if CLOUDTRAIL in request.sources:
        sessions = _sessions(roles, traced, request.start)
        history_request = HistoryRequest(sessions, request.now, request.regions)
        histories = read_cloudtrail(aws.cloudtrail, history_request, warnings)
        _warn_of_unmapped(histories, warnings)
    if INVOCATIONS in request.sources:
        arns = sorted({arn for role in roles for arn in role.workloads})
        window = window_of(request.start, request.end, request.now)
        invocations = read_invocations(aws.cloudwatch, arns, window, warnings)
    by_role = {
        role.arn: records_of_role(role, accessed.get(role.arn), histories, traced, request.start)
        for role in roles
    }
    return Records(by_role, invocations)


def _warn_of_unmapped(histories: Mapping[str, History], warnings: Warnings) -> None:
    for arn, history in histories.items():
        for unmapped, count in history.unmapped.items():
            warnings.add(
                "events-unmapped",
                f"CloudTrail's event {unmapped.service}:{unmapped.operation} of {arn} could not be mapped to "
                "permissions: it may have needed what no trace shows",
                count,
            )


def _sessions(roles: Sequence[Role], traced: TracedWorkloads, start: float) -> tuple[Session, ...]:
    """Whose events are looked for. Init code may have run at any time since the last deployment.

    Lambda alone names sessions by its functions: those of a task or an instance cannot be told by its key.
    """
    role_of = {
        arn: role
        for role in roles
        for arn in role.workloads
        if arn not in role.by_version_only and workload_kind(arn) == "lambda"
    }
    return tuple(
        Session(arn, role.arn, min(start, changed_at(arn, role, traced.workloads)))
        for arn, role in role_of.items()
    )
