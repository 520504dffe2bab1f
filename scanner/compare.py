"""An account compared: what its workloads used, with what their roles grant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.accounts import Account
from scanner.aws.api import Aws
from scanner.errors import EXIT_USAGE, ScanError, Warnings
from scanner.ledger.grants import appeared, dated
from scanner.model import Role, Workload
from scanner.never_traced import limited_source, never_traced, with_rights
from scanner.progress import COMPARISON, RECORDS, WORKLOADS, Progress
from scanner.read import (
    read_roles,
    records_request,
    role_source,
    warn_of_assumed_roles,
    warn_of_late_traces,
    warn_of_unknown_ages,
)
from scanner.read_workloads import read_workloads
from scanner.records.aws_records import NO_RECORDS
from scanner.records.of_role import TracedWorkloads
from scanner.records.read import Records, read_records
from scanner.request import ScanRequest
from scanner.result import NeverTraced, Traced, no_role_read, no_trace_read
from scanner.usage.of_role import usage_of_role
from scanner.verdict.assess import assess_role
from scanner.verdict.assessment import AssessedRole
from scanner.verdict.context import RoleContext
from scanner.workloads.kinds import workloads_of_role
from scanner.workloads.listing import Workloads


@dataclass(frozen=True)
class Compared:
    """The roles of an account, assessed. `usage_only` if none was compared.

    `workloads` are those whose configuration was read; where no role was compared, those whose roles could
    not be told. `other_roles` are those of workloads that the scan is not about, None where these may not be
    all. `renamed` are workloads that are known by another key than traces name them by. `names` are all
    workloads that could be asked for.
    """

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    roles: Sequence[AssessedRole] = ()
    other_roles: frozenset[str] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    invocations: Mapping[str, int] = field(default_factory=dict)
    never_traced: NeverTraced = field(default_factory=NeverTraced)
    usage_only: bool = False


def compare(
    request: ScanRequest, account: Account, traced: Traced, warnings: Warnings, progress: Progress
) -> Compared:
    """The comparison; usage only, and a warning, where no role can be read and none has to be.

    Of workloads whose roles could not be told it goes on to name the candidates. Raises ScanError.
    """
    if account.id and not traced.usages:
        warnings.add("no-traces", "no trace was found in this time and region: nothing of it is compared")
        return _compared(request, account.aws, traced, warnings, progress)
    if request.must_compare:
        return _compared(request, account.aws, traced, warnings, progress)
    result = Compared()
    try:
        result = _compared(request, account.aws, traced, warnings, progress)
        error = no_role_read([role.role for role in result.roles], traced)
    except ScanError as raised:
        if raised.exit_code == EXIT_USAGE and (request.iam or request.documents or request.workload_config):
            raise  # files that are wrong are no want of rights
        error = raised
        warn_of_assumed_roles(traced.usages, warnings)
    else:
        if error is None or no_trace_read(traced, warnings.all()):
            return result
    warnings.add(
        "not-compared",
        f"only what was used is reported: {error}. With --usage-only this is no warning, with -c (--compare) "
        "an error",
    )
    untold = {key: workload for key, workload in result.workloads.items() if workload.candidates}
    return Compared(untold, renamed=result.renamed, names=result.names, usage_only=True)


def _compared(
    request: ScanRequest, aws: Aws, traced: Traced, warnings: Warnings, progress: Progress
) -> Compared:
    progress(WORKLOADS, 0, None)
    workloads = read_workloads(request, aws, traced.usages, warnings)
    traced = traced.renamed(workloads.renamed)
    warn_of_late_traces(request, traced, workloads, warnings)
    source = role_source(request, aws, progress)
    roles = read_roles(source, workloads, warnings)
    unseen = never_traced(request, traced, workloads)
    unseen = with_rights(unseen, workloads, roles, limited_source(request, source), warnings)
    warn_of_unknown_ages(request, roles, warnings)
    known = TracedWorkloads(workloads.known, traced.evidence)
    progress(RECORDS, 0, None)
    records = read_records(records_request(request, traced), aws, roles, known, warnings)
    assessed: list[AssessedRole] = []
    for context in _role_contexts(request, traced, workloads, roles, records):
        progress(COMPARISON, len(assessed), len(roles))
        assessed.append(assess_role(context))
    warn_of_assumed_roles(traced.usages, warnings)
    return Compared(
        workloads=workloads.known,
        roles=assessed,
        other_roles=workloads.other_roles,
        renamed=workloads.renamed,
        names=workloads.names,
        invocations=records.invocations,
        never_traced=unseen,
    )


def _role_contexts(
    request: ScanRequest, traced: Traced, workloads: Workloads, roles: Sequence[Role], records: Records
) -> Iterator[RoleContext]:
    """All that is known of each role."""
    by_workload = traced.by_workload
    for read in roles:
        role = dated(request.ledger, read, request.now) if request.ledger else read
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
            until=min(request.now, request.end) if request.end else request.now,
            appeared=appeared(request.ledger, read, request.now) if request.ledger else {},
        )
