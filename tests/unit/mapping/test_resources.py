"""Parameters of a call -> resource ARNs: each row is one way in which a trace names a resource."""

from __future__ import annotations

import pytest

from scanner.mapping.permissions import required_permissions
from scanner.model import Call, Certainty, Need, Outcome, Permission, Unmapped

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
D = "arn:aws:dynamodb:us-east-1:123456789012:table/"
Q = "arn:aws:sqs:us-east-1:123456789012:"
F = "arn:aws:lambda:us-east-1:123456789012:function:"
STATES = "arn:aws:states:us-east-1:123456789012:stateMachine:"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
MRAP = "arn:aws:s3::123456789012:accesspoint/abc.mrap"
AP = "arn:aws:s3:us-east-1:123456789012:accesspoint/my-ap"


def call(
    service: str,
    operation: str,
    *parameters: tuple[str, str],
    region: str = "us-east-1",
    workload: str | None = FUNCTION,
    account: str = "",
) -> Call:
    return Call(workload, service, operation, tuple(sorted(parameters)), region, account, Outcome.OK)


def required(seen: Call) -> list[tuple[str, str, bool]]:
    needs = required_permissions(seen)
    assert not isinstance(needs, Unmapped)
    return sorted(need.permission[:3] for need in needs if need.required)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("DynamoDB", "GetItem", [("table_name", "t")], [("dynamodb:GetItem", D + "t", True)]),
        ("dynamodb", "GetItem", [("table_name", D + "t")], [("dynamodb:GetItem", D + "t", True)]),
        (
            "AmazonDynamoDBv2",
            "Query",
            [("table_name", "t"), ("index_name", "i")],
            [("dynamodb:Query", D + "t/index/i", True)],
        ),
        (
            "DynamoDb",
            "Query",
            [("table_name", D + "t"), ("index_name", "i")],
            [("dynamodb:Query", D + "t/index/i", True)],
        ),
        (
            "DynamoDB",
            "BatchGetItem",
            [("table_name", "t"), ("table_name", "u")],
            [("dynamodb:BatchGetItem", D + "t", True), ("dynamodb:BatchGetItem", D + "u", True)],
        ),
        ("DynamoDB", "GetItem", [("resource_name", "t")], [("dynamodb:GetItem", D + "t", True)]),
        ("DynamoDB", "Scan", [], [("dynamodb:Scan", D + "*", False)]),
        # S3: keys are generalised
        ("S3", "GetObject", [("bucket_name", "b")], [("s3:GetObject", "arn:aws:s3:::b/*", True)]),
        ("Amazon S3", "HeadObject", [], [("s3:GetObject", "*", False)]),
        ("S3", "ListObjectsV2", [("bucket_name", "b")], [("s3:ListBucket", "arn:aws:s3:::b", True)]),
        ("S3", "ListBuckets", [], [("s3:ListAllMyBuckets", "*", True)]),
        (
            "S3",
            "GetObject",
            [("bucket_name", "b"), ("version_id", "*")],
            [("s3:GetObjectVersion", "arn:aws:s3:::b/*", True)],
        ),
        (
            "s3",
            "CopyObject",
            [("copy_source", "from"), ("bucket", "to")],
            [("s3:GetObject", "arn:aws:s3:::from/*", True), ("s3:PutObject", "arn:aws:s3:::to/*", True)],
        ),
        (
            "Amazon S3",
            "CopyObject",
            [("source_bucket_name", "from"), ("destination_bucket_name", "to")],
            [("s3:GetObject", "arn:aws:s3:::from/*", True), ("s3:PutObject", "arn:aws:s3:::to/*", True)],
        ),
        ("S3", "GetObject", [("bucket_name", AP)], [("s3:GetObject", AP + "/object/*", True)]),
        ("S3", "ListObjectsV2", [("bucket_name", AP)], [("s3:ListBucket", AP, True)]),
        ("S3", "GetObject", [("bucket_name", "my-ap-abc-s3alias")], [("s3:GetObject", "*", False)]),
        (
            "S3",
            "PutObject",
            [("bucket_name", "b--use1-az4--x-s3")],
            [
                (
                    "s3express:CreateSession",
                    "arn:aws:s3express:us-east-1:123456789012:bucket/b--use1-az4--x-s3",
                    True,
                )
            ],
        ),
        # SQS: URLs of all shapes
        *(
            ("SQS", "SendMessage", [("queue_url", url)], [("sqs:SendMessage", queue, True)])
            for url, queue in (
                ("https://sqs.us-east-1.amazonaws.com/123456789012/q", Q + "q"),
                ("https://queue.amazonaws.com/123456789012/q", Q + "q"),
                (
                    "https://us-west-2.queue.amazonaws.com/123456789012/q",
                    "arn:aws:sqs:us-west-2:123456789012:q",
                ),
                (
                    "https://sqs.us-west-2.amazonaws.com/999999999999/q",
                    "arn:aws:sqs:us-west-2:999999999999:q",
                ),
                ("https://vpce-1a2b.sqs.us-east-1.vpce.amazonaws.com/123456789012/q", Q + "q"),
                ("https://sqs-fips.us-east-1.amazonaws.com/123456789012/q.fifo", Q + "q.fifo"),
                ("http://localhost:4566/123456789012/q", Q + "q"),
            )
        ),
        ("SQS", "GetQueueUrl", [("queue_name", "q")], [("sqs:GetQueueUrl", Q + "q", True)]),
        (
            "SQS",
            "GetQueueUrl",
            [("queue_name", "q"), ("queue_owner_aws_account_id", "999999999999")],
            [("sqs:GetQueueUrl", "arn:aws:sqs:us-east-1:999999999999:q", True)],
        ),
        (
            "SQS",
            "SendMessageBatch",
            [("queue_url", "https://x/123456789012/q")],
            [("sqs:SendMessage", Q + "q", True)],
        ),
        # Lambda: names, qualifiers, partial and full ARNs
        ("Lambda", "Invoke", [("function_name", "g")], [("lambda:InvokeFunction", F + "g", True)]),
        ("Lambda", "Invoke", [("function_name", "g:PROD")], [("lambda:InvokeFunction", F + "g:PROD", True)]),
        (
            "Lambda",
            "Invoke",
            [("function_name", "g"), ("qualifier", "7")],
            [("lambda:InvokeFunction", F + "g:7", True)],
        ),
        (
            "Lambda",
            "Invoke",
            [("function_name", F + "g:PROD")],
            [("lambda:InvokeFunction", F + "g:PROD", True)],
        ),
        (
            "Lambda",
            "Invoke",
            [("function_name", "999999999999:function:g")],
            [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:999999999999:function:g", True)],
        ),
        (
            "SNS",
            "Publish",
            [("topic_arn", "arn:aws:sns:eu-west-1:9:t")],
            [("sns:Publish", "arn:aws:sns:eu-west-1:9:t", True)],
        ),
        (
            "runtime.sagemaker",
            "InvokeEndpoint",
            [("endpoint_name", "My-Endpoint")],
            [
                (
                    "sagemaker:InvokeEndpoint",
                    "arn:aws:sagemaker:us-east-1:123456789012:endpoint/my-endpoint",
                    True,
                )
            ],
        ),
        # parameters that a team lets its SDK record beside the usual ones
        (
            "Kinesis",
            "PutRecord",
            [("stream_name", "s")],
            [("kinesis:PutRecord", "arn:aws:kinesis:us-east-1:123456789012:stream/s", True)],
        ),
        # no resource at all
        ("STS", "GetCallerIdentity", [], []),
        (
            "SSM",
            "GetParameter",
            [],
            [("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/*", False)],
        ),
    ],
)
def test_resources(
    service: str, operation: str, parameters: list[tuple[str, str]], expected: list[tuple[str, str, bool]]
) -> None:
    assert required(call(service, operation, *parameters)) == expected


def test_other_partitions() -> None:
    china = "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"
    seen = call("DynamoDB", "GetItem", ("table_name", "t"), region="cn-north-1", workload=china)
    assert required(seen) == [
        ("dynamodb:GetItem", "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/t", True)
    ]


def test_without_a_workload_the_account_is_unknown() -> None:
    seen = call("DynamoDB", "GetItem", ("table_name", "t"), workload=None)
    assert required(seen) == [("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:*:table/t", False)]


@pytest.mark.parametrize(
    "workload",
    [
        FUNCTION,
        "ecs:shop/api@123456789012/us-east-1",
        "ec2:?/api@123456789012/us-east-1",
        "eks:c/n/api@123456789012/",
    ],
)
def test_the_account_is_that_of_the_workload_whatever_it_runs_on(workload: str) -> None:
    seen = call("DynamoDB", "GetItem", ("table_name", "t"), workload=workload)
    assert required(seen) == [("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/t", True)]


def test_the_owner_that_the_trace_names_owns_the_resource() -> None:
    seen = call("DynamoDB", "GetItem", ("table_name", "t"), account="999999999999")
    assert required(seen) == [("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:999999999999:table/t", True)]


def test_an_unknown_region_is_the_workloads_but_may_be_another() -> None:
    needs = required_permissions(call("DynamoDB", "GetItem", ("table_name", "t"), region=""))
    assert needs == (
        Need(Permission("dynamodb:GetItem", D + "t", exact=True), Certainty.REQUIRED),
        Need(
            Permission("dynamodb:GetItem", "arn:aws:dynamodb:*:123456789012:table/t", exact=False),
            Certainty.POSSIBLE,
        ),
    )


@pytest.mark.parametrize(
    ("service", "operation", "reason"),
    [
        ("my-own-thing", "GetItem", "unknown-service"),
        ("DynamoDB", "MakeCoffee", "unknown-operation"),
        ("DynamoDB", "", "no-operation"),
        ("bucket.s3.us-east-1.amazonaws.com", "", "not-instrumented"),
    ],
)
def test_what_cannot_be_mapped_says_why(service: str, operation: str, reason: str) -> None:
    unmapped = required_permissions(call(service, operation))
    assert isinstance(unmapped, Unmapped)
    assert unmapped.reason == reason


def possible(seen: Call) -> set[tuple[str, str]]:
    needs = required_permissions(seen)
    assert not isinstance(needs, Unmapped)
    return {need.permission[:2] for need in needs if not need.required}


def test_a_format_without_a_name_is_not_what_was_touched() -> None:
    assert required(call("bedrock-runtime", "InvokeModel")) == [("bedrock:InvokeModel", "*", False)]
    assert required(call("glue", "GetTable")) == [("glue:GetTable", "*", False)]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        # an index that is not recorded may have been named all the same
        *(("DynamoDB", "Query", [("table_name", t)], {D + "t/index/*"}) for t in ("t", D + "t")),
        ("DynamoDB", "Query", [("table_name", "t"), ("index_name", "i")], {D + "t"}),
        ("DynamoDB", "Query", [], {D + "*/index/*"}),
        # actions that work on one type of resource
        ("DynamoDB", "GetItem", [("table_name", "t")], set()),
        ("SQS", "SendMessage", [("queue_url", "https://x/123456789012/q")], set()),
        # what a name cannot be
        ("S3", "PutObjectAcl", [("bucket_name", "b")], set()),
        ("S3", "GetBucketPolicy", [("bucket_name", "arn:aws:s3:::b")], set()),
        ("SSM", "ListTagsForResource", [("resource_arn", "arn:aws:ssm:us-east-1:1:opsitem/i")], set()),
        # every type that the call may touch
        (
            "Glue",
            "GetTable",
            [("database_name", "d")],
            {
                "arn:aws:glue:us-east-1:123456789012:catalog",
                "arn:aws:glue:us-east-1:123456789012:catalog/*",
                "arn:aws:glue:us-east-1:123456789012:table/d/*",
            },
        ),
        (
            "sagemaker-runtime",
            "InvokeEndpoint",
            [("endpoint_name", "e")],
            {"arn:aws:sagemaker:us-east-1:123456789012:inference-component/*"},
        ),
        ("S3", "GetObjectTagging", [("bucket_name", AP)], {"arn:aws:s3:::*/*"}),
        ("S3", "ListObjectVersions", [("bucket_name", AP)], {"arn:aws:s3:::*"}),
    ],
)
def test_types_of_resource_that_the_trace_does_not_name_are_possible(
    service: str, operation: str, parameters: list[tuple[str, str]], expected: set[str]
) -> None:
    seen = call(service, operation, *parameters)
    needs = required_permissions(seen)
    assert not isinstance(needs, Unmapped)
    action = needs[0].permission.action
    found = {
        need.permission.resource for need in needs if not need.required and need.permission.action == action
    }
    assert found == expected


def test_where_nothing_is_surely_needed_one_of_several_is() -> None:
    needs = required_permissions(call("DynamoDB", "TransactWriteItems", ("table_name", "t")))
    assert not isinstance(needs, Unmapped)
    assert [need.permission.action for need in needs] == [
        "dynamodb:ConditionCheckItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
    ]
    assert {need.certainty for need in needs} == {Certainty.ONE_OF}


def test_a_version_that_is_not_recorded_may_have_been_given() -> None:
    seen = call("S3", "DeleteObject", ("bucket_name", "b"))
    assert ("s3:DeleteObjectVersion", "arn:aws:s3:::b/*") in possible(seen)


def test_a_message_without_a_topic_may_go_to_a_phone() -> None:
    assert required(call("SNS", "Publish")) == [("sns:Publish", "*", False)]


def test_an_optional_kind_of_resource_is_not_taken_for_granted() -> None:
    assert required(call("Polly", "SynthesizeSpeech")) == [("polly:SynthesizeSpeech", "*", False)]


def test_a_name_that_may_be_of_either_of_two_types() -> None:
    needs = required_permissions(call("Lambda", "GetResourcePolicy", ("function_name", "g")))
    assert not isinstance(needs, Unmapped)
    web = "arn:aws:lambda:us-east-1:123456789012:web-function/g"
    assert {need.permission.resource for need in needs} == {F + "g", web}
    assert {need.certainty for need in needs} == {Certainty.ONE_OF}


def test_one_ambiguous_name_leaves_the_others_certain() -> None:
    seen = call("SSM", "SendCommand", ("document_name", "d"), ("instance_id", "i-1"))
    assert required(seen) == [("ssm:SendCommand", "arn:aws:ssm:us-east-1:123456789012:document/d", True)]
    assert ("ssm:SendCommand", "arn:aws:ec2:us-east-1:123456789012:instance/i-1") in possible(seen)


def test_services_that_share_a_prefix_have_formats_of_their_own() -> None:
    assert required(call("lexv2-runtime", "RecognizeText")) == [("lex:RecognizeText", "*", False)]
    named = call("lexv2-runtime", "RecognizeText", ("bot_id", "B"), ("bot_alias_id", "A"))
    bot = "arn:aws:lex:us-east-1:123456789012:bot-alias/B/A"
    assert required(named) == [("lex:RecognizeText", bot, True)]


@pytest.mark.parametrize(
    ("operation", "parameter", "expected"),
    [
        (
            ("SFN", "StartExecution"),
            ("state_machine_arn", STATES + "sm:prod"),
            ("states:StartExecution", STATES + "sm"),
        ),
        (
            ("SFN", "StartExecution"),
            ("state_machine_arn", STATES + "sm"),
            ("states:StartExecution", STATES + "sm"),
        ),
        (
            ("CloudWatch Logs", "StartQuery"),
            ("log_group_name", "/app/x"),
            ("logs:StartQuery", GROUP + "/app/x:*"),
        ),
        (("Logs", "TagResource"), ("resource_arn", GROUP + "g"), ("logs:TagResource", GROUP + "g")),
    ],
)
def test_what_iam_checks_instead_of_what_was_recorded(
    operation: tuple[str, str], parameter: tuple[str, str], expected: tuple[str, str]
) -> None:
    assert required(call(*operation, parameter)) == [(*expected, True)]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "checked"),
    [
        ("SFN", "StartExecution", [("state_machine_arn", STATES + "sm:1")], STATES + "sm:1"),
        ("Logs", "StartQuery", [("log_group_name", "g")], GROUP + "g"),
        ("Logs", "TagResource", [("resource_arn", GROUP + "g")], GROUP + "g:*"),
        (
            "SSM",
            "SendCommand",
            [("document_name", "AWS-RunShellScript")],
            "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        ),
        (
            "SSM",
            "GetParameter",
            [("name", "/aws/service/x")],
            "arn:aws:ssm:us-east-1::parameter/aws/service/x",
        ),
        ("SSM", "GetParameter", [("name", "/app:3")], "arn:aws:ssm:us-east-1:123456789012:parameter/app"),
        ("IAM", "GetPolicy", [("policy_name_with_path", "P")], "arn:aws:iam::aws:policy/P"),
        ("SecretsManager", "GetSecretValue", [("secret_id", "db")], SECRET + "db"),
        ("SecretsManager", "GetSecretValue", [("secret_id", SECRET + "db")], SECRET + "db-??????"),
        ("S3", "GetObject", [("bucket_name", AP)], "arn:aws:s3:::*/*"),
        ("S3", "GetObject", [("bucket_name", MRAP)], "arn:aws:s3:::*/*"),
    ],
)
def test_what_iam_may_check_as_well(
    service: str, operation: str, parameters: list[tuple[str, str]], checked: str
) -> None:
    assert checked in {resource for _, resource in possible(call(service, operation, *parameters))}


@pytest.mark.parametrize("bucket", ["arn:aws:s3-object-lambda:us-east-1:1:accesspoint/ap", "ap-abc--ol-s3"])
def test_behind_an_object_lambda_access_point_stand_a_function_an_access_point_and_a_bucket(
    bucket: str,
) -> None:
    seen = call("S3", "GetObject", ("bucket_name", bucket))
    assert {action for action, _, _ in required(seen)} == {"s3-object-lambda:GetObject"}
    assert possible(seen) >= {("s3:GetObject", "*"), ("lambda:InvokeFunction", F + "*")}


def test_an_invocation_that_is_named_by_its_function() -> None:
    assert required(call("other-fn", "Invoke")) == [("lambda:InvokeFunction", F + "other-fn", True)]


def test_a_queue_url_that_is_none_disturbs_nothing() -> None:
    assert required(call("SQS", "SendMessage", ("queue_url", "https://[x/1/q")))


def test_names_of_secrets_and_parameters_where_a_team_records_them() -> None:
    assert required(call("SecretsManager", "GetSecretValue", ("secret_id", "db"))) == [
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-??????",
            True,
        )
    ]
    assert required(call("SSM", "GetParameter", ("name", "/app/x"))) == [
        ("ssm:GetParameter", "arn:aws:ssm:us-east-1:123456789012:parameter/app/x", True)
    ]


def test_a_schema_of_glue_may_be_of_any_registry() -> None:
    needs = required_permissions(call("Glue", "CreateSchema", ("schema_name", "s")))
    assert not isinstance(needs, Unmapped)
    schemas = "arn:aws:glue:us-east-1:123456789012:schema/"
    assert {f"{schemas}s", f"{schemas}*/s"} <= {need.permission.resource for need in needs}


_BEDROCK = "arn:aws:bedrock:us-east-1:"


@pytest.mark.parametrize(
    ("model", "sure", "maybe"),
    [
        ("amazon.nova-lite-v1:0", f"{_BEDROCK}:foundation-model/amazon.nova-lite-v1:0", None),
        (
            "eu.amazon.nova-lite-v1:0",
            f"{_BEDROCK}123456789012:inference-profile/eu.amazon.nova-lite-v1:0",
            "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
        ),
        (
            f"{_BEDROCK}123456789012:application-inference-profile/abc",
            f"{_BEDROCK}123456789012:application-inference-profile/abc",
            "arn:aws:bedrock:*::foundation-model/*",
        ),
    ],
)
def test_a_models_id_tells_its_type(model: str, sure: str, maybe: str | None) -> None:
    needs = required_permissions(call("Bedrock Runtime", "InvokeModel", ("model_id", model)))
    assert not isinstance(needs, Unmapped)
    resources = {
        n.permission.resource: n.required for n in needs if n.permission.action == "bedrock:InvokeModel"
    }
    assert resources == ({sure: True} if maybe is None else {sure: True, maybe: False})


def test_any_other_model_may_be_of_every_type() -> None:
    needs = required_permissions(call("Bedrock Runtime", "InvokeModel", ("model_id", "mine")))
    assert not isinstance(needs, Unmapped)
    assert {n.certainty for n in needs if n.permission.action == "bedrock:InvokeModel"} == {Certainty.ONE_OF}
