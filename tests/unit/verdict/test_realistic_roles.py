"""Roles as they are found: with policies of AWS, of the Serverless Framework, of SAM."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from scanner.iam.containment import allows_no_more
from scanner.iam.policies import parse_policy
from scanner.model import Policy
from scanner.result import RoleResult
from scanner.verdict.bundle_table import SAM, bundles
from scanner.workloads.lambda_function import EventSource
from tests.unit.cases import (
    ACCOUNT,
    NOW,
    REGION,
    allow,
    arn,
    compared,
    function,
    policy,
    statements_of,
    table,
    usage,
    used,
)

TEMPLATES = {bundle.name: bundle for bundle in bundles() if bundle.framework == SAM}
QUERY, GET = "dynamodb:Query", "dynamodb:GetItem"
LOG_ACTIONS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
LOG_GROUPS = [arn("logs", "log-group:/aws/lambda/f"), arn("logs", "log-group:/aws/lambda/f:*")]
TRACING = [
    "xray:GetSamplingRules",
    "xray:GetSamplingStatisticSummaries",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
]
QUERIES = used((QUERY, table("t")))


@cache
def _of_aws() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found


def managed(name: str) -> Policy:
    """A managed policy of AWS, as moto ships it."""
    found = _of_aws()[name]
    arn_ = f"arn:aws:iam::aws:policy{found['Path']}{name}"
    return Policy(name, arn_, "managed", parse_policy(found["Document"]))


def summary(result: RoleResult) -> list[tuple[str, str, tuple[str, ...], str | None]]:
    """(verdict, first action, reasons, remedy) of each finding."""
    return [(f.verdict.value, f.actions[0], f.reasons, f.remedy) for f in result.findings]


def grants_no_more(result: RoleResult) -> bool:
    assert result.suggestion is not None
    suggested = Policy("suggested", None, "inline", parse_policy(result.suggestion.policy))
    return allows_no_more([suggested], result.role.policies) == ()


# --- policies of AWS -----------------------------------------------------------------------------


def test_basic_execution() -> None:
    result = compared([managed("AWSLambdaBasicExecutionRole")], [usage()])
    assert summary(result) == [("platform", LOG_ACTIONS[0], (), None)]
    assert statements_of(result) == [allow(LOG_ACTIONS, "*")]


def test_vpc_access_of_a_function_in_a_vpc() -> None:
    result = compared(
        [managed("AWSLambdaVPCAccessExecutionRole")], [usage()], functions=[function(in_vpc=True)]
    )
    assert summary(result) == [("platform", LOG_ACTIONS[0], (), None)]


def test_vpc_access_of_a_function_in_none() -> None:
    """No trace shows EC2: Lambda alone makes network interfaces, but the code may describe subnets."""
    policies = [managed("AWSLambdaVPCAccessExecutionRole")]
    unused, read = "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces"
    unsure = compared(policies, [usage(QUERIES)])
    assert ("unused", unused, (), "replace") in summary(unsure)
    assert ("unused", read, ("service-not-traced",), "replace") in summary(unsure)
    assert len(statements_of(unsure)) == 2  # what may be needed stays
    sure = compared(policies, [usage(QUERIES, auto_instrumented=NOW)])
    assert summary(sure)[1] == ("unused", unused, (), "replace")
    assert statements_of(sure) == [allow(LOG_ACTIONS, "*")]


def test_vpc_access_where_the_configuration_was_not_read() -> None:
    result = compared([managed("AWSLambdaVPCAccessExecutionRole")], [usage()], functions=[])
    assert {finding.verdict.value for finding in result.findings} == {"unobservable"}
    assert all("lambda:ListFunctions" in finding.why for finding in result.findings)


@pytest.mark.parametrize(
    ("sources", "verdict"),
    [((EventSource("sqs", arn("sqs", "q")),), "platform"), (None, "unobservable"), ((), "unused")],
)
def test_a_queue_as_event_source(sources: tuple[EventSource, ...] | None, verdict: str) -> None:
    result = compared(
        [managed("AWSLambdaSQSQueueExecutionRole")],
        [usage(services=["sqs"])],
        functions=[function(event_sources=sources)],
    )
    found = {action: f.verdict.value for f in result.findings for action in f.actions}
    assert found["sqs:ReceiveMessage"] == found["sqs:DeleteMessage"] == verdict
    assert found["logs:PutLogEvents"] == "platform"


def test_full_access_to_dynamodb_of_a_function_that_queries_one_table() -> None:
    result = compared([managed("AmazonDynamoDBFullAccess")], [usage(QUERIES)])
    by_action = {f.actions[0]: f for f in result.findings}
    wide = by_action["dynamodb:*"]
    assert (wide.verdict.value, wide.confirmed, wide.remedy) == ("broad", True, "replace")
    assert [(u.action, u.resource) for u in wide.used] == [(QUERY, table("t"))]
    passed = by_action["iam:PassRole"]
    assert (passed.verdict.value, passed.severity) == ("unobservable", "privilege-escalation")
    assert passed.statement.condition is not None
    # no client of these services was traced, so that nothing is said with confidence
    assert by_action["application-autoscaling:DeleteScalingPolicy"].reasons == ("service-not-traced",)
    # DAX has a client of its own, which X-Ray does not trace: what that uses is no excess
    assert (by_action["dax:*"].verdict.value, by_action["dax:*"].severity) == ("broad", "write")
    statements = statements_of(result)
    assert allow([QUERY], table("t")) in statements
    assert {"dynamodb:*"}.isdisjoint(a for s in statements for a in s["Action"])
    assert any(s["Action"] == ["iam:PassRole"] and s["Condition"] for s in statements)
    assert grants_no_more(result)


def test_read_only_access_to_s3_of_a_function_that_reads_one_bucket() -> None:
    seen = usage(used(("s3:GetObject", "arn:aws:s3:::b/*"), ("s3:ListBucket", "arn:aws:s3:::b")))
    result = compared([managed("AmazonS3ReadOnlyAccess")], [seen])
    assert [(v, a, r) for v, a, r, _ in summary(result)] == [
        ("broad", "s3:Get*", ()),
        ("broad", "s3:List*", ()),
        ("unused", "s3:Describe*", ()),
        ("unobservable", "s3-object-lambda:Get*", ()),
        ("unobservable", "s3-object-lambda:List*", ()),
    ]
    assert statements_of(result) == [
        allow(["s3:GetObject"], "arn:aws:s3:::b/*"),
        allow(["s3:GetObjectVersion"], "*"),
        allow(["s3:ListBucket"], "arn:aws:s3:::b"),
        allow(["s3-object-lambda:Get*", "s3-object-lambda:List*"], "*"),
    ]


def test_full_access_to_lambda_of_a_function_that_invokes_another() -> None:
    other = arn("lambda", "function:g")
    result = compared([managed("AWSLambda_FullAccess")], [usage(used(("lambda:InvokeFunction", other)))])
    by_action = {action: f for f in result.findings for action in f.actions}
    wide = by_action["lambda:*"]
    assert (wide.verdict.value, wide.confirmed, wide.severity) == ("broad", True, "privilege-escalation")
    assert by_action["iam:PassRole"].verdict.value == "unobservable"
    assert by_action["kms:DescribeKey"].verdict.value == "unobservable"
    assert by_action["iam:GetRole"].reasons == ("service-not-traced",)
    assert allow(["lambda:InvokeFunction"], other) in statements_of(result)
    assert grants_no_more(result)


# --- an administrator ----------------------------------------------------------------------------


def test_an_administrator_that_queries_one_table() -> None:
    result = compared([managed("AdministratorAccess")], [usage(QUERIES)])
    assert summary(result) == [("broad", "*", (), "replace")]
    assert result.findings[0].severity == "privilege-escalation"
    assert statements_of(result) == [
        allow([QUERY], table("t")),
        allow(LOG_ACTIONS, LOG_GROUPS),
        allow(TRACING, "*"),
    ]
    assert grants_no_more(result)


def test_an_administrator_of_which_nothing_was_traced() -> None:
    result = compared([managed("AdministratorAccess")], [usage(traces=(), calls=None)])
    assert [(f.verdict.value, f.reasons) for f in result.findings] == [("broad", ("not-seen",))]
    assert statements_of(result) == [allow(["*"], "*")]


def test_an_administrator_beside_what_it_needs_could_go_as_far_as_the_rest_allows_all() -> None:
    everything = policy(allow([QUERY], table("t")), allow(TRACING), allow(LOG_ACTIONS))
    result = compared([managed("AdministratorAccess"), everything], [usage(QUERIES)])
    assert result.findings[0].redundant
    without_tracing = policy(allow([QUERY], table("t")), allow(LOG_ACTIONS))
    result = compared([managed("AdministratorAccess"), without_tracing], [usage(QUERIES)])
    assert [f.redundant for f in result.findings] == [False] * len(result.findings)


def test_an_administrator_is_judged_in_well_under_a_second() -> None:
    """Of processor time, once IAM's reference is loaded."""
    policies, seen = [managed("AdministratorAccess")], [usage(QUERIES)]
    compared(policies, seen)
    start = time.process_time()
    compared([managed("AdministratorAccess")], seen)
    assert time.process_time() - start < 0.5


# --- the Serverless Framework --------------------------------------------------------------------


def serverless(*statements: dict[str, Any]) -> Policy:
    """The one policy of the framework's default role: logs of all functions, then what is asked for.

    www.serverless.com/framework/docs/providers/aws/guide/iam
    """
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/notes-dev"
    logs = [
        allow(["logs:CreateLogStream", "logs:CreateLogGroup", "logs:TagResource"], [f"{group}*:*"]),
        allow(["logs:PutLogEvents"], [f"{group}*:*:*"]),
    ]
    tracing = allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"])
    return policy(*logs, tracing, *statements, name="notes-dev-lambda")


def notes(*names: str) -> list[Any]:
    return [function(f"notes-dev-{name}") for name in names]


def test_a_serverless_role_that_all_functions_share() -> None:
    """One function's use is another one's excess; the role needs both."""
    crud = allow([QUERY, GET, "dynamodb:PutItem", "dynamodb:DeleteItem"], table("notes"))
    usages = [
        usage(used((QUERY, table("notes"))), name="notes-dev-list"),
        usage(used((GET, table("notes"))), name="notes-dev-get"),
    ]
    result = compared([serverless(crud)], usages, functions=notes("list", "get"))
    found = {action: f for f in result.findings for action in f.actions}
    assert found["logs:PutLogEvents"].verdict.value == "platform"
    assert found["xray:PutTraceSegments"].verdict.value == "platform"
    assert found[QUERY].verdict.value == found[GET].verdict.value == "used"
    assert {u.action: len(u.workloads) for u in found[QUERY].used} == {QUERY: 1, GET: 1}
    unused = found["dynamodb:PutItem"]
    assert (unused.actions, unused.reasons, unused.remedy) == (
        ("dynamodb:PutItem", "dynamodb:DeleteItem"),
        (),
        "edit",
    )
    statements = statements_of(result)
    assert allow([GET, QUERY], table("notes")) in statements
    assert not any("dynamodb:PutItem" in s["Action"] for s in statements)
    assert grants_no_more(result)


def test_a_serverless_role_of_which_one_function_was_not_exercised() -> None:
    crud = allow([QUERY, GET], table("notes"))
    seen = usage(used((QUERY, table("notes"))), name="notes-dev-list")
    result = compared([serverless(crud)], [seen], functions=notes("list", "get"))
    found = {action: f for f in result.findings for action in f.actions}
    assert (found[GET].verdict.value, found[GET].reasons) == ("unused", ("sharer-not-seen",))
    assert allow([GET, QUERY], table("notes")) in statements_of(result)


# --- SAM -----------------------------------------------------------------------------------------


def template(name: str, resource: str) -> dict[str, Any]:
    """A policy template of SAM on one resource.

    docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html
    """
    actions = [action for part in TEMPLATES[name].parts for action in part.spelled]
    return allow(actions, resource)


def sam(*policies: Policy) -> list[Policy]:
    """SAM's default role with active tracing: two policies of AWS, then one for each template."""
    return [managed("AWSLambdaBasicExecutionRole"), managed("AWSXrayWriteOnlyAccess"), *policies]


def test_a_sam_role_with_the_crud_template() -> None:
    crud = template("DynamoDBCrudPolicy", table("t"))
    crud["Resource"] = [table("t"), table("t/index/*")]
    result = compared(
        sam(policy(crud, name="FRolePolicy0")), [usage(used((GET, table("t")), (QUERY, table("t"))))]
    )
    found = {(a, r): f for f in result.findings for a in f.actions for r in f.resources}
    assert found["xray:PutTraceSegments", "*"].verdict.value == "platform"
    assert found[GET, table("t")].verdict.value == "used"
    unused = found["dynamodb:PutItem", table("t")]
    assert (unused.verdict.value, unused.confirmed, unused.policy.name) == ("unused", True, "FRolePolicy0")
    assert found[QUERY, table("t/index/*")].verdict.value == "unused"
    assert allow([GET, QUERY], table("t")) in statements_of(result)
    assert grants_no_more(result)


def test_a_sam_role_with_the_poller_template() -> None:
    """Three of its actions Lambda needs to read the queue; the others only code that polls itself."""
    queue = arn("sqs", "q")
    poller = policy(template("SQSPollerPolicy", queue), name="FRolePolicy0")
    configured = [function(event_sources=(EventSource("sqs", queue),))]
    result = compared(sam(poller), [usage(services=["sqs"])], functions=configured)
    found = {a: f for f in result.findings for a in f.actions}
    assert {a for a, f in found.items() if a.startswith("sqs:") and f.verdict.value == "platform"} == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    other = found["sqs:ChangeMessageVisibility"]
    assert (other.verdict.value, other.reasons) == ("unused", ())
    kept = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    assert allow(kept, queue) in statements_of(result)


def test_a_sam_role_reads_another_queue_than_its_template_names() -> None:
    poller = policy(template("SQSPollerPolicy", arn("sqs", "old")))
    configured = [function(event_sources=(EventSource("sqs", arn("sqs", "new")),))]
    result = compared(sam(poller), [usage(services=["sqs"])], functions=configured)
    found = {a: f.verdict.value for f in result.findings for a in f.actions}
    assert found["sqs:ReceiveMessage"] == "unused"


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_template_of_sam_is_used_or_confirmed_where_nothing_was_seen(name: str) -> None:
    result = compared([policy(template(name, "*"))], [usage(QUERIES, traces=())])
    for finding in result.findings:
        assert (
            finding.verdict.value in ("unobservable", "platform", "ineffective")
            or finding.reasons
            or (finding.used and finding.verdict.value == "used")
        )
