"""The stack that made a role decides before names do: which template, under which logical id."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from scanner.model import Location, StackResource
from scanner.templates.locate import Placement
from tests.unit.cases import allow
from tests.unit.templates.cases import finding, inline, placement, role_template, templates
from tests.unit.templates.test_monorepos import LOCAL, NOTES, read_of, service

DEPLOYED = finding("notes-ListRole-1ABCDEFGH2345", "s3:GetObject", "*", policy="read")
PLAIN = role_template("", "'*'")
WITH_BUCKET = PLAIN + "  Bucket: { Type: AWS::S3::Bucket }\n"


def list_role(template: str | None = None, stack: str = "notes") -> StackResource:
    return StackResource(stack, "ListRole", template)


def test_the_deployed_template_decides_between_two_with_the_same_role() -> None:
    checkout = templates({"a.yml": PLAIN, "b.yml": WITH_BUCKET})
    assert placement(DEPLOYED, (), checkout).note == "a.yml:9 and b.yml:9 fit equally"
    for text, path in ((PLAIN, "a.yml"), (WITH_BUCKET, "b.yml")):
        assert placement(DEPLOYED, (), checkout, list_role(text)).location == Location(path, 9, 9)


def test_a_name_that_tells_nothing_is_placed_by_the_deployed_template() -> None:
    text = role_template("!Sub 'Lambda-Role-${AWS::StackName}'", "'*'")
    case = finding("Lambda-Role-notes", "s3:GetObject", "*", policy="read")
    checkout = templates({"a.yml": text})
    assert placement(case, (), checkout).location is None
    assert placement(case, (), checkout, list_role(text)).location == Location("a.yml", 9, 9)


def test_one_template_deployed_as_several_stages() -> None:
    checkout = templates({"a.yml": PLAIN, "b.yml": WITH_BUCKET})
    for stage in ("dev", "prod"):
        case = finding(f"notes-{stage}-ListRole-1ABCDEFGH2345", "s3:GetObject", "*", policy="read")
        made_by = list_role(WITH_BUCKET, f"notes-{stage}")
        assert placement(case, (), checkout, made_by).location == Location("b.yml", 9, 9)


@pytest.mark.parametrize("changed", [PLAIN.replace("ListRole", "Other"), None, "[", "a: b", "- AWS::"])
def test_without_the_template_as_deployed_names_decide_among_roles_of_the_logical_id(
    changed: str | None,
) -> None:
    """A checkout that changes the template, or a template that may not be read."""
    other = role_template("notes-ListRole-1ABCDEFGH2345", "'*'", logical_id="Named")
    checkout = templates({"a.yml": PLAIN, "named.yml": other})
    assert placement(DEPLOYED, (), checkout).location == Location("named.yml", 9, 9)
    assert placement(DEPLOYED, (), checkout, list_role(changed)).location == Location("a.yml", 9, 9)


def test_a_role_of_a_stack_that_no_template_declares_is_not_guessed() -> None:
    checkout = templates({"a.yml": role_template("notes-test-list", "'*'", logical_id="Other")})
    case = finding("notes-test-list", "s3:GetObject", "*", policy="read")
    assert placement(case, (), checkout).location == Location("a.yml", 9, 9)
    assert placement(case, (), checkout, list_role()) == Placement(
        note="the role is ListRole of stack notes, of which no template was found",
    )


def test_a_template_whose_name_contradicts_is_not_the_deployed_one() -> None:
    text = role_template("notes-prod-list", "'*'")
    case = finding("notes-test-list", "s3:GetObject", "*", policy="read")
    assert placement(case, (), templates({"a.yml": text}), list_role(text)).location is None


@pytest.mark.parametrize(
    ("stack", "path"), [("notes-local", NOTES), ("notes-dev", NOTES), ("notes-local-dev", LOCAL), ("x", None)]
)
def test_the_name_of_the_stack_tells_the_service(stack: str, path: str | None) -> None:
    """Also where the name of the role does not: stage `local` of `notes`, and service `notes-local`."""
    checkout = templates({NOTES: service("notes"), LOCAL: service("notes-local")})
    case = finding(f"{stack}-us-east-1-lambdaRole", "s3:GetObject", "arn:aws:s3:::b/*", policy="p")
    made_by = StackResource(stack, "IamRoleLambdaExecution")
    place = placement(case, [f"{stack}-api"], checkout, made_by).location
    assert place == (Location(path, 7, 7) if path else None)


def test_a_stack_that_is_given_a_name() -> None:
    named = service("notes").replace("name: aws", "name: aws\n  stackName: shop-${sls:stage}")
    case, workloads = read_of("notes")
    for stack, placed in (("shop-dev", True), ("notes-dev", False)):
        made_by = StackResource(stack, "IamRoleLambdaExecution")
        place = placement(case, workloads, templates({NOTES: named}), made_by).location
        assert (place is not None) == placed


def test_a_nested_stack_is_of_its_own_template() -> None:
    parent = dedent(
        """\
        Resources:
          Inner: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: ./inner.yml } }
          ListRole: { Type: AWS::IAM::Role, Properties: { Path: / } }
        """
    )
    case = finding("shop-Inner-1XYZ-ListRole-1ABCDEFGH2345", "s3:GetObject", "*", policy="read")
    checkout = templates({"parent.yml": parent, "inner.yml": PLAIN, "other.yml": WITH_BUCKET})
    made_by = list_role(PLAIN, "shop-Inner-1XYZ")
    assert placement(case, (), checkout, made_by).location == Location("inner.yml", 9, 9)


CONSTRUCT = "NotesStack/List/ServiceRole/Resource"
SYNTHESISED = {
    "Resources": {
        "ListRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {}},
            "Metadata": {"aws:cdk:path": CONSTRUCT},
        },
        "ListRoleDefaultPolicyAE71B5FA": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "ListRoleDefaultPolicyAE71B5FA",
                "PolicyDocument": {
                    "Statement": [{"Action": "s3:GetObject", "Effect": "Allow", "Resource": "*"}]
                },
                "Roles": [{"Ref": "ListRole"}],
            },
        },
    }
}


def test_a_synthesised_template_in_json() -> None:
    """With its template in the checkout the line of that; without it the construct is named."""
    policy = inline("ListRoleDefaultPolicyAE71B5FA", allow("s3:GetObject", "*"))
    case = finding("notes-ListRole-1ABCDEFGH2345", "s3:GetObject", "*", policy)
    text = json.dumps(SYNTHESISED, indent=1)
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "GetObject" in row)
    made_by = list_role(json.dumps(SYNTHESISED))
    checkout = templates({"a.yml": PLAIN, "synthesised.json": text})
    assert placement(case, (), checkout, made_by).location == Location("synthesised.json", line, line)
    assert placement(case, (), templates({}), made_by) == Placement(
        note=f"the CDK makes the role: construct {CONSTRUCT} of stack notes",
    )


def test_a_role_outside_of_any_stack_falls_back_to_names() -> None:
    checkout = templates({"a.yml": role_template("notes-test-list", "'*'")})
    case = finding("notes-test-list", "s3:GetObject", "*", policy="read")
    assert placement(case, (), checkout, None).location == Location("a.yml", 9, 9)
