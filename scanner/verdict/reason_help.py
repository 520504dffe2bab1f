"""What each reason means, and what would remove it: said once for each in every report."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from scanner.model.workloads import WorkloadKindName
from scanner.verdict.reasons import Reason

REASON_HELP: Mapping[Reason, tuple[str, str]] = {
    Reason.NOT_SEEN: (
        "no complete trace of the workload is newer than its last change",
        "run it with tracing on after the deployment (for example by integration tests), then scan again",
    ),
    Reason.TOO_FEW_TRACES: (
        "fewer complete traces than --min-traces asks for are newer than the last change",
        "exercise the workload more, scan a longer time, or lower --min-traces",
    ),
    Reason.NO_CALLS: (
        "the workload was traced, but never with an AWS call: its AWS clients are probably not instrumented",
        "instrument its AWS clients with the X-Ray SDK or OpenTelemetry",
    ),
    Reason.SERVICE_NOT_TRACED: (
        "no call of that service was traced, and nothing shows that all clients are instrumented",
        "set --assume-instrumented if every AWS client of the workload is traced, or ask what IAM saw with "
        "--evidence last-accessed",
    ),
    Reason.MAY_RUN_UNTRACED: (
        "the action commonly runs where traces do not reach: init code, extensions, presigned URLs, "
        "destinations",
        "ask what AWS recorded with --evidence last-accessed cloudtrail, or check by hand that no such code "
        "uses it",
    ),
    Reason.POSSIBLE: (
        "a call that was seen may have needed it, depending on what the trace does not show; or a call that "
        "needs it was denied or never sent",
        "look at the call in report.json (`used` with `required` false, `denied`) and decide by hand",
    ),
    Reason.RESOURCE_UNKNOWN: (
        "calls of that action were recorded without their resource",
        "let the SDK or its instrumentation record the parameter that names the resource (see the "
        "documentation)",
    ),
    Reason.CONDITION_UNKNOWN: (
        "the grant has a condition, and traces do not tell whether it held or what it narrows the grant to",
        "check the condition by hand; a grant that is redundant can go",
    ),
    Reason.ACCESSED_UNTRACED: (
        "IAM's last-accessed data says that the role used it since the last change, and no trace shows it",
        "keep the permission, and instrument the AWS client that uses it",
    ),
    Reason.UNMAPPED_OPERATION: (
        "a call could not be mapped to permissions, and may have needed this one",
        "see `unmapped` in report.json, and report the operation to the project",
    ),
    Reason.INCOMPLETE_TRACES: (
        "traces of the workload are truncated, still arriving or unreadable, or hold documents that nothing "
        "joins to it",
        "scan again later, split what makes traces too large for X-Ray (500 KB), or hand the trace context "
        "to worker threads",
    ),
    Reason.SHARER_NOT_SEEN: (
        "another workload that uses the role was not seen well enough",
        "exercise the other workloads too, or give each workload a role of its own",
    ),
    Reason.ROLE_USERS_UNKNOWN: (
        "who else uses the role is not known",
        "allow lambda:ListFunctions (ecs:ListTaskDefinitionFamilies and ecs:ListServices for tasks, "
        "states:ListStateMachines for state machines) and iam:GetRole, or add what they answer to the files "
        "of --workload-config, name every region (--region), and let nothing but their platform assume the "
        "role; what else runs on an instance or in a cluster of Kubernetes uses its role, too",
    ),
    Reason.ROLE_INFERRED: (
        "which role the workload has follows from names alone, or a refusal names another one",
        "check by hand that it is its role; on Kubernetes, give each namespace one role",
    ),
    Reason.TRACES_ELSEWHERE: (
        "Transaction Search is on: X-Ray's API shows only the traces that are indexed",
        "allow logs:StartQuery and logs:GetQueryResults so that spans are read (--source auto), or scan "
        "saved traces",
    ),
    Reason.OLDER_VERSION: (
        "a published version with this role, older than the last change, may still serve, and was not seen "
        "well enough",
        "allow lambda:ListAliases (or merge `Aliases` into the file of --functions; ecs:ListServices and "
        "ecs:DescribeServices for tasks, or what they answer in --workload-config), delete versions that no "
        "longer serve, or exercise those that aliases or services run",
    ),
    Reason.ACTS_FOR_CALLER: (
        "a call was seen, or may have been made by a client that is not traced, after which AWS acts with "
        "the caller's own rights (CloudFormation, Cloud Control, Service Catalog, automations)",
        "give the stack, product or automation its own role, or check by hand what it needs; "
        "trace that client",
    ),
}

# What would remove a reason where all workloads are of one kind: no word of what others would need.
_REMEDY_OF_KIND: Mapping[Reason, Mapping[WorkloadKindName, str]] = {
    Reason.ROLE_USERS_UNKNOWN: {
        "lambda": (
            "allow lambda:ListFunctions and iam:GetRole (or list all functions in the file of --functions), "
            "name every region (--region), and let nothing but Lambda assume the role"
        ),
        "ecs": (
            "allow ecs:ListTaskDefinitionFamilies, ecs:ListServices and iam:GetRole (or add what they answer "
            "to the files of --workload-config), name every region (--region), and let nothing but ECS "
            "assume the role"
        ),
        "state-machine": (
            "allow states:ListStateMachines and iam:GetRole (or add what they answer to the files of "
            "--workload-config), name every region (--region), and let nothing but Step Functions assume "
            "the role"
        ),
        "ec2": "check by hand what else runs on the instances: it uses their role, too",
        "eks": "check by hand what else runs in the cluster: it may use the role, too",
    },
    Reason.OLDER_VERSION: {
        "lambda": (
            "allow lambda:ListAliases (or merge `Aliases` into the file of --functions), delete versions "
            "that no longer serve, or exercise those that aliases run"
        ),
        "ecs": (
            "allow ecs:ListServices and ecs:DescribeServices (or add what they answer to the files of "
            "--workload-config), or exercise the revisions that services run"
        ),
    },
}


def help_for(reason: Reason, kinds: Collection[WorkloadKindName]) -> tuple[str, str]:
    """What a reason means, and what would remove it for workloads of these kinds."""
    meaning, remedy = REASON_HELP[reason]
    of_kind = _REMEDY_OF_KIND.get(reason, {})
    return meaning, of_kind.get(next(iter(kinds)), remedy) if len(set(kinds)) == 1 else remedy
