"""A harmless request for each right that a scan uses: it changes nothing, and reads as little as it can.

AWS decides whether a request is allowed before it looks for what the request names: that something of this
name does not exist is an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from textwrap import shorten
from typing import Literal, NamedTuple

from scanner.aws.api import Aws
from scanner.aws.ask import THREADS, Failure, attempt
from scanner.aws.rights import rights
from scanner.model import account_of
from scanner.traces.insights.source import GROUP

# Names that nothing has: what exists is asked for where the scan may list it.
NOBODY = "xray-privilege-scan-doctor"
_NO_JOB = "00000000-0000-0000-0000-000000000000"

_NO_TASK = "0" * 32

# Answers that a request gets only if it is allowed.
_ALLOWED_ANSWERS = frozenset(
    {
        "InvalidParameterException",
        "InvalidRequestException",
        "MalformedQueryException",
        "NoSuchEntity",
        "ResourceNotFoundException",
        "ValidationError",
        # of ECS: there is no such cluster or task definition
        "ClusterNotFoundException",
        "ClientException",
        "StateMachineDoesNotExist",
        "ExecutionDoesNotExist",
    }
)

_LONGEST = 200  # characters of what an answer that nobody understands says

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
        return f"arn:{self.partition}:iam::{self._account}:role/{NOBODY}"

    @property
    def machine_of_nobody(self) -> str:
        """A state machine that the account does not have. Raises LookupError as above."""
        return f"arn:{self.partition}:states:{self.region}:{self._account}:stateMachine:{NOBODY}"

    @property
    def execution_of_nobody(self) -> str:
        """An execution that the account does not have. Raises LookupError as above."""
        return f"arn:{self.partition}:states:{self.region}:{self._account}:execution:{NOBODY}:{NOBODY}"

    @property
    def service_of_nobody(self) -> str:
        """An App Runner service that the account does not have. Raises LookupError as above."""
        return f"arn:{self.partition}:apprunner:{self.region}:{self._account}:service/{NOBODY}/{_NO_TASK}"

    @property
    def _account(self) -> str:
        account = account_of(self.role)
        if not account:
            raise LookupError("no function is known whose role could be asked for")
        return account

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
    "xray:StartTraceRetrieval": lambda aws, of: aws.xray(of.region).start_trace_retrieval(
        TraceIds=[of.trace], StartTime=of.now - timedelta(minutes=1), EndTime=of.now
    ),
    "xray:ListRetrievedTraces": lambda aws, of: aws.xray(of.region).list_retrieved_traces(
        RetrievalToken=NOBODY
    ),
    "xray:CancelTraceRetrieval": lambda aws, of: aws.xray(of.region).cancel_trace_retrieval(
        RetrievalToken=NOBODY
    ),
    # of the first second there was: nothing is read, whether the log group is there or not
    "logs:StartQuery": lambda aws, of: aws.logs(of.region).start_query(
        logGroupNames=[GROUP], startTime=1, endTime=1, queryString="stats count(*) as n by kind", limit=1
    ),
    "logs:GetQueryResults": lambda aws, of: aws.logs(of.region).get_query_results(queryId=_NO_JOB),
    "logs:StopQuery": lambda aws, of: aws.logs(of.region).stop_query(queryId=_NO_JOB),
    "logs:DescribeQueries": lambda aws, of: aws.logs(of.region).describe_queries(maxResults=1),
    "logs:DescribeLogGroups": lambda aws, of: aws.logs(of.region).describe_log_groups(limit=1),
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
    "batch:DescribeJobDefinitions": lambda aws, of: aws.client("batch", of.region).describe_job_definitions(
        maxResults=1
    ),
    "ecs:DescribeServices": lambda aws, of: aws.client("ecs", of.region).describe_services(
        cluster=NOBODY, services=[NOBODY]
    ),
    "ecs:DescribeTaskDefinition": lambda aws, of: aws.client("ecs", of.region).describe_task_definition(
        taskDefinition=NOBODY
    ),
    "ecs:DescribeTasks": lambda aws, of: aws.client("ecs", of.region).describe_tasks(
        cluster=NOBODY, tasks=[_NO_TASK]
    ),
    "ecs:ListClusters": lambda aws, of: aws.client("ecs", of.region).list_clusters(maxResults=1),
    "ecs:ListServices": lambda aws, of: aws.client("ecs", of.region).list_services(
        cluster=NOBODY, maxResults=1
    ),
    "ecs:ListTaskDefinitionFamilies": lambda aws, of: aws.client(
        "ecs", of.region
    ).list_task_definition_families(maxResults=1),
    "ecs:ListTasks": lambda aws, of: aws.client("ecs", of.region).list_tasks(cluster=NOBODY, maxResults=1),
    "ec2:DescribeIamInstanceProfileAssociations": lambda aws, of: aws.client(
        "ec2", of.region
    ).describe_iam_instance_profile_associations(MaxResults=5),
    "ec2:DescribeInstances": lambda aws, of: aws.client("ec2", of.region).describe_instances(MaxResults=5),
    "iam:GetInstanceProfile": lambda aws, of: aws.iam().get_instance_profile(InstanceProfileName=NOBODY),
    "eks:DescribeCluster": lambda aws, of: aws.client("eks", of.region).describe_cluster(name=NOBODY),
    "eks:DescribePodIdentityAssociation": lambda aws, of: aws.client(
        "eks", of.region
    ).describe_pod_identity_association(clusterName=NOBODY, associationId=NOBODY),
    "eks:ListPodIdentityAssociations": lambda aws, of: aws.client(
        "eks", of.region
    ).list_pod_identity_associations(clusterName=NOBODY, maxResults=1),
    "iam:ListRoles": lambda aws, of: aws.iam().list_roles(MaxItems=1),
    "states:DescribeStateMachine": lambda aws, of: aws.client(
        "stepfunctions", of.region
    ).describe_state_machine(stateMachineArn=of.machine_of_nobody),
    "states:DescribeStateMachineForExecution": lambda aws, of: aws.client(
        "stepfunctions", of.region
    ).describe_state_machine_for_execution(executionArn=of.execution_of_nobody),
    "states:ListExecutions": lambda aws, of: aws.client("stepfunctions", of.region).list_executions(
        stateMachineArn=of.machine_of_nobody, maxResults=1
    ),
    "states:ListStateMachineVersions": lambda aws, of: aws.client(
        "stepfunctions", of.region
    ).list_state_machine_versions(stateMachineArn=of.machine_of_nobody),
    "states:ListStateMachines": lambda aws, of: aws.client("stepfunctions", of.region).list_state_machines(
        maxResults=1
    ),
    "apprunner:DescribeService": lambda aws, of: aws.client("apprunner", of.region).describe_service(
        ServiceArn=of.service_of_nobody
    ),
    "apprunner:ListServices": lambda aws, of: aws.client("apprunner", of.region).list_services(MaxResults=1),
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
    return Answered("unknown", why_unanswered(answer))


def why_unanswered(failure: Failure) -> str:
    """Why there is no answer that anybody understands, in a line: whole words of the first sentence."""
    if failure.message.isdecimal():
        return f"AWS answered with the HTTP status {failure.message}"
    return shorten(failure.message, _LONGEST, placeholder=" …") or "AWS did not say why"
