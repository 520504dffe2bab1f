"""What a team knows better: operations of its own, and templates that name the resources of calls."""

from __future__ import annotations

import pytest

from scanner.mapping.overrides import Operation, ResourceTemplate, action_problem, form_problem, mapper
from scanner.mapping.permissions import required_permissions
from scanner.model import Call, Certainty, Need, Outcome, Permission, Unmapped
from tests.unit.cases import arn, function_arn, table

KINESIS = "arn:{partition}:kinesis:{region}:{account}:"
PUT_BY_STREAM_NAME = ResourceTemplate(1, "kinesis:put*", KINESIS + "stream/{stream_name}")
BY_NAME = ResourceTemplate(1, "kinesis:*", KINESIS + "stream/{name}")
STREAM = arn("kinesis", "stream/s")


def call(service: str, operation: str, *parameters: tuple[str, str], region: str = "us-east-1") -> Call:
    return Call(function_arn("f"), service, operation, parameters, region, "", Outcome.OK)


def put_record(*parameters: tuple[str, str], region: str = "us-east-1") -> Call:
    return call("Kinesis", "PutRecord", *parameters, region=region)


def operation(
    service: str, name: str, requires: tuple[str, ...] = (), possible: tuple[str, ...] = ()
) -> Operation:
    return Operation(1, service, name, requires, possible)


def needed(observed: Call, *overrides: Operation | ResourceTemplate) -> tuple[Need, ...]:
    """The needs of a call, with what the team knows."""
    operations = [override for override in overrides if isinstance(override, Operation)]
    templates = [override for override in overrides if isinstance(override, ResourceTemplate)]
    needs = mapper(operations, templates)(observed)
    assert not isinstance(needs, Unmapped)
    return needs


def need(action: str, resource: str, *, exact: bool = True, required: bool = True) -> Need:
    return Need(Permission(action, resource, exact), Certainty.REQUIRED if required else Certainty.POSSIBLE)


def put(resource: str, *, exact: bool = True, required: bool = True) -> Need:
    return need("kinesis:PutRecord", resource, exact=exact, required=required)


# --- operations ----------------------------------------------------------------------------------


def test_without_operations_and_resources_the_mapping_is_the_usual_one() -> None:
    assert mapper([], []) is required_permissions


def test_an_operation_of_ones_own() -> None:
    own = operation("myservice", "do", requires=("s3:GetObject",), possible=("kms:Decrypt",))
    assert needed(call("AWS::my-service", "Do", ("bucket_name", "b")), own) == (
        need("s3:GetObject", "arn:aws:s3:::b/*"),
        need("kms:Decrypt", arn("kms", "key/*"), exact=False, required=False),
    )
    assert isinstance(mapper([own], [])(call("my-service", "Undo")), Unmapped)


def test_an_operation_that_is_known_is_replaced() -> None:
    delete = operation("dynamodb", "getitem", requires=("dynamodb:DeleteItem",))
    get_item = call("DynamoDB", "GetItem", ("table_name", "t"))
    assert needed(get_item, delete) == (need("dynamodb:DeleteItem", table("t")),)
    put_item = get_item._replace(operation="PutItem")
    assert needed(put_item, delete) == required_permissions(put_item)


def test_an_operation_may_need_nothing() -> None:
    assert needed(call("S3", "GetObject"), operation("s3", "getobject")) == ()


# --- resources -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (put_record(("name", "s")), [put(STREAM)]),
        # several values are several resources
        (put_record(("name", "s"), ("name", "z")), [put(STREAM), put(arn("kinesis", "stream/z"))]),
        # the trace names no region: it is only assumed
        (
            put_record(("name", "s"), region=""),
            [put(STREAM), put(STREAM.replace("us-east-1", "*"), exact=False, required=False)],
        ),
    ],
)
def test_a_template_names_the_resource(observed: Call, expected: list[Need]) -> None:
    assert needed(observed, BY_NAME) == tuple(expected)


@pytest.mark.parametrize(
    ("template", "observed"),
    [
        (BY_NAME, put_record(("stream_name", "s"))),  # not the parameter that it names
        (PUT_BY_STREAM_NAME, call("Kinesis", "GetRecords", ("name", "s"))),  # another action
        (BY_NAME, put_record(("name", STREAM))),  # an ARN is no name
        (BY_NAME, put_record(("name", "https://x/s"))),
        (BY_NAME, put_record(("name", "*"))),  # it is not known which
        (BY_NAME, put_record(("name", "/s"))),
        (BY_NAME, put_record(*(("name", f"s{number}") for number in range(101)))),  # too many
        (BY_NAME, call("Kinesis", "ListStreams", ("name", "s"))),  # knows no resource
    ],
)
def test_where_no_template_fits_the_usual_resource_stands(template: ResourceTemplate, observed: Call) -> None:
    assert needed(observed, template) == required_permissions(observed)


def test_which_of_several_values_go_together_is_not_known() -> None:
    template = ResourceTemplate(1, "s3:getobject", "arn:aws:s3:::{bucket_name}/{file_name}")
    two_files = call("S3", "GetObject", ("bucket_name", "b"), ("file_name", "x"), ("file_name", "y"))
    assert [(n.permission.resource, n.required) for n in needed(two_files, template)][:2] == [
        ("arn:aws:s3:::b/x", True),
        ("arn:aws:s3:::b/y", True),
    ]
    two_of_both = call("S3", "GetObject", *((n, v) for n in ("bucket_name", "file_name") for v in "xy"))
    read = [n for n in needed(two_of_both, template) if n.permission.action == "s3:GetObject"]
    assert {n.certainty for n in read} == {Certainty.ONE_OF}


def test_the_first_template_that_fits_counts() -> None:
    streams = ("stream/{other_name}", "stream/first-{name}", "stream/{name}")
    templates = [ResourceTemplate(1, "kinesis:*", KINESIS + stream) for stream in streams]
    assert needed(put_record(("name", "s")), *templates) == (put(arn("kinesis", "stream/first-s")),)


def test_a_template_with_a_wildcard_is_not_exact() -> None:
    template = ResourceTemplate(1, "kinesis:*", KINESIS + "stream/{name}-*")
    assert needed(put_record(("name", "s")), template) == (put(STREAM + "-*", exact=False),)


def test_operations_and_templates_work_together() -> None:
    own = operation("mine", "put", requires=("kinesis:PutRecord",))
    assert needed(call("mine", "Put", ("name", "s")), own, BY_NAME) == (put(STREAM),)


def test_a_template_never_puts_the_name_of_the_other_side_of_a_copy() -> None:
    template = ResourceTemplate(1, "s3:getobject", "arn:aws:s3:::{bucket_name}/*")
    copy = call("S3", "CopyObject", ("bucket_name", "dst"), ("copy_source", "src"))
    permissions = [n.permission for n in needed(copy, template)]
    read = [p.resource for p in permissions if p.action == "s3:GetObject"]
    assert set(read) == {"arn:aws:s3:::src/*"}


# --- what is wrong with a template ---------------------------------------------------------------


def test_the_parameters_of_a_template() -> None:
    template = ResourceTemplate(1, "s3:*", "arn:{partition}:s3:::{bucket_name}/{file_name}/{bucket_name}")
    assert template.parameters == ("bucket_name", "file_name")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (KINESIS + "stream/{stream_name}", ""),
        ("{stream_arn}", "is not an ARN, which has six fields: arn:{partition}:kinesis:"),
        (KINESIS + "stream/{stream_name", "has unbalanced braces"),
        (KINESIS + "stream/{{stream_name}}", "has unbalanced braces"),
        ("arn:aws:kinesis:{regio}:{account}:stream/x", "has unknown parameter {regio}: traces are read for"),
    ],
)
def test_the_form_of_a_template(template: str, problem: str) -> None:
    message = form_problem(ResourceTemplate(1, "kinesis:*", template))
    assert message.startswith(problem)
    assert bool(message) is bool(problem)


@pytest.mark.parametrize(
    ("action", "template", "problem"),
    [
        ("kinesis:put*", KINESIS + "stream/{stream_name}", ""),
        # a typing error that would make every grant on a real stream unused
        (
            "kinesis:put*",
            KINESIS + "streams/{stream_name}",
            "matches no resource of the action, which works on arn:${Partition}:kinesis:",
        ),
        (
            "s3:listallmybuckets",
            "arn:aws:s3:::{bucket_name}",
            "cannot be: IAM knows no resource of this action",
        ),
    ],
)
def test_a_template_of_resources_that_its_action_works_on(action: str, template: str, problem: str) -> None:
    message = action_problem(ResourceTemplate(1, action, template))
    assert message.startswith(problem)
    assert bool(message) is bool(problem)
