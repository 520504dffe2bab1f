"""The shape of report.json and of excessive_permissions.json: written here once, as frozen types.

The JSON schemas and the tables of docs/report.md are generated from these types (`make schemas`). `build`
makes records from what a scan found, `explain` reads them back. Fields stand in the order of the keys.
More keys may come; `SCHEMA_VERSION` changes when a key changes its meaning or goes.
"""

from scanner.report.records.excess import Excess, ExcessivePermissions, ExcessStatement, ExcessUsed
from scanner.report.records.fixes import Fix
from scanner.report.records.history import History, PastFinding, PastRun
from scanner.report.records.report import SCHEMA_VERSION, Report
from scanner.report.records.roles import (
    AllowedElsewhere,
    BundleUse,
    Finding,
    GrantPlace,
    Location,
    NotUnderstood,
    Observed,
    Policy,
    PolicyDocument,
    Role,
    StatementChange,
    UsedGrant,
)
from scanner.report.records.scan import (
    Accepted,
    BaselineResult,
    FixedEntry,
    FromLedger,
    Gate,
    GrownEntry,
    Rule,
    Scan,
    ScannedAccount,
    Skipped,
    Warned,
)
from scanner.report.records.workloads import (
    Denied,
    Unattributed,
    Unmapped,
    UsedPermission,
    Workload,
    WorkloadEvidence,
)

__all__ = [
    "SCHEMA_VERSION",
    "Accepted",
    "AllowedElsewhere",
    "BaselineResult",
    "BundleUse",
    "Denied",
    "Excess",
    "ExcessStatement",
    "ExcessUsed",
    "ExcessivePermissions",
    "Finding",
    "Fix",
    "FixedEntry",
    "FromLedger",
    "Gate",
    "GrantPlace",
    "GrownEntry",
    "History",
    "Location",
    "NotUnderstood",
    "Observed",
    "PastFinding",
    "PastRun",
    "Policy",
    "PolicyDocument",
    "Report",
    "Role",
    "Rule",
    "Scan",
    "ScannedAccount",
    "Skipped",
    "StatementChange",
    "Unattributed",
    "Unmapped",
    "UsedGrant",
    "UsedPermission",
    "Warned",
    "Workload",
    "WorkloadEvidence",
]
