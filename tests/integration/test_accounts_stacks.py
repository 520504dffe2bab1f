"""Stacks of several accounts: the same one in each, in one alone, and in none; lines of their templates."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import REGION, Json, lambda_trace
from tests.integration.test_accounts import ONE, ROLE, TWO, scan, verdicts
from tests.integration.tools import Ran, notes_call

FUNCTION = notes.function_name("delete")
TEMPLATE = json.dumps(
    {
        "Resources": {
            "DeleteRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": ROLE,
                    "AssumeRolePolicyDocument": notes.trust(),
                    "Policies": [{"PolicyName": "notes", "PolicyDocument": notes.policy("delete")}],
                },
            },
            "Delete": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "FunctionName": FUNCTION,
                    "Role": {"Fn::GetAtt": ["DeleteRole", "Arn"]},
                    "Runtime": "python3.12",
                    "Handler": "index.handler",
                    "Code": {"ZipFile": "def handler(event, context): pass\n"},
                },
            },
        }
    },
    indent=1,
)


@pytest.fixture
def deployed(aws: MotoAws, tmp_path: Path) -> MotoAws:
    """A stack in the first account, one of the same template and another name in the second; its template."""
    aws.reset()
    for account, stack in ((ONE, "notes"), (TWO, "notes-two")):
        of_account = aws.of_account(account)
        of_account.client("cloudformation").create_stack(StackName=stack, TemplateBody=TEMPLATE)
        iam = of_account.client("iam")  # moto keeps the policies of a template as no JSON
        iam.put_role_policy(
            RoleName=ROLE, PolicyName="notes", PolicyDocument=json.dumps(notes.policy("delete"))
        )
        of_account.put_traces([trace(account, FUNCTION, aws.next_second())])
    (tmp_path / "template.json").write_text(TEMPLATE)
    aws.next_second()
    return aws


def trace(account: str, function: str, start: float) -> Json:
    arn = f"arn:aws:lambda:{REGION}:{account}:function:{function}"
    return lambda_trace(arn, [notes_call("delete")], start)


def test_a_stack_is_that_of_each_account_that_has_it(deployed: MotoAws, tmp_path: Path) -> None:
    of_one = scan(tmp_path, deployed, "--stack", "notes")
    assert of_one.code == 0, of_one.err
    assert {account for account, _ in verdicts(of_one)} == {ONE}
    both = scan(tmp_path, deployed, "--stack", "notes", "notes-two")
    assert {account for account, _ in verdicts(both)} == {ONE, TWO}


def test_an_account_whose_stack_cannot_be_read_is_named(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, "--stack", "notes")
    assert f"account {TWO}: the stack 'notes' cannot be read: ValidationError" in ran.warning_texts


def test_a_stack_that_no_account_has_is_wrong_use(deployed: MotoAws, tmp_path: Path) -> None:
    scan(tmp_path, deployed, "--stack", "other").ends_with(2, "the stack 'other' cannot be read")


def test_lines_of_templates_are_found_in_each_account(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, "--sarif", "x.sarif")
    line = 1 + next(n for n, text in enumerate(TEMPLATE.splitlines()) if "dynamodb:GetItem" in text)
    assert places(ran) == {(ONE, "template.json", line), (TWO, "template.json", line)}


def places(ran: Ran) -> set[tuple[str, str, int]]:
    return {
        (role["account"], finding["location"]["path"], finding["location"]["line"])
        for role in ran.report["roles"]
        for finding in role["findings"]
        if finding["location"] and "dynamodb:GetItem" in finding["actions"]
    }
