"""What policies say of a request. Each row is one rule, with the page of AWS that states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scanner.iam.evaluate import AccessRequest, Cause, Effect, Evaluation, evaluate
from scanner.iam.policies import parse_policy
from scanner.iam.variables import literal
from scanner.model import Policy
from tests.unit.cases import allow, arn, deny, policy, table

GUIDE = "docs.aws.amazon.com/IAM/latest/UserGuide/"
LOGIC = "reference_policies_evaluation-logic.html"
BOUNDARIES = "access_policies_boundaries.html"
ACTION = "reference_policies_elements_action.html"
RESOURCE = "reference_policies_elements_resource.html"
NOT_ACTION = "reference_policies_elements_notaction.html"
NOT_RESOURCE = "reference_policies_elements_notresource.html"
OPERATORS = "reference_policies_elements_condition_operators.html"
SET_EXAMPLES = "reference_policies_condition_examples-multi-valued-context-keys.html"
VARIABLES = "reference_policies_variables.html"
VERSION = "reference_policies_elements_version.html"
ARNS = "reference-arns.html"
CHECKS = "access-analyzer-reference-policy-checks.html"

ALLOWED, DENIED = Effect.ALLOWED, Effect.EXPLICITLY_DENIED
NOT_ALLOWED, UNDECIDED = Effect.IMPLICITLY_DENIED, Effect.UNDECIDED

GET, PUT, LIST = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:ListTables"
READ, DELETE_BUCKET, LIST_BUCKETS = "s3:GetObject", "s3:DeleteBucket", "s3:ListAllMyBuckets"
T, U = table("t"), table("u")
BUCKET, FILE = "arn:aws:s3:::b", "arn:aws:s3:::b/f"
QUEUE = arn("sqs", "q")
OF_AN_ACCOUNT = "arn:aws:sqs:*:123456789012"

IN_VPC = {"StringEquals": {"aws:SourceVpc": "vpc-1"}}
NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}

Statements = dict[str, Any] | list[dict[str, Any]]


def everything_but(actions: str, effect: str, resources: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "NotAction": actions, "Resource": resources, **more}


def everywhere_but(resources: str | list[str], effect: str, actions: str = "*") -> dict[str, Any]:
    return {"Effect": effect, "Action": actions, "NotResource": resources}


ALL_BUT_DELETE = everything_but(DELETE_BUCKET, "Allow", "arn:aws:s3:::*")
ALL_BUT_B = everywhere_but("arn:aws:s3:::b/*", "Allow", "s3:*")
ONLY_IN_B = [allow("s3:*"), everywhere_but(["arn:aws:s3:::b", "arn:aws:s3:::b/*"], "Deny", "s3:*")]
FOREIGN_TAGS = {"ForAllValues:StringNotLike": {"aws:TagKeys": "key1*"}}


def decided(
    statements: Statements,
    action: str,
    resource: str,
    context: Mapping[str, tuple[str, ...]] | None = None,
    absent: frozenset[str] = frozenset(),
    boundary: Statements | None = None,
) -> Evaluation:
    """What one identity policy, and a boundary if there is one, say of a request."""
    limit = None if boundary is None else policy(*_listed(boundary), name="boundary")
    return evaluate(
        AccessRequest(action, resource, context or {}, absent), [policy(*_listed(statements))], limit
    )


def _listed(statements: Statements) -> list[dict[str, Any]]:
    return [statements] if isinstance(statements, dict) else statements


@pytest.mark.parametrize(
    ("page", "statements", "action", "resource", "expected"),
    [
        # explicit and implicit denies
        (LOGIC, [], GET, T, NOT_ALLOWED),
        (LOGIC, allow(GET, T), GET, T, ALLOWED),
        (LOGIC, allow(GET, T), PUT, T, NOT_ALLOWED),
        (LOGIC, [allow("*"), deny(GET, T)], GET, T, DENIED),
        (LOGIC, [deny(GET, T), allow("*")], GET, T, DENIED),
        (LOGIC, [allow("*"), deny(GET, T)], GET, U, ALLOWED),
        (LOGIC, deny(GET, T), GET, T, DENIED),
        # actions
        (ACTION, allow("DynamoDB:getitem", T), GET, T, ALLOWED),
        (ACTION, allow(GET, T), "DYNAMODB:GETITEM", T, ALLOWED),
        (ACTION, allow("dynamodb:*", T), GET, T, ALLOWED),
        (ACTION, allow("dynamodb:Get*", T), GET, T, ALLOWED),
        (ACTION, allow("dynamodb:G?tItem", T), GET, T, ALLOWED),
        (ACTION, allow("dynamodb:G[e]tItem", T), GET, T, NOT_ALLOWED),
        (ACTION, allow(["dynamodb:PutItem", "dynamodb:GetItem"], T), GET, T, ALLOWED),
        (ACTION, allow("d*:GetItem", T), GET, T, UNDECIDED),  # no page knows a wildcard for the service
        (ACTION, allow("dynamodb*", T), GET, T, UNDECIDED),
        (ACTION, allow("s*:GetItem", T), GET, T, NOT_ALLOWED),
        # resources
        (RESOURCE, allow(GET, table("T")), GET, T, NOT_ALLOWED),  # in the case in which they are written
        (RESOURCE, allow(READ, "arn:aws:s3:::b/*"), READ, "arn:aws:s3:::b/x/y", ALLOWED),  # crosses /
        (RESOURCE, allow(READ, "arn:aws:s3:::b/*"), READ, BUCKET, NOT_ALLOWED),
        (RESOURCE, allow(GET, arn("dynamodb", "table/?")), GET, T, ALLOWED),
        (RESOURCE, allow("lambda:InvokeFunction", arn("lambda", "function:*")), "lambda:InvokeFunction",
         arn("lambda", "function:f:PROD"), ALLOWED),  # crosses :
        (RESOURCE, allow("lambda:InvokeFunction", arn("lambda", "function:f")), "lambda:InvokeFunction",
         arn("lambda", "function:f:PROD"), NOT_ALLOWED),
        (RESOURCE, allow(GET, T), GET, T + "/index/i", NOT_ALLOWED),
        (RESOURCE, allow(GET, ["arn:aws:s3:::b", T]), GET, T, ALLOWED),
        (RESOURCE, allow(GET, "arn:*:dynamodb:*:*:table/t"), GET, T, ALLOWED),
        (RESOURCE, allow(GET, "**"), GET, T, ALLOWED),
        # what no page explains may match, and may not
        (RESOURCE, allow(GET, "arn:aws:*:*:*:table/t"), GET, T, UNDECIDED),
        (RESOURCE, allow(GET, "arn:aws:d*:us-east-1:*:table/t"), GET, T, UNDECIDED),
        (RESOURCE, allow(GET, "arn:aws:s*:us-east-1:*:table/t"), GET, T, NOT_ALLOWED),
        (CHECKS, allow("sqs:SendMessage", "arn:aws:sqs:*:q"), "sqs:SendMessage", QUEUE, UNDECIDED),
        (CHECKS, allow("sqs:SendMessage", "arn:aws:sq*"), "sqs:SendMessage", QUEUE, UNDECIDED),
        (CHECKS, allow("sqs:SendMessage", "arn:aws:sns:*"), "sqs:SendMessage", QUEUE, NOT_ALLOWED),
        # fewer fields than six are completed, with a wildcard in the others or without
        (ARNS, allow("sqs:SendMessage", "arn:aws:sqs:*"), "sqs:SendMessage", QUEUE, ALLOWED),
        (ARNS, allow("sqs:SendMessage", OF_AN_ACCOUNT), "sqs:SendMessage", QUEUE, ALLOWED),
        (ARNS, allow("sqs:SendMessage", "arn:aws:sqs:eu-*"), "sqs:SendMessage", QUEUE, NOT_ALLOWED),
        (ARNS, [allow("*"), deny("sqs:*", OF_AN_ACCOUNT)], "sqs:SendMessage", QUEUE, DENIED),
        (ARNS, everywhere_but(OF_AN_ACCOUNT, "Allow"), "sqs:SendMessage", QUEUE, NOT_ALLOWED),
        (CHECKS, [allow("*"), deny("sqs:*", "arn:aws:sqs:*:q")], "sqs:SendMessage", QUEUE, UNDECIDED),
        (CHECKS, everywhere_but("arn:aws:sqs:*:q", "Allow"), "sqs:SendMessage", QUEUE, UNDECIDED),
        # actions that know no resources
        (RESOURCE, allow(LIST), LIST, "*", ALLOWED),
        (RESOURCE, allow(LIST, T), LIST, "*", NOT_ALLOWED),
        (RESOURCE, allow(LIST, arn("dynamodb", "table/*")), LIST, "*", UNDECIDED),
        (RESOURCE, [allow(LIST), deny(LIST, T)], LIST, "*", ALLOWED),
        (NOT_RESOURCE, everywhere_but(T, "Allow"), LIST, "*", ALLOWED),
        (NOT_RESOURCE, everywhere_but("*", "Allow"), LIST, "*", NOT_ALLOWED),
        # one page says that this works (condition operators), another that it does not (NotAction)
        (NOT_ACTION, allow(LIST_BUCKETS, "arn:aws:s3:::*"), LIST_BUCKETS, "*", UNDECIDED),
        # NotAction
        (NOT_ACTION, ALL_BUT_DELETE, READ, FILE, ALLOWED),
        (NOT_ACTION, ALL_BUT_DELETE, DELETE_BUCKET, BUCKET, NOT_ALLOWED),
        (NOT_ACTION, ALL_BUT_DELETE, GET, T, NOT_ALLOWED),
        (NOT_ACTION, everything_but("iam:*", "Allow"), GET, T, ALLOWED),
        (NOT_ACTION, everything_but("IAM:*", "Allow"), "iam:CreateUser", "*", NOT_ALLOWED),
        (NOT_ACTION, [allow("*"), everything_but("iam:*", "Deny")], GET, T, DENIED),
        (NOT_ACTION, [allow("*"), everything_but("dynamodb:*", "Deny")], GET, T, ALLOWED),
        (NOT_ACTION, everything_but("d*:GetItem", "Allow"), GET, T, UNDECIDED),
        # NotResource
        (NOT_RESOURCE, ONLY_IN_B, READ, FILE, ALLOWED),
        (NOT_RESOURCE, ONLY_IN_B, READ, "arn:aws:s3:::c/f", DENIED),
        (NOT_RESOURCE, ALL_BUT_B, READ, "arn:aws:s3:::c/f", ALLOWED),
        (NOT_RESOURCE, ALL_BUT_B, READ, FILE, NOT_ALLOWED),
    ],
)  # fmt: skip
def test_actions_and_resources(
    page: str, statements: Statements, action: str, resource: str, expected: Effect
) -> None:
    assert decided(statements, action, resource).effect is expected, GUIDE + page


@pytest.mark.parametrize(
    ("page", "boundary", "expected"),
    [
        (BOUNDARIES, allow("*"), ALLOWED),
        (BOUNDARIES, allow(["s3:*", "cloudwatch:*", "ec2:*"]), NOT_ALLOWED),  # it limits ...
        (BOUNDARIES, [], NOT_ALLOWED),
        (BOUNDARIES, [allow("*"), deny("dynamodb:*", T)], DENIED),
        (BOUNDARIES, allow("dynamodb:*", T, Condition=IN_VPC), UNDECIDED),
        (BOUNDARIES, [allow("*"), deny("dynamodb:*", T, Condition=IN_VPC)], UNDECIDED),
    ],
)
def test_a_boundary(page: str, boundary: Statements, expected: Effect) -> None:
    assert decided(allow(GET, T), GET, T, boundary=boundary).effect is expected, GUIDE + page


def test_a_boundary_grants_nothing() -> None:
    assert decided(allow(PUT, T), GET, T, boundary=allow("*")).effect is NOT_ALLOWED, GUIDE + BOUNDARIES


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        # an open condition leaves open only what depends on it
        (allow(GET, T, Condition=IN_VPC), UNDECIDED),
        ([allow(GET, T), deny(GET, T, Condition=IN_VPC)], UNDECIDED),
        ([allow(GET, T), allow(GET, T, Condition=IN_VPC)], ALLOWED),
        ([allow(GET, T, Condition=IN_VPC), deny(GET, T)], DENIED),
        ([allow(GET, T), deny(GET, T, Condition=IN_VPC), deny(GET, "*")], DENIED),
        (deny(GET, T, Condition=IN_VPC), NOT_ALLOWED),
        ([allow(GET, T), deny(PUT, T, Condition=IN_VPC)], ALLOWED),
        ([allow(GET, T), deny(GET, U, Condition=IN_VPC)], ALLOWED),
        ([allow(GET, T), everything_but("iam:*", "Deny", Condition=NO_MFA)], UNDECIDED),
    ],
)
def test_what_is_not_known(statements: Statements, expected: Effect) -> None:
    assert decided(statements, GET, T).effect is expected


@pytest.mark.parametrize(
    ("page", "statements", "context", "absent", "expected"),
    [
        (OPERATORS, allow(GET, T, Condition=IN_VPC), {"aws:sourcevpc": ("vpc-1",)}, (), ALLOWED),
        (OPERATORS, allow(GET, T, Condition=IN_VPC), {"aws:sourcevpc": ("vpc-2",)}, (), NOT_ALLOWED),
        (OPERATORS, allow(GET, T, Condition=IN_VPC), {}, ("aws:sourcevpc",), NOT_ALLOWED),
        (NOT_ACTION, [allow("*"), everything_but("iam:*", "Deny", Condition=NO_MFA)],
         {}, ("aws:multifactorauthpresent",), DENIED),
        (NOT_ACTION, [allow("*"), everything_but("iam:*", "Deny", Condition=NO_MFA)],
         {"aws:multifactorauthpresent": ("true",)}, (), ALLOWED),
        (SET_EXAMPLES, [allow("*"), deny(GET, Condition=FOREIGN_TAGS)],
         {"aws:tagkeys": ("key1:hr", "key1:personnel")}, (), ALLOWED),
        (SET_EXAMPLES, [allow("*"), deny(GET, Condition=FOREIGN_TAGS)], {}, ("aws:tagkeys",), DENIED),
    ],
)  # fmt: skip
def test_conditions(
    page: str,
    statements: Statements,
    context: Mapping[str, tuple[str, ...]],
    absent: tuple[str, ...],
    expected: Effect,
) -> None:
    assert decided(statements, GET, T, context, frozenset(absent)).effect is expected, GUIDE + page


HOME = "arn:aws:s3:::b/${aws:PrincipalTag/team}/*"
DEFAULT_HOME = "arn:aws:s3:::b/${aws:PrincipalTag/team, 'company-wide'}/*"
TEAM = "aws:principaltag/team"


@pytest.mark.parametrize(
    ("resource", "request_resource", "context", "absent", "expected"),
    [
        (HOME, "arn:aws:s3:::b/yellow/f", {TEAM: ("yellow",)}, (), ALLOWED),
        (HOME, "arn:aws:s3:::b/blue/f", {TEAM: ("yellow",)}, (), NOT_ALLOWED),
        (HOME, "arn:aws:s3:::b/blue/f", {TEAM: ("*",)}, (), NOT_ALLOWED),  # its value is taken literally
        (HOME, "arn:aws:s3:::b/blue/f", {}, (), UNDECIDED),
        (HOME, "arn:aws:s3:::c/blue/f", {}, (), NOT_ALLOWED),  # whatever the team is
        (HOME, "arn:aws:s3:::b/blue/f", {}, (TEAM,), NOT_ALLOWED),
        (HOME, "arn:aws:s3:::b/blue/f", {TEAM: ("blue", "yellow")}, (), UNDECIDED),
        (DEFAULT_HOME, "arn:aws:s3:::b/company-wide/f", {}, (TEAM,), ALLOWED),
        (DEFAULT_HOME, "arn:aws:s3:::b/blue/f", {}, (TEAM,), NOT_ALLOWED),
        (DEFAULT_HOME, "arn:aws:s3:::b/yellow/f", {TEAM: ("yellow",)}, (), ALLOWED),
        (DEFAULT_HOME, "arn:aws:s3:::b/company-wide/f", {}, (), UNDECIDED),
        ("arn:aws:s3:::b/a${*}b", literal("arn:aws:s3:::b/a*b"), {}, (), ALLOWED),
        ("arn:aws:s3:::b/a${?}b", literal("arn:aws:s3:::b/a?b"), {}, (), ALLOWED),
        ("arn:aws:s3:::b/a${*}b", "arn:aws:s3:::b/axb", {}, (), NOT_ALLOWED),
        ("arn:aws:s3:::b/a*b", literal("arn:aws:s3:::b/a*b"), {}, (), ALLOWED),
        ("arn:aws:s3:::b/a${$}b", "arn:aws:s3:::b/a$b", {}, (), ALLOWED),
        # only after the fifth colon
        ("arn:aws:s3:${aws:RequestedRegion}::b/f", "arn:aws:s3:r::b/f",
         {"aws:requestedregion": ("r",)}, (), UNDECIDED),
    ],
)  # fmt: skip
def test_policy_variables(
    resource: str,
    request_resource: str,
    context: Mapping[str, tuple[str, ...]],
    absent: tuple[str, ...],
    expected: Effect,
) -> None:
    decision = decided(allow(READ, resource), READ, request_resource, context, frozenset(absent))
    assert decision.effect is expected, GUIDE + VARIABLES


@pytest.mark.parametrize(
    ("absent", "resource", "expected"),
    [
        ((), "arn:aws:s3:::b/blue/f", UNDECIDED),
        ((), "arn:aws:s3:::c/f", DENIED),
        # a variable with no value matches no resource: nothing is excepted
        ((TEAM,), "arn:aws:s3:::b/blue/f", DENIED),
    ],
)
def test_a_variable_in_what_is_excepted(absent: tuple[str, ...], resource: str, expected: Effect) -> None:
    statements = [allow("*"), everywhere_but(HOME, "Deny")]
    assert decided(statements, READ, resource, {}, frozenset(absent)).effect is expected, GUIDE + VARIABLES


def test_an_older_policy_version_knows_no_variables() -> None:
    document = {"Version": "2008-10-17", "Statement": allow(READ, HOME)}
    older = [Policy("older", None, "inline", parse_policy(document))]
    request = AccessRequest(READ, "arn:aws:s3:::b/yellow/f", {TEAM: ("yellow",)})
    assert evaluate(request, older).effect is NOT_ALLOWED, GUIDE + VERSION
    spelled = AccessRequest(READ, "arn:aws:s3:::b/${aws:PrincipalTag/team}/f")
    assert evaluate(spelled, older).effect is ALLOWED, GUIDE + VERSION


@pytest.mark.parametrize(
    ("statements", "resource", "expected"),
    [
        (allow(READ, "arn:aws:s3:::b/*"), "arn:aws:s3:::b/*", ALLOWED),
        (allow(READ, "arn:aws:s3:::b/*"), "arn:aws:s3:::b/in/*", ALLOWED),
        (allow(READ, "arn:aws:s3:::b/in/*"), "arn:aws:s3:::b/*", UNDECIDED),
        (allow(READ, "arn:aws:s3:::c/*"), "arn:aws:s3:::b/*", NOT_ALLOWED),
        (allow(READ, "arn:aws:s3:::b/in/*"), "*", UNDECIDED),
        (allow(READ), "*", ALLOWED),
        ([allow(READ), deny(READ, "arn:aws:s3:::b/in/*")], "arn:aws:s3:::b/*", UNDECIDED),
        ([allow(READ), deny(READ, "arn:aws:s3:::b/*")], "arn:aws:s3:::b/in/*", DENIED),
        (everywhere_but("arn:aws:s3:::b/in/*", "Allow"), "arn:aws:s3:::b/*", UNDECIDED),
        (everywhere_but("arn:aws:s3:::b/*", "Allow"), "arn:aws:s3:::b/in/*", NOT_ALLOWED),
        (everywhere_but("arn:aws:s3:::c/*", "Allow"), "arn:aws:s3:::b/*", ALLOWED),
    ],
)
def test_a_resource_of_which_the_trace_shows_a_part(
    statements: Statements, resource: str, expected: Effect
) -> None:
    assert decided(statements, READ, resource).effect is expected


@pytest.mark.parametrize(
    ("statements", "boundary", "why"),
    [
        (allow(GET, T, Sid="Own"), None, (Cause("own", 0, "Own", "allows"),)),
        (
            [allow(GET, T), allow(GET)],
            allow("*"),
            (
                Cause("boundary", 0, None, "allows"),
                Cause("own", 0, None, "allows"),
                Cause("own", 1, None, "allows"),
            ),
        ),
        ([allow(GET), deny(GET, T, Sid="No")], None, (Cause("own", 1, "No", "denies"),)),
        (allow(PUT, T), None, ()),
        (allow(GET, T), allow(PUT), (Cause("boundary", None, None, "does not allow"),)),
        (
            [allow(GET, T), deny(GET, T, Condition=IN_VPC), deny(GET, HOME)],
            None,
            (Cause("own", 1, None, "may deny: aws:sourcevpc"),),
        ),
        (
            allow(GET, table("${aws:PrincipalTag/team}"), Condition=IN_VPC),
            None,
            (Cause("own", 0, None, "may allow: ${aws:PrincipalTag/team}, aws:sourcevpc"),),
        ),
        (allow(GET, "arn:aws:*"), None, (Cause("own", 0, None, "may allow: resource arn:aws:*"),)),
        (allow("d*:GetItem"), None, (Cause("own", 0, None, "may allow: action d*:getitem"),)),
    ],
)
def test_the_causes(statements: Statements, boundary: Statements | None, why: tuple[Cause, ...]) -> None:
    assert decided(statements, GET, T, boundary=boundary).why == why


QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


@pytest.mark.parametrize(
    ("statements", "boundary", "expected"),
    [
        ([{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs"}], None, ALLOWED),
        ([{"Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sns"}], None, NOT_ALLOWED),
        (
            [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:*", "Resource": "arn:aws:sqs"},
            ],
            None,
            DENIED,
        ),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sqs"}], None, NOT_ALLOWED),
        ([{"Effect": "Allow", "Action": "sqs:*", "NotResource": "arn:aws:sns"}], None, ALLOWED),
        ([allow("sqs:*")], allow("sqs:*", "arn:aws:sqs:us-east-1"), ALLOWED),
        ([allow("sqs:*")], allow("sqs:*", "arn:aws:sqs:eu-west-1"), NOT_ALLOWED),
    ],
)
def test_an_incomplete_arn(statements: Any, boundary: Any, expected: Effect) -> None:
    """docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html"""
    assert decided(statements, "sqs:SendMessage", QUEUE, boundary=boundary).effect is expected
