"""The whole story: traces in, usage, compared with grants, findings out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from scanner.aws.api import Aws
from scanner.conclude import conclude
from scanner.errors import EXIT_USAGE, NoWorkloadError, ScanError, Warnings
from scanner.gate.accept import accept
from scanner.model import Role
from scanner.never_traced import limited_source, never_traced, with_rights
from scanner.progress import COMPARISON, FUNCTIONS, RECORDS, Progress, no_progress
from scanner.read import (
    read_roles,
    read_traces,
    records_request,
    role_source,
    uncompared,
    warn_of_assumed_roles,
    warn_of_calls_not_understood,
    warn_of_late_traces,
)
from scanner.read_workloads import check_any_selected, read_workloads
from scanner.records.aws_records import NO_RECORDS
from scanner.records.of_role import TracedWorkloads
from scanner.records.read import Records, read_records
from scanner.request import ScanRequest
from scanner.result import ScanResult, Traced, nothing_read
from scanner.usage.of_role import usage_of_role
from scanner.verdict.assess import assess_role
from scanner.verdict.assessment import AssessedRole
from scanner.verdict.context import RoleContext
from scanner.workloads.kinds import workloads_of_role
from scanner.workloads.listing import Workloads


def scan(request: ScanRequest, aws: Aws, progress: Progress = no_progress) -> ScanResult:
    """Scan. `progress` is told how far it is. Raises ScanError.

    What could not be read is counted in the result; only where nothing at all can be read, the scan ends.
    Where no role can be read, it goes on to report usage, unless roles must be compared.
    """
    warnings = Warnings(request.warnings)
    traced = read_traces(request, aws, warnings, progress)
    if not request.compare:
        check_any_selected(request, traced.by_workload)
    if request.compare:
        return _compared_if_possible(request, aws, traced, warnings, progress)
    return _usage_only(traced, warnings)


def _usage_only(traced: Traced, warnings: Warnings) -> ScanResult:
    """What the traces show, compared with nothing."""
    warn_of_assumed_roles(traced.usages, warnings)
    return ScanResult(traced, warnings=warnings.all(), usage_only=True)


def as_scanned(request: ScanRequest, result: ScanResult) -> ScanRequest:
    """The request as it was carried out: for usage only where no role was compared."""
    return replace(request, compare=request.compare and not result.usage_only)


def _compared_if_possible(
    request: ScanRequest, aws: Aws, traced: Traced, warnings: Warnings, progress: Progress
) -> ScanResult:
    """The comparison; usage only, and a warning, where no role can be read and none has to be.

    Of workloads whose roles could not be told it goes on to name the candidates.
    """
    if request.must_compare:
        return _compared(request, aws, traced, warnings, progress)
    result = None
    try:
        result = _compared(request, aws, traced, warnings, progress)
        error = nothing_read(result, compare=True)
    except NoWorkloadError:
        raise
    except ScanError as raised:
        if raised.exit_code == EXIT_USAGE and (request.iam or request.documents or request.workload_config):
            raise  # files that are wrong are no want of rights
        error = raised
    else:
        if error is None or nothing_read(result, compare=False):
            return result
    warnings.add(
        "not-compared",
        f"only what was used is reported: {error}. With --usage-only this is no warning, with -c (--compare) "
        "an error",
    )
    if result is None:
        return _usage_only(traced, warnings)
    untold = {key: workload for key, workload in result.workloads.items() if workload.candidates}
    return ScanResult(result.traced, workloads=untold, warnings=warnings.all(), usage_only=True)


def _compared(
    request: ScanRequest, aws: Aws, traced: Traced, warnings: Warnings, progress: Progress
) -> ScanResult:
    """What the traces show, compared with what the roles grant. Raises ScanError."""
    progress(FUNCTIONS, 0, None)
    workloads = read_workloads(request, aws, traced.usages, warnings)
    traced = traced.renamed(workloads.renamed)
    warn_of_late_traces(request, traced, workloads, warnings)
    source = role_source(request, aws, progress)
    roles = read_roles(source, workloads, warnings)
    unseen = never_traced(request, traced, workloads)
    unseen = with_rights(unseen, workloads, roles, limited_source(request, source), warnings)
    known = TracedWorkloads(workloads.known, traced.evidence)
    progress(RECORDS, 0, None)
    records = read_records(records_request(request, traced), aws, roles, known, warnings)
    assessed: list[AssessedRole] = []
    for context in _role_contexts(request, traced, workloads, roles, records):
        progress(COMPARISON, len(assessed), len(roles))
        assessed.append(assess_role(context))
    warn_of_assumed_roles(traced.usages, warnings)
    terms = replace(request.terms, other_roles=workloads.other_roles)
    accepted = accept(assessed, terms)  # rules, then the baseline over all roles
    concluded = [conclude(role) for role in accepted.roles]
    warn_of_calls_not_understood(concluded, warnings)
    return ScanResult(
        traced,
        workloads=workloads.known,
        roles=concluded,
        warnings=warnings.all(),
        uncompared=uncompared(traced.usages, roles, request),
        invocations=records.invocations,
        terms=terms,
        rules=accepted.rules,
        against_baseline=accepted.baseline,
        never_traced=unseen,
    )


def _role_contexts(
    request: ScanRequest, traced: Traced, workloads: Workloads, roles: Sequence[Role], records: Records
) -> Iterator[RoleContext]:
    """All that is known of each role."""
    by_workload = traced.by_workload
    for role in roles:
        usages = tuple(by_workload[arn] for arn in role.workloads if arn in by_workload)
        of_role = records.by_role.get(role.arn, NO_RECORDS)
        yield RoleContext(
            role=role,
            workloads=workloads.known,
            usages=usages,
            usage=usage_of_role(
                usages, workloads_of_role(role, workloads.known), of_role, request.config.untraced
            ),
            records=of_role,
            scan_reasons=traced.scan_reasons,
            requirements=request.requirements,
        )
