"""Roles that CloudFormation writes before it deploys: which template makes them, and no line."""

from __future__ import annotations

from textwrap import dedent

import pytest

from scanner.model import Location, StackResource
from tests.unit.templates.cases import finding, placement, role_template, templates
from tests.unit.templates.edit_cases import offered, role

LOOP = """\
    Transform: AWS::LanguageExtensions
    Resources:
      Fn::ForEach::Readers:
        - Of
        - %s
        - %s:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: read
                  PolicyDocument:
                    Statement: [{ Effect: Allow, Action: "s3:GetObject", Resource: "*" }]
      PlainRole:
        Type: AWS::IAM::Role
        Properties:
          Policies:
            - PolicyName: read
              PolicyDocument:
                Statement: [{ Effect: Allow, Action: "s3:GetObject", Resource: "*" }]
    """
NESTED = """\
    Resources:
      Fn::ForEach::A:
        - X
        - [One, Two]
        - Fn::ForEach::B:
            - Y
            - [a-b, c]
            - "${X}&{Y}Fn":
                Type: AWS::Serverless::Function
                Properties: { Policies: [AmazonS3ReadOnlyAccess] }
    """
MODULE = """\
    Resources:
      Notes:
        Type: %s
      Used: { Type: AWS::SQS::Queue }
    """


def note(template: str, role_name: str, stack: StackResource | None = None) -> str:
    found = finding(role_name, "s3:GetObject", "*", "read")
    its = placement(found, (), templates({"a.yml": dedent(template)}), stack)
    assert its.location is None
    return its.note


def makes(by: str) -> str:
    return f"a.yml makes the role by {by}: what is written before it is deployed has no line"


@pytest.mark.parametrize(
    ("collection", "logical_id", "role_name", "by"),
    [
        ("[Notes, Users]", "${Of}Role", "app-UsersRole-Ab3dEf6hIj9k", "loop Readers"),
        ("[notes-1]", "The&{Of}Role", "app-Thenotes1Role-Ab3dEf6hIj9k", "loop Readers"),
        ("!Ref Names", "Reader${Of}Role", "app-ReaderXRole-Ab3dEf6hIj9k", "loop Readers"),
        ("[Notes, Users]", "${Of}Role", "app-OrdersRole-Ab3dEf6hIj9k", ""),
    ],
)
def test_loops(collection: str, logical_id: str, role_name: str, by: str) -> None:
    text = LOOP % (collection, f'"{logical_id}"')
    assert note(text, role_name) == (makes(by) if by else "")


def test_what_stands_beside_a_loop_has_its_lines() -> None:
    found = finding("app-PlainRole-Ab3dEf6hIj9k", "s3:GetObject", "*", "read")
    text = dedent(LOOP % ("[Notes]", '"${Of}Role"'))
    assert placement(found, (), templates({"a.yml": text})).location == Location("a.yml", 19, 19)


def test_loops_within_loops() -> None:
    assert note(NESTED, "app-TwoabFnRole-Ab3dEf6hIj9k") == makes("loop A")
    assert note(NESTED, "app-OnecFnRole-Ab3dEf6hIj9k") == makes("loop A")
    assert note(NESTED, "app-ThreeabFnRole-Ab3dEf6hIj9k") == ""


def test_a_loop_is_known_by_its_stack() -> None:
    text = LOOP % ("[Notes]", '"${Of}Role"')
    name = "app-NotesRole-Ab3dEf6hIj9k"
    assert note(text, name, StackResource("app", "NotesRole", dedent(text))) == makes("loop Readers")


@pytest.mark.parametrize("kind", ["Our::Table::WithRole::MODULE", "!Rain::Module ./table.yml"])
def test_modules(kind: str) -> None:
    text = MODULE % kind
    assert note(text, "app-NotesReadRole-Ab3dEf6hIj9k") == makes("module Notes")
    assert note(text, "app-UsersReadRole-Ab3dEf6hIj9k") == ""


def test_a_module_that_the_stack_names() -> None:
    its = StackResource("app", "NotesReadRole", None, "Notes/Inner")
    template = "Resources: { Queue: { Type: AWS::SQS::Queue } }\n"
    assert note(template, "app-NotesReadRole-Ab3d", its) == "module Notes/Inner of stack app makes the role"


@pytest.mark.parametrize(
    ("transform", "by"),
    [
        ("OurMacro", "macro OurMacro"),
        ("[AWS::Serverless-2016-10-31, OurMacro]", "macro OurMacro"),
        ("[{ Name: 'a`b', Parameters: {} }]", "macro ?"),
        ("AWS::Serverless-2016-10-31", ""),
        ("[AWS::LanguageExtensions, AWS::SecretsManager-2020-07-23]", ""),
    ],
)
def test_macros_of_a_template(transform: str, by: str) -> None:
    text = role_template("", "'*'") + f"Transform: {transform}\n"
    found = finding("app-ListRole-Ab3dEf6hIj9k", "s3:GetObject", "*", "read")
    its = placement(found, (), templates({"a.yml": text}))
    assert (its.location is None, its.note) == (bool(by), makes(by) if by else "")
    offer = offered({"a.yml": text.encode()}, [role("app-ListRole-Ab3dEf6hIj9k", text, {"s3:GetObject"})])
    assert bool(offer.fixes) is not bool(by)


@pytest.mark.parametrize(
    ("name", "other", "places"), [("AWS::Include", True, True), ("OurMacro", True, False)]
)
def test_macros_of_a_resource(name: str, other: bool, places: bool) -> None:
    """What AWS::Include adds has no line; what stands beside it has."""
    text = (
        role_template("", "'*'")
        + f"      Fn::Transform: {{ Name: {name}, Parameters: {{ Location: s3://a/b }} }}\n"
    )
    for action, placed in (("s3:GetObject", places), ("s3:PutObject", False)):
        found = finding("app-ListRole-Ab3dEf6hIj9k", action, "*", "read")
        its = placement(found, (), templates({"a.yml": text}))
        assert (its.location is not None) is placed
        by = name if name == "AWS::Include" else f"macro {name}"
        assert its.note == ("" if placed else makes(by))


@pytest.mark.parametrize(
    "text",
    [
        "Resources: { Fn::ForEach::A: [X, ["
        + "a, " * 3000
        + "b], {'Fn::ForEach::B': [Y, ["
        + "c, " * 3000
        + "d], {'${X}${Y}': {Type: AWS::IAM::Role}}]}] }",
        "Resources: &r { 'Fn::ForEach::A': [X, [a, b], *r], R: { Type: AWS::IAM::Role } }",
        "Resources: { Fn::ForEach::A: [[], {}, []], B: { Type: AWS::IAM::Role } }",
        "Resources: { Fn::ForEach::A: x, B: { Type: [AWS::IAM::Role] }, C: { Type: !Rain::Module {} } }",
        "Transform: [[], {Name: []}]\nResources: { B: { Type: AWS::IAM::Role, Properties: &p { a: *p } } }",
    ],
)
def test_hostile_loops(text: str) -> None:
    found = finding("app-ZRole-Ab3dEf6hIj9k", "s3:GetObject", "*", "read")
    try:
        checkout = templates({"a.yml": text})
    except AssertionError:
        return  # not read: beyond the steps of a template
    assert placement(found, (), checkout).location is None
