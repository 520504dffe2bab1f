"""What the ARN in a call tells of the keys of conditions."""

from __future__ import annotations

import pytest

from scanner.mapping.condition_values import condition_values
from scanner.mapping.permissions import required_permissions
from scanner.model import Call, Outcome, Unmapped

FLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:flow"
POINT = "arn:aws:s3:us-east-1:123456789012:accesspoint/point"
QUALIFIER = "states:statemachinequalifier"
POINT_ARN, POINT_ACCOUNT = "s3:dataaccesspointarn", "s3:dataaccesspointaccount"


@pytest.mark.parametrize(
    ("action", "arn", "expected"),
    [
        ("states:StartExecution", f"{FLOW}:PROD", {QUALIFIER: ("PROD",)}),
        ("states:StartSyncExecution", f"{FLOW}:3", {QUALIFIER: ("3",)}),
        ("states:DescribeStateMachineAlias", f"{FLOW}:PROD", {QUALIFIER: ("PROD",)}),
        ("states:DeleteStateMachineVersion", FLOW.replace("aws:", "aws-cn:", 1) + ":1", {QUALIFIER: ("1",)}),
        ("states:StartExecution", FLOW, {QUALIFIER: ()}),
        ("states:CreateStateMachineAlias", FLOW, {}),  # the versions that it routes to are in no trace
        ("states:UpdateStateMachine", FLOW, {}),
        ("states:StartExecution", FLOW.replace("flow", "*"), {}),
        ("states:StartExecution", f"{FLOW}:*", {}),
        ("states:DescribeExecution", FLOW.replace("stateMachine", "execution") + ":run", {}),
        ("states:StopExecution", "*", {}),
        ("s3:GetObject", f"{POINT}/object/*", {POINT_ARN: (POINT,), POINT_ACCOUNT: ("123456789012",)}),
        ("s3:ListBucket", POINT, {POINT_ARN: (POINT,), POINT_ACCOUNT: ("123456789012",)}),
        ("s3:GetObject", "arn:aws:s3:::b/*", {}),
        ("dynamodb:GetItem", f"{FLOW}:PROD", {}),
    ],
)
def test_the_values_that_follow_from_an_arn(
    action: str, arn: str, expected: dict[str, tuple[str, ...]]
) -> None:
    assert dict(condition_values(action, arn)) == expected


@pytest.mark.parametrize(("named", "values"), [(f"{FLOW}:PROD", ("PROD",)), (FLOW, ())])
def test_a_call_carries_them_on_the_arn_that_iam_checks(named: str, values: tuple[str, ...]) -> None:
    call = Call(None, "SFN", "StartExecution", (("state_machine_arn", named),), "", "", Outcome.OK)
    needs = required_permissions(call)
    assert not isinstance(needs, Unmapped)
    (need,) = (need for need in needs if need.required)
    assert need.permission == ("states:StartExecution", FLOW, True, ((QUALIFIER, values),))
