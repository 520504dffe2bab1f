"""A harmless request for each right that a scan uses: it changes nothing, and reads as little as it can.

AWS decides whether a request is allowed before it looks for what the request names: that something of this
name does not exist is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from scanner.aws.api import Aws
from scanner.aws.ask import THREADS, Failure, attempt
from scanner.aws.rights import rights
from scanner.model import account_of

# Names that nothing has: what exists is asked for where the scan may list it.
NOBODY = "xray-privilege-scan-doctor"
_NO_JOB = "00000000-0000-0000-0000-000000000000"

# Answers that a request gets only if it is allowed.
_ALLOWED_ANSWERS = frozenset({"NoSuchEntity", "ResourceNotFoundException", "ValidationError"})

_LONGEST = 100  # characters of what an answer that nobody understands says

State = Literal["allowed", "denied", "unknown", "not asked"]


class Asked(NamedTuple):
    """Of what the requests are: a region, its partition, what exists there, and what time it is.

    `role` is an ARN, or the name of none.
    """

    region: str
    partition: str
    function: str
    role: str
    now: datetime

    @property
    def role_name(self) -> str:
        """The name of the role."""
        return self.role.rpartition("/")[2]

    @property
    def role_of_nobody(self) -> str:
        """A role that the account does not have. Raises LookupError where the account is not known."""
        account = account_of(self.role)
        if not account:
            raise LookupError("no function is known whose role could be asked for")
        return f"arn:{self.partition}:iam::{account}:role/{NOBODY}"

    @property
    def trace(self) -> str:
        """The id of a trace that nobody wrote."""
        return f"1-{int(self.now.timestamp()):08x}-{'0' * 24}"

    @property
    def policy(self) -> str:
        """A policy that every account has."""
        return f"arn:{self.partition}:iam::aws:policy/ReadOnlyAccess"


class Answered(NamedTuple):
    """Whether an action is allowed; `detail` says why that is unknown, or why it was not asked."""

    state: State
    detail: str = ""


Probe = Callable[[Aws, Asked], object]

PROBES: Mapping[str, Probe] = {
    "xray:GetTraceSummaries": lambda aws, of: aws.xray(of.region).get_trace_summaries(
        StartTime=of.now - timedelta(minutes=1), EndTime=of.now
    ),
    "xray:BatchGetTraces": lambda aws, of: aws.xray(of.region).batch_get_traces(TraceIds=[of.trace]),
    "xray:GetTraceSegmentDestination": lambda aws, of: aws.xray(of.region).get_trace_segment_destination(),
    "iam:GetRole": lambda aws, of: aws.iam().get_role(RoleName=of.role_name),
    "iam:ListRolePolicies": lambda aws, of: aws.iam().list_role_policies(RoleName=of.role_name),
    "iam:ListAttachedRolePolicies": lambda aws, of: aws.iam().list_attached_role_policies(
        RoleName=of.role_name
    ),
    "iam:GetRolePolicy": lambda aws, of: aws.iam().get_role_policy(RoleName=of.role_name, PolicyName=NOBODY),
    "iam:GetPolicy": lambda aws, of: aws.iam().get_policy(PolicyArn=of.policy),
    "iam:GetPolicyVersion": lambda aws, of: aws.iam().get_policy_version(PolicyArn=of.policy, VersionId="v1"),
    # a job for a role that does not exist is not begun
    "iam:GenerateServiceLastAccessedDetails": lambda aws, of: (
        aws.iam().generate_service_last_accessed_details(Arn=of.role_of_nobody)
    ),
    "iam:GetServiceLastAccessedDetails": lambda aws, of: aws.iam().get_service_last_accessed_details(
        JobId=_NO_JOB
    ),
    "lambda:ListFunctions": lambda aws, of: aws.functions(of.region).list_functions(MaxItems=1),
    "lambda:GetFunctionConfiguration": lambda aws, of: aws.functions(of.region).get_function_configuration(
        FunctionName=of.function
    ),
    "lambda:ListAliases": lambda aws, of: aws.functions(of.region).list_aliases(
        FunctionName=of.function, MaxItems=1
    ),
    "lambda:ListEventSourceMappings": lambda aws, of: aws.functions(of.region).list_event_source_mappings(
        MaxItems=1
    ),
    "lambda:ListFunctionEventInvokeConfigs": lambda aws, of: aws.functions(
        of.region
    ).list_function_event_invoke_configs(FunctionName=of.function, MaxItems=1),
    "cloudtrail:LookupEvents": lambda aws, of: aws.cloudtrail(of.region).lookup_events(MaxResults=1),
    "cloudwatch:GetMetricData": lambda aws, of: aws.cloudwatch(of.region).get_metric_data(
        MetricDataQueries=[
            {
                "Id": "f",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=of.now - timedelta(minutes=1),
        EndTime=of.now,
    ),
    "cloudformation:DescribeStackResources": lambda aws, of: aws.cloudformation(
        of.region
    ).describe_stack_resources(StackName=NOBODY),
    "cloudformation:GetTemplate": lambda aws, of: aws.cloudformation(of.region).get_template(
        StackName=NOBODY
    ),
    "cloudformation:ListStackResources": lambda aws, of: aws.cloudformation(of.region).list_stack_resources(
        StackName=NOBODY
    ),
}


def asked(region: str, partition: str, function: str, role: str, now: float) -> Asked:
    """What the requests are of; names that nothing has stand for what is not known."""
    return Asked(
        region,
        partition,
        function or NOBODY,
        role or NOBODY,
        datetime.fromtimestamp(now, UTC),
    )


def not_asked(why: str) -> dict[str, Answered]:
    """The answers where nothing could be asked."""
    return {right.action: Answered("not asked", why) for right in rights()}


def check_rights(aws: Aws, of: Asked) -> dict[str, Answered]:
    """Whether each action is allowed. Raises ScanError where the credentials are missing or refused."""
    actions = [right.action for right in rights()]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = pool.map(lambda action: attempt(lambda: PROBES[action](aws, of)), actions)
        return {action: _answered(answer) for action, answer in zip(actions, answers, strict=True)}


def _answered(answer: object) -> Answered:
    if not isinstance(answer, Failure) or answer.missing or answer.message in _ALLOWED_ANSWERS:
        return Answered("allowed")
    if answer.denied:
        return Answered("denied")
    if answer.unreachable:
        return Answered("not asked", answer.unreachable)
    return Answered("unknown", (answer.message.splitlines() or [""])[0][:_LONGEST])
