"""AWS may act with a role's rights after a call of a client that is not traced."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.usage.evidence import EvidenceRequirements
from tests.unit.cases import NOW, allow, arn, compared, deny, function, policy, table, usage, used

GET, DELETE = "dynamodb:GetItem", "dynamodb:DeleteTable"
STACK = arn("cloudformation", "stack/s/*")
GOT = used((GET, table("t")))


def reasons_of_delete(*statements: dict[str, Any], seen: Any = None, **how: Any) -> tuple[str, ...]:
    """Why it is not confirmed that DeleteTable is unused; GetItem was seen, of a client of its own."""
    grants = policy(allow([GET, DELETE], table("t")), *statements)
    items = compared([grants], seen or [usage(GOT)], **how).assessed.assessments
    (delete,) = (item for item in items if item.grant.action == DELETE)
    return delete.reasons


@pytest.mark.parametrize(
    "statement",
    [
        allow("cloudformation:CreateStack"),
        allow("cloudformation:UpdateStack", STACK),
        allow("cloudformation:*"),
        allow("cloudformation:*", STACK),
        allow("CLOUDFORMATION:*Stack*"),
        allow("cloudformation:CreateChangeSet", STACK),
        allow("cloudformation:CreateResource"),
        allow("servicecatalog:ProvisionProduct"),
        allow("servicecatalog:*"),
        allow("elasticbeanstalk:*"),
        allow("serverlessrepo:CreateCloudFormationChangeSet"),
        allow("ssm:StartAutomationExecution"),
        allow("ssm:Start*"),
        allow("cloudformation:CreateStack", Condition={"StringEquals": {"aws:SourceVpc": "vpc-1"}}),
    ],
)
def test_a_grant_that_names_a_changing_call_doubts_the_role(statement: dict[str, Any]) -> None:
    assert reasons_of_delete(statement) == ("acts-for-caller",)


@pytest.mark.parametrize(
    "statement",
    [
        allow("cloudformation:Describe*"),
        allow(["cloudformation:GetTemplate", "cloudformation:ListStacks"]),
        allow("cloudformation:CreateStack", "arn:aws:s3:::b"),  # has no effect there
        allow("servicecatalog:SearchProducts"),
        allow("ssm:GetParameter"),
        allow("ssm:*"),  # it is read for parameters above all
        allow("*"),  # says nothing of what the code does
        allow("c*:*"),
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        allow("nosuch:CreateStack"),
    ],
)
def test_other_grants_do_not(statement: dict[str, Any]) -> None:
    assert reasons_of_delete(statement) == ()


CREATE = allow("cloudformation:CreateStack")


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"seen": [usage(GOT, services=["cloudformation"])]}, ()),
        ({"seen": [usage(GOT, auto_instrumented=NOW)]}, ()),
        ({"requirements": EvidenceRequirements(assume_instrumented=True)}, ()),
        ({"boundary": policy(allow("dynamodb:*"))}, ()),
        (
            {"seen": [usage(used((GET, table("t")), ("cloudformation:CreateStack", STACK)))]},
            ("acts-for-caller",),
        ),
        ({"seen": [usage(GOT, unmapped=["cloudformation"])]}, ("acts-for-caller",)),
        (
            {
                "seen": [usage(GOT, services=["cloudformation"]), usage(GOT, name="g")],
                "functions": [function(), function("g")],
            },
            ("acts-for-caller",),
        ),
    ],
)
def test_whether_the_client_may_be_untraced_decides(how: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert reasons_of_delete(CREATE, **how) == expected


def test_what_a_deny_forbids_is_never_called() -> None:
    assert reasons_of_delete(allow("cloudformation:*"), deny("cloudformation:*")) == ()


def test_without_complete_evidence_there_is_no_further_reason() -> None:
    assert reasons_of_delete(CREATE, seen=[usage(GOT, traces=[])]) == ("not-seen",)
