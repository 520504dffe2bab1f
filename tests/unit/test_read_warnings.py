"""What a scan warns of once it has read everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from scanner.errors import Warnings
from scanner.ledger import Ledger
from scanner.read import warn_of_calls_not_understood, warn_of_unknown_ages
from scanner.request import ScanRequest
from scanner.result import RoleResult
from scanner.suggest.check import NotUnderstood
from scanner.usage.evidence import EvidenceRequirements
from tests.unit.cases import NOW, allow, compared, of_aws, policy, table, usage


def role_with(name: str, *actions: str) -> RoleResult:
    """A role of whose calls these succeeded without a grant."""
    result = compared([policy(allow("dynamodb:Scan", table("t")))], [usage()])
    context = result.assessed.context
    named = replace(context, role=replace(context.role, name=name))
    calls = [NotUnderstood("f", action, "*", 1) for action in actions]
    return replace(result, assessed=replace(result.assessed, context=named), not_understood=calls)


def test_calls_that_are_not_understood_are_one_warning_with_the_first_roles() -> None:
    warnings = Warnings()
    roles = [role_with(f"r-{at}", "s3:GetObject", "s3:PutObject") for at in range(5)]
    warn_of_calls_not_understood([*roles, role_with("well")], warnings)
    (warning,) = warnings.all()
    assert warning.count == 5
    assert warning.message.startswith(
        "5 roles have calls that succeeded without a grant that allows them, though one names the action: "
        "r-0 (s3:GetObject, s3:PutObject); r-1 (s3:GetObject, s3:PutObject); "
        "r-2 (s3:GetObject, s3:PutObject) "
        "and 2 more: "
    )


def test_of_one_role_all_is_named_and_none_is_warned_of_where_all_is_understood() -> None:
    warnings = Warnings()
    warn_of_calls_not_understood([role_with("well")], warnings)
    assert warnings.all() == []
    warn_of_calls_not_understood([role_with("r", *(f"s3:Get{at}" for at in range(4)))], warnings)
    assert "1 role has calls" in warnings.all()[0].message
    assert "r (s3:Get0, s3:Get1, s3:Get2 and 1 more)" in warnings.all()[0].message


def test_one_warning_says_that_aws_does_not_tell_the_age_of_inline_grants() -> None:
    inline = role_with("inline").role
    managed = replace(of_aws("Reads", allow("s3:GetObject")), created=datetime.fromtimestamp(NOW, UTC))
    asked = ScanRequest(requirements=EvidenceRequirements(grace_days=7))
    for request, roles, expected in (
        (asked, [inline, inline], 1),
        (asked, [replace(inline, policies=(managed,))], 0),
        (replace(asked, ledger=Ledger()), [inline], 0),
        (ScanRequest(), [inline], 0),
    ):
        warnings = Warnings()
        warn_of_unknown_ages(request, roles, warnings)
        assert [warning.count for warning in warnings.all()] == [1] * expected
