"""The ready-made rule accepts the finding that it stands with, and nothing wider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.load_config import load_config
from scanner.gate.rules import grant_facts
from scanner.report.view.accept_rule import rules_text
from scanner.text.redact import PUBLIC_REDACTION
from tests.examples import examples
from tests.unit.cases import allow, arn, compared, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, SCAN, scan_result
from tests.unit.report.views import viewed

OTHER = allow("dynamodb:DeleteTable", table("other"), Sid="Other")
RESOURCES = st.one_of(
    st.sampled_from(
        [
            "*",
            table("t"),
            "arn:aws:s3:::b/*",
            "arn:aws:s3:::${aws:username}/*",
            "*secret:x",
            arn("sqs", "q??"),
        ]
    ),
    st.text("abc:/*'\"#{}&!|>%@`,[]- é\n", min_size=1, max_size=12).map(lambda text: table("x" + text)),
)
SIDS = st.one_of(st.none(), st.text("abcABC019", min_size=1, max_size=6))


def rule_for(*statements: dict[str, Any], hide: bool = False) -> tuple[str, list[Any]]:
    """The rule for all confirmed or unconfirmed findings but those of `OTHER`, and the grants."""
    seen = usage(used((GET, table("t"))))
    compared_role = compared([policy(*statements, OTHER)], [seen])
    scan = scan_result([compared_role], [seen], [function()])
    view = viewed(scan, COMPARE, PUBLIC_REDACTION) if hide else viewed(scan, COMPARE)
    rows = [row for row in (*view.confirmed, *view.unconfirmed) if "dynamodb:DeleteTable" not in row.actions]
    role = compared_role.role
    facts = [
        grant_facts(role.arn, role.workloads, assessment.grant)
        for assessment in compared_role.assessed.assessments
    ]
    return rules_text(rows, names_hidden=hide), facts


@examples(40)
@given(RESOURCES, SIDS, st.sampled_from([SCAN, "s3:Get*", "*", "sqs:*", "kms:Sign"]))
def test_a_rule_loads_and_accepts_exactly_what_it_is_for(resource: str, sid: str | None, action: str) -> None:
    statement = allow(action, resource) | ({"Sid": sid} if sid else {})
    text, facts = rule_for(statement)
    if not text:
        return
    rules = load_config(text).ignores
    for fact in facts:
        is_meant = (fact.action, fact.resource) == (action, resource)
        is_narrower = action == "*" and resource == "*" and not sid
        assert any(rule.matches(fact) for rule in rules) == (is_meant or is_narrower)


def test_several_actions_are_one_rule() -> None:
    text, _ = rule_for(allow([GET, SCAN, "dynamodb:Query"], table("t")))
    (rule,) = load_config(text).ignores
    assert rule.action == ("dynamodb:scan", "dynamodb:query")


def test_findings_on_the_same_resources_share_a_rule_that_accepts_nothing_wider() -> None:
    named = [allow(action, table("t"), Sid="S") for action in (SCAN, "dynamodb:DeleteItem")]
    text, facts = rule_for(*named, allow("dynamodb:DescribeTable", table("t"), Sid="Not"))
    rules = load_config(text).ignores
    assert len(rules) == 2
    assert [rule.action for rule in rules if rule.sid == "S"] == [("dynamodb:deleteitem", "dynamodb:scan")]
    accepted = [fact.action for fact in facts if any(rule.matches(fact) for rule in rules)]
    assert accepted == [SCAN, "dynamodb:DeleteItem", "dynamodb:DescribeTable"]


@pytest.mark.parametrize("sid", [{}, {"Sid": "AllBut"}])
@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": table("t")},
        {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": ["*", table("t")]},
        {"Effect": "Allow", "Action": SCAN, "NotResource": table("secret")},
        {"Effect": "Allow", "NotAction": "iam:*", "NotResource": [table("a"), table("b")]},
    ],
)
def test_a_statement_with_exceptions_has_a_rule_by_what_it_excepts(
    statement: dict[str, Any], sid: dict[str, Any]
) -> None:
    text, facts = rule_for(statement | sid, allow("dynamodb:DeleteTable", "*", Sid="Third"))
    rules = load_config(text).ignores
    excepting = [fact for fact in facts if fact.except_actions or fact.except_resources]
    assert excepting
    assert [fact for fact in facts if any(rule.matches(fact) for rule in rules)] == excepting


def test_roles_with_the_same_grants_share_a_rule() -> None:
    seen = usage(used((GET, table("t"))))
    view = viewed(scan_result([compared([policy(allow(SCAN, table("t")))], [seen])], [seen]), COMPARE)
    (row,) = view.confirmed
    names = ("r-0", "r-1", "r-2")
    rows = [replace(row, role=msgspec.structs.replace(row.role, name=name)) for name in names]
    (rule,) = load_config(rules_text(rows)).ignores
    assert rule.role == names


def test_where_names_are_hidden_the_account_may_be_any() -> None:
    text, facts = rule_for(allow(SCAN, table("t")), hide=True)
    assert "ACCOUNT_ID" not in text and "123456789012" not in text
    rules = load_config(text).ignores
    assert [fact.action for fact in facts if any(rule.matches(fact) for rule in rules)] == [SCAN]


def test_a_hidden_name_has_to_be_filled_in_before_the_rule_accepts_anything() -> None:
    secret = arn("secretsmanager", "secret:db-AbCdEf")
    text, facts = rule_for(allow("secretsmanager:PutSecretValue", secret), hide=True)
    assert "# hidden here: put in the name" in text
    rules = load_config(text).ignores
    assert not any(rule.matches(fact) for rule in rules for fact in facts)


@pytest.mark.parametrize("name", ["on", "null", "a: b", "- x", "#x", "x'"])
def test_whatever_yaml_would_take_for_something_else_is_quoted(name: str) -> None:
    text, facts = rule_for(allow(SCAN, table("t"), Sid=name))
    (rule,) = load_config(text).ignores
    assert rule.sid == name
    assert any(rule.matches(fact) for fact in facts)
