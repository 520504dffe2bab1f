"""Step Functions: roles, changes, and what a definition needs without a call in any trace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scanner.iam import catalog
from scanner.model import Evidence
from scanner.text.tables import rows
from scanner.usage.evidence import with_traced_clients
from scanner.workloads.asl import parse_definition
from tests.unit.workloads.computes import ACCOUNT, LATER, MADE, REGION, read, role, traced

MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:orders"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def states(**of: dict[str, Any]) -> str:
    return json.dumps({"StartAt": next(iter(of), "x"), "States": of})


def call(resource: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "End": True, **more}


def machine(name: str = "orders", definition: str | None = None, **more: Any) -> dict[str, Any]:
    """What `aws stepfunctions describe-state-machine` prints."""
    return {
        "stateMachineArn": arn("states", f"stateMachine:{name}"),
        "name": name,
        "definition": definition or states(x={"Type": "Pass", "End": True}),
        "roleArn": role("orders"),
        "creationDate": MADE,
        **more,
    }


def listed(*names: str) -> dict[str, Any]:
    return {
        "stateMachines": [
            {"stateMachineArn": arn("states", f"stateMachine:{name}"), "name": name, "creationDate": MADE}
            for name in names
        ]
    }


def required(*of: dict[str, Any], **more: Any) -> set[tuple[str, str]]:
    found, _, _ = read(
        "state-machine", [], machine(definition=states(**dict(zip("abc", of, strict=False))), **more)
    )
    return set(found.known[MACHINE].platform.required)


def unknown(*of: dict[str, Any]) -> dict[str, str]:
    found, _, _ = read("state-machine", [], machine(definition=states(**dict(zip("abc", of, strict=False)))))
    return {need.action: need.resource for need in found.known[MACHINE].platform.unknown}


# --- role and change -----------------------------------------------------------------------------


def test_a_machine_that_never_changed_was_made_with_its_role() -> None:
    found, _, _ = read("state-machine", [traced(MACHINE)], machine())
    of_orders = found.known[MACHINE]
    assert of_orders.role == role("orders")
    assert of_orders.changed and of_orders.changed.isoformat() == MADE


def test_when_a_machine_changed_is_told_by_an_execution_of_its_revision_alone() -> None:
    changed = machine(revisionId="r2")
    execution = {**machine(revisionId="r2"), "updateDate": LATER}
    other = {**machine(revisionId="r1"), "updateDate": MADE}
    for printed, when in (([changed], None), ([changed, execution], LATER), ([changed, other], None)):
        found, _, _ = read("state-machine", [traced(MACHINE)], *printed)
        moment = found.known[MACHINE].changed
        assert (moment.isoformat() if moment else None) == when


def test_versions_have_roles_of_their_own() -> None:
    versions = {
        "stateMachineVersions": [{"stateMachineVersionArn": f"{MACHINE}:1", "creationDate": MADE}],
    }
    old = {**machine(), "stateMachineArn": f"{MACHINE}:1", "roleArn": role("old")}
    found, _, _ = read("state-machine", [traced(MACHINE)], machine(), versions, old)
    assert [(one.name, one.role) for one in found.known[MACHINE].published] == [("1", role("old"))]
    assert found.known[MACHINE].aliases is None
    assert found.roles_of_versions == {(role("orders"), MACHINE), (role("old"), MACHINE)}


def test_all_users_are_known_where_every_listed_machine_is_described() -> None:
    complete, _, _ = read("state-machine", [traced(MACHINE)], machine(), listed("orders"))
    assert complete.platforms == {"states.amazonaws.com"}
    partial, warnings, _ = read("state-machine", [traced(MACHINE)], machine(), listed("orders", "other"))
    assert not partial.platforms
    assert [warning.code for warning in warnings.all()] == ["workload-config-partial"]


def test_a_machine_that_was_not_read_has_no_role_and_says_what_would_tell() -> None:
    found, _, _ = read("state-machine", [traced(MACHINE)], machine("other"))
    assert found.known[MACHINE].role is None
    assert "describe-state-machine" in found.known[MACHINE].candidates[0]


# --- what its definition needs -------------------------------------------------------------------

FUNCTION = arn("lambda", "function:f")


@pytest.mark.parametrize(
    ("state", "need"),
    [
        (call(FUNCTION), ("lambda:invokefunction", FUNCTION)),
        (
            call("arn:aws:states:::lambda:invoke", Parameters={"FunctionName": FUNCTION}),
            ("lambda:invokefunction", FUNCTION),
        ),
        (
            call("arn:aws:states:::dynamodb:putItem", Parameters={"TableName": "orders"}),
            ("dynamodb:putitem", arn("dynamodb", "table/orders")),
        ),
        (
            call("arn:aws:states:::sns:publish", Arguments={"TopicArn": arn("sns", "t")}),
            ("sns:publish", arn("sns", "t")),
        ),
        (
            call(
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                Parameters={"QueueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/q"},
            ),
            ("sqs:sendmessage", arn("sqs", "q")),
        ),
        (
            call(
                "arn:aws:states:::states:startExecution.sync:2",
                Parameters={"StateMachineArn": arn("states", "stateMachine:child")},
            ),
            ("states:startexecution", arn("states", "stateMachine:child")),
        ),
        (
            call("arn:aws:states:::states:startExecution.sync", Parameters={}),
            ("events:putrule", arn("events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")),
        ),
        (call("arn:aws:states:::ecs:runTask.sync", Parameters={}), ("ecs:describetasks", "*")),
        (
            call("arn:aws:states:::glue:startJobRun.sync", Parameters={"JobName": "j"}),
            ("glue:getjobrun", "*"),
        ),
        (call("arn:aws:states:::http:invoke"), ("states:invokehttpendpoint", "*")),
        (
            call("arn:aws:states:::aws-sdk:s3:deleteBucket", Parameters={"Bucket": "b"}),
            ("s3:deletebucket", "arn:aws:s3:::b"),
        ),
        (
            call("arn:aws:states:::lambda:invoke", Credentials={"RoleArn": role("other")}),
            ("sts:assumerole", role("other")),
        ),
        (
            {
                "Type": "Parallel",
                "Branches": [{"States": {"y": call("arn:aws:states:::elasticmapreduce:addStep")}}],
            },
            ("elasticmapreduce:addjobflowsteps", "*"),
        ),
        (
            {
                "Type": "Map",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                    "States": {"y": call(FUNCTION)},
                },
                "ResultWriter": {
                    "Resource": "arn:aws:states:::s3:putObject",
                    "Parameters": {"Bucket": "out", "Prefix": "runs"},
                },
            },
            ("states:startexecution", MACHINE),
        ),
        (
            {
                "Type": "Map",
                "ItemReader": {
                    "Resource": "arn:aws:states:::s3:getObject",
                    "Parameters": {"Bucket": "in", "Key": "k"},
                },
                "ItemProcessor": {"States": {"y": call(FUNCTION)}},
            },
            ("s3:getobject", "arn:aws:s3:::in/*"),
        ),
    ],
)
def test_what_a_state_surely_needs(state: dict[str, Any], need: tuple[str, str]) -> None:
    assert need in required(state)


def test_results_of_a_map_are_written_below_their_prefix() -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "runs"}}
    state = {"Type": "Map", "ItemProcessor": {"States": {}}, "ResultWriter": writer}
    assert ("s3:putobject", "arn:aws:s3:::out/runs/*") in required(state)


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (
            call("arn:aws:states:::lambda:invoke", Parameters={"FunctionName.$": "$.name"}),
            "lambda:invokefunction",
        ),
        (
            call("arn:aws:states:::lambda:invoke", Arguments={"FunctionName": "{% $f %}"}),
            "lambda:invokefunction",
        ),
        (call("arn:aws:states:::dynamodb:getItem"), "dynamodb:getitem"),
        (call("arn:aws:states:::aws-sdk:sqs:noSuchOperation"), "sqs:deletequeue"),
        (
            call("arn:aws:states:::codepipeline:startPipelineExecution.sync"),
            "codepipeline:getpipelineexecution",
        ),
        (call("arn:aws:states:::lambda:invoke", Credentials={"RoleArn.$": "$.role"}), "sts:assumerole"),
    ],
)
def test_what_an_input_or_an_integration_leaves_open_is_unknown(state: dict[str, Any], action: str) -> None:
    assert action in unknown(state)
    assert action not in {need for need, _ in required(state)}


def test_activities_and_calls_with_other_credentials_need_nothing_more() -> None:
    assert required(call(arn("states", "activity:work"))) == set()
    other = required(call(FUNCTION, Credentials={"RoleArn": role("other")}))
    assert other == {("sts:assumerole", role("other"))}


@pytest.mark.parametrize(
    ("more", "action"),
    [
        ({"loggingConfiguration": {"level": "ALL"}}, "logs:createlogdelivery"),
        ({"tracingConfiguration": {"enabled": True}}, "xray:puttracesegments"),
        ({"encryptionConfiguration": {"kmsKeyId": arn("kms", "key/1")}}, "kms:generatedatakey"),
    ],
)
def test_features_of_a_machine_on_and_off(more: dict[str, Any], action: str) -> None:
    assert action in {need for need, _ in required(**more)}
    assert action not in {need for need, _ in required()}


@pytest.mark.parametrize("definition", ["", "{", "[]", "{}", '{"States": []}'])
def test_a_definition_that_cannot_be_read_leaves_all_of_the_table_open(definition: str) -> None:
    assert parse_definition(definition) is None
    found, _, _ = read("state-machine", [], {**machine(), "definition": definition})
    needs = found.known[MACHINE].platform
    assert {need.action for need in needs.unknown} >= {"ecs:describetasks"}
    assert role("orders") in found.shared_roles, "nothing is confirmed of its role"


def test_a_state_that_is_not_understood_leaves_its_role_open() -> None:
    odd = call("arn:aws:states:::no-such-service:run")
    found, _, _ = read("state-machine", [], machine(definition=states(odd=odd)))
    assert "no-such-service:run" in found.shared_roles[role("orders")]
    known, _, _ = read("state-machine", [], machine(definition=states(a=call(FUNCTION))))
    assert known.shared_roles == {}


def test_the_table_names_actions_of_iam_with_a_source_each() -> None:
    for row in rows("workloads", "state_machine"):
        assert catalog.action(row["action"])
        assert row["source"].startswith("docs.aws.amazon.com/step-functions/")


def test_a_definition_that_is_understood_names_all_calls_whatever_traces_show() -> None:
    seen = Evidence(last_seen=5.0)
    for definition, when in ((states(a=call(FUNCTION)), 5.0), (states(a=call("odd")), None)):
        found, _, _ = read("state-machine", [], machine(definition=definition))
        told = with_traced_clients(seen, found.known[MACHINE])
        assert (told.all_clients_traced, told.last_call) == (when, when)
