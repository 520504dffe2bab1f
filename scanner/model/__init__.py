"""The words of the product, as frozen data: every other room speaks in these.

May import nothing of ours.
"""

from scanner.model.arn import Arn, account_of, region_of, service_of
from scanner.model.calls import (
    Call,
    CallRow,
    Certainty,
    ConditionValues,
    Need,
    ObservedCall,
    Outcome,
    Permission,
    RunRow,
    Unmapped,
)
from scanner.model.findings import (
    EXCESS,
    NOT_ACCEPTED,
    Acceptance,
    BundleUse,
    Finding,
    Place,
    ScanWarning,
    Used,
    Verdict,
)
from scanner.model.fixes import Disposition, Fix
from scanner.model.location import Location
from scanner.model.policies import Grant, GrantKey, GrantName, Policy, Role, Statement, is_managed_by_aws
from scanner.model.stacks import StackResource
from scanner.model.usage import Denied, Evidence, Observation, Usage
from scanner.model.workloads import Hints, PlatformNeeds, UnknownNeed, Workload, WorkloadKey

__all__ = [
    "EXCESS",
    "NOT_ACCEPTED",
    "Acceptance",
    "Arn",
    "BundleUse",
    "Call",
    "CallRow",
    "Certainty",
    "ConditionValues",
    "Denied",
    "Disposition",
    "Evidence",
    "Finding",
    "Fix",
    "Grant",
    "GrantKey",
    "GrantName",
    "Hints",
    "Location",
    "Need",
    "Observation",
    "ObservedCall",
    "Outcome",
    "Permission",
    "Place",
    "PlatformNeeds",
    "Policy",
    "Role",
    "RunRow",
    "ScanWarning",
    "StackResource",
    "Statement",
    "UnknownNeed",
    "Unmapped",
    "Usage",
    "Used",
    "Verdict",
    "Workload",
    "WorkloadKey",
    "account_of",
    "is_managed_by_aws",
    "region_of",
    "service_of",
]
