"""What AWS says of EC2 instances, pods, state machines and App Runner services that traces name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.model.workloads import WorkloadKey
from scanner.workloads.answers import Answers, Wanted, in_chunks, pages
from scanner.workloads.asked import Asked
from scanner.workloads.documents import Documents, text
from scanner.workloads.ec2 import instances_of, profiles_of

_ROLE = "the role of instances is unknown"
_INSTANCES = Wanted("instance", "ec2:DescribeInstances", _ROLE)
_ASSOCIATIONS = Wanted(
    "profile-association",
    "ec2:DescribeIamInstanceProfileAssociations",
    "since when an instance has its role is unknown",
)
_PROFILES = Wanted("profile", "iam:GetInstanceProfile", _ROLE)
_AT_ONCE = (
    200  # values of a filter: docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
)

_POD_ROLE = "the roles of pods are unknown"
_SUMMARIES = Wanted("pod-identity-summary", "eks:ListPodIdentityAssociations", _POD_ROLE)
_POD_IDENTITIES = Wanted("pod-identity", "eks:DescribePodIdentityAssociation", _POD_ROLE)
_CLUSTERS = Wanted(
    "cluster", "eks:DescribeCluster", "which roles trust a cluster's service accounts is unknown"
)

_WHO_ELSE = "which other state machines use a role is unknown, and nothing is confirmed"
_MACHINES = Wanted("state-machine-summary", "states:ListStateMachines", _WHO_ELSE)
_MACHINE = Wanted("state-machine", "states:DescribeStateMachine", "the role of state machines is unknown")
_VERSIONS = Wanted("state-machine-version", "states:ListStateMachineVersions", _WHO_ELSE)
_CHANGED = "when a state machine last changed is unknown, and nothing is confirmed"
_EXECUTIONS = Wanted("execution", "states:ListExecutions", _CHANGED)
_EXECUTION = Wanted("execution", "states:DescribeStateMachineForExecution", _CHANGED)

_SERVICES = Wanted(
    "app-runner-summary", "apprunner:ListServices", "the roles of App Runner services are unknown"
)
_SERVICE = Wanted(
    "app-runner-service", "apprunner:DescribeService", "the roles of App Runner services are unknown"
)


def instances_from_aws(aws: Aws, asked: Asked, warnings: Warnings) -> Documents:
    """The instances that traces name, and the profiles of these. Raises ScanError."""
    answers = Answers(warnings)
    for region, names in _by_region(asked):
        ids = sorted({one for name in names for one in instances_of(asked.hints(name))})
        if not ids:
            continue
        ec2 = aws.client("ec2", region)
        for chunk in in_chunks(ids, _AT_ONCE):
            chosen = [{"Name": "instance-id", "Values": chunk}]
            answers.ask(_INSTANCES, partial(_instances, ec2, chosen))
            answers.ask(
                _ASSOCIATIONS,
                partial(_associations, ec2, chosen),
            )
    names = sorted({arn.rpartition("/")[2] for arn in profiles_of(answers.documents)})
    answers.ask_each(
        _PROFILES,
        lambda name: [aws.iam().get_instance_profile(InstanceProfileName=name)["InstanceProfile"]],
        names,
    )
    return answers.documents


def _instances(ec2: Any, filters: list[dict[str, Any]]) -> list[Any]:
    reservations = pages(ec2, "describe_instances", "Reservations", Filters=filters)
    return [instance for reservation in reservations for instance in reservation.get("Instances", ())]


def _associations(ec2: Any, filters: list[dict[str, Any]]) -> list[Any]:
    key = "IamInstanceProfileAssociations"
    return pages(ec2, "describe_iam_instance_profile_associations", key, Filters=filters)


def pods_from_aws(aws: Aws, asked: Asked, warnings: Warnings) -> Documents:
    """The Pod Identity associations of the clusters that traces name, and their issuers. Raises ScanError."""
    answers = Answers(warnings)
    for region, names in _by_region(asked):
        clusters = {WorkloadKey.parse(name).name.partition("/")[0] for name in names} - {"?", ""}
        for cluster in sorted(clusters):
            _read_cluster(aws.client("eks", region), cluster, answers)
    return answers.documents


def _read_cluster(eks: Any, cluster: str, answers: Answers) -> None:
    answers.ask(_CLUSTERS, lambda: [eks.describe_cluster(name=cluster)["cluster"]])
    summaries = answers.ask(
        _SUMMARIES, lambda: pages(eks, "list_pod_identity_associations", "associations", clusterName=cluster)
    )
    answers.ask_each(
        _POD_IDENTITIES,
        lambda summary: [
            eks.describe_pod_identity_association(
                clusterName=cluster, associationId=summary["associationId"]
            )["association"]
        ],
        summaries,
    )


def machines_from_aws(aws: Aws, asked: Asked, warnings: Warnings) -> Documents:
    """The state machines of the regions, their versions, and when those that were traced changed.

    Raises ScanError.
    """
    answers = Answers(warnings)
    for region in sorted(asked.regions):
        states = aws.client("stepfunctions", region)
        listed = answers.ask(_MACHINES, partial(pages, states, "list_state_machines", "stateMachines"))
        traced = [arn for arn in asked.usages if WorkloadKey.parse(arn).region == region]
        arns = sorted({*(text(entry, "stateMachineArn") for entry in listed), *traced})
        versions = answers.ask_each(_VERSIONS, partial(_versions, states), arns)
        arns += sorted(text(entry, "stateMachineVersionArn") for entry in versions)
        found = answers.ask_each(_MACHINE, partial(_machine, states), arns)
        changed = {
            text(entry, "stateMachineArn")
            for entry in found
            if text(entry, "revisionId") not in ("", "INITIAL")
        }
        for arn in sorted(changed.intersection(traced)):
            newest = _newest_execution(states, arn, answers)
            if newest:
                answers.ask(_EXECUTION, partial(_execution, states, newest))
    return answers.documents


def _machine(states: Any, arn: str) -> list[Any]:
    return [states.describe_state_machine(stateMachineArn=arn)]


def _versions(states: Any, arn: str) -> list[Any]:
    return pages(states, "list_state_machine_versions", "stateMachineVersions", stateMachineArn=arn)


def _execution(states: Any, arn: str) -> list[Any]:
    return [states.describe_state_machine_for_execution(executionArn=arn)]


def _newest_execution(states: Any, arn: str, answers: Answers) -> str:
    """The newest execution, which tells when the state machine changed; express ones are in no list."""
    found: list[str] = []

    def read() -> list[Any]:
        newest = states.list_executions(stateMachineArn=arn, maxResults=1).get("executions", ())
        found.extend(text(entry, "executionArn") for entry in newest)
        return []

    answers.ask(_EXECUTIONS, read)
    return found[0] if found else ""


def services_from_aws(aws: Aws, asked: Asked, warnings: Warnings) -> Documents:
    """The App Runner services of the regions that traces name. Raises ScanError."""
    answers = Answers(warnings)
    for region, _ in _by_region(asked):
        runner = aws.client("apprunner", region)
        listed = answers.ask(_SERVICES, partial(pages, runner, "list_services", "ServiceSummaryList"))
        answers.ask_each(
            _SERVICE,
            partial(_service, runner),
            sorted(text(entry, "ServiceArn") for entry in listed),
        )
    return answers.documents


def _service(runner: Any, arn: str) -> list[Any]:
    return [runner.describe_service(ServiceArn=arn)["Service"]]


def _by_region(asked: Asked) -> Iterator[tuple[str, list[str]]]:
    """The traced workloads by region: those that name none are looked for in every one that is scanned."""
    region_of = {name: WorkloadKey.parse(name).region for name in asked.usages}
    for region in sorted({*asked.regions, *region_of.values()} - {""}):
        names = [name for name, of_name in region_of.items() if of_name in ("", region)]
        if names:
            yield region, names
