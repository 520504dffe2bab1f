"""A function's configuration decides what Lambda itself needs: read from AWS, or from a file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from scanner.errors import ScanError, Warnings
from scanner.workloads.lambda_function import EventSource, LambdaFunction
from scanner.workloads.lambda_reader import (
    LambdaFunctions,
    functions_from_aws,
    functions_from_file,
    with_configuration,
)
from tests.fakes import notes
from tests.fakes.clients import client_of
from tests.fakes.moto_aws import MotoAws
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.fakes.traces import ACCOUNT, REGION, Call, Json, lambda_trace
from tests.integration.tools import Ran, notes_trace, run, write_json

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/f"
QUEUE, OTHER = (f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}" for name in ("in", "out"))
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:failed"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:s-abcdef"
REGISTRY = f"arn:aws:glue:{REGION}:{ACCOUNT}:registry/r"


# ---- a Lambda that answers what it is told


LambdaAnswer = Callable[[str, dict[str, str]], tuple[int, Any]]


@contextmanager
def a_lambda(answer: LambdaAnswer) -> Iterator[Any]:
    """A Lambda client whose GET requests (path, query) are answered so; its requests are in `asked`."""
    asked: list[str] = []

    def respond(request: HttpRequest) -> Answer:
        asked.append(unquote(request.path))
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        status, document = answer(unquote(url.path), query)
        headers = {"x-amzn-ErrorType": document["Code"]} if status >= 400 else {}
        return Answer(status, json.dumps(document).encode(), headers)

    with serving(respond) as url:
        client = client_of("lambda", url)
        client.asked = asked
        yield client


def raw(name: str = "f", version: str = "$LATEST", **more: Any) -> Json:
    """A function, or a version of it, as ListFunctions has it."""
    arn = ARN.removesuffix("f") + name
    return {
        "FunctionArn": f"{arn}:{version}",
        "FunctionName": name,
        "Version": version,
        "Role": ROLE,
        "LastModified": "2026-11-23T08:15:30.000+0000",
        **more,
    }


def listed(*functions: Json) -> LambdaAnswer:
    return lambda path, query: (200, {"Functions": list(functions)})


def read(*functions: Json) -> LambdaFunctions:
    """The functions that a Lambda lists."""
    with a_lambda(listed(*functions)) as client:
        return functions_from_aws(lambda region: client, [], [REGION], Warnings())


def known(functions: LambdaFunctions) -> LambdaFunction:
    """The one function."""
    (function,) = functions.known.values()
    return function


def test_all_versions_are_asked_for() -> None:
    with a_lambda(listed(raw())) as client:
        functions_from_aws(lambda region: client, [], [REGION], Warnings())
    assert client.asked == ["/2015-03-31/functions?FunctionVersion=ALL"]


def test_what_a_function_s_configuration_says() -> None:
    access_point = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-1"
    layer = f"arn:aws:lambda:{REGION}:1:layer:l:1"
    function = known(
        read(
            raw(
                VpcConfig={"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
                DeadLetterConfig={"TargetArn": QUEUE},
                FileSystemConfigs=[{"Arn": access_point, "LocalMountPath": "/mnt/x"}],
                Layers=[{"Arn": layer, "CodeSize": 1}],
                PackageType="Image",
                DurableConfig={"RetentionPeriodInDays": 1},
                TracingConfig={"Mode": "Active"},
                LoggingConfig={"LogFormat": "JSON", "LogGroup": "/apps/f"},
            )
        )
    )
    assert (function.arn, function.name, function.role) == (ARN, "f", ROLE)
    assert (function.in_vpc, function.durable, function.image, function.active_tracing) == (True,) * 4
    assert (function.dead_letter, function.log_group) == (QUEUE, "/apps/f")
    assert (function.file_systems, function.layers) == ((access_point,), (layer,))
    assert (function.event_sources, function.destinations) == (None, None)


def test_a_function_that_left_its_vpc_is_in_none() -> None:
    empty = {"VpcId": "", "SubnetIds": [], "SecurityGroupIds": []}
    assert not known(read(raw(VpcConfig=empty, PackageType="Zip"))).in_vpc


@pytest.mark.parametrize("order", [1, -1], ids=["the newest first", "the newest last"])
def test_a_version_keeps_its_role_and_its_settings(order: int) -> None:
    old: dict[str, Any] = {"Role": ROLE + "-old", "VpcConfig": {"VpcId": "vpc-1"}}
    functions = read(*[raw(), raw(version="1", **old), raw(version="2"), raw(version="3", **old)][::order])
    function = known(functions)
    assert (function.role, function.in_vpc) == (ROLE, False)
    assert [version.in_vpc for version in function.versions] == [True]
    assert functions.roles_of_versions == {(ROLE, ARN), (ROLE + "-old", ARN)}
    assert {role for role, arn in functions.roles_of_versions if arn == ARN} >= {ROLE + "-old"}


# ---- event sources and destinations


def mapping(source: str | None, qualifier: str = "", **more: Any) -> Json:
    named = {"EventSourceArn": source} if source else {}
    return {"UUID": "1", "FunctionArn": ARN + qualifier, "State": "Enabled", **named, **more}


MAPPINGS = "/2015-03-31/event-source-mappings"
FAILED: dict[str, Any] = {"DestinationConfig": {"OnFailure": {"Destination": TOPIC}}}


def configured(
    answer: LambdaAnswer, warnings: Warnings | None = None
) -> tuple[LambdaFunction, LambdaFunctions]:
    listed = read(raw())
    with a_lambda(answer) as client:
        functions = with_configuration(listed, lambda region: client, [ARN], warnings or Warnings())
    return known(functions), functions


def answering(*mappings: Json, configs: tuple[Json, ...] = ()) -> LambdaAnswer:
    """A Lambda with these event source mappings, one a page, and configurations of invocations."""

    def answer(path: str, query: dict[str, str]) -> tuple[int, Any]:
        if not path.startswith(MAPPINGS):
            return 200, {"FunctionEventInvokeConfigs": list(configs)}
        page = int(query.get("Marker", "0"))
        more = {"NextMarker": str(page + 1)} if page + 1 < len(mappings) else {}
        return 200, {"EventSourceMappings": list(mappings[page : page + 1]), **more}

    return answer


SERVICE = f"{REGION}:{ACCOUNT}"
SOURCES: dict[str, tuple[Json, EventSource]] = {
    "a queue": (mapping(QUEUE), EventSource("sqs", QUEUE)),
    "of an alias": (mapping(QUEUE, ":live"), EventSource("sqs", QUEUE)),
    "a stream, with a queue for what fails": (
        mapping(f"arn:aws:kinesis:{SERVICE}:stream/s", **FAILED),
        EventSource("kinesis", f"arn:aws:kinesis:{SERVICE}:stream/s", on_failure=TOPIC),
    ),
    "a table": (
        mapping(f"arn:aws:dynamodb:{SERVICE}:table/t/stream/1"),
        EventSource("dynamodb", f"arn:aws:dynamodb:{SERVICE}:table/t/stream/1"),
    ),
    "MSK with a secret and a registry": (
        mapping(
            f"arn:aws:kafka:{SERVICE}:cluster/c/1",
            SourceAccessConfigurations=[{"Type": "SASL_SCRAM_512_AUTH", "URI": SECRET}],
            AmazonManagedKafkaEventSourceConfig={
                "ConsumerGroupId": "g",
                "SchemaRegistryConfig": {"SchemaRegistryURI": REGISTRY, "AccessConfigs": []},
            },
        ),
        EventSource(
            "msk",
            f"arn:aws:kafka:{SERVICE}:cluster/c/1",
            secrets=(SECRET,),
            schema_registry=REGISTRY,
            auth=("SASL_SCRAM_512_AUTH",),
        ),
    ),
    "Kafka of one's own in a VPC": (
        mapping(
            None,
            SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["a:9092"]}},
            SourceAccessConfigurations=[{"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}],
            SelfManagedKafkaEventSourceConfig={
                "SchemaRegistryConfig": {
                    "SchemaRegistryURI": "https://registry.example.com",
                    "AccessConfigs": [{"Type": "BASIC_AUTH", "URI": SECRET}],
                }
            },
        ),
        EventSource("self-managed-kafka", None, secrets=(SECRET,), in_vpc=True, auth=("VPC_SUBNET",)),
    ),
    "a broker": (
        mapping(
            f"arn:aws:mq:{SERVICE}:broker:b:b-1",
            SourceAccessConfigurations=[
                {"Type": "BASIC_AUTH", "URI": SECRET},
                {"Type": "VIRTUAL_HOST", "URI": "/"},
            ],
        ),
        EventSource(
            "mq",
            f"arn:aws:mq:{SERVICE}:broker:b:b-1",
            secrets=(SECRET,),
            auth=("BASIC_AUTH", "VIRTUAL_HOST"),
        ),
    ),
    "DocumentDB": (
        mapping(f"arn:aws:rds:{SERVICE}:cluster:d"),
        EventSource("documentdb", f"arn:aws:rds:{SERVICE}:cluster:d"),
    ),
    "something new": (
        mapping(f"arn:aws:new:{SERVICE}:x"),
        EventSource("unknown", f"arn:aws:new:{SERVICE}:x"),
    ),
}


@pytest.mark.parametrize(("answered", "expected"), SOURCES.values(), ids=SOURCES)
def test_event_sources(answered: Json, expected: EventSource) -> None:
    function, _ = configured(answering(answered))
    assert function.event_sources == (expected,)


def test_all_pages_and_all_qualifiers_count() -> None:
    other = {"UUID": "2", "FunctionArn": ARN + "-other", "EventSourceArn": OTHER}
    configs = (
        {"FunctionArn": ARN + ":$LATEST", "DestinationConfig": {"OnSuccess": {"Destination": OTHER}}},
        {"FunctionArn": ARN + ":live", **FAILED},
        {"FunctionArn": ARN + ":1", "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}}},
    )
    function, functions = configured(answering(mapping(QUEUE), other, mapping(OTHER), configs=configs))
    assert [source.arn for source in function.event_sources or ()] == [QUEUE, OTHER]
    assert function.destinations == (OTHER, TOPIC)
    assert functions.missing == ()


def test_mappings_are_listed_once_a_region_and_destinations_of_the_wanted_functions_only() -> None:
    functions = read(*(raw(name) for name in "fghi"))
    with a_lambda(answering()) as client:
        arns = [ARN.removesuffix("f") + name for name in ("f", "g", "gone")]
        functions = with_configuration(functions, lambda region: client, arns, Warnings())
    assert sum(path.startswith(MAPPINGS) for path in client.asked) == 1
    assert len(client.asked) == 3
    assert {f.name for f in functions.known.values() if f.destinations == ()} == {"f", "g"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (404, "UnknownOperationException"),
        (400, "UnknownOperationException"),
        (500, "InternalFailure"),
        (501, "NotImplemented"),
        (404, "ResourceNotFoundException"),
    ],
)
def test_what_lambda_does_not_answer_stays_unread_and_is_told(status: int, code: str) -> None:
    warnings = Warnings()
    function, functions = configured(lambda path, query: (status, {"Code": code}), warnings)
    assert (function.event_sources, function.destinations) == (None, None)
    assert functions.missing == (), "this is no lack of a right"
    texts = [warning.message for warning in warnings.all() if warning.code == "configuration-unread"]
    assert len(texts) == 2
    assert all("unknown" in text for text in texts)


@pytest.mark.parametrize("document", [{}, {"EventSourceMappings": [{"UUID": "1"}]}])
def test_an_answer_that_cannot_be_understood_stays_unread(document: Json) -> None:
    warnings = Warnings()
    function, _ = configured(lambda path, query: (200, document), warnings)
    assert function.event_sources is None
    assert "configuration-unread" in {warning.code for warning in warnings.all()}


def test_a_right_that_is_missing_is_named_once() -> None:
    functions, warnings = read(raw("f"), raw("g")), Warnings()
    with a_lambda(lambda path, query: (403, {"Code": "AccessDeniedException"})) as client:
        functions = with_configuration(functions, lambda region: client, list(functions.known), warnings)
    assert set(functions.missing) == {
        "lambda:ListEventSourceMappings",
        "lambda:ListFunctionEventInvokeConfigs",
    }
    assert [warning.count for warning in warnings.all()] == [1, 2]


def test_credentials_that_are_refused_end_the_scan() -> None:
    refused = {"Code": "UnrecognizedClientException"}
    with pytest.raises(ScanError, match="credentials"):
        configured(lambda path, query: (403, refused))
    with pytest.raises(ScanError, match="credentials"):
        configured(
            lambda path, query: (
                (200, {"EventSourceMappings": []}) if path.startswith(MAPPINGS) else (403, refused)
            )
        )


# ---- from a file


def from_file(**more: Any) -> tuple[LambdaFunction, list[str]]:
    warnings = Warnings()
    functions = functions_from_file({"Functions": [raw()], **more}, warnings)
    return known(functions), [warning.code for warning in warnings.all()]


def test_a_file_without_the_lists_leaves_them_unread() -> None:
    function, warned = from_file()
    assert (function.event_sources, function.destinations, warned) == (None, None, [])


def test_a_file_may_hold_event_sources_and_destinations() -> None:
    function, _ = from_file(
        EventSourceMappings=[mapping(QUEUE, ":live")],
        FunctionEventInvokeConfigs=[{"FunctionArn": ARN + ":$LATEST", **FAILED}],
    )
    assert function.event_sources == (EventSource("sqs", QUEUE),)
    assert function.destinations == (TOPIC,)


def test_a_function_that_a_list_does_not_name_has_none() -> None:
    function, _ = from_file(EventSourceMappings=[], FunctionEventInvokeConfigs=[])
    assert (function.event_sources, function.destinations) == ((), ())


def test_a_file_that_is_cut_off_leaves_the_lists_unread() -> None:
    function, warned = from_file(EventSourceMappings=[mapping(QUEUE)], NextMarker="x")
    assert function.event_sources is None
    assert warned == ["functions-cut-off"]


@pytest.mark.parametrize("entry", [None, 5, {}, {"FunctionArn": "x"}, {"FunctionArn": ["x"]}])
def test_an_entry_of_nobody_leaves_the_list_unread(entry: Any) -> None:
    function, warned = from_file(EventSourceMappings=[mapping(QUEUE), entry])
    assert function.event_sources is None
    assert warned == ["configuration-unread"]


@pytest.mark.parametrize("odd", [None, {}, "x"])
def test_a_list_that_is_none_is_refused(odd: Any) -> None:
    with pytest.raises(ValueError, match="EventSourceMappings"):
        from_file(EventSourceMappings=odd)


@pytest.mark.parametrize(
    "odd",
    [
        {"SourceAccessConfigurations": {"Type": "x"}},
        {"SourceAccessConfigurations": [None, {"Type": 5, "URI": []}]},
        {"EventSourceArn": ["x"]},
        {"EventSourceArn": "x"},
        {"DestinationConfig": {"OnFailure": []}},
        {"AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": 5}},
    ],
)
def test_odd_parts_of_a_mapping_do_no_harm(odd: Json) -> None:
    function, _ = from_file(EventSourceMappings=[{"FunctionArn": ARN, **odd}])
    assert function.event_sources is not None
    assert [source.kind for source in function.event_sources] == ["unknown"]


# ---- the whole command


def of_queues(ran: Ran) -> dict[tuple[str, str], str]:
    """The verdicts on the grants of the role: (action, queue) -> verdict."""
    return {
        (action.removeprefix("sqs:"), resource.rpartition(":")[2]): finding["verdict"]
        for finding in ran.findings()
        for action in finding["actions"]
        for resource in finding["resources"]
        if action.startswith("sqs:")
    }


GRANTS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:SendMessage"],
            "Resource": [QUEUE, OTHER],
        }
    ],
}


def test_the_command_reads_event_sources_and_destinations_from_aws(aws: MotoAws, tmp_path: Path) -> None:
    aws.reset()
    role = aws.create_role("f", {"queues": GRANTS})
    arn = aws.create_function("f", role)
    for name in ("in", "out"):
        aws.client("sqs").create_queue(QueueName=name)
    client = aws.client("lambda")
    client.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE)
    client.put_function_event_invoke_config(
        FunctionName="f", DestinationConfig={"OnFailure": {"Destination": OTHER}}
    )
    aws.put_traces([lambda_trace(arn, [Call("S3", "ListBuckets")], time.time() - 2)])
    ran = run(tmp_path, "-c", "-r", "60", env=aws.environment())
    assert ran.code == 0, ran.err
    assert of_queues(ran) == {
        ("ReceiveMessage", "in"): "platform",
        ("ReceiveMessage", "out"): "unused",
        ("SendMessage", "in"): "unused",
        ("SendMessage", "out"): "platform",
    }


def test_the_command_reads_them_from_a_merged_file(tmp_path: Path) -> None:
    arn, name = notes.function_arn("delete"), notes.role_name("delete")
    traces = write_json(tmp_path / "traces.json", {"Traces": [notes_trace("delete", notes.FIRST_TRACE)]})
    iam = notes.iam()
    (role,) = (role for role in iam["RoleDetailList"] if role["RoleName"] == name)
    role["RolePolicyList"] = [{"PolicyName": "queues", "PolicyDocument": GRANTS}]
    functions = notes.functions()
    options = ["-c", "--traces", traces, "--iam", write_json(tmp_path / "iam.json", iam), "--functions"]

    bare = write_json(tmp_path / "bare.json", functions)
    unread = run(tmp_path / "unread", *options, bare, "-v")
    assert of_queues(unread)["ReceiveMessage", "in"] == "unobservable"

    functions["EventSourceMappings"] = [{"FunctionArn": arn, "EventSourceArn": QUEUE}]
    functions["FunctionEventInvokeConfigs"] = []
    merged = run(tmp_path / "read", *options, write_json(tmp_path / "merged.json", functions))
    assert of_queues(merged) == {
        ("ReceiveMessage", "in"): "platform",
        ("ReceiveMessage", "out"): "unused",
        ("SendMessage", "in"): "unused",
        ("SendMessage", "out"): "unused",
    }


def test_a_published_version_with_an_older_role_is_a_user_of_it(aws: MotoAws, tmp_path: Path) -> None:
    aws.reset()
    old, new = aws.create_role("old", {"queues": GRANTS}), aws.create_role("new")
    arn = aws.create_function("f", old)
    other = aws.create_function("g", old)
    client = aws.client("lambda")
    client.publish_version(FunctionName="f")
    client.update_function_configuration(FunctionName="f", Role=new)
    functions = functions_from_aws(lambda region: client, [], [REGION], Warnings())
    assert functions.known[arn].role == new
    assert (old, arn) in functions.roles_of_versions
    assert (old, other) in functions.roles_of_versions
