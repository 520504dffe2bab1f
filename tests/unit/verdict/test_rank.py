"""The order of findings: breadth, then severity of the excess, then how many roles."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scanner.model import Finding
from scanner.verdict.rank import Breadth, ranking
from tests.unit.cases import NOW, allow, arn, compared, only, policy, table, usage

SECRET = arn("secretsmanager", "secret:db-??????")
# widest first: each stands before all that follow
ORDER: list[tuple[dict[str, Any], Breadth]] = [
    (allow("*"), Breadth.EVERYTHING),
    (allow("lambda:*"), Breadth.ESCALATION),
    (allow("lambda:UpdateFunctionCode", arn("lambda", "function:g")), Breadth.ESCALATION),
    (allow("dynamodb:*"), Breadth.SERVICE),
    (allow("sqs:*"), Breadth.SERVICE),
    (allow("ssm:GetParameter", arn("ssm", "parameter/p")), Breadth.SECRETS),
    (allow("dynamodb:Put*"), Breadth.ACTIONS_EVERYWHERE),
    (allow("dynamodb:DeleteTable"), Breadth.ACTION_EVERYWHERE),
    (allow("dynamodb:PutItem"), Breadth.ACTION_EVERYWHERE),
    (allow("dynamodb:*", table("t")), Breadth.SERVICE_ON_RESOURCES),
    (allow("dynamodb:Put*", table("t")), Breadth.ACTIONS_ON_RESOURCES),
    (allow("dynamodb:PutItem", table("t*")), Breadth.ACTION_ON_PATTERN),
    (allow("dynamodb:DeleteTable", table("t")), Breadth.ACTION_ON_RESOURCE),
    (allow("dynamodb:PutItem", table("t")), Breadth.ACTION_ON_RESOURCE),
    (allow("dynamodb:ListTables"), Breadth.ACTION_ON_RESOURCE),  # it knows no resources
    (allow("dynamodb:PutItem", table("t/index/*")), Breadth.NOTHING),
]


def finding(statement: dict[str, Any]) -> Finding:
    return only(compared([policy(statement)], [usage(auto_instrumented=NOW)]))


def test_the_widest_comes_first() -> None:
    findings = [finding(statement) for statement, _ in ORDER]
    assert [f.breadth for f in findings] == [breadth for _, breadth in ORDER]
    rank = ranking((finding.role, finding) for finding in findings)
    ranks = [rank(f) for f in findings]
    assert ranks == sorted(ranks)


def test_reading_secrets_comes_before_other_writes() -> None:
    secrets, writes = (
        finding(allow("secretsmanager:GetSecretValue", SECRET)),
        finding(allow("sqs:SendMessage")),
    )
    rank = ranking((finding.role, finding) for finding in [secrets, writes])
    assert rank(secrets) < rank(writes)


def test_what_many_roles_have_comes_first() -> None:
    rare, common = (finding(allow("sqs:SendMessage", arn("sqs", name))) for name in "ab")
    others = [replace(common, role=f"arn:aws:iam::1:role/{number}") for number in range(3)]
    rank = ranking((finding.role, finding) for finding in [rare, common, *others])
    assert rank(common) == rank(others[0]) < rank(rare)
