"""Edits that need a look: something smaller in the place of what was used in part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from scanner.iam.policies import parse_policy
from scanner.model import BundleUse, Fix, Policy, Verdict
from scanner.verdict.bundle_table import SAM, bundles
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered

CRUD = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  List:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: books-list
      Policies:
        - DynamoDBCrudPolicy: { TableName: books } # all of it
"""
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/books"


def crud(used: Sequence[str], unless: tuple[str, ...] = ()) -> Deployed:
    """A function that may do all with its table, and did something."""
    (bundle,) = (b for b in bundles() if (b.framework, b.name) == (SAM, "DynamoDBCrudPolicy"))
    (part,) = bundle.parts
    statement = {"Effect": "Allow", "Action": list(part.spelled), "Resource": [TABLE, f"{TABLE}/index/*"]}
    policy = Policy("ListRolePolicy0", None, "inline", parse_policy({"Statement": [statement]}))
    unused = [action for action in part.spelled if action not in used]
    role = deployed("app-ListRole-1ABCDEFGHIJKL", [policy], unused)
    use = BundleUse(SAM, bundle.name, TABLE, fits=False, smaller="DynamoDBReadPolicy", unless=unless)
    findings = tuple(replace(finding, bundle=use) for finding in role.findings)
    return role._replace(findings=findings, workloads=("books-list",))


def test_a_smaller_policy_template() -> None:
    files = {"template.yml": CRUD.encode()}
    found = offered(files, [crud(["dynamodb:GetItem"], unless=("dynamodb:PutItem",))])
    (fix,) = found.fixes
    assert made(files, [fix])["template.yml"].decode() == CRUD.replace("DynamoDBCrud", "DynamoDBRead")
    assert fix.disposition == "needs-a-look"
    assert "dynamodb:PutItem, which traces may not show" in fix.why
    assert any(id_.endswith("dynamodb:DeleteItem") for id_ in fix.findings)
    assert not any(id_.endswith("dynamodb:Scan") for id_ in fix.findings)  # the smaller one has it, too


def test_a_smaller_policy_template_that_lacks_what_was_used() -> None:
    found = offered({"template.yml": CRUD.encode()}, [crud(["dynamodb:DeleteItem"])])
    assert found.fixes == ()


ROLE = """\
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: reader-of-books
      Policies:
        - PolicyName: read
          PolicyDocument:
            Statement:
              Effect: Allow
              Action: %s
              Resource: arn:aws:s3:::books/*
"""
WILDCARDS = {
    "a single value": ('"s3:Get*"', '["s3:GetObject", "s3:GetObjectAcl"]'),
    "a block list": (
        "\n                - s3:Get* # all\n                - s3:PutObject",
        "\n                - s3:GetObject\n                - s3:GetObjectAcl # all"
        "\n                - s3:PutObject",
    ),
    "a flow list": ("[s3:PutObject, 's3:Get*']", "[s3:PutObject, 's3:GetObject', 's3:GetObjectAcl']"),
}


@pytest.mark.parametrize(("before", "after"), WILDCARDS.values(), ids=WILDCARDS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_used_actions_of_a_wildcard(before: str, after: str, end: str) -> None:
    files = {"template.yml": (ROLE % before).replace("\n", end).encode()}
    fixes = fixes_of(files, before, ("s3:GetObject", "s3:GetObjectAcl"))
    assert made(files, fixes)["template.yml"].decode() == (ROLE % after).replace("\n", end)
    assert [fix.disposition for fix in fixes] == ["needs-a-look"]


def test_the_used_resources_of_a_pattern() -> None:
    text = ROLE % "s3:GetObject"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::books/*"}
    policy = Policy("read", None, "inline", parse_policy({"Statement": [statement]}))
    role = deployed("reader-of-books", [policy], ())
    broad = role._replace(findings=(replace(role.findings[0], verdict=Verdict.BROAD),))
    files = {"template.yml": text.encode()}
    for kept in (("arn:aws:s3:::books/a",), ("arn:aws:s3:::books/a", "arn:aws:s3:::books/b/*")):
        found = offered(files, [broad], kept_resources={role.findings[0].id: kept})
        after = kept[0] if len(kept) == 1 else f"[{', '.join(kept)}]"
        assert made(files, found.fixes)["template.yml"].decode() == text.replace(
            "arn:aws:s3:::books/*", after
        )
        assert [fix.disposition for fix in found.fixes] == ["needs-a-look"]
    assert (
        offered(files, [broad], kept_resources={role.findings[0].id: ("arn:aws:s3:::other/*",)}).fixes == ()
    )


def test_more_than_the_wildcard_allowed_is_never_written() -> None:
    files = {"template.yml": (ROLE % '"s3:Get*"').encode()}
    assert fixes_of(files, "s3:Get*", ("s3:DeleteObject",)) == ()


def fixes_of(files: Mapping[str, bytes], written: str, kept: tuple[str, ...]) -> tuple[Fix, ...]:
    actions = ["s3:Get*", *(["s3:PutObject"] if "Put" in written else [])]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::books/*"}
    policy = Policy("read", None, "inline", parse_policy({"Statement": [statement]}))
    role = deployed("reader-of-books", [policy], ())
    wide, *others = role.findings
    findings = (replace(wide, verdict=Verdict.BROAD), *others)
    return offered(files, [role._replace(findings=findings)], kept={wide.id: kept}).fixes
