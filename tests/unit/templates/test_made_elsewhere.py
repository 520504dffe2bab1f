"""Findings on roles of frameworks without statements -> what makes them; Zappa's settings -> lines."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from scanner.model import Finding, Location
from scanner.templates.locate import Placement
from scanner.templates.places import Templates
from scanner.templates.read import Texts, roles_in
from tests.unit.cases import allow
from tests.unit.templates.cases import finding as finding_on
from tests.unit.templates.cases import inline, placement
from tests.unit.templates.edit_cases import deployed, made, offered


class Case(NamedTuple):
    path: str
    text: str
    role: str
    policy: str
    workload: str
    note: str


CASES = [
    Case(
        "app.arc",
        "@app\nnotes\n@tables\nnotes\n",
        "NotesStaging-Role-ABCDEFGH1234",
        "ArcDynamoPolicy",
        "NotesStaging-GetIndexHTTPLambda-ABCDEFGH1234",
        "Architect makes it of @tables in app.arc",
    ),
    Case(
        "infra/app.arc",
        "@app\nnotes\n",
        "NotesStaging-Role-ABCDEFGH1234",
        "ArcGlobalPolicy",
        "",
        "Architect makes it of what infra/app.arc names",
    ),
    Case(
        "sst.config.ts",
        'export default $config({ app(input) { return { name: "notes-app", home: "aws" }; } });',
        "notes-app-dev-WorkerRole-abcdef",
        "inline",
        "",
        "SST makes it of `link` and `permissions` of the function in sst.config.ts",
    ),
    Case(
        "amplify/backend/function/notesresolver/custom-policies.json",
        '[{ "Action": ["s3:GetObject"], "Resource": ["*"] }]',
        "notesLambdaRoleabc-dev",
        "custom-lambda-execution-policy",
        "notesresolver-dev",
        "Amplify makes it of amplify/backend/function/notesresolver/custom-policies.json",
    ),
    Case(
        "zappa_settings.json",
        '{ "dev": { "project_name": "notes", "app_function": "a.app" } }',
        "notes-dev-ZappaLambdaExecutionRole",
        "zappa-permissions",
        "notes-dev",
        "Zappa attaches it: name a policy of your own in zappa_settings.json (`attach_policy`)",
    ),
]


def place(path: str, texts: dict[str, str], finding: Finding, *workloads: str) -> Placement:
    roles = roles_in(path, texts[path], Texts(texts))
    assert roles is not None
    return placement(finding, workloads, Templates(roles, 1))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.path} {case.policy}")
def test_what_makes_it_is_told(case: Case) -> None:
    workloads = [case.workload] if case.workload else []
    finding = finding_on(case.role, "s3:GetObject", "*", case.policy)
    found = place(case.path, {case.path: case.text}, finding, *workloads)
    assert found.location is None
    assert found.note.startswith(case.note)
    other = finding_on(case.role, "s3:GetObject", "*", "another-policy")
    assert place(case.path, {case.path: case.text}, other, *workloads).note == ""
    other = finding_on("another-role", "s3:GetObject", "*", case.policy)
    assert place(case.path, {case.path: case.text}, other, "another").note == ""


SETTINGS = """\
{
  "dev": {
    "project_name": "notes",
    "extra_permissions": [
      {
        "Effect": "Allow",
        "Action": ["rekognition:DetectLabels", "rekognition:DetectFaces"],
        "Resource": "*"
      }
    ]
  },
  "prod": { "project_name": "notes", "attach_policy": "policies/own.json" }
}
"""
OWN = json.dumps({"Statement": [allow(["s3:GetObject", "s3:PutObject"]), allow("sqs:SendMessage")]}, indent=2)
ROLE = "notes-%s-ZappaLambdaExecutionRole"


def test_permissions_of_zappa_settings() -> None:
    texts = {"zappa_settings.json": SETTINGS, "policies/own.json": OWN}
    policy = inline("zappa-permissions", allow("s3:*"), allow(["rekognition:DetectLabels"]))
    finding = finding_on(ROLE % "dev", "rekognition:DetectLabels", "*", policy, 1)
    found = place("zappa_settings.json", texts, finding, "notes-dev")
    assert found.location == Location("zappa_settings.json", 7, 7)
    policy = inline("zappa-permissions", allow(["s3:GetObject", "s3:PutObject"]), allow("sqs:SendMessage"))
    found = place("zappa_settings.json", texts, finding_on(ROLE % "prod", "sqs:SendMessage", "*", policy, 1))
    assert found.location is not None
    assert found.location.path == "policies/own.json"


def test_an_edit_of_zappa_settings() -> None:
    files = {"zappa_settings.json": SETTINGS.encode()}
    policy = inline("zappa-permissions", allow(["rekognition:DetectLabels", "rekognition:DetectFaces"]))
    its = deployed(ROLE % "dev", [policy], ["rekognition:DetectFaces"], "notes-dev")
    after = made(files, offered(files, [its]).fixes)
    assert after["zappa_settings.json"].decode() == SETTINGS.replace(', "rekognition:DetectFaces"', "")
