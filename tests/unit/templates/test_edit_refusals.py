"""Where something speaks against an edit, there is none, and the finding says what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.unit.templates.edit_cases import Deployed, deployed, edited, made, offered

GET, PUT = "s3:GetObject", "s3:PutObject"
NOTES = "arn:aws:s3:::notes/*"


def reader(
    name: str, unused: Sequence[str], policy: str = "read", actions: Sequence[str] = (GET, PUT)
) -> Deployed:
    """A role of one policy with one statement on the notes."""
    document = {"Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": NOTES}]}
    return deployed(name, [Policy(policy, None, "inline", parse_policy(document))], unused)


def cloudformation(*roles: str, head: str = "") -> str:
    return f"{head}Resources:\n" + "".join(
        f"  Role{number}:\n    Type: AWS::IAM::Role\n    Properties:\n"
        f"      RoleName: reader-of-books-{number}\n      Policies:\n{policies}"
        for number, policies in enumerate(roles)
    )


def policy(statement: str) -> str:
    return f"        - PolicyName: read\n          PolicyDocument:\n            Statement:\n{statement}"


STATEMENT = f"""\
              - Effect: Allow
                Action: [{GET}, {PUT}]
                Resource: {NOTES}
"""
ANCHORED = STATEMENT.replace("- Effect", "- &read\n                Effect")
ALIAS = "              - *read\n"
ONE, TWO = "reader-of-books-0", "reader-of-books-1"


def notes_of(text: str, roles: Sequence[Deployed], path: str = "template.yml") -> set[str]:
    found = offered({path: text.encode()}, roles)
    assert found.fixes == ()
    return set(found.notes.values())


SHARED = cloudformation(policy(ANCHORED), policy(ALIAS))


def test_roles_that_share_an_anchor_agree() -> None:
    after = edited({"template.yml": SHARED.encode()}, [reader(ONE, [GET]), reader(TWO, [GET])])
    assert after["template.yml"].decode() == SHARED.replace(f"[{GET}, {PUT}]", f"[{PUT}]")


def test_a_role_that_shares_an_anchor_does_not_agree() -> None:
    assert notes_of(SHARED, [reader(ONE, [GET]), reader(TWO, [PUT])]) == {
        f"role {name} is written with the same lines, and may need it" for name in (ONE, TWO)
    }


def test_a_role_that_shares_an_anchor_was_not_compared() -> None:
    assert notes_of(SHARED, [reader(ONE, [GET])]) == {
        "role Role1 of template.yml is written with the same lines, and was not compared"
    }


def test_what_is_no_role_reads_an_anchor() -> None:
    properties = "{ PolicyDocument: { Statement: [*read] } }"
    bucket = f"  Policy:\n    Type: AWS::S3::BucketPolicy\n    Properties: {properties}\n"
    assert notes_of(cloudformation(policy(ANCHORED)) + bucket, [reader(ONE, [GET])]) == {
        "Resources.Policy reads it too"
    }


def test_a_template_that_is_deployed_twice() -> None:
    text = cloudformation(policy(STATEMENT)).replace(ONE, '!Sub "reader-of-books-${Stage}"')
    dev, prod = reader("reader-of-books-dev", [GET]), reader("reader-of-books-prod", [GET])
    assert edited({"template.yml": text.encode()}, [dev, prod]) == {
        "template.yml": text.replace(f"{GET}, ", "").encode()
    }
    assert notes_of(text, [dev, reader("reader-of-books-prod", [PUT])])


REFUSED = {
    "a function": (
        policy(STATEMENT.replace(f"[{GET}, {PUT}]", f"!If [Is, {GET}, {PUT}]")),
        "it is an argument of !If",
    ),
    "a key that stands twice": (
        policy(STATEMENT + f"                Resource: {NOTES}\n"),
        "a key stands twice in what holds it",
    ),
}


@pytest.mark.parametrize(("policies", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_cut(policies: str, why: str) -> None:
    assert notes_of(cloudformation(policies), [reader(ONE, [GET])]) == {why}


def test_a_statement_that_allows_it_on_more_than_was_not_needed() -> None:
    text = cloudformation(policy(STATEMENT.replace(NOTES, f"[{NOTES}, 'arn:aws:s3:::b/*']")))
    document = {
        "Statement": [{"Effect": "Allow", "Action": [GET, PUT], "Resource": [NOTES, "arn:aws:s3:::b/*"]}]
    }
    role = deployed(ONE, [Policy("read", None, "inline", parse_policy(document))], [GET])
    get, put = role.findings
    half = replace(get, resources=(NOTES,))
    other = replace(put, id="other", actions=(GET,), resources=("arn:aws:s3:::b/*",))
    (note,) = notes_of(text, [role._replace(findings=(half, put, other))])
    assert note.startswith("what is written with it must stay: s3:GetObject on arn:aws:s3:::b/* is used")


def test_the_evaluator_objects() -> None:
    found = offered(
        {"template.yml": cloudformation(policy(STATEMENT)).encode()},
        [reader(ONE, [GET])],
        objections=["it may no longer allow s3:GetObject on arn:aws:s3:::notes/a"],
    )
    assert found.fixes == ()
    (note,) = found.notes.values()
    assert note.startswith("without it it may no longer allow")


RESOURCE = f"""\
Resources:
  Role0:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {ONE}
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: read
      Roles: [!Ref Role0]
      PolicyDocument:
        Statement:
{STATEMENT.replace("              ", "          ")}"""


def test_a_policy_that_is_a_resource_is_never_left_empty() -> None:
    (note,) = notes_of(RESOURCE, [reader(ONE, [GET, PUT])])
    assert "remove the resource" in note
    after = edited({"template.yml": RESOURCE.encode()}, [reader(ONE, [GET])])
    assert after["template.yml"].decode() == RESOURCE.replace(f"{GET}, ", "")


INHERITED = f"""\
service: books
provider:
  name: aws
  iam:
    role:
      statements:
        - Effect: Allow
          Action:
            - {GET}
            - {PUT}
          Resource: {NOTES}
functions:
  list:
    iamRoleStatementsInherit: true
    iamRoleStatements: # its own
      - Effect: Allow
        Action: sqs:SendMessage
        Resource: "*"
  get:
    handler: a.b
"""


def own(unused: Sequence[str]) -> Deployed:
    statements = [
        {"Effect": "Allow", "Action": [GET, PUT], "Resource": NOTES},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"},
    ]
    its = Policy("books-dev-lambda", None, "inline", parse_policy({"Statement": statements}))
    name = "books-dev-list-us-east-1-lambdaRole"
    return deployed(name, [its], unused)._replace(workloads=("books-dev-list",))


def shared(unused: Sequence[str]) -> Deployed:
    role = reader("books-dev-us-east-1-lambdaRole", unused, "books-dev-lambda")
    return role._replace(workloads=("books-dev-get",))


def test_statements_that_functions_inherit() -> None:
    files = {"serverless.yml": INHERITED.encode()}
    assert edited(files, [own([GET]), shared([GET])]) == {
        "serverless.yml": INHERITED.replace(f"            - {GET}\n", "").encode()
    }
    assert notes_of(INHERITED, [own([GET]), shared([])], "serverless.yml")
    assert notes_of(INHERITED, [own([GET])], "serverless.yml")


def test_a_function_that_would_lose_its_own_role() -> None:
    assert notes_of(INHERITED, [own(["sqs:SendMessage"]), shared([])], "serverless.yml") == {
        "the template would declare other roles, not the same ones without it"
    }


SAM = f"""\
Transform: AWS::Serverless-2016-10-31
Resources:
  List:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: books-list
      Policies:
        - DynamoDBReadPolicy: {{ TableName: books }} # a table
        - SQSSendMessagePolicy:
            QueueName: books
        - Statement: {{ Effect: Allow, Action: {GET}, Resource: "{NOTES}" }}
"""
READS = ["GetItem", "Scan", "Query", "BatchGetItem", "DescribeTable"]


def function(unused: Sequence[str]) -> Deployed:
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/books"
    documents: list[dict[str, object]] = [
        {"Action": [f"dynamodb:{name}" for name in READS], "Resource": [table, f"{table}/index/*"]},
        {"Action": ["sqs:SendMessage*"], "Resource": "arn:aws:sqs:us-east-1:123456789012:books"},
        {"Action": GET, "Resource": NOTES},
    ]
    policies = [
        Policy(
            f"ListRolePolicy{n}", None, "inline", parse_policy({"Statement": [{"Effect": "Allow", **its}]})
        )
        for n, its in enumerate(documents)
    ]
    return deployed("app-ListRole-1ABCDEFGHIJKL", policies, unused)._replace(workloads=("books-list",))


ENTRIES = {
    "all of a template's": (
        [f"dynamodb:{name}" for name in READS],
        "        - DynamoDBReadPolicy: { TableName: books } # a table\n",
    ),
    "an entry of two lines": (
        ["sqs:SendMessage*"],
        "        - SQSSendMessagePolicy:\n            QueueName: books\n",
    ),
    "a document": ([GET], SAM[SAM.index("        - Statement") :]),
}


@pytest.mark.parametrize(("unused", "gone"), ENTRIES.values(), ids=ENTRIES)
def test_entries_of_sam(unused: Sequence[str], gone: str) -> None:
    files = {"template.yml": SAM.encode()}
    found = offered(files, [function(unused)])
    assert made(files, found.fixes)["template.yml"].decode() == SAM.replace(gone, "")
    assert {fix.disposition for fix in found.fixes} == {"safe"}
    assert "later ones anew" in found.fixes[0].why


def test_a_part_of_a_policy_template() -> None:
    (note,) = notes_of(SAM, [function(["dynamodb:Scan"])])
    assert note.startswith("what is written with it must stay: dynamodb:GetItem on")
