"""What each reason means, and what would remove it: said once for each in every report.

What removes it is said for functions; `REMEDIES` has what takes its place where something else runs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from scanner.model.workloads import WorkloadKindName
from scanner.verdict.reasons import Reason

# what runs with a role; "platform" where no code does, as with an execution role of ECS
Runs = WorkloadKindName | Literal["platform"]

REASON_HELP: Mapping[Reason, tuple[str, str]] = {
    Reason.NOT_SEEN: (
        "no complete trace of the workload is newer than its last change",
        "run it with tracing on after the deployment (for example by integration tests), then scan again",
    ),
    Reason.TOO_FEW_TRACES: (
        "fewer complete traces than --min-traces asks for are newer than the last change",
        "exercise the workload more, scan a longer time, or lower --min-traces",
    ),
    Reason.OBSERVED_TOO_SHORT: (
        "on fewer days than --min-observed-days asks for there was a complete trace since the last change",
        "scan a longer time or keep a --ledger over several runs, or lower --min-observed-days",
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
        "allow lambda:ListFunctions and iam:GetRole (or list all functions in the file of --functions), name "
        "every region (--region), and let nothing but Lambda assume the role",
    ),
    Reason.ROLE_INFERRED: (
        "which role the workload has follows from names alone, or a refusal names another one",
        "check by hand that it is its role",
    ),
    Reason.TRACES_ELSEWHERE: (
        "Transaction Search is on: X-Ray's API shows only the traces that are indexed",
        "allow logs:StartQuery and logs:GetQueryResults so that spans are read (--source auto), or scan "
        "saved traces",
    ),
    Reason.OLDER_VERSION: (
        "a published version with this role, older than the last change, may still serve, and was not seen "
        "well enough",
        "allow lambda:ListAliases (or merge `Aliases` into the file of --functions), delete versions that no "
        "longer serve, or exercise those that aliases run",
    ),
    Reason.ACTS_FOR_CALLER: (
        "a call was seen, or may have been made by a client that is not traced, after which AWS acts with "
        "the caller's own rights (CloudFormation, Cloud Control, Service Catalog, automations)",
        "give the stack, product or automation its own role, or check by hand what it needs; "
        "trace that client",
    ),
    Reason.NEW_GRANT: (
        "the grant appeared within the last --grace-days: what needs it may not have run yet",
        "wait until it is older, or lower --grace-days",
    ),
}

REMEDIES: Mapping[Reason, Mapping[Runs, str]] = {
    Reason.NOT_SEEN: {
        "platform": "nothing does: no trace shows what a platform does with an execution or access role; "
        "compare it by hand with the task definition or service, or ask what IAM saw with --evidence "
        "last-accessed",
    },
    Reason.NO_CALLS: {
        "state-machine": "let its definition be read (states:DescribeStateMachine, or `aws stepfunctions "
        "describe-state-machine` in --workload-config); a state that is not understood is named by a warning",
    },
    Reason.ROLE_USERS_UNKNOWN: {
        "ecs": "allow ecs:List* and ecs:Describe*, or add the commands that the warnings name to "
        "--workload-config; let nothing but ECS assume the role, and let traces name their container",
        "state-machine": "allow states:ListStateMachines and states:DescribeStateMachine, or add what `aws "
        "stepfunctions list-state-machines` and `... describe-state-machine` of each print to "
        "--workload-config; let nothing but Step Functions assume the role",
        "app-runner": "allow apprunner:ListServices and apprunner:DescribeService, or add what `aws "
        "apprunner list-services` and `... describe-service` of each print to --workload-config",
        "ec2": "nothing does: all that runs on an instance uses its role, traced or not; check by hand what "
        "else does, or ask what IAM saw with --evidence last-accessed",
        "eks": "nothing does: other pods may use the service account's role, traced or not; check by hand "
        "which do, or ask what IAM saw with --evidence last-accessed",
    },
    Reason.ROLE_INFERRED: {
        "ecs": "add what `aws ecs describe-task-definition` prints of its family to --workload-config",
        "app-runner": "check by hand that the traces are those of the service of this name",
        "ec2": "scan while its instances run, or add what `aws ec2 describe-instances` printed then to "
        "--workload-config",
        "eks": "check by hand that its service account has this role; give each namespace one role",
    },
    Reason.OLDER_VERSION: {
        "ecs": "allow ecs:ListClusters, ecs:ListServices and ecs:DescribeServices, or add what `aws ecs "
        "list-clusters`, `... describe-clusters` and `... describe-services` print to --workload-config; "
        "exercise the revisions that serve",
        "state-machine": "allow states:ListStateMachineVersions, or add what `aws stepfunctions "
        "list-state-machine-versions` prints to --workload-config; delete versions that no longer serve",
    },
}

NAMES: Mapping[Runs, str] = {
    "lambda": "functions",
    "ecs": "tasks of ECS",
    "state-machine": "state machines",
    "app-runner": "App Runner services",
    "ec2": "services on EC2",
    "eks": "pods on EKS",
    "platform": "execution and access roles",
}


def help_for(reason: Reason, runs: Collection[Runs]) -> tuple[str, str]:
    """What a reason means, and what removes it where this runs: said for each that has words of its own."""
    meaning, of_functions = REASON_HELP[reason]
    others = REMEDIES.get(reason, {})
    by_words: dict[str, list[str]] = {}
    for name in (name for name in NAMES if name in runs):
        by_words.setdefault(others.get(name, of_functions), []).append(NAMES[name])
    if len(by_words) < 2:
        return meaning, next(iter(by_words), of_functions)
    return meaning, "; ".join(f"{', '.join(names)}: {remedy}" for remedy, names in by_words.items())
