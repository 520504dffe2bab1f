"""A file that several templates name goes on saying what others of them read."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.cases import allow
from tests.unit.templates.cases import inline
from tests.unit.templates.edit_cases import deployed, edited, offered

GET, PUT = "s3:GetObject", "s3:PutObject"
STATEMENT = f"Effect: Allow\nAction: [{GET}, {PUT}]\nResource: '*'\n"
SERVICE = """\
service: notes
provider:
  name: aws
  iam:
    role:
      statements:
        - ${file(../shared/statement.yml)}
functions:
  list:
    handler: a.b
"""
ROLE = deployed("notes-dev-us-east-1-lambdaRole", [inline("notes-dev-lambda", allow([GET, PUT]))], [GET])
ROLE = ROLE._replace(workloads=("notes-dev-list",))
FILES = {"notes/serverless.yml": SERVICE, "shared/statement.yml": STATEMENT}
OTHER = """\
service: films
provider: { name: aws, iamRoleStatements: ['${file(%s)}'] }
functions: { a: { handler: b } }
"""


def encoded(files: Mapping[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}


READERS = {
    "a statement that denies": "resources:\n  Resources:\n    Policy:\n      Type: AWS::IAM::RolePolicy\n"
    "      Properties:\n        PolicyDocument:\n          Statement:\n"
    "            - { Effect: Deny, Action: '${file(../shared/statement.yml):Action}', Resource: '*' }\n",
    "the policy of a bucket": "resources:\n  Resources:\n    Policy:\n      Type: AWS::S3::BucketPolicy\n"
    "      Properties: { PolicyDocument: { Statement: ['${file(../shared/statement.yml)}'] } }\n",
    "a variable": "    environment: { ACTIONS: '${file(../shared/statement.yml):Action}' }\n",
}


@pytest.mark.parametrize("more", READERS.values(), ids=READERS)
def test_what_the_template_reads_elsewhere_stays(more: str) -> None:
    found = offered(encoded({**FILES, "notes/serverless.yml": SERVICE + more}), [ROLE])
    assert found.fixes == ()
    assert len(found.notes) == 1


@pytest.mark.parametrize("more", ["    environment: ${file(../shared/statement.yml):environment}\n", ""])
def test_another_key_of_the_file_is_another_thing(more: str) -> None:
    files = {**FILES, "notes/serverless.yml": SERVICE + more}
    after = edited(encoded(files), [ROLE])
    assert after["shared/statement.yml"].decode() == STATEMENT.replace(f"{GET}, ", "")


@pytest.mark.parametrize("path", ["${self:custom.folder}/statement.yml", "../shared/statement.yml"])
def test_what_another_template_may_read_stays(path: str) -> None:
    assert offered(encoded({**FILES, "films/serverless.yml": OTHER % path}), [ROLE]).fixes == ()


@pytest.mark.parametrize("path", ["statement.yml", "../more/statement.yml", "../shared/statement.yml.bak"])
def test_files_of_the_same_name_are_others(path: str) -> None:
    files = {**FILES, "films/serverless.yml": OTHER % path, "films/statement.yml": STATEMENT}
    assert len(offered(encoded(files), [ROLE]).fixes) == 1
