"""Compare 1,000 roles of ten policies, ten statements each, with 50 used permissions a role.

`python -m bench.compare` runs all of it: parsing, verdicts, reasons, suggestions, the report and its
validation. Prints the seconds and the number of findings.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from scanner.conclude import conclude
from scanner.gate.accept import accept
from scanner.iam.policies import parse_policy
from scanner.model import Certainty, Evidence, Need, Observation, Permission, Policy, Role, Usage, Workload
from scanner.report.build import excessive_permissions, report
from scanner.report.schema import plain, validate
from scanner.request import ScanRequest
from scanner.result import ScanResult, Skipped, Traced
from scanner.usage.of_role import usage_of_role
from scanner.verdict.assess import assess_role
from scanner.verdict.context import RoleContext
from scanner.workloads.kinds import workloads_of_role
from scanner.workloads.lambda_function import LambdaFunction
from scanner.workloads.lambda_platform import workload_of

ROLES, POLICIES, STATEMENTS, USED = 1000, 10, 10, 50
ACCOUNT, REGION = "123456789012", "us-east-1"
ACTIONS = [
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "sqs:SendMessage",
    "sns:Publish",
    "s3:GetObject",
    "s3:PutObject",
    "lambda:InvokeFunction",
    "kinesis:PutRecord",
]
RESOURCES = {
    "dynamodb": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/%s",
    "sqs": f"arn:aws:sqs:{REGION}:{ACCOUNT}:%s",
    "sns": f"arn:aws:sns:{REGION}:{ACCOUNT}:%s",
    "s3": "arn:aws:s3:::%s/*",
    "lambda": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:%s",
    "kinesis": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/%s",
}
NOW = 1_795_000_000.0


def _grant(role: int, number: int) -> tuple[str, str]:
    """The action and resource of a statement. No two roles share a resource: no cache helps."""
    action = ACTIONS[number % len(ACTIONS)]
    if number % 17 == 0:
        action = action.partition(":")[0] + ":*"
    name = f"thing-{role}-{number}" + ("*" if number % 13 == 0 else "")
    return action, RESOURCES[action.partition(":")[0]] % name


def _role(number: int) -> Role:
    policies = []
    for policy in range(POLICIES):
        statements = []
        for statement in range(STATEMENTS):
            action, resource = _grant(number, policy * STATEMENTS + statement)
            statements.append({"Effect": "Allow", "Action": [action], "Resource": [resource]})
        document = {"Version": "2012-10-17", "Statement": statements}
        policies.append(Policy(f"policy-{policy}", None, "inline", parse_policy(document)))
    return Role(
        arn=f"arn:aws:iam::{ACCOUNT}:role/role-{number}",
        name=f"role-{number}",
        policies=tuple(policies),
        workloads=(_function_arn(number),),
        workloads_complete=True,
    )


def _function_arn(number: int) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function-{number}"


def _usage(number: int) -> Usage:
    used = {}
    for permission in range(USED):
        action, resource = _grant(number, permission * 2)
        action = ACTIONS[permission * 2 % len(ACTIONS)] if action.endswith("*") else action
        resource = resource.removesuffix("*") if not resource.endswith("/*") else resource
        need = Need(Permission(action, resource, exact=True), Certainty.REQUIRED)
        used[need] = Observation(9, 3, NOW - 60, NOW)
    services = {need.permission.action.partition(":")[0]: NOW for need in used}
    evidence = Evidence(9, 90, NOW - 60, NOW, NOW, (NOW,), services=services)
    return Usage(_function_arn(number), evidence, used)


def _context(role: Role, usages: Mapping[str, Usage], workloads: Mapping[str, Workload]) -> RoleContext:
    of_role = tuple(usages[arn] for arn in role.workloads)
    usage = usage_of_role(of_role, workloads_of_role(role, workloads))
    return RoleContext(role, workloads, of_role, usage)


def main() -> None:
    """Build everything, then measure."""
    gc.set_threshold(50_000, 20, 100)  # as the command line does
    roles = [_role(number) for number in range(ROLES)]
    usages = {_function_arn(number): _usage(number) for number in range(ROLES)}
    modified = datetime.fromtimestamp(NOW - 3600, UTC)
    functions = (
        LambdaFunction(_function_arn(n), f"function-{n}", roles[n].arn, modified) for n in range(ROLES)
    )
    workloads = {function.arn: workload_of(function, traced=True) for function in functions}
    traced = Traced("xray", NOW, NOW, (REGION,), 1, 1, 1, Skipped(), list(usages.values()))
    began = time.perf_counter()
    request = ScanRequest(compare=True)
    accepted = accept([assess_role(_context(role, usages, workloads)) for role in roles], request.terms)
    result = ScanResult(traced, workloads, [conclude(role) for role in accepted.roles])
    compared = time.perf_counter()
    document = plain(report(result, request))
    excessive = plain(excessive_permissions(result, request))
    built = time.perf_counter()
    validate("report", document)
    validate("excessive_permissions", excessive)
    ended = time.perf_counter()
    print(
        f"{ended - began:.2f} s: compared {compared - began:.2f}, documents {built - compared:.2f}, "
        f"validated {ended - built:.2f}; {len(result.findings):,} findings"
    )


if __name__ == "__main__":
    main()
