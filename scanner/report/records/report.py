"""The shape of report.json."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Struct

from scanner.report.records.fixes import Fix
from scanner.report.records.history import History
from scanner.report.records.keys import about
from scanner.report.records.roles import Role
from scanner.report.records.scan import Accepted, Gate, Scan
from scanner.report.records.workloads import Unattributed, Workload

SCHEMA_VERSION: Final = 2


class Report(Struct, frozen=True, kw_only=True):
    """report.json: everything that a scan found."""

    schema_version: Annotated[Literal[2], about("2")]
    scan: Annotated[Scan, about("what was read")]
    workloads: Annotated[
        tuple[Workload, ...],
        about("each workload that was traced, and each one that shares a role with it, by ARN or id"),
    ]
    unattributed: Annotated[Unattributed, about("calls that belong to no workload")]
    roles: Annotated[
        tuple[Role, ...],
        about(
            "the roles of the workloads that are reported on, by ARN; empty where only usage was asked for"
        ),
    ]
    fixes: Annotated[
        tuple[Fix, ...],
        about("edits of the checkout's templates, as the scan finds them; see [fix](fix-a-finding.md)"),
    ] = ()
    severe_actions: Annotated[
        dict[str, str],
        about("what an attacker gains from each action that a finding names as `severe`"),
    ]
    accepted: Annotated[Accepted, about("what became of the rules of the configuration and of the baseline")]
    policy_files: Annotated[
        tuple[str, ...],
        about("the names of the policy files that the same run wrote, a workload each; they lie beside it"),
    ] = ()
    gate: Annotated[
        Gate | None, about("what the gate says; null where nothing is asked of it, and of reports before 2")
    ] = None
    history: Annotated[
        History | None,
        about("what changed since the last run of the same scope; null without a ledger (`--ledger`)"),
    ] = None
