"""Which actions work on what a resource pattern names: each row is one rule."""

from __future__ import annotations

import pytest

from scanner.iam import catalog
from scanner.iam.fit import Fit, fit, fits
from tests.unit.cases import arn, table

INDEX, BUCKET, OBJECTS = table("t/index/*"), "arn:aws:s3:::b", "arn:aws:s3:::b/*"
GROUP, FUNCTION = arn("logs", "log-group:/app/x"), arn("lambda", "function:f")


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
