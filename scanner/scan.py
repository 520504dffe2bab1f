"""The whole story: traces in, usage, compared with grants, findings out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scanner.compare import judge_role, usage_of_role
from scanner.confirm import Reason, Standard
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.findings import Judged, findings_of, with_reasons
from scanner.iam.functions import Functions, functions_from_aws, functions_from_file
from scanner.iam.roles import roles_from_aws, roles_from_file, with_users
from scanner.model import Finding, Function, Role, ScanWarning, Usage
from scanner.report.clean import counted
from scanner.suggest import suggested_policy
from scanner.traces.files import read_files
from scanner.traces.segments import Trace, kind_of, name_of, read_trace
from scanner.traces.xray import read_ids, read_window, transaction_search
from scanner.usage import UsageBuilder

if TYPE_CHECKING:
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_xray.client import XRayClient


class Aws(Protocol):
    """The clients of a scan, made when they are asked for."""

    def xray(self) -> XRayClient:
        """The client of the scanned region."""

    def iam(self) -> IAMClient:
        """The client of the account."""

    def functions(self, region: str) -> LambdaClient:
        """The Lambda client of a region."""

    def stack_functions(self, stack: str) -> list[str]:
        """The names of the functions of a CloudFormation stack. Raises ScanError."""

    def region(self) -> str:
        """The scanned region. Raises ScanError where none is configured."""


@dataclass(frozen=True)
class Request:
    """What is to be scanned. Times are Unix seconds; the window counts for the X-Ray API only.

    `iam` and `functions` are parsed files that stand for the answers of AWS.
    """

    start: float = 0.0
    end: float = 0.0
    filter: str | None = None
    compare: bool = False
    traces: tuple[Path, ...] = ()
    trace_ids: tuple[str, ...] = ()
    iam: Any = None
    functions: Any = None
    wait: float = 0.0
    workloads: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    standard: Standard = field(default_factory=Standard)


@dataclass(frozen=True)
class ScannedRole:
    """A role with the verdicts on it."""

    role: Role
    judged: Sequence[Judged]
    findings: Sequence[Finding]
    suggestion: dict[str, Any] | None


@dataclass(frozen=True)
class Skipped:
    """What could not be taken into account."""

    documents: int = 0
    calls: int = 0
    traces_truncated: int = 0
    traces_unprocessed: int = 0
    traces_partial: int = 0
    windows: int = 0


@dataclass
class Scanned:
    """What a scan found."""

    source: str
    start: float | None
    end: float | None
    regions: tuple[str, ...]
    traces: int
    documents: int
    calls: int
    skipped: Skipped
    usages: Sequence[Usage]
    functions: dict[str, Function] = field(default_factory=dict)
    roles: Sequence[ScannedRole] = ()
    warnings: Sequence[ScanWarning] = ()
    uncompared: Sequence[str] = ()

    @property
    def findings(self) -> list[Finding]:
        """The findings of all roles."""
        return [finding for scanned in self.roles for finding in scanned.findings]


def scan(request: Request, aws: Aws, progress: Callable[[int], None] = lambda traces: None) -> Scanned:
    """Scan. `progress` is told how many traces were read so far. Raises ScanError.

    What could not be read is counted in the result; only where nothing at all can be read, the scan ends.
    """
    warnings = Warnings()
    scanned, general = _read_traces(request, aws, warnings, progress)
    if request.compare:
        functions = _read_functions(request, aws, scanned.usages, warnings)
        roles = _read_roles(request, aws, functions, scanned.usages, warnings)
        scanned.functions = functions.known
        scanned.uncompared = _uncompared(scanned.usages, roles, request)
        usages = {usage.workload: usage for usage in scanned.usages if usage.workload}
        scanned.roles = [
            compare_role(role, usages, functions.known, request.standard, general) for role in roles
        ]
    _warn_of_assumed_roles(scanned.usages, warnings)
    scanned.warnings = warnings.all()
    return scanned


def with_stacks(request: Request, aws: Aws) -> Request:
    """The request with the functions of its stacks among its workloads."""
    names = [escape(name) for stack in request.stacks for name in aws.stack_functions(stack)]
    return replace(request, workloads=(*request.workloads, *names), stacks=())


def is_wanted(arn: str, globs: Sequence[str]) -> bool:
    """Whether the findings of a workload are asked for: one of the globs fits its name or its ARN."""
    return not globs or any(fnmatchcase(name_of(arn), glob) or fnmatchcase(arn, glob) for glob in globs)


# --- traces --------------------------------------------------------------------------------------


def _read_traces(
    request: Request, aws: Aws, warnings: Warnings, progress: Callable[[int], None]
) -> tuple[Scanned, frozenset[Reason]]:
    """Read all traces, and the reasons that then hold for every finding."""
    builder = UsageBuilder(request.standard.min_traces)
    lock = threading.Lock()

    def sink(traces: list[Trace]) -> None:
        readings = [read_trace(trace) for trace in traces]
        with lock:
            for reading in readings:
                builder.add(reading)
            progress(builder.traces)

    skipped, elsewhere = _feed(request, aws, sink, warnings)
    usages = builder.usages()
    general = set()
    if skipped.traces_unprocessed or skipped.windows or skipped.documents or builder.unattributed_gaps:
        general.add(Reason.INCOMPLETE_TRACES)  # whatever was not read may be any workload's
    if elsewhere:
        general.add(Reason.TRACES_ELSEWHERE)
    from_files = bool(request.traces)
    arns = [usage.workload for usage in usages if usage.workload]
    scanned = Scanned(
        source="files" if from_files else "xray",
        start=builder.first if from_files or request.trace_ids else request.start,
        end=builder.last if from_files or request.trace_ids else request.end,
        regions=tuple(sorted({arn.split(":")[3] for arn in arns})) if from_files else (aws.region(),),
        traces=builder.traces,
        documents=builder.documents,
        calls=builder.calls,
        skipped=Skipped(
            documents=skipped.documents + builder.unreadable_documents,
            calls=sum(sum(usage.unmapped.values()) for usage in usages),
            traces_truncated=skipped.traces_truncated,
            traces_unprocessed=skipped.traces_unprocessed,
            traces_partial=skipped.traces_partial,
            windows=skipped.windows,
        ),
        usages=usages,
    )
    _warn_of_gaps(scanned, warnings)
    return scanned, frozenset(general)


def _feed(
    request: Request, aws: Aws, sink: Callable[[list[Trace]], None], warnings: Warnings
) -> tuple[Skipped, bool]:
    """Read the traces from where they are: what was skipped, and whether there are more elsewhere."""
    if request.traces:
        read = read_files(request.traces, sink, warnings)
        return Skipped(read.unreadable, 0, read.truncated, read.unprocessed), False
    client = aws.xray()
    elsewhere = transaction_search(client)
    if elsewhere:
        warnings.add(
            "transaction-search",
            "Transaction Search is on: X-Ray's API shows only the traces that are indexed (1% by default), "
            "so that nothing can be confirmed from them",
        )
    elif elsewhere is None:
        warnings.add(
            "transaction-search-unknown",
            "whether Transaction Search is on could not be asked: allow xray:GetTraceSegmentDestination",
        )
    if request.trace_ids:
        fetched = read_ids(client, request.trace_ids, sink, warnings, wait_seconds=request.wait)
    else:
        fetched = read_window(
            client, request.start, request.end, request.filter, sink, warnings, wait_seconds=request.wait
        )
    return (
        Skipped(0, 0, fetched.truncated, fetched.unprocessed, fetched.partial, fetched.unread_windows),
        bool(elsewhere),
    )


_GAPS = {
    "documents": ("documents-unreadable", "segment document", "could not be read"),
    "calls": ("calls-unmapped", "call", "could not be mapped to permissions: see `unmapped`"),
    "traces_truncated": ("traces-truncated", "trace", "cut off by X-Ray, which keeps 500 KB of each"),
    "traces_partial": ("traces-partial", "trace", "still arriving"),
    "traces_unprocessed": ("traces-unprocessed", "trace", "listed or asked for, but not returned"),
}


def _warn_of_gaps(scanned: Scanned, warnings: Warnings) -> None:
    for name, (code, noun, what) in _GAPS.items():
        count = getattr(scanned.skipped, name)
        if count:
            warnings.add(code, f"{counted(count, noun)} {what}", count)


def _warn_of_assumed_roles(usages: Iterable[Usage], warnings: Warnings) -> None:
    for usage in usages:
        assumed = [p for p in usage.used if p.action.startswith("sts:AssumeRole")]
        if usage.workload and assumed:
            warnings.add(
                "role-assumed",
                f"{usage.workload} assumes another role: calls made with that role count as its own here",
            )


# --- roles ---------------------------------------------------------------------------------------


def _read_functions(request: Request, aws: Aws, usages: Sequence[Usage], warnings: Warnings) -> Functions:
    if request.functions is not None:
        try:
            return functions_from_file(request.functions, warnings)
        except ValueError as error:
            raise ScanError(f"the file of --functions cannot be used: {error}", EXIT_USAGE) from None
    arns = [u.workload for u in usages if u.workload and kind_of(u.workload) == "lambda"]
    regions = {arn.split(":")[3] for arn in arns} or {aws.region()}
    return functions_from_aws(aws.functions, arns, regions, warnings)


def _read_roles(
    request: Request, aws: Aws, functions: Functions, usages: Sequence[Usage], warnings: Warnings
) -> list[Role]:
    """The roles of all workloads that were seen, and of those that were asked for by name."""
    seen = {usage.workload for usage in usages if usage.workload and usage.evidence.traces}
    named = {arn for arn in functions.known if request.workloads and is_wanted(arn, request.workloads)}
    for glob in request.workloads:
        if not any(is_wanted(arn, (glob,)) for arn in seen | named):
            warnings.add("workload-unknown", f"--workloads {glob!r} fits no workload")
    wanted = sorted(arn for arn in seen | named if is_wanted(arn, request.workloads))
    roles = (
        _role_of(arn, functions, from_file=request.functions is not None, warnings=warnings) for arn in wanted
    )
    arns = list(dict.fromkeys(role for role in roles if role))
    if request.iam is None:
        found = roles_from_aws(aws.iam(), arns, warnings) if arns else []
    else:
        try:
            found = roles_from_file(request.iam, arns, warnings)
        except ValueError as error:
            raise ScanError(f"the file of --iam cannot be used: {error}", EXIT_USAGE) from None
    return sorted(with_users(found, functions, warnings), key=lambda role: role.arn)


def _role_of(arn: str, functions: Functions, *, from_file: bool, warnings: Warnings) -> str | None:
    """The role of a workload; a warning where it has none or it is unknown."""
    function = functions.known.get(arn)
    if function is None:
        if kind_of(arn) != "lambda":
            warnings.add("kind-not-compared", f"{arn} is no Lambda function: its role is not compared yet")
        elif from_file:
            functions.complete = False  # its role is unknown: it may be any of them
            warnings.add("function-missing", f"{arn} is not in the file of --functions")
        return None
    if function.role is None:
        warnings.add("function-without-role", f"{arn} names no role")
    return function.role


def _uncompared(usages: Sequence[Usage], roles: Sequence[Role], request: Request) -> list[str]:
    """The workloads that were seen and asked for, though no role of theirs could be told."""
    compared = {arn for role in roles for arn in role.users}
    seen = [usage.workload for usage in usages if usage.workload]
    return [arn for arn in seen if arn not in compared and is_wanted(arn, request.workloads)]


def compare_role(
    role: Role,
    usages: Mapping[str, Usage],
    functions: Mapping[str, Function],
    standard: Standard,
    general: frozenset[Reason],
) -> ScannedRole:
    """The verdicts on a role. `usages` and `functions` are those of the workloads, by ARN."""
    own = [usages[arn] for arn in role.users if arn in usages]
    evidence = {usage.workload: usage.evidence for usage in own if usage.workload}
    judgements = judge_role(role, usage_of_role(own, role.users, functions))
    judged = with_reasons(judgements, role, evidence, functions, standard, general)
    return ScannedRole(role, judged, findings_of(role, judged), suggested_policy(role, judged))


def nothing_read(scanned: Scanned, compare: bool) -> ScanError | None:
    """The error to end with where no trace, or no role at all, could be read."""
    if scanned.traces == 0:
        where = "in the files of --traces" if scanned.source == "files" else "in this time and region"
        return ScanError(
            f"no trace was found {where}: check --region, the time range and --filter, that the functions "
            "run with active tracing, and wait for new traces with --wait"
        )
    if compare and not any(
        scanned_role.role.policies or scanned_role.role.readable for scanned_role in scanned.roles
    ):
        return ScanError(
            "no role at all could be read, see the warnings: nothing can be compared"
            if any(usage.workload for usage in scanned.usages)
            else "the traces show no Lambda function: nothing can be compared"
        )
    return None
