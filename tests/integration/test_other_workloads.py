"""Tasks, instances, pods and state machines, from spans and configurations to findings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.aws.clients import Clients
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import Call, lambda_trace
from tests.integration.tools import Ran, run
from tests.unit.spans.documents import FUNCTION, ROOT, TASK, F, request, root, span
from tests.unit.workloads import test_ec2, test_eks
from tests.unit.workloads.computes import ACCOUNT, clusters, definition, families, role, service, trust

API = "ecs:shop/api"
TASKS, LAMBDA = "ecs-tasks.amazonaws.com", "lambda.amazonaws.com"
GRANTS = ("s3:GetObject", "sqs:PurgeQueue", "sqs:GetQueueUrl")
INSTANCE = {
    "service.name": "web",
    "host.id": "i-0a1b2c3d",
    "cloud.platform": "aws_ec2",
    "cloud.account.id": ACCOUNT,
    "cloud.region": "eu-west-1",
}
POD = {
    "service.name": "api",
    "k8s.cluster.name": "prod",
    "k8s.namespace.name": "shop",
    "k8s.deployment.name": "api",
    "cloud.account.id": ACCOUNT,
    "cloud.region": "eu-west-1",
}
AUTO = {"telemetry.auto.version": "0.21.0-aws"}


def details(name: str, *principals: str, actions: tuple[str, ...] = GRANTS, **more: Any) -> dict[str, Any]:
    """A role as `aws iam get-account-authorization-details` prints it."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "RoleName": name,
        "Arn": role(name),
        "CreateDate": "2025-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": trust(*principals),
        "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": document}],
        "AttachedManagedPolicies": [],
        "RoleLastUsed": {},
        **more,
    }


def write(folder: Path, name: str, *documents: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join(json.dumps(document) for document in documents), encoding="utf-8")
    return path


def scan(folder: Path, roles: list[dict[str, Any]], *printed: Any, of: Any = None, options: Any = ()) -> Ran:
    """A scan of files alone: the spans of a task (or of another resource), its roles, what was printed."""
    traces = write(folder, "spans.json", request(root(), span(), resource={**(of or TASK), **AUTO}))
    iam = write(folder, "iam.json", {"RoleDetailList": roles, "Policies": []})
    config = write(folder, "config.jsonl", *printed)
    return run(folder, "--traces", traces, "--iam", iam, "--workload-config", config, *options)


def reasons(ran: Ran, action: str) -> tuple[str, ...]:
    """Why a finding on an action is not confirmed."""
    (finding,) = [found for found in ran.findings() if found["actions"] == [action]]
    return tuple(finding["reasons"])


@pytest.fixture
def whole() -> list[Any]:
    """All that there is of the one service."""
    return [definition(executionRoleArn=role("execution")), families("api"), service(), *clusters()]


def test_the_role_of_a_task_is_compared_and_its_excess_confirmed(tmp_path: Path, whole: list[Any]) -> None:
    execution = details("execution", TASKS, actions=("s3:DeleteBucket", "ecr:GetAuthorizationToken"))
    ran = scan(tmp_path, [details("task", TASKS), execution], *whole)
    assert ran.code == 0, ran.err
    assert reasons(ran, "sqs:PurgeQueue") == ()
    assert reasons(ran, "s3:DeleteBucket") == ("not-seen",)
    kinds = {one["id"]: (one["role"], one["platform_only"]) for one in ran.report["workloads"]}
    assert kinds == {
        API: (role("task"), False),
        f"{API}/execution": (role("execution"), True),
    }
    assert "role-shared-untraced" not in ran.warnings


def test_what_of_the_account_is_not_known_is_said_and_confirms_nothing(tmp_path: Path) -> None:
    ran = scan(tmp_path, [details("task", TASKS)], definition())
    assert set(reasons(ran, "sqs:PurgeQueue")) == {"role-users-unknown", "older-version"}
    assert "workload-config-partial" in ran.warnings


def test_a_newer_deployment_than_the_traces_confirms_nothing(tmp_path: Path, whole: list[Any]) -> None:
    newer = definition(registeredAt="2027-01-01T00:00:00+00:00")
    ran = scan(tmp_path, [details("task", TASKS)], newer, *whole[1:])
    assert "not-seen" in reasons(ran, "sqs:PurgeQueue")


def test_a_role_is_compared_by_all_that_share_it_whatever_their_kinds(
    tmp_path: Path, whole: list[Any]
) -> None:
    function = {
        "FunctionArn": F,
        "FunctionName": "orders",
        "Role": role("task"),
        "LastModified": "2026-01-01T00:00:00Z",
    }
    printed = [
        *whole,
        {"Functions": [function], "EventSourceMappings": [], "FunctionEventInvokeConfigs": [], "Aliases": []},
    ]
    unseen = scan(tmp_path / "unseen", [details("task", TASKS, LAMBDA)], *printed)
    assert reasons(unseen, "sqs:PurgeQueue") == ("sharer-not-seen",)
    call = {
        "rpc.system": "aws-api",
        "rpc.service": "SQS",
        "rpc.method": "PurgeQueue",
        "http.status_code": 200,
    }
    of_function = request(
        root(traceId="0" * 31 + "1"),
        span(traceId="0" * 31 + "1", attributes={**call, "cloud.resource_id": F}),
        resource={**FUNCTION, **AUTO},
    )
    more = write(tmp_path, "function.json", of_function)
    seen = scan(tmp_path / "seen", [details("task", TASKS, LAMBDA)], *printed, options=("--traces", more))
    assert "sqs:PurgeQueue" not in {
        action for found in seen.findings("unused") for action in found["actions"]
    }
    assert reasons(seen, "sqs:GetQueueUrl") == ()


def test_functions_that_were_not_listed_may_use_a_role_that_lambda_may_assume(
    tmp_path: Path, whole: list[Any]
) -> None:
    ran = scan(tmp_path, [details("task", TASKS, LAMBDA)], *whole)
    assert "role-users-unknown" in reasons(ran, "sqs:PurgeQueue")


def test_a_service_on_instances_is_named_by_its_role_and_selected_so(tmp_path: Path) -> None:
    instance = {
        "InstanceId": "i-0a1b2c3d",
        "LaunchTime": "2026-01-01T00:00:00+00:00",
        "IamInstanceProfile": {"Arn": test_ec2.profile()},
    }
    printed = [{"Reservations": [{"Instances": [instance]}]}, test_ec2.profiles("web")]
    options = ("--workloads", "ec2:web/*")
    ran = scan(tmp_path, [details("web", "ec2.amazonaws.com")], *printed, of=INSTANCE, options=options)
    assert [one["id"] for one in ran.report["workloads"]] == ["ec2:web/web"]
    assert reasons(ran, "sqs:PurgeQueue") == ("role-users-unknown",)


def test_the_role_of_pods_is_inferred_and_says_so(tmp_path: Path) -> None:
    ran = scan(tmp_path, [details("pod", "pods.eks.amazonaws.com")], test_eks.association(), of=POD)
    (pods,) = ran.report["workloads"]
    assert (pods["id"], pods["role"], pods["role_inferred"]) == ("eks:prod/shop/api", role("pod"), True)
    assert set(reasons(ran, "sqs:PurgeQueue")) == {"role-users-unknown", "role-inferred"}


def test_a_role_that_cannot_be_told_is_reported_with_its_candidates(tmp_path: Path) -> None:
    printed = [test_eks.association(), test_eks.association("cron")]
    ran = scan(tmp_path, [details("pod", "pods.eks.amazonaws.com")], *printed, of=POD)
    (pods,) = ran.report["workloads"]
    assert (pods["role"], pods["candidates"]) == (None, [role("pod"), role("cron")])
    assert "role-unknown" in ran.warnings


def test_what_a_definition_needs_is_kept_on_whatever_resource_and_the_rest_confirmed(tmp_path: Path) -> None:
    states = f"arn:aws:states:eu-west-1:{ACCOUNT}"
    machine = f"{states}:stateMachine:flow"
    job = {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Next": "map"}
    items = {"Type": "Map", "Label": "all", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}}}
    entry = {
        "stateMachineArn": machine,
        "name": "flow",
        "definition": json.dumps({"StartAt": "job", "States": {"job": job, "map": items}}),
        "roleArn": role("flow"),
        "creationDate": "2026-01-01T00:00:00+00:00",
    }
    grants = {
        "ecs:StopTask": f"arn:aws:ecs:eu-west-1:{ACCOUNT}:task/shop/*",
        "states:RedriveExecution": f"{states}:execution:flow/all:*",
        "sqs:PurgeQueue": "*",
    }
    statements = [{"Effect": "Allow", "Action": a, "Resource": r} for a, r in grants.items()]
    policies = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]
    of_machine = details("flow", "states.amazonaws.com", RolePolicyList=policies)
    began = {"cloud.resource_id": machine, "aws.xray.origin": "AWS::StepFunctions::StateMachine"}
    traces = write(tmp_path, "s.json", request(span(ROOT, "", began, kind=2), resource={}))
    iam = write(tmp_path, "iam.json", {"RoleDetailList": [of_machine], "Policies": []})
    config = write(tmp_path, "config.jsonl", entry, {"stateMachines": [entry]})
    ran = run(tmp_path, "--traces", traces, "--iam", iam, "--workload-config", config)
    assert ran.code == 0, ran.err
    assert {found["actions"][0]: found["verdict"] for found in ran.findings()} == {
        "ecs:StopTask": "platform",
        "states:RedriveExecution": "platform",
        "sqs:PurgeQueue": "unused",
    }
    assert reasons(ran, "sqs:PurgeQueue") == ()


def test_without_any_configuration_of_a_kind_nothing_is_asked_of_aws(tmp_path: Path) -> None:
    ran = scan(tmp_path, [details("task", TASKS)], {"stateMachines": []})
    assert ran.code == 0
    assert "describe-task-definition" in ran.warning_texts


def test_a_file_that_is_something_else_ends_the_run(tmp_path: Path) -> None:
    scan(tmp_path, [], {"Traces": []}).ends_with(2, "--workload-config", "--traces takes it")


# --- with AWS ------------------------------------------------------------------------------------


@pytest.fixture
def account(aws: MotoAws) -> Iterator[MotoAws]:
    aws.reset()
    yield aws
    aws.reset()


def test_tasks_are_read_from_aws_where_they_were_traced(account: MotoAws, tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": list(GRANTS), "Resource": "*"}
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": statement}
    of_task = account.create_role("task", {"p": document}, trust=trust(TASKS))
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(
        family="api", taskRoleArn=of_task, containerDefinitions=[{"name": "app", "image": "a", "memory": 1}]
    )
    ecs.create_service(cluster="shop", serviceName="api", taskDefinition="api:1", desiredCount=0)
    start = int(account.next_second()) * 10**9
    times: dict[str, Any] = {"startTimeUnixNano": str(start), "endTimeUnixNano": str(start + 1)}
    resource = {
        **TASK,
        **AUTO,
        "aws.ecs.task.arn": "arn:aws:ecs:us-east-1:123456789012:task/shop/1",
        "aws.ecs.task.revision": "1",
    }
    traces = write(tmp_path, "spans.json", request(root(**times), span(**times), resource=resource))
    account.next_second()
    ran = run(tmp_path, "--traces", traces, env=account.environment())
    assert ran.code == 0, ran.err
    (workload,) = ran.report["workloads"]
    assert (workload["id"], workload["role"]) == (API, of_task)
    # moto does not tell when a task definition was registered: no trace is surely newer
    assert reasons(ran, "sqs:PurgeQueue") == ("not-seen",), ran.warning_texts


def test_an_account_with_functions_alone_is_asked_for_nothing_more(
    account: MotoAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    arn = account.create_function("f", account.create_role("f", {"p": document}))
    account.put_traces(
        [lambda_trace(arn, [Call("S3", "GetObject", {"bucket_name": "b"})], account.next_second())]
    )
    account.next_second()

    def asked(self: Clients, service: str, region: str) -> None:
        raise AssertionError(f"{service} is asked in {region}")

    monkeypatch.setattr(Clients, "client", asked)
    ran = run(tmp_path, env=account.environment())
    assert ran.code == 0, ran.err
    assert ran.findings()


def test_instances_are_read_from_aws_where_they_were_traced(account: MotoAws, tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": list(GRANTS), "Resource": "*"}
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": statement}
    of_web = account.create_role("web", {"p": document}, trust=trust("ec2.amazonaws.com"))
    iam, ec2 = account.client("iam"), account.client("ec2")
    profile = iam.create_instance_profile(InstanceProfileName="web")["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    instance = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, IamInstanceProfile={"Arn": profile}, InstanceType="t3.micro"
    )["Instances"][0]["InstanceId"]
    start = str(int(account.next_second()) * 10**9)
    times: dict[str, Any] = {"startTimeUnixNano": start, "endTimeUnixNano": start}
    resource = {**INSTANCE, **AUTO, "host.id": instance, "cloud.region": "us-east-1"}
    traces = write(tmp_path, "spans.json", request(root(**times), span(**times), resource=resource))
    account.next_second()
    ran = run(tmp_path, "--traces", traces, env=account.environment())
    assert ran.code == 0, ran.err
    (workload,) = ran.report["workloads"]
    assert (workload["id"], workload["role"]) == ("ec2:web/web", of_web), ran.warning_texts
    assert reasons(ran, "sqs:PurgeQueue") == ("role-users-unknown",)


def test_state_machines_are_read_from_aws_where_they_were_traced(account: MotoAws, tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": [*GRANTS, "lambda:InvokeFunction"], "Resource": "*"}
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": statement}
    of_machine = account.create_role("m", {"p": document}, trust=trust("states.amazonaws.com"))
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    state = {"Type": "Task", "Resource": function, "End": True}
    machine = account.client("stepfunctions").create_state_machine(
        name="m", roleArn=of_machine, definition=json.dumps({"StartAt": "a", "States": {"a": state}})
    )["stateMachineArn"]
    start = str(int(account.next_second()) * 10**9)
    times: dict[str, Any] = {"startTimeUnixNano": start, "endTimeUnixNano": start}
    of_root = {"cloud.resource_id": machine, "aws.xray.origin": "AWS::StepFunctions::StateMachine"}
    spans = [span(ROOT, "", of_root, kind=2, **times), span(**times)]
    traces = write(tmp_path, "spans.json", request(*spans, resource={"cloud.provider": "aws"}))
    account.next_second()
    ran = run(tmp_path, "--traces", traces, env=account.environment())
    assert ran.code == 0, ran.err
    assert [one["role"] for one in ran.report["workloads"]] == [of_machine], ran.warning_texts
    (invoke,) = [one for one in ran.findings() if one["actions"] == ["lambda:InvokeFunction"]]
    assert invoke["verdict"] == "platform", "the definition needs it, which no trace shows"
