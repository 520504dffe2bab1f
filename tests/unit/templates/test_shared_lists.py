"""What several statements of one role are written with goes where all of them can do without it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from scanner.model import Verdict
from tests.unit.cases import allow
from tests.unit.templates.cases import inline
from tests.unit.templates.edit_cases import Deployed, deployed, edited, offered

GET, PUT = "s3:GetObject", "s3:PutObject"
A, B = "arn:aws:s3:::a/*", "arn:aws:s3:::b/*"
HEAD = """\
x-deny: &deny
  Effect: Deny
Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties:
      RoleName: reader-of-books
      Policies:
        - PolicyName: read
          PolicyDocument:
            Statement:
"""
LISTED = f"""\
              - Effect: Allow
                Action: &actions
                  - {GET}
                  - {PUT}
                Resource: {A}
"""
MERGED = LISTED.replace("- Effect", "- &first\n                Effect")
BOTH = [allow([GET, PUT], A), allow([GET, PUT], B)]


def role(statements: Sequence[dict[str, Any]], unused: Collection[int]) -> Deployed:
    """A role that does not need s3:GetObject of these statements."""
    its = deployed("reader-of-books", [inline("read", *statements)], ())
    findings = [
        replace(finding, verdict=Verdict.UNUSED)
        if finding.actions == (GET,) and finding.statement.index in unused
        else finding
        for finding in its.findings
    ]
    return its._replace(findings=tuple(findings))


SECONDS = {
    "an alias of the list": (LISTED, f"- {{ Effect: Allow, Action: *actions, Resource: '{B}' }}"),
    "a merge of the statement": (MERGED, f"- {{ <<: *first, Resource: '{B}' }}"),
}


@pytest.mark.parametrize(("first", "second"), SECONDS.values(), ids=SECONDS)
def test_two_statements_of_a_role_share_a_list(first: str, second: str) -> None:
    text = f"{HEAD}{first}              {second}\n"
    files = {"template.yml": text.encode()}
    after = text.replace(f"                  - {GET}\n", "")
    assert edited(files, [role(BOTH, {0, 1})])["template.yml"].decode() == after
    for unused in (0, 1):
        found = offered(files, [role(BOTH, {unused})])
        assert found.fixes == ()
        (note,) = found.notes.values()
        assert "another statement of role reader-of-books is written with the same lines" in note


def test_a_wildcard_that_two_statements_share_is_not_swapped_for_one() -> None:
    text = (
        HEAD + LISTED + f"              - {{ Effect: Allow, Action: *actions, Resource: '{B}' }}\n"
    ).replace(GET, "s3:Get*")
    its = deployed(
        "reader-of-books", [inline("read", allow(["s3:Get*", PUT], A), allow(["s3:Get*", PUT], B))], ()
    )
    findings = [
        replace(f, verdict=Verdict.BROAD) if f.actions == ("s3:Get*",) and not f.statement.index else f
        for f in its.findings
    ]
    wide = next(f for f in findings if f.verdict is Verdict.BROAD)
    files = {"template.yml": text.encode()}
    assert offered(files, [its._replace(findings=tuple(findings))], kept={wide.id: (GET,)}).fixes == ()


DENIED = {
    "a list": (LISTED, f"- {{ Effect: Deny, Action: *actions, Resource: '{B}' }}"),
    "a statement": (MERGED, f"- {{ <<: *first, Effect: Deny, Resource: '{B}' }}"),
    "an effect that is merged": (LISTED, f"- {{ <<: *deny, Action: *actions, Resource: '{B}' }}"),
    "an effect that is not known": (LISTED, f"- {{ Effect: !Ref Is, Action: *actions, Resource: '{B}' }}"),
    "one that allows all others": (LISTED, f"- {{ Effect: Allow, NotAction: *actions, Resource: '{B}' }}"),
    "the list stands in what denies": (
        f"              - {{ Effect: Deny, Action: &actions [{GET}, {PUT}], Resource: '{B}' }}\n",
        f"- {{ Effect: Allow, Action: *actions, Resource: '{A}' }}",
    ),
}


@pytest.mark.parametrize(("first", "second"), DENIED.values(), ids=DENIED)
def test_what_a_statement_denies_stays(first: str, second: str) -> None:
    denied = {"Effect": "Deny", "Action": [GET, PUT], "Resource": B}
    files = {"template.yml": f"{HEAD}{first}              {second}\n".encode()}
    for index, statements in enumerate(([BOTH[0], denied], [denied, BOTH[0]])):
        found = offered(files, [role(statements, {index})])
        assert found.fixes == ()
        assert len(found.notes) == 1


OTHERS = {
    "who may take a role": "      AssumeRolePolicyDocument: { Statement: [{ Action: *actions }] }\n",
    "a tag": "      Tags: *actions\n",
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_else_a_role_is_made_of_stays(other: str) -> None:
    files = {"template.yml": f"{HEAD}{LISTED}{other}".encode()}
    found = offered(files, [role(BOTH[:1], {0})])
    assert found.fixes == ()
    assert next(iter(found.notes.values())).startswith("Resources.Reader.Properties.")


def test_what_a_variable_of_the_environment_reads_stays() -> None:
    text = (
        "service: notes\nprovider:\n  name: aws\n  iamRoleStatements:\n"
        f"    - {{ Effect: Allow, Action: '${{self:custom.actions}}', Resource: '{A}' }}\n"
        "  environment: { ACTIONS: '${self:custom.actions}' }\n"
        f"custom:\n  actions: [{GET}, {PUT}]\nfunctions: {{ list: {{ handler: a.b }} }}\n"
    )
    its = deployed("notes-dev-us-east-1-lambdaRole", [inline("notes-dev-lambda", BOTH[0])], [GET])
    its = its._replace(workloads=("notes-dev-list",))
    assert offered({"serverless.yml": text.encode()}, [its]).fixes == ()
    alone = text.replace("  environment: { ACTIONS: '${self:custom.actions}' }\n", "")
    assert edited({"serverless.yml": alone.encode()}, [its])["serverless.yml"].decode() == alone.replace(
        f"[{GET}, {PUT}]", f"[{PUT}]"
    )


def test_a_list_apart_that_is_wholly_unused() -> None:
    """What goes is the statement, though the finding's own lines stay."""
    document = LISTED.replace(
        "&actions\n                  - s3:GetObject\n                  - s3:PutObject", "*all"
    )
    text = f"x-all: &all [{GET}, {PUT}]\n" + HEAD + document
    its = deployed("reader-of-books", [inline("read", BOTH[0])], [GET, PUT])
    assert (
        edited({"template.yml": text.encode()}, [its])["template.yml"].decode()
        == text.partition("      Policies")[0]
    )


USERS = f"""\
  Policy:
    Type: AWS::IAM::%s
    Properties:
      PolicyName: more
      %s
      PolicyDocument:
        Statement:
          - {{ Effect: Allow, Action: [{GET}, {PUT}], Resource: '{B}' }}
"""


@pytest.mark.parametrize("who", ["Users: [bob]", "Groups: [readers]"])
def test_what_users_have_too_stays(who: str) -> None:
    policy = USERS % ("Policy", f"Roles: [!Ref Reader]\n      {who}")
    its = deployed("reader-of-books", [inline("read", BOTH[0]), inline("more", BOTH[1])], [])
    more = [f for f in its.findings if f.policy.name == "more" and f.actions == (GET,)]
    its = its._replace(findings=(replace(more[0], verdict=Verdict.UNUSED),))
    found = offered({"template.yml": f"{HEAD}{LISTED}{policy}".encode()}, [its])
    assert (found.fixes, set(found.notes.values())) == ((), {"users or groups have the policy too"})
    alone = USERS.replace(f"[{GET}, {PUT}]", "*actions") % ("Policy", who)
    found = offered({"template.yml": f"{HEAD}{LISTED}{alone}".encode()}, [role(BOTH[:1], {0})])
    assert (found.fixes, set(found.notes.values())) == ((), {"Resources.Policy reads it too"})
