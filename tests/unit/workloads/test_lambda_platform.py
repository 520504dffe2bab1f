"""What Lambda itself needs, by the configuration of a function: each row is one feature."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.mapping.untraced import MAY_RUN_UNTRACED, UNOBSERVABLE
from scanner.model import UnknownNeed
from scanner.text.tables import rows
from scanner.usage.of_role import usage_of_role
from scanner.workloads.lambda_function import EventSource, LambdaFunction
from scanner.workloads.lambda_platform import platform_needs, unread_workload
from tests.unit.cases import (
    allow,
    arn,
    compared,
    function,
    function_arn,
    only,
    policy,
    summaries,
    table,
    usage,
    used,
    verdicts,
    workloads_of,
)

QUEUE, TOPIC, BUS = arn("sqs", "q"), arn("sns", "t"), arn("events", "event-bus/b")
OTHER, BUCKET = arn("lambda", "function:g"), "arn:aws:s3:::b"
STREAM, CONSUMER = arn("kinesis", "stream/s"), arn("kinesis", "stream/s/consumer/c:1")
TABLE_STREAM = arn("dynamodb", "table/t/stream/2026-01-01T00:00:00.000")
CLUSTER = arn("kafka", "cluster/c/1-2-3")
CONNECTION = arn("kafka", "vpc-connection/444455556666/c/9-8-7")
BROKER, DOCUMENTS = arn("mq", "broker:b:b-1"), arn("rds", "cluster:d")
SECRET, REGISTRY = arn("secretsmanager", "secret:s-abcdef"), arn("glue", "registry/r")
EFS = arn("elasticfilesystem", "access-point/fsap-1")
S3_FILES = arn("s3files", "file-system/fs-1/access-point/fsap-1")
SERVICE_LOGS = {"logs:createloggroup", "logs:createlogstream", "logs:putlogevents"}
INSIGHTS = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension-Arm64:20"
SIGNALS = "arn:aws:lambda:us-east-1:615299751070:layer:AWSOpenTelemetryDistroPython:16"
ENI = "arn:aws:ec2:us-east-1:*:*/*"


def source(kind: str, source_arn: str | None, **more: Any) -> dict[str, Any]:
    """A function with one event source."""
    return {"event_sources": (EventSource(kind, source_arn, **more),)}


def required(*, traced: bool = False, **configured: Any) -> set[tuple[str, str]]:
    """What Lambda needs for a function that is configured so."""
    return set(platform_needs(function(**configured), traced=traced).required)


def needs(**configured: Any) -> set[tuple[str, str]]:
    """What Lambda needs for a configuration, without what it always needs."""
    return required(**configured) - required()


def unknown(**configured: Any) -> dict[str, list[UnknownNeed]]:
    """What Lambda may need for a function that is configured so, by action."""
    by_action: dict[str, list[UnknownNeed]] = {}
    for need in platform_needs(function(**configured), traced=False).unknown:
        by_action.setdefault(need.action, []).append(need)
    return by_action


def needed(*pairs: tuple[str, str]) -> set[tuple[str, str]]:
    return {(action.lower(), resource) for action, resource in pairs}


def every(actions: str, resource: str, prefix: str) -> set[tuple[str, str]]:
    return needed(*((f"{prefix}:{name}", resource) for name in actions.split()))


VPC_OF_SOURCE = every("CreateNetworkInterface DeleteNetworkInterface", ENI, "ec2") | every(
    "DescribeNetworkInterfaces DescribeVpcs DescribeSubnets DescribeSecurityGroups", "*", "ec2"
)
MSK = (
    VPC_OF_SOURCE
    | every("DescribeCluster DescribeClusterV2 GetBootstrapBrokers", CLUSTER, "kafka")
    | needed(("kafka:GetBootstrapBrokers", "*"))
)
MSK_IAM = (
    every("Connect DescribeClusterDynamicConfiguration", CLUSTER, "kafka-cluster")
    | every("DescribeTopic ReadData", arn("kafka", "topic/c/1-2-3/*"), "kafka-cluster")
    | every("DescribeGroup AlterGroup", arn("kafka", "group/c/1-2-3/*"), "kafka-cluster")
)
KINESIS = every(
    "DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards ListStreams",
    STREAM,
    "kinesis",
) | needed(("kinesis:ListStreams", "*"))

FEATURES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "nothing": ({}, set()),
    "a VPC": (
        {"in_vpc": True},
        every("CreateNetworkInterface DeleteNetworkInterface", ENI, "ec2")
        | every("AssignPrivateIpAddresses UnassignPrivateIpAddresses", ENI, "ec2")
        | every("DescribeNetworkInterfaces DescribeSubnets", "*", "ec2"),
    ),
    "EFS": (
        {"file_systems": (EFS,)},
        every("ClientMount ClientWrite", arn("elasticfilesystem", "file-system/*"), "elasticfilesystem"),
    ),
    "S3 Files": (
        {"file_systems": (S3_FILES,)},
        every("ClientMount ClientWrite", arn("s3files", "file-system/fs-1"), "s3files"),
    ),
    "a durable function": (
        {"durable": True},
        every("CheckpointDurableExecution GetDurableExecutionState", arn("lambda", "function:f:*"), "lambda"),
    ),
    "a dead-letter queue": ({"dead_letter": QUEUE}, needed(("sqs:SendMessage", QUEUE))),
    "a dead-letter topic": ({"dead_letter": TOPIC}, needed(("sns:Publish", TOPIC))),
    "destinations": (
        {"destinations": (QUEUE, TOPIC, OTHER, BUS)},
        needed(
            ("sqs:SendMessage", QUEUE),
            ("sns:Publish", TOPIC),
            ("lambda:InvokeFunction", OTHER),
            ("events:PutEvents", BUS),
        ),
    ),
    "a bucket as destination": (
        {"destinations": (BUCKET,)},
        needed(("s3:PutObject", BUCKET + "/aws/lambda/*"), ("s3:ListBucket", BUCKET)),
    ),
    "a queue": (
        source("sqs", QUEUE),
        every("ReceiveMessage DeleteMessage GetQueueAttributes", QUEUE, "sqs"),
    ),
    "a Kinesis stream": (source("kinesis", STREAM), KINESIS),
    "a consumer with enhanced fan-out": (
        source("kinesis", CONSUMER),
        KINESIS
        | every("SubscribeToShard DescribeStreamConsumer", CONSUMER, "kinesis")
        | needed(("kinesis:SubscribeToShard", STREAM)),
    ),
    "a DynamoDB stream": (
        source("dynamodb", TABLE_STREAM),
        every("DescribeStream GetRecords GetShardIterator ListStreams", TABLE_STREAM, "dynamodb")
        | needed(("dynamodb:ListStreams", "*")),
    ),
    "what a stream fails on": (
        source("dynamodb", TABLE_STREAM, on_failure=QUEUE),
        every("DescribeStream GetRecords GetShardIterator ListStreams", TABLE_STREAM, "dynamodb")
        | needed(("dynamodb:ListStreams", "*"), ("sqs:SendMessage", QUEUE)),
    ),
    "MSK, which takes IAM where it is told nothing else": (source("msk", CLUSTER), MSK | MSK_IAM),
    "MSK with a user's name": (
        source("msk", CLUSTER, auth=("SASL_SCRAM_512_AUTH",), secrets=(SECRET,)),
        MSK | needed(("kafka:ListScramSecrets", CLUSTER), ("secretsmanager:GetSecretValue", SECRET)),
    ),
    "MSK with certificates": (
        source("msk", CLUSTER, auth=("CLIENT_CERTIFICATE_TLS_AUTH",), secrets=(SECRET,)),
        MSK | needed(("secretsmanager:GetSecretValue", SECRET)),
    ),
    "MSK with a schema registry": (
        source("msk", CLUSTER, auth=("CLIENT_CERTIFICATE_TLS_AUTH",), schema_registry=REGISTRY),
        MSK
        | needed(
            ("glue:GetRegistry", REGISTRY),
            ("glue:GetSchemaVersion", "*"),
            ("glue:GetSchemaVersion", REGISTRY),
            ("glue:GetSchemaVersion", arn("glue", "schema/r/*")),
        ),
    ),
    "MSK with a schema registry that is no ARN": (
        source("msk", CLUSTER, auth=("CLIENT_CERTIFICATE_TLS_AUTH",), schema_registry="x:glue:registry/r"),
        MSK,
    ),
    "MSK with a topic for what fails": (
        source("msk", CLUSTER, on_failure="kafka://failed"),
        MSK | MSK_IAM | needed(("kafka-cluster:WriteData", arn("kafka", "topic/c/1-2-3/failed"))),
    ),
    "Kafka of one's own": (source("self-managed-kafka", None), set()),
    "Kafka of one's own in a VPC": (
        source("self-managed-kafka", None, in_vpc=True, secrets=(SECRET,), on_failure=TOPIC),
        VPC_OF_SOURCE | needed(("secretsmanager:GetSecretValue", SECRET), ("sns:Publish", TOPIC)),
    ),
    "Kafka of one's own with a token": (
        source("self-managed-kafka", None, auth=("IAM_OAUTHBEARER_AUTH",)),
        needed(("sts:GetWebIdentityToken", "*")),
    ),
    "a broker": (
        source("mq", BROKER, auth=("BASIC_AUTH",), secrets=(SECRET,)),
        VPC_OF_SOURCE | needed(("mq:DescribeBroker", BROKER), ("secretsmanager:GetSecretValue", SECRET)),
    ),
    "DocumentDB": (
        source("documentdb", DOCUMENTS),
        VPC_OF_SOURCE
        | every(
            "DescribeDBClusters DescribeDBClusterParameters DescribeDBSubnetGroups", arn("rds", "*"), "rds"
        ),
    ),
}


@pytest.mark.parametrize(("configured", "expected"), FEATURES.values(), ids=FEATURES)
def test_what_lambda_needs(configured: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert needs(**configured) == expected


def test_a_cluster_of_another_account_is_named_by_its_connection() -> None:
    found = needs(**source("msk", CONNECTION))
    cluster = "arn:aws:kafka:us-east-1:444455556666:cluster/c/*"
    assert {("kafka:describevpcconnection", CONNECTION), ("kafka:describeclusterv2", cluster)} <= found
    assert ("kafka-cluster:readdata", "arn:aws:kafka:us-east-1:444455556666:topic/c/*/*") in found


@pytest.mark.parametrize(
    ("configured", "group"),
    [
        ({}, "/aws/lambda/f"),
        ({"log_group": "/apps/f"}, "/apps/f"),
        ({"layers": (INSIGHTS,)}, "/aws/lambda-insights"),
        ({"layers": (SIGNALS,)}, "/aws/application-signals/data"),
    ],
)
def test_logs_go_to_the_function_s_own_group_and_to_those_of_its_extensions(
    configured: dict[str, Any], group: str
) -> None:
    groups = {arn("logs", f"log-group:{group}"), arn("logs", f"log-group:{group}:*")}
    assert {(action, resource) for action in SERVICE_LOGS for resource in groups} <= required(**configured)


@pytest.mark.parametrize(
    ("configured", "traced", "writes"),
    [({}, False, False), ({}, True, True), ({"active_tracing": True}, False, True)],
)
def test_traces_are_written_where_tracing_is_on_or_traces_were_seen(
    configured: dict[str, Any], traced: bool, writes: bool
) -> None:
    assert (("xray:puttracesegments", "*") in required(traced=traced, **configured)) is writes


# ---- what is unknown


def whys(action: str, **configured: Any) -> str:
    """Why an action is not decided, empty where it is."""
    return "; ".join(sorted({need.why for need in unknown(**configured).get(action.lower(), ())}))


@pytest.mark.parametrize(
    ("configured", "action", "remedy"),
    [
        ({"event_sources": None}, "kinesis:GetRecords", "lambda:ListEventSourceMappings"),
        ({"event_sources": None}, "ec2:CreateNetworkInterface", "lambda:ListEventSourceMappings"),
        ({"event_sources": None}, "sqs:SendMessage", "lambda:ListEventSourceMappings"),
        ({"destinations": None}, "sqs:SendMessage", "lambda:ListFunctionEventInvokeConfigs"),
        ({"destinations": None}, "events:PutEvents", "lambda:ListFunctionEventInvokeConfigs"),
        (source("unknown", arn("new", "thing")), "kinesis:GetRecords", "kind that is not known"),
        ({"image": True}, "logs:PutLogEvents", "container image"),
        ({"layers": ("arn:aws:lambda:us-east-1:1:layer:mine:1",)}, "logs:PutLogEvents", "a layer"),
        ({"file_systems": (EFS,)}, "elasticfilesystem:ClientRootAccess", "root user"),
    ],
)
def test_what_was_not_read_is_named_with_what_would_tell(
    configured: dict[str, Any], action: str, remedy: str
) -> None:
    assert remedy in whys(action, **configured)
    assert whys(action) == "", "all was read, and nothing is configured"


def test_of_a_function_that_was_not_read_nothing_is_decided() -> None:
    workload = unread_workload(function_arn("f"))
    assert (workload.key, workload.role, workload.changed) == (function_arn("f"), None, None)
    assert workload.platform.required == ()
    actions = {row["action"].lower() for row in rows("workloads", "lambda")}
    assert {need.action for need in workload.platform.unknown} == actions
    assert all("lambda:GetFunctionConfiguration" in need.why for need in workload.platform.unknown)


def test_what_several_functions_may_need_is_named_once_in_the_order_of_the_features() -> None:
    functions = [
        function("f", event_sources=None),
        function("g", destinations=None),
        function("h", destinations=None),
    ]
    usage_of_all = usage_of_role([], list(workloads_of(functions).values()))
    whys = [need.why for need in usage_of_all.platform_may_need["sqs:sendmessage"]]
    assert [why.partition(":")[0] for why in whys] == [
        "may be needed by Lambda itself to send to a destination",
        "may be needed by Lambda itself to keep events that failed",
    ]


def test_an_event_source_leaves_what_it_does_not_tell_decided() -> None:
    assert whys("kinesis:GetRecords", destinations=None) == ""
    assert whys("events:PutEvents", event_sources=None) == ""


def test_a_published_version_may_still_need_what_the_newest_does_not() -> None:
    old = replace(function(), role=None, in_vpc=True, dead_letter=QUEUE, event_sources=None)
    may_need = unknown(versions=(old,))
    assert {"ec2:createnetworkinterface", "sqs:sendmessage"} <= set(may_need)
    assert may_need["sqs:sendmessage"][0].resource == QUEUE
    assert "logs:putlogevents" not in may_need, "both write to the same log group"
    assert not unknown(in_vpc=True, dead_letter=QUEUE, versions=(old,))


# ---- the verdicts that follow


def verdict(grant: dict[str, Any], *, seen: Any = None, **configured: Any) -> tuple[str, tuple[str, ...]]:
    """The verdict on a grant, and why it is not confirmed."""
    evidence = seen or usage(services=[str(grant["Action"]).partition(":")[0]])
    found = summaries(compared([policy(grant)], [evidence], functions=[function(**configured)]))
    return found[0].outcome


@pytest.mark.parametrize(
    ("action", "resource", "on", "unread"),
    [
        ("ec2:CreateNetworkInterface", "*", {"in_vpc": True}, {"event_sources": None}),
        ("ec2:DescribeSubnets", "*", {"in_vpc": True}, {"event_sources": None}),
        ("ec2:CreateNetworkInterface", arn("ec2", "subnet/s-1"), {"in_vpc": True}, {"event_sources": None}),
        ("kinesis:GetRecords", STREAM, source("kinesis", STREAM), {"event_sources": None}),
        ("sqs:ReceiveMessage", QUEUE, source("sqs", QUEUE), {"event_sources": None}),
        ("dynamodb:GetRecords", arn("dynamodb", "table/t/stream/*"), source("dynamodb", TABLE_STREAM), None),
        ("elasticfilesystem:ClientMount", "*", {"file_systems": (EFS,)}, None),
        ("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda-insights:*"), {"layers": (INSIGHTS,)}, None),
        ("lambda:CheckpointDurableExecution", arn("lambda", "function:f:*"), {"durable": True}, None),
    ],
)
def test_a_permission_of_the_platform_is_needed_or_unused_or_not_decided(
    action: str, resource: str, on: dict[str, Any], unread: dict[str, Any] | None
) -> None:
    grant = allow(action, resource)
    assert verdict(grant, **on) == ("platform", ())
    assert verdict(grant) == ("unused", ())
    if unread:
        assert verdict(grant, **unread) == ("unobservable", ())


def test_another_queue_than_the_event_source_is_unused() -> None:
    grant = allow("sqs:ReceiveMessage", arn("sqs", "other"))
    assert verdict(grant, **source("sqs", QUEUE)) == ("unused", ())


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:SendMessage", QUEUE),
        ("sns:Publish", TOPIC),
        ("lambda:InvokeFunction", OTHER),
        ("events:PutEvents", BUS),
        ("s3:ListBucket", BUCKET),
    ],
)
def test_sending_is_doubtful_until_destinations_were_read(action: str, resource: str) -> None:
    grant = allow(action, resource)
    assert verdict(grant, destinations=None) == ("unused", ("may-run-untraced",))
    assert verdict(grant) == ("unused", ())
    assert verdict(grant, destinations=(resource,)) == ("platform", ())


def test_a_presigned_url_may_write_an_object_whatever_the_destinations() -> None:
    assert verdict(allow("s3:PutObject", BUCKET + "/*")) == ("unused", ("may-run-untraced",))


def test_where_destinations_are_unread_a_wider_resource_is_doubtful() -> None:
    grant, seen = allow("sqs:SendMessage", arn("sqs", "*")), usage(used(("sqs:SendMessage", QUEUE)))
    assert verdict(grant, seen=seen, destinations=None) == ("broad", ("may-run-untraced",))
    assert verdict(grant, seen=seen) == ("broad", ())


def test_in_a_container_image_the_log_groups_of_extensions_only_are_not_decided() -> None:
    insights = allow("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda-insights:*"))
    assert verdict(insights, image=True) == ("unobservable", ())
    other = allow("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/other:*"))
    assert verdict(other, image=True) == ("unused", ())


def test_one_unread_user_of_a_role_leaves_its_grants_undecided() -> None:
    grant = policy(allow("ec2:CreateNetworkInterface"))
    workloads = [usage(services=["ec2"]), usage(services=["ec2"], name="g")]
    functions = [function(), function("g", event_sources=None)]
    assert verdicts(compared([grant], workloads, functions=functions))[0] == "unobservable"


def test_what_cannot_be_shown_says_why() -> None:
    result = compared(
        [policy(allow("kinesis:GetRecords", STREAM), allow("kms:Decrypt"))],
        [usage()],
        functions=[function(event_sources=None)],
    )
    unread, never = (assessments.why for assessments in result.assessments)
    assert "lambda:ListEventSourceMappings" in unread
    assert "lambda:" not in never and "keys" in never


# ---- the data


def test_every_row_is_complete_and_names_an_action_as_iam_does() -> None:
    for row in rows("workloads", "lambda"):
        assert None not in row and all(row.values()), row
        assert row["reading"] in {"function", "event-sources", "destinations"}, row
        assert row["unread"] in {UNOBSERVABLE, MAY_RUN_UNTRACED}, row
        assert catalog.spelled(row["action"]) == row["action"] and catalog.action(row["action"]), row
        assert row["source"].startswith("docs.aws.amazon.com/"), row


@pytest.mark.parametrize(("column", "decided"), [("action", "unread"), ("feature", "reading")])
def test_an_action_is_unread_in_one_way_and_a_feature_decided_by_one_reading(
    column: str, decided: str
) -> None:
    pairs = {(row[column], row[decided]) for row in rows("workloads", "lambda")}
    assert len(pairs) == len({name for name, _ in pairs})


def test_every_feature_can_be_on_or_undecided() -> None:
    """A feature that the code spells otherwise than the data would never be needed."""
    everything = function(
        active_tracing=True,
        in_vpc=True,
        durable=True,
        dead_letter=QUEUE,
        file_systems=(EFS, S3_FILES),
        layers=(INSIGHTS, SIGNALS),
        destinations=(QUEUE, TOPIC, OTHER, BUS, BUCKET),
        event_sources=(
            EventSource("sqs", QUEUE, on_failure=BUCKET),
            EventSource("kinesis", CONSUMER, on_failure=QUEUE),
            EventSource("dynamodb", TABLE_STREAM, on_failure=TOPIC),
            EventSource("msk", CONNECTION, on_failure="kafka://x", schema_registry=REGISTRY),
            EventSource("msk", CLUSTER, auth=("SASL_SCRAM_512_AUTH",), secrets=(SECRET,)),
            EventSource("self-managed-kafka", None, auth=("IAM_OAUTHBEARER_AUTH",)),
            EventSource("mq", BROKER),
            EventSource("documentdb", DOCUMENTS),
        ),
    )
    topic = replace(everything, dead_letter=TOPIC)
    named = {action for f in (everything, topic) for action, _ in platform_needs(f, traced=True).required} | {
        need.action for need in platform_needs(everything, traced=True).unknown
    }
    assert named == {row["action"].lower() for row in rows("workloads", "lambda")}


ARNS = st.sampled_from(
    [QUEUE, TOPIC, BUCKET, CLUSTER, CONNECTION, "x", "arn:", "arn:aws:kafka:::", "::::::::"]
)
TEXTS = ARNS | st.text(string.printable, max_size=12)
KINDS = st.sampled_from(
    ["sqs", "kinesis", "dynamodb", "msk", "self-managed-kafka", "mq", "documentdb", "unknown", "another"]
)
SOURCES = st.builds(
    EventSource,
    KINDS,
    st.none() | TEXTS,
    on_failure=st.none() | TEXTS,
    secrets=st.tuples(TEXTS),
    schema_registry=st.none() | TEXTS,
    in_vpc=st.booleans(),
    auth=st.tuples(st.sampled_from(["IAM_AUTH", "BASIC_AUTH", "?"])),
)
FUNCTIONS = st.builds(
    function,
    dead_letter=st.none() | TEXTS,
    file_systems=st.tuples(TEXTS),
    layers=st.tuples(TEXTS),
    image=st.booleans(),
    in_vpc=st.booleans(),
    event_sources=st.none() | st.tuples(SOURCES),
    destinations=st.none() | st.tuples(TEXTS),
)


@given(FUNCTIONS)
def test_whatever_is_configured_what_lambda_needs_is_known_or_unknown(odd: LambdaFunction) -> None:
    """Texts of AWS, or of a file, need not be ARNs."""
    platform = platform_needs(odd, traced=True)
    assert {action for action, _ in platform.required} >= SERVICE_LOGS
    if odd.event_sources is None:
        assert "kinesis:getrecords" in {need.action for need in platform.unknown}


def test_what_lambda_may_need_by_an_unread_configuration_names_the_right_that_would_tell() -> None:
    found = compared(
        [policy(allow("sqs:SendMessage", arn("sqs", "q")))],
        [usage(used(("dynamodb:GetItem", table("t"))))],
        functions=[function(destinations=None)],
    )
    finding = only(found)
    assert (finding.verdict, "may-run-untraced" in finding.reasons) == ("unused", True)
    assert "lambda:ListFunctionEventInvokeConfigs" in finding.why


# --- what only Lambda uses -----------------------------------------------------------------------

CREATE, DESCRIBE = "ec2:CreateNetworkInterface", "ec2:DescribeSubnets"


def reasons_of(action: str, resource: str = "*", **configured: Any) -> tuple[str, ...] | str:
    """The reasons of an unused grant of a function that reads a table with an SDK; another verdict itself."""
    found = compared(
        [policy(allow(action, resource))],
        [usage(used(("dynamodb:GetItem", table("t"))))],
        functions=[function(**configured)],
    )
    finding = only(found)
    return finding.reasons if finding.verdict.value == "unused" else finding.verdict.value


@pytest.mark.parametrize(
    ("action", "configured", "outcome"),
    [
        (CREATE, {}, ()),
        ("ec2:DeleteNetworkInterface", {}, ()),
        ("ec2:AssignPrivateIpAddresses", {}, ()),
        ("elasticfilesystem:ClientMount", {}, ()),
        ("lambda:CheckpointDurableExecution", {}, ()),
        # the configuration needs it, or was not read
        (CREATE, {"in_vpc": True}, "platform"),
        (CREATE, source("mq", BROKER), "platform"),
        (CREATE, {"event_sources": None}, "unobservable"),
        (CREATE, source("unknown", None), "unobservable"),
        ("elasticfilesystem:ClientMount", {"file_systems": (EFS,)}, "platform"),
        # code calls these too
        (DESCRIBE, {}, ("service-not-traced",)),
        ("ec2:AttachNetworkInterface", {}, ("service-not-traced",)),
        ("logs:DescribeLogStreams", {}, ("service-not-traced",)),
        ("sqs:ReceiveMessage", {}, ("service-not-traced",)),
        ("kinesis:GetRecords", {}, ("service-not-traced",)),
        ("xray:GetSamplingRules", {"event_sources": ()}, "platform"),  # it was traced
    ],
)
def test_what_only_lambda_uses_is_decided_by_the_configuration(
    action: str, configured: dict[str, Any], outcome: Any
) -> None:
    assert reasons_of(action, **configured) == outcome


def test_what_a_version_may_need_is_not_decided_by_the_configuration_of_now() -> None:
    in_vpc = replace(function(in_vpc=True), event_sources=None, destinations=None)
    assert reasons_of(CREATE, versions=(in_vpc,)) == "unobservable"


def test_a_function_that_was_not_read_leaves_it_open() -> None:
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    found = compared([policy(allow(CREATE, "*"))], [seen], functions=[])
    assert only(found).verdict.value == "unobservable"


def test_what_only_the_platform_uses_still_needs_that_the_function_was_seen() -> None:
    found = compared([policy(allow(CREATE, "*"))], [usage(traces=(), calls=None)])
    assert "not-seen" in only(found).reasons


def test_only_actions_that_code_does_not_call_are_left_to_the_configuration() -> None:
    """One word for each action, whatever the feature: and none of logs, queues and streams."""
    by_action: dict[str, set[str]] = {}
    for row in rows("workloads", "lambda"):
        by_action.setdefault(row["action"], set()).add(row["only_platform"])
    assert all(len(words) == 1 and words <= {"yes", "no"} for words in by_action.values())
    services = {action.partition(":")[0] for action, words in by_action.items() if words == {"yes"}}
    assert services == {"ec2", "elasticfilesystem", "s3files", "lambda"}
