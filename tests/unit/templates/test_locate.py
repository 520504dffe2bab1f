"""Finding -> place: which names are a role's, and nothing where more than one place fits."""

from __future__ import annotations

from textwrap import dedent

import pytest

from scanner.model import Location
from scanner.templates.locate import Locator
from scanner.templates.places import Templates
from tests.unit.cases import allow, deny
from tests.unit.templates.cases import READ, finding, inline, locate, role_template, templates


@pytest.mark.parametrize(
    ("name", "placed"),
    [
        ("notes-test-list", True),
        ("!Sub 'notes-${Stage}-list'", True),
        ("!Sub '${Service}-${Stage}-list'", True),
        ("notes-prod-list", False),
        ("!Ref RoleName", False),  # could be any role
        ("!Sub '${AWS::StackName}-role'", False),
        ("!Sub '${Service}-test-*'", False),
        ("!Join ['-', [notes, !Ref Stage, list]]", True),
        ("!If [Prod, notes-list, notes-test-list]", False),
    ],
)
def test_role_names(name: str, placed: bool) -> None:
    place = locate(READ, (), templates({"a.yml": role_template(name)}))
    assert place == (Location("a.yml", 9, 9) if placed else None)


@pytest.mark.parametrize(
    ("deployed", "placed"),
    [
        ("notes-ListRole-1ABCDEFGH2345", True),
        ("notes-test-eu-ListRole-uYrSxqhy1eUd", True),
        ("notes-MyListRole-1ABCDEFGH2345", False),
        ("notes-ListRole", False),
        ("notes-ListRole-prod", False),
        ("ListRole-1ABCDEFGH2345", False),
    ],
)
def test_names_made_of_logical_ids(deployed: str, placed: bool) -> None:
    case = finding(deployed, "s3:GetObject", "*", policy="read")
    assert (locate(case, (), templates({"a.yml": role_template("", "'*'")})) is not None) == placed


def test_cut_logical_id() -> None:
    # As CloudFormation cuts it: serverlessrepo-lambda-jan-LambdaJanitorFunctionRol-1QPZNVJZ4RR3P
    text = role_template("", "'*'", logical_id="LambdaJanitorFunctionRole")
    case = finding(
        "serverlessrepo-lambda-jan-LambdaJanitorFunctionRol-1QPZNVJZ4RR3P", "s3:GetObject", "*", policy="read"
    )
    assert locate(case, (), templates({"a.yml": text})) == Location("a.yml", 9, 9)


def test_two_templates() -> None:
    """The same role in two files (a copy, a packaged template) has no place; a role named in full has."""
    pattern, full = role_template("!Sub 'notes-${Stage}-list'"), role_template("notes-test-list")
    assert locate(READ, (), templates({"a.yml": pattern, "b.yml": pattern})) is None
    assert locate(READ, (), templates({"a.yml": pattern, "b.yml": full})) == Location("b.yml", 9, 9)


def test_whole_statement_before_part() -> None:
    text = dedent(
        """\
        Resources:
          R:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - PolicyName: p
                  PolicyDocument:
                    Statement:
                      - { Effect: Allow, Action: ["s3:GetObject"], Resource: !ImportValue A }
                      - { Effect: Allow, Action: ["s3:GetObject", "s3:PutObject"], Resource: !ImportValue A }
        """
    )
    both = allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::b/*")
    deployed = inline("p", both, deny("s3:*"), deny("s3:*"))
    case = finding("x-R-ABCDEFGHIJKL", "s3:GetObject", "arn:aws:s3:::b/*", deployed)
    assert locate(case, (), templates({"a.yml": text})) == Location("a.yml", 10, 10)


def test_nothing_to_find() -> None:
    assert locate(READ, (), Templates()) is None


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({"a.yml": role_template("notes-test-list")}, "a.yml"),
        ({"a.yml": role_template("other-role")}, ""),
        ({"a.yml": role_template("notes-test-list"), "b.yml": role_template("notes-test-list")}, ""),
    ],
    ids=["one", "none", "two"],
)
def test_the_template_of_a_role_is_the_only_one_that_can_declare_it(
    files: dict[str, str], template: str
) -> None:
    assert Locator(templates(files)).template(READ.role, ()) == template
