"""Which actions work on what a resource pattern names: each row is one rule."""

from __future__ import annotations

import pytest

from scanner.iam import catalog
from scanner.iam.arns import format_pattern
from scanner.iam.fit import Fit, fit, fits
from scanner.text.tables import rows
from tests.unit.cases import arn, table

INDEX, BUCKET, OBJECTS = table("t/index/*"), "arn:aws:s3:::b", "arn:aws:s3:::b/*"
GROUP, FUNCTION = arn("logs", "log-group:/app/x"), arn("lambda", "function:f")
STREAM, QUEUE, TOPIC = arn("kinesis", "stream/s"), arn("sqs", "q"), arn("sns", "t")


@pytest.mark.parametrize(
    ("action", "pattern", "expected"),
    [
        ("dynamodb:putitem", table("t"), Fit.WORKS),
        ("dynamodb:putitem", table("*"), Fit.WORKS),
        ("dynamodb:putitem", "*", Fit.WORKS),
        ("dynamodb:query", INDEX, Fit.WORKS),
        ("s3:getobject", OBJECTS, Fit.WORKS),
        ("s3:getobject", "arn:aws:s3:::b*", Fit.WORKS),
        ("s3:listbucket", "arn:aws:s3:::b*", Fit.WORKS),
        ("s3:listbucket", "arn:aws:s3:::*", Fit.WORKS),
        ("iam:passrole", "arn:aws:iam::1:role/path/*", Fit.WORKS),
        ("ssm:getparameter", arn("ssm", "parameter/a/b/*"), Fit.WORKS),
        # parts of a resource are another type
        ("dynamodb:putitem", INDEX, Fit.OTHER_TYPE),
        ("dynamodb:putitem", table("*/index/*"), Fit.OTHER_TYPE),
        ("dynamodb:getitem", "arn:aws:dynamodb:*:*:table/t/stream/*", Fit.OTHER_TYPE),
        ("dynamodb:getrecords", INDEX, Fit.OTHER_TYPE),
        ("s3:listbucket", OBJECTS, Fit.OTHER_TYPE),
        ("s3:listbucket", "arn:aws:s3:::*/*", Fit.OTHER_TYPE),
        # and the resource is another one than its parts
        ("s3:getobject", BUCKET, Fit.OTHER_TYPE),
        ("dynamodb:getrecords", table("t"), Fit.OTHER_TYPE),
        # of another kind, or another service
        ("kms:decrypt", arn("kms", "alias/a"), Fit.OTHER_TYPE),
        ("lambda:invokefunction", arn("lambda", "layer:l"), Fit.OTHER_TYPE),
        ("lambda:invokefunction", table("t"), Fit.OTHER_TYPE),
        ("lambda:invokefunction", arn("dynamodb", "*"), Fit.OTHER_TYPE),
        ("dynamodb:getitem", arn("dynamodb", "*"), Fit.WORKS),
        # what a further `:` qualifies is not told apart: the reference leaves that open
        ("lambda:invokefunction", FUNCTION + ":PROD", Fit.WORKS),
        ("lambda:invokefunction", FUNCTION + ":*", Fit.WORKS),
        ("states:startexecution", arn("states", "stateMachine:s:prod"), Fit.WORKS),
        ("logs:filterlogevents", GROUP, Fit.WORKS),
        ("logs:filterlogevents", GROUP + ":*", Fit.WORKS),
        ("logs:filterlogevents", GROUP + ":log-stream:*", Fit.WORKS),
        ("logs:putlogevents", GROUP + ":*", Fit.WORKS),
        ("logs:putlogevents", GROUP, Fit.UNKNOWN),
        # names that hold no separator, so that the pattern names no such resource
        ("kinesis:putrecord", STREAM + "/consumer/*", Fit.OTHER_TYPE),
        ("kinesis:subscribetoshard", STREAM + "/consumer/*", Fit.WORKS),
        ("kinesis:putrecord", STREAM + "*", Fit.WORKS),
        ("sqs:sendmessage", QUEUE + "/*", Fit.OTHER_TYPE),
        ("sqs:sendmessage", QUEUE + ":*", Fit.OTHER_TYPE),
        ("sqs:sendmessage", QUEUE + "*", Fit.WORKS),
        ("sqs:sendmessage", "arn:aws:sqs:*:q", Fit.WORKS),
        ("dynamodb:putitem", table("t/*"), Fit.OTHER_TYPE),
        ("dynamodb:query", table("t/*"), Fit.WORKS),
        ("lambda:createalias", FUNCTION + ":*", Fit.OTHER_TYPE),
        ("lambda:createalias", arn("lambda", "*"), Fit.WORKS),
        ("lambda:getfunction", FUNCTION + ":*", Fit.WORKS),
        ("es:describedomain", arn("es", "domain/d/*"), Fit.OTHER_TYPE),
        ("es:eshttpget", arn("es", "domain/d/*"), Fit.WORKS),
        ("scheduler:createschedule", arn("scheduler", "schedule/default/*"), Fit.WORKS),
        ("scheduler:createschedule", arn("scheduler", "schedule/default/s/*"), Fit.OTHER_TYPE),
        # a topic's subscriptions are TOPIC:ID, endpoints of mobile applications have `/`
        ("sns:publish", TOPIC + ":*", Fit.OTHER_TYPE),
        ("sns:unsubscribe", TOPIC + ":*", Fit.WORKS),
        ("sns:publish", arn("sns", "endpoint/GCM/app/*"), Fit.WORKS),
        # names that hold one, or may
        ("ecr:batchgetimage", arn("ecr", "repository/team/*"), Fit.WORKS),
        ("ecr:batchgetimage", arn("ecr", "repository/team:*"), Fit.OTHER_TYPE),
        ("events:putevents", arn("events", "event-bus/aws.partner/x/*"), Fit.WORKS),
        ("events:retrieveconnectioncredentials", arn("events", "connection/c/*"), Fit.WORKS),
        ("events:invokeapidestination", arn("events", "api-destination/d/*"), Fit.WORKS),
        ("secretsmanager:getsecretvalue", arn("secretsmanager", "secret:a/b/*"), Fit.WORKS),
        ("iam:passrole", "arn:aws:iam::1:role/a/b", Fit.WORKS),
        ("kms:createalias", arn("kms", "alias/a:b/*"), Fit.WORKS),
        ("iot:updatething", arn("iot", "thing/a:b"), Fit.WORKS),
        # not known: the action, a type for it, the type that is named
        ("dynamodb:unheardof", table("t"), Fit.UNKNOWN),
        ("states:sendtasksuccess", arn("states", "stateMachine:s"), Fit.UNKNOWN),
        ("dynamodb:listtables", table("t"), Fit.UNKNOWN),
        ("dynamodb:listtables", arn("dynamodb", "*"), Fit.WORKS),
        ("dynamodb:getitem", arn("dynamodb", "tabel/t"), Fit.UNKNOWN),
        ("dynamodb:getitem", "no arn", Fit.UNKNOWN),
        # templates grant it, and there is no such action
        ("sqs:deletemessagebatch", arn("sqs", "q"), Fit.NO_ACTION),
        ("sqs:deletemessagebatch", "*", Fit.NO_ACTION),
    ],
)
def test_the_fit_of_an_action(action: str, pattern: str, expected: Fit) -> None:
    assert fit(action, pattern) is expected


@pytest.mark.parametrize(
    "pattern",
    ["*", table("t"), table("*"), INDEX, BUCKET, OBJECTS, GROUP, GROUP + ":*", arn("dynamodb", "*"), "odd"],
)
def test_the_actions_of_a_pattern_fit_as_each_of_them_does(pattern: str) -> None:
    actions = catalog.expand("dynamodb:*") | catalog.expand("s3:*") | catalog.expand("logs:*")

    found = fits(actions | {"dynamodb:unheardof"}, pattern)

    assert found.works == {action for action in actions if fit(action, pattern) is Fit.WORKS} | (
        {"dynamodb:unheardof"} if pattern == "*" else set()
    )
    assert found.other_type == {action for action in actions if fit(action, pattern) is Fit.OTHER_TYPE}
    rest = actions - found.works - found.other_type
    assert found.account_wide == {action for action in rest if not catalog.knows_resources(action)}
    assert found.unknown - {"dynamodb:unheardof"} == rest - found.account_wide


@pytest.mark.parametrize(
    "prefix", ["dynamodb", "ecs", "events", "iot", "kinesis", "lambda", "rds", "s3", "sns"]
)
def test_an_action_works_on_all_that_begins_as_its_resources_do(prefix: str) -> None:
    for action in catalog.expand(f"{prefix}:*"):
        known = catalog.action(action)
        assert known is not None
        for arn_format in (form for kind in known.resource_types for form in kind.formats):
            *fields, resource = format_pattern(arn_format).split(":", 5)
            names = resource.split("*")
            for count in range(1, len(names)):
                pattern = ":".join([*fields, "name".join(names[:count]) + "*"])
                assert fit(action, pattern) is Fit.WORKS, (action, pattern)


def test_each_plain_name_is_of_a_format_of_the_reference() -> None:
    known = {
        format_pattern(form)
        for prefix in catalog.prefixes()
        for action in catalog.expand(f"{prefix}:*")
        for kind in getattr(catalog.action(action), "resource_types", ())
        for form in kind.formats
    }
    for row in rows("iam", "plain_names"):
        assert row["resource"].replace("{}", "*") in known
        assert all(catalog.expand(pattern) for pattern in row["actions"].split())
        assert row["source"]
