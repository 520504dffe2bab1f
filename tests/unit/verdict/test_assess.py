"""Verdicts: what is said of a grant, given what was used. Each row is one rule."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Used
from tests.unit.cases import (
    REGION,
    allow,
    arn,
    compared,
    deny,
    function,
    function_arn,
    only,
    outcomes,
    policy,
    summaries,
    table,
    usage,
    used,
    verdicts,
)

GET, QUERY = "dynamodb:GetItem", "dynamodb:Query"
LOGS = arn("logs", "log-group:/aws/lambda/f:*")


def verdict(statement: dict[str, Any], *permissions: tuple[str, str], **how: Any) -> str:
    """The verdict on a statement with one grant."""
    return only(compared([policy(statement)], [usage(used(*permissions, **how))])).verdict.value


@pytest.mark.parametrize(
    ("statement", "permissions", "expected"),
    [
        # used as it stands
        (allow(GET, table("t")), [(GET, table("t"))], "used"),
        (allow("DynamoDB:getitem", table("t")), [(GET, table("t"))], "used"),
        (allow(GET, arn("dynamodb", "table/t", account="*")), [(GET, table("t"))], "used"),
        (allow(GET, arn("dynamodb", "table/t", region="*", account="*")), [(GET, table("t"))], "used"),
        (allow("s3:PutObject", "arn:aws:s3:::b/*"), [("s3:PutObject", "arn:aws:s3:::b/*")], "used"),
        (allow("s3:PutObject", "arn:aws:s3:::b/in/*"), [("s3:PutObject", "arn:aws:s3:::b/*")], "used"),
        (allow("s3:ListAllMyBuckets"), [("s3:ListAllMyBuckets", "*")], "used"),
        (allow("dynamodb:ListTables", "*"), [("dynamodb:ListTables", "*")], "used"),
        # not used
        (allow(GET, table("t")), [(QUERY, table("t"))], "unused"),
        (allow(GET, table("t")), [(GET, table("u"))], "unused"),
        (allow(GET, table("t")), [(GET, table("t") + "/index/i")], "unused"),
        (allow("dynamodb:*", table("t")), [("s3:ListAllMyBuckets", "*")], "unused"),
        # wider than what was used: actions
        (allow("dynamodb:*", table("t")), [(QUERY, table("t"))], "broad"),
        (allow("dynamodb:Batch*", table("t")), [("dynamodb:BatchGetItem", table("t"))], "broad"),
        (allow("*", "*"), [(QUERY, table("t"))], "broad"),
        (
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
            [(QUERY, table("t"))],
            "broad",
        ),
        # a pattern all of whose actions were used is none too wide
        (
            allow("dynamodb:Batch*Item", table("t")),
            [("dynamodb:BatchGetItem", table("t")), ("dynamodb:BatchWriteItem", table("t"))],
            "used",
        ),
        # wider than what was used: resources
        (allow(GET, "*"), [(GET, table("t"))], "broad"),
        (allow(GET, table("*")), [(GET, table("t"))], "broad"),
        (allow(GET, table("t*")), [(GET, table("t"))], "broad"),
        (allow("s3:PutObject", "arn:aws:s3:::*/*"), [("s3:PutObject", "arn:aws:s3:::b/*")], "broad"),
        ({"Effect": "Allow", "Action": GET, "NotResource": table("u")}, [(GET, table("t"))], "broad"),
        ({"Effect": "Allow", "Action": GET, "NotResource": table("t")}, [(GET, table("t"))], "unused"),
        # wildcards that a type of resource needs
        (allow(QUERY, table("t/index/*")), [(QUERY, table("t/index/i"))], "used"),
        (
            allow("lambda:InvokeFunction", arn("lambda", "function:g:*")),
            [("lambda:InvokeFunction", arn("lambda", "function:g:PROD"))],
            "used",
        ),
        # what Lambda itself needs
        (allow(["logs:PutLogEvents"], LOGS), [], "platform"),
        (allow(["logs:CreateLogGroup"], "*"), [], "platform"),
        (allow("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda/other:*")), [], "unused"),
        (allow("logs:*", LOGS), [], "broad"),
        (allow("xray:PutTraceSegments"), [], "platform"),
        # what traces cannot show
        (allow("iam:PassRole", "*"), [], "unobservable"),
        (allow("kms:Decrypt", "*"), [], "unobservable"),
        (allow("kms:*", "*"), [], "broad"),
        (allow("es:ESHttpGet", "*"), [], "unobservable"),
        (allow("s3:ReplicateObject", "arn:aws:s3:::b/*"), [], "unobservable"),
        # a variable may stand for anything
        (allow(GET, table("${aws:PrincipalTag/team}")), [(GET, table("t"))], "used"),
        (allow(GET, table("${*}")), [(GET, table("t"))], "unused"),
    ],
)
def test_verdicts(statement: dict[str, Any], permissions: list[tuple[str, str]], expected: str) -> None:
    assert verdict(statement, *permissions) == expected


@pytest.mark.parametrize(
    ("denial", "expected"),
    [
        (deny(GET, table("t")), "ineffective"),
        (deny("dynamodb:*"), "ineffective"),
        (deny(GET, table("u")), "used"),
        (deny(GET, table("t"), Condition={"Bool": {"aws:SecureTransport": "false"}}), "used"),
        ({"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}, "ineffective"),
        ({"Effect": "Deny", "NotAction": "dynamodb:*", "Resource": "*"}, "used"),
        ({"Effect": "Deny", "Action": GET, "NotResource": table("u")}, "ineffective"),
        ({"Effect": "Deny", "Action": GET, "NotResource": table("*")}, "used"),
    ],
)
def test_a_deny_takes_away_what_it_names_and_no_more(denial: dict[str, Any], expected: str) -> None:
    result = compared([policy(allow(GET, table("t"))), policy(denial)], [usage(used((GET, table("t"))))])
    assert only(result).verdict.value == expected


def test_a_denied_action_is_no_part_of_what_a_wildcard_grants_too_much() -> None:
    grant = allow("dynamodb:Batch*Item", table("t"))
    seen = usage(used(("dynamodb:BatchGetItem", table("t"))))
    result = compared([policy(grant, deny("dynamodb:BatchWriteItem"))], [seen])
    assert only(result).verdict.value == "used"


def test_grants_of_a_statement_with_the_same_verdict_make_one_finding() -> None:
    statement = allow([QUERY, "dynamodb:Scan"], [table("t"), table("t/index/i")])
    assert summaries(compared([policy(statement)], [usage(used(("dynamodb:PutItem", table("t"))))])) == [
        ("unused", (QUERY, "dynamodb:Scan"), (table("t"), table("t/index/i")), ())
    ]


def test_a_finding_never_names_an_action_on_a_resource_where_it_was_used() -> None:
    statement = allow([GET, QUERY], [table("t"), table("u")])
    seen = usage(used((GET, table("t")), (QUERY, table("u"))))
    unused = {
        (f.actions, f.resources)
        for f in summaries(compared([policy(statement)], [seen]))
        if f.verdict == "unused"
    }
    assert unused == {((GET,), (table("u"),)), ((QUERY,), (table("t"),))}


def test_a_broad_finding_names_what_was_used() -> None:
    finding = only(compared([policy(allow("dynamodb:*", "*"))], [usage(used((QUERY, table("t"))))]))
    assert finding.used == (Used(QUERY, table("t"), (function_arn("f"),)),)
    assert finding.confirmed


def test_the_usage_of_all_functions_of_a_role_counts() -> None:
    result = compared(
        [policy(allow([GET, QUERY], table("t")))],
        [usage(used((GET, table("t"))), name="f"), usage(used((QUERY, table("t"))), name="g")],
        functions=[function("f"), function("g")],
    )
    assert [f.verdict for f in summaries(result)] == ["used"]


def test_of_several_grants_an_unknown_resource_confirms_none_unused() -> None:
    statement = allow("ssm:PutParameter", [arn("ssm", "parameter/a"), arn("ssm", "parameter/b")])
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    assert summaries(compared([policy(statement)], [seen])) == [
        ("unused", ("ssm:PutParameter",), tuple(statement["Resource"]), ("resource-unknown",))
    ]


def test_a_single_grant_served_a_call_whose_resource_is_unknown() -> None:
    statement = allow("ssm:PutParameter", arn("ssm", "parameter/a"))
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    assert verdicts(compared([policy(statement)], [seen]))[0] == "used"


def test_an_unknown_resource_may_be_another_accounts() -> None:
    foreign = arn("ssm", "parameter/a", account="999999999999")
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    assert verdicts(compared([policy(allow("ssm:PutParameter", foreign))], [seen]))[0] == "used"


def test_a_wildcard_is_not_surely_too_wide_where_the_resource_is_unknown() -> None:
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    assert summaries(compared([policy(allow("ssm:PutParameter", "*"))], [seen])) == [
        ("broad", ("ssm:PutParameter",), ("*",), ("resource-unknown",))
    ]


def test_log_writing_cannot_be_judged_where_the_configuration_was_not_read() -> None:
    result = compared([policy(allow("logs:PutLogEvents", LOGS))], [usage()], functions=[])
    assert verdicts(result)[0] == "unobservable"


def test_a_function_with_a_log_group_of_its_own_writes_there() -> None:
    own = arn("logs", "log-group:/apps/f:*")
    functions = [function(log_group="/apps/f")]
    policies = [policy(allow("logs:PutLogEvents", own), allow("logs:PutLogEvents", LOGS))]
    verdicts = [f.verdict for f in summaries(compared(policies, [usage()], functions=functions))]
    assert verdicts == ["platform", "unused"]


def test_trace_writing_is_not_needed_where_nothing_is_traced() -> None:
    result = compared([policy(allow("xray:PutTraceSegments"))], [usage(traces=())])
    assert verdicts(result)[0] == "unused"


def test_the_same_findings_have_the_same_ids_whatever_the_order_of_actions() -> None:
    one, other = allow([GET, QUERY], table("t")), allow([QUERY, GET], table("t"))
    ids = {only(compared([policy(s)], [usage(services=["dynamodb"])])).id for s in (one, other)}
    assert len(ids) == 1


def test_what_a_call_may_have_needed_is_never_confirmed_unused() -> None:
    maybe = used(("s3:PutObjectTagging", "arn:aws:s3:::b/*"), required=False)
    result = compared(
        [policy(allow("s3:PutObjectTagging", "arn:aws:s3:::b/*"))], [usage(maybe, services=["s3"])]
    )
    assert outcomes(result)[0] == ("unused", ("possible",))


INVOKE = "lambda:InvokeFunction"


@pytest.mark.parametrize(
    ("action", "granted", "used_on", "maybe", "expected"),
    [
        # `*` leaves an action on buckets nothing but buckets
        ("s3:CreateBucket", "*", "arn:aws:s3:::b", "arn:aws:s3:::*", ("broad", ("possible",))),
        ("s3:CreateBucket", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::*", ("broad", ("possible",))),
        ("s3:CreateBucket", "*", "arn:aws:s3:::b", "arn:aws:s3:::b-*", ("broad", ())),
        ("s3:DeleteObject", "*", "arn:aws:s3:::b/*", "arn:aws:s3:::*/*", ("broad", ("possible",))),
        # a wildcard for region or account is no excess, so that the one that is left is none either
        (INVOKE, "*", function_arn("g"), arn("lambda", "function:*"), ("broad", ("possible",))),
        (
            INVOKE,
            arn("lambda", "*"),
            function_arn("g"),
            arn("lambda", "function:*"),
            ("broad", ("possible",)),
        ),
        (INVOKE, arn("lambda", "function:*"), function_arn("g"), function_arn("h"), ("broad", ())),
        # all indexes of a table are not all indexes
        (QUERY, "*", table("t"), table("t/index/*"), ("broad", ())),
        (QUERY, "*", table("t"), table("*"), ("broad", ("possible",))),
    ],
)
def test_what_may_have_been_used_of_a_whole_type_leaves_the_width_open(
    action: str, granted: str, used_on: str, maybe: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    needs = used((action, used_on)) | used((action, maybe), exact=False, required=False)
    result = compared([policy(allow(action, granted))], [usage(needs)])
    assert outcomes(result)[0] == expected


def test_a_refused_call_leaves_its_permission_unconfirmed() -> None:
    seen = usage(services=["dynamodb"], attempted=used((GET, table("t"))))
    assert outcomes(compared([policy(allow(GET, table("t")))], [seen]))[0] == ("unused", ("possible",))


def test_a_wildcard_on_a_stream_may_be_needed_to_read_it() -> None:
    grants = policy(allow("dynamodb:PutItem", table("t")), allow("dynamodb:*", table("t/stream/*")))
    seen = usage(used(("dynamodb:PutItem", table("t"))))
    found = summaries(compared([grants], [seen], functions=[function(event_sources=None)]))
    assert found[1].outcome == ("broad", ())


def test_an_unknown_resource_leaves_the_width_of_other_grants_open() -> None:
    grants = policy(allow("dynamodb:Scan", table("a*")), allow("dynamodb:Scan", table("b*")))
    permissions = used(("dynamodb:Scan", table("a1"))) | used(("dynamodb:Scan", table("*")), exact=False)
    verdicts = [f.outcome for f in summaries(compared([grants], [usage(permissions)]))]
    assert verdicts == [("broad", ("resource-unknown",)), ("unused", ("resource-unknown",))]


def test_an_unknown_resource_leaves_the_actions_of_a_wildcard_open() -> None:
    grants = policy(allow("dynamodb:Batch*Item", table("a")), allow("dynamodb:Batch*Item", table("b")))
    permissions = used(("dynamodb:BatchGetItem", table("a")), ("dynamodb:BatchGetItem", table("b"))) | used(
        ("dynamodb:BatchWriteItem", table("*")), exact=False
    )
    verdicts = {f.outcome for f in summaries(compared([grants], [usage(permissions)]))}
    assert verdicts == {("broad", ("resource-unknown",))}


def test_of_two_prefixes_of_a_bucket_a_generalised_key_confirms_none_unused() -> None:
    grants = policy(allow("s3:DeleteObject", ["arn:aws:s3:::b/in/*", "arn:aws:s3:::b/out/*"]))
    found = summaries(compared([grants], [usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*")))]))
    assert [finding.outcome for finding in found] == [("unused", ("resource-unknown",))]


def test_a_call_that_knows_no_resource_is_no_use_of_a_grant_on_one() -> None:
    grants = policy(allow("dynamodb:*", table("other")), allow("dynamodb:ListTables"))
    found = summaries(compared([grants], [usage(used(("dynamodb:ListTables", "*")))]))
    assert found[0].verdict == "unused"


def test_the_log_group_of_another_function_is_not_the_platforms() -> None:
    other = "arn:aws:logs:*:*:log-group:/aws/lambda/other:*"
    assert verdicts(compared([policy(allow("logs:PutLogEvents", other))], [usage()]))[0] == "unused"


def test_the_log_group_of_an_extension_is_the_platforms_where_there_is_one() -> None:
    grants = policy(allow("logs:PutLogEvents", arn("logs", "log-group:/aws/lambda-insights:*")))
    layer = "arn:aws:lambda:us-east-1:580247275435:layer:LambdaInsightsExtension:53"
    assert verdicts(compared([grants], [usage()], functions=[function()])) == ["unused"]
    assert verdicts(compared([grants], [usage()], functions=[function(layers=(layer,))])) == ["platform"]


def test_a_pattern_with_too_few_fields_is_not_called_wide() -> None:
    grants = policy(allow("sqs:GetQueueUrl", "arn:aws:sqs:*:q"))
    found = summaries(compared([grants], [usage(used(("sqs:GetQueueUrl", arn("sqs", "q"))))]))
    assert found[0].verdict == "used"


def test_ids_of_a_sid_and_of_an_index_do_not_collide() -> None:
    grants = policy(allow(GET, table("t"), Sid="1"), allow(GET, table("t")))
    ids = [f.id for f in compared([grants], [usage(services=["dynamodb"])]).findings]
    assert len(set(ids)) == 2


def test_a_star_may_stand_for_region_and_account_together() -> None:
    grants = policy(allow("secretsmanager:DescribeSecret", "arn:aws:secretsmanager:*:secret:db-*"))
    seen = usage(used(("secretsmanager:DescribeSecret", arn("secretsmanager", "secret:db-main-??????"))))
    assert verdicts(compared([grants], [seen]))[0] != "unused"


def test_a_wildcard_that_can_do_nothing_there_is_ineffective() -> None:
    grants = policy(allow("lambda:*", table("t")))
    assert only(compared([grants], [usage(services=["dynamodb"])])).verdict.value == "ineffective"


def test_a_variable_in_not_resource_excepts_only_what_the_request_tells() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "s3:PutObjectTagging",
        "NotResource": ["arn:aws:s3:::${aws:PrincipalTag/x}/*", "arn:aws:s3:::z/*"],
    }
    seen = usage(used(("s3:PutObjectTagging", "arn:aws:s3:::b/*")))
    assert verdicts(compared([policy(statement)], [seen]))[0] == "broad"


def test_a_bucket_that_a_variable_names_is_not_wide() -> None:
    grants = policy(allow("s3:PutObjectTagging", "arn:aws:s3:::data-${aws:PrincipalAccount}/*"))
    seen = usage(used(("s3:PutObjectTagging", "arn:aws:s3:::data-123456789012/*")))
    assert verdicts(compared([grants], [seen]))[0] == "used"


def test_a_variable_that_the_role_settles_stands_for_its_value_only() -> None:
    grants = policy(allow("s3:PutObjectTagging", "arn:aws:s3:::data-${aws:PrincipalAccount}/*"))
    seen = usage(used(("s3:PutObjectTagging", "arn:aws:s3:::data-111111111111/*")))
    assert verdicts(compared([grants], [seen]))[0] == "unused"


def test_tracing_is_no_use_of_a_grant_on_a_bucket() -> None:
    found = compared([policy(allow("*", "arn:aws:s3:::b/*"))], [usage(services=["s3"])]).findings[0]
    assert (found.verdict.value, found.used) == ("broad", ())


def test_a_queue_that_lambda_reads_may_be_another_than_the_one_that_was_seen() -> None:
    grants = policy(allow("sqs:ReceiveMessage", arn("sqs", "*")))
    seen = usage(used(("sqs:ReceiveMessage", arn("sqs", "q1"))))
    unread = compared([grants], [seen], functions=[function(event_sources=None)])
    assert outcomes(unread)[0] == ("broad", ("may-run-untraced",))
    assert outcomes(compared([grants], [seen]))[0] == ("broad", ())


def test_the_condition_of_a_policy_says_nothing_of_another_one_of_the_same_name() -> None:
    elsewhere = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    here = {"StringEquals": {"aws:RequestedRegion": REGION}}
    policies = [policy(allow(GET, table("t"), Condition=c)) for c in (elsewhere, here)]
    assert sorted(verdicts(compared(policies, [usage(used((GET, table("t"))))]))) == ["unused", "used"]
