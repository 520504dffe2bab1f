"""The suggested policy: allows what was seen, grants nothing new, can be read."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.patterns import matches
from scanner.iam.policies import parse_policy
from scanner.model import Certainty, Need, Observation, Permission, Statement
from scanner.suggest.policy import usage_policy
from scanner.workloads.lambda_function import EventSource
from tests.unit.cases import (
    NOW,
    allow,
    arn,
    compared,
    deny,
    function,
    policy,
    statements_of,
    table,
    usage,
    used,
)

GET, QUERY, PUT = "dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"


def allows(statements: tuple[Statement, ...], action: str, resource: str) -> bool:
    """Whether identity policies allow a request, conditions aside: written anew, for the tests alone."""

    def applies(statement: Statement) -> bool:
        action_named = any(matches(a.lower(), action.lower()) for a in statement.actions)
        resource_named = any(matches(r, resource) for r in statement.resources)
        return action_named != statement.not_actions and resource_named != statement.not_resources

    applying = [s for s in statements if applies(s)]
    return any(s.allow for s in applying) and all(s.allow for s in applying)


def suggestion(*statements: dict[str, Any], seen: Any, **function_is: Any) -> list[dict[str, Any]]:
    suggested = compared([policy(*statements)], [seen], functions=[function(**function_is)]).suggestion
    assert suggested is not None
    return list(suggested.policy["Statement"])


def test_what_was_used_stays_as_it_is_spelled_and_the_rest_goes() -> None:
    resource = arn("dynamodb", "table/t", account="*")
    statement = allow([GET, "dynamodb:DeleteItem"], resource)
    assert suggestion(statement, seen=usage(used((GET, table("t"))))) == [allow([GET], resource)]


def test_a_wildcard_becomes_what_was_used() -> None:
    seen = usage(used((GET, table("t")), (QUERY, table("t")), (PUT, table("u"))))
    assert suggestion(allow(["dynamodb:*Item", "dynamodb:Que*"], "*"), seen=seen) == [
        allow([GET, QUERY], table("t")),
        allow([PUT], table("u")),
    ]


def test_what_lambda_may_need_to_read_an_event_source_stays_of_a_wildcard() -> None:
    stream = arn("kinesis", "stream/s")
    seen = usage(used(("kinesis:PutRecord", stream)))
    (statement,) = suggestion(allow("kinesis:*", stream), seen=seen, event_sources=None)
    assert {"kinesis:PutRecord", "kinesis:GetRecords", "kinesis:GetShardIterator"} <= set(statement["Action"])
    assert "kinesis:DeleteStream" not in statement["Action"]


def test_what_lambda_does_not_need_to_read_an_event_source_goes() -> None:
    stream = arn("kinesis", "stream/s")
    seen = usage(used(("kinesis:PutRecord", stream)))
    assert suggestion(allow("kinesis:*", stream), seen=seen) == [allow(["kinesis:PutRecord"], stream)]


def test_what_lambda_needs_to_read_an_event_source_stays_of_a_wildcard_on_that_source_only() -> None:
    queue, other = arn("sqs", "in"), arn("sqs", "out")
    statements = suggestion(
        allow("sqs:*", "*"),
        seen=usage(used(("sqs:SendMessage", other))),
        event_sources=(EventSource("sqs", queue),),
    )
    reading = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    assert statements == [allow(reading, queue), allow(["sqs:SendMessage"], other)]


def test_a_wildcard_that_may_be_needed_stays_as_it_is() -> None:
    grant = allow(["ssm:PutParameter"], "*")
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    assert suggestion(grant, seen=seen) == [grant]


def test_a_policy_variable_is_never_replaced_by_one_of_its_values() -> None:
    grant = allow([GET, QUERY], table("${aws:PrincipalTag/stage}-t"))
    (statement,) = suggestion(grant, seen=usage(used((GET, table("dev-t")))))
    assert statement == allow([GET], table("${aws:PrincipalTag/stage}-t"))


def test_a_generalised_key_is_cut_back_to_what_the_role_grants() -> None:
    statement = allow("s3:*Object", "arn:aws:s3:::b/in/*")
    seen = usage(used(("s3:PutObject", "arn:aws:s3:::b/*")))
    assert suggestion(statement, seen=seen) == [
        allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::b/in/*")
    ]


def test_what_traces_cannot_show_and_what_lambda_needs_stays() -> None:
    kept = [
        allow(["iam:PassRole"], "arn:aws:iam::1:role/r"),
        allow(["logs:PutLogEvents"], arn("logs", "log-group:/aws/lambda/f:*")),
    ]
    assert suggestion(*kept, allow(GET, table("t")), seen=usage(services=["dynamodb"])) == kept


def test_a_grant_that_may_be_needed_stays_although_it_was_not_seen() -> None:
    grant = allow(["ssm:GetParameter"], arn("ssm", "parameter/a"))
    assert suggestion(grant, seen=usage(services=["ssm"])) == [grant]


def test_a_condition_stays_with_its_grant() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    statements = suggestion(
        allow("dynamodb:*", table("t"), Condition=condition), seen=usage(used((GET, table("t"))))
    )
    assert statements == [allow([GET], table("t"), Condition=condition)]


def test_a_deny_stays() -> None:
    denial = deny(["dynamodb:*"], table("secret"), Sid="Never")
    statements = suggestion(allow("dynamodb:*", "*"), denial, seen=usage(used((GET, table("t")))))
    assert denial in statements


def test_of_a_call_that_needs_one_of_several_actions_all_stay() -> None:
    permissions = (Permission(action, table("t"), exact=True) for action in (PUT, "dynamodb:UpdateItem"))
    either = [Need(permission, Certainty.ONE_OF) for permission in permissions]
    seen = usage({**used((GET, table("t"))), **dict.fromkeys(either, Observation(1, 1, NOW, NOW))})
    assert suggestion(allow("dynamodb:*Item", "*"), seen=seen) == [
        allow([GET, PUT, "dynamodb:UpdateItem"], table("t"))
    ]
    assert usage_policy(seen)["Statement"] == [allow([GET, PUT, "dynamodb:UpdateItem"], table("t"))]


def test_a_dollar_that_was_no_variable_does_not_become_one() -> None:
    document = {"Version": "2008-10-17", "Statement": [allow(["sns:Publish"], arn("sns", "a${x}"))]}
    from dataclasses import replace

    old = replace(policy(allow("sns:Publish")), statements=parse_policy(document))
    result = compared([old], [usage(used(("sns:Publish", arn("sns", "a${x}"))))])
    assert result.suggestion is not None
    assert result.suggestion.policy == {
        "Version": "2012-10-17",
        "Statement": [allow(["sns:Publish"], arn("sns", "a${$}{x}"))],
    }


def test_a_policy_that_does_not_fit_into_inline_policies_is_split_into_managed_ones() -> None:
    tables = [table(f"{'x' * 200}{n:02}") for n in range(80)]
    result = compared([policy(allow([GET], tables))], [usage(used(*((GET, t) for t in tables)))])
    assert result.suggestion is not None
    assert len(orjson.dumps(result.suggestion.policy)) > 10_240
    parts = result.suggestion.parts
    assert all(len(orjson.dumps(part)) <= 6_144 for part in parts)
    assert [r for part in parts for s in part["Statement"] for r in s["Resource"]] == tables


def test_a_policy_that_names_too_much_is_spelled_as_today() -> None:
    permissions = [(GET, table(f"{'x' * 200}{n}")) for n in range(400)]
    result = compared([policy(allow("dynamodb:Get*Item", table("x*")))], [usage(used(*permissions))])
    assert result.suggestion is not None
    assert result.suggestion.policy["Statement"] == [allow([GET], table("x*"))]


def test_a_policy_that_does_not_fit_at_all_is_not_suggested() -> None:
    tables = [table(f"{'x' * 200}{n}") for n in range(400)]
    result = compared([policy(allow([GET], tables))], [usage(used(*((GET, t) for t in tables)))])
    assert result.suggestion is None


def test_all_but_a_resource_is_cut_to_what_was_used() -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["s3:DeleteObject", "dynamodb:PutItem"],
        "NotResource": ["arn:aws:s3:::secret/*", "arn:aws:sqs:eu-*"],
    }
    seen = usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*"), (PUT, table("t"))))
    assert suggestion(statement, seen=seen) == [
        allow([PUT], table("t")),
        allow(["s3:DeleteObject"], "arn:aws:s3:::b/*"),
    ]


@pytest.mark.parametrize("excepted", ["arn:aws:s3:::b/secret/*", "arn:aws:s3:::${aws:PrincipalTag/team}/*"])
def test_all_but_what_may_be_a_part_of_what_was_used_stays_whole(excepted: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:DeleteObject", "NotResource": excepted}
    (kept,) = suggestion(statement, seen=usage(used(("s3:DeleteObject", "arn:aws:s3:::b/*"))))
    assert kept["NotResource"] == [excepted]


def test_what_a_used_action_may_have_touched_beside_stays() -> None:
    seen = usage(
        {
            **used((PUT, table("t"))),
            **used((PUT, arn("dynamodb", "table/t", region="*")), exact=False, required=False),
        }
    )
    (statement,) = suggestion(allow("dynamodb:*Item", "*"), seen=seen)
    assert statement["Resource"] == arn("dynamodb", "table/t", region="*", account="*")


def test_what_init_code_reads_stays_of_a_wildcard() -> None:
    seen = usage(used(("secretsmanager:ListSecrets", "*")))
    statements = suggestion(allow("secretsmanager:*", "*"), seen=seen)
    assert "secretsmanager:GetSecretValue" in statements[0]["Action"]


NAMES = st.sampled_from(["a", "b", "ab"])
ACTIONS = st.sampled_from([GET, QUERY, PUT, "dynamodb:Scan", "dynamodb:BatchGetItem", "sqs:SendMessage"])
ACTION_PATTERNS = ACTIONS | st.sampled_from(["*", "dynamodb:*", "dynamodb:*Item", "sqs:?end*", "s3:*"])
TABLES, QUEUES = NAMES.map(table), NAMES.map(lambda n: arn("sqs", n))
RESOURCES = TABLES | QUEUES
# a call names a resource that its action works on: no grant on another type has an effect
CALLS = st.tuples(st.sampled_from([GET, QUERY, PUT, "dynamodb:Scan", "dynamodb:BatchGetItem"]), TABLES) | (
    st.tuples(st.just("sqs:SendMessage"), QUEUES)
)
RESOURCE_PATTERNS = RESOURCES | st.sampled_from(
    ["*", table("*"), table("a*"), arn("dynamodb", "table/a", account="*"), arn("sqs", "?")]
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
        "Action": st.lists(ACTION_PATTERNS, min_size=1, max_size=3),
        "Resource": st.lists(RESOURCE_PATTERNS, min_size=1, max_size=2),
    }
)


def _twisted(statement: dict[str, Any], how: int) -> dict[str, Any]:
    """Sometimes NotAction or NotResource."""
    names = {
        "Action": "NotAction" if how == 1 else "Action",
        "Resource": "NotResource" if how == 2 else "Resource",
    }
    return {names.get(key, key): value for key, value in statement.items()}


@given(
    st.lists(st.builds(_twisted, STATEMENTS, st.sampled_from([0, 0, 0, 1, 2])), min_size=1, max_size=5),
    st.lists(CALLS, max_size=5),
    st.lists(st.tuples(ACTIONS, RESOURCES), max_size=10),
)
def test_a_suggestion_keeps_every_call_that_was_allowed_and_grants_nothing_new(
    statements: list[dict[str, Any]], seen: list[tuple[str, str]], probes: list[tuple[str, str]]
) -> None:
    own = policy(*statements)
    suggested = compared([own], [usage(used(*seen))]).suggestion
    after = parse_policy(suggested.policy) if suggested else ()
    for action, resource in seen:
        assert allows(own.statements, action, resource) == allows(after, action, resource)
    for action, resource in probes:
        assert allows(own.statements, action, resource) or not allows(after, action, resource)


def test_a_grant_on_an_incomplete_arn_is_cut_to_what_was_used() -> None:
    queue = arn("sqs", "q")
    result = compared(
        [policy(allow("sqs:SendMessage", "arn:aws:sqs:us-east-1"))],
        [usage(used(("sqs:SendMessage", queue)))],
    )
    assert statements_of(result) == [allow(["sqs:SendMessage"], queue)]
