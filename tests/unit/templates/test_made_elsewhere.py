"""Findings on roles of frameworks without statements -> what makes them; Zappa's settings -> lines."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from scanner.model import Finding, Location
from scanner.templates.cdk.ids import logical_id
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


PULUMI = {
    "infra/index.ts": "const role = new aws.iam.Role('notes-worker', { assumeRolePolicy });\n"
    "new aws.iam.RolePolicy('notes-data', { role: role.id, policy: JSON.stringify({}) });\n",
    "infra/__main__.py": 'role = iam.Role("notes-worker", assume_role_policy=p)\n'
    'iam.RolePolicy("notes-data", role=role.id, policy=q)\n',
    "infra/main.go": 'role, err := iam.NewRole(ctx, "notes-worker", &iam.RoleArgs{})\n'
    'iam.NewRolePolicy(ctx, "notes-data", &iam.RolePolicyArgs{})\n',
}


@pytest.mark.parametrize("file", PULUMI)
def test_a_program_of_pulumi(file: str) -> None:
    texts = {"infra/Pulumi.yaml": "name: notes\nruntime: nodejs\n", file: PULUMI[file]}
    check_pulumi(texts, f"{file}:2")


def test_pulumi_in_yaml() -> None:
    text = (
        "name: notes\nruntime: yaml\nresources:\n  notes-worker:\n    type: aws:iam:Role\n"
        "  notes-data:\n    type: aws:iam/rolePolicy:RolePolicy\n    properties: {}\n"
    )
    check_pulumi({"infra/Pulumi.yaml": text}, "infra/Pulumi.yaml:6")


def check_pulumi(texts: dict[str, str], where: str) -> None:
    path = "infra/Pulumi.yaml"
    finding = finding_on("notes-worker-0a1b2c3", "s3:GetObject", "*", "notes-data-d4e5f60")
    found = place(path, texts, finding)
    assert (found.location, found.note) == (None, f"Pulumi makes it of RolePolicy notes-data in {where}")
    for role, policy in (
        ("notes-worker-0a1b2c3", "notes-other-d4e5f60"),
        ("notes-worker-0a1b2c3", "notes-data"),
        ("other-0a1b2c3", "notes-data-d4e5f60"),
        ("notes-worker", "notes-data-d4e5f60"),
    ):
        assert place(path, texts, finding_on(role, "s3:GetObject", "*", policy)).note == ""


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ("", "say-hello"),
        ("{ name: 'greeter' }", "greeter"),
        ("{\n  entry: './hello.ts',\n  timeoutSeconds: 3 }", "hello"),
    ],
)
def test_a_backend_of_amplify(properties: str, name: str) -> None:
    path = "amplify/backend.ts"
    texts = {
        path: "import { defineBackend } from '@aws-amplify/backend';\n"
        "import { sayHello } from './functions/say-hello/resource';\ndefineBackend({ sayHello });\n",
        "amplify/functions/say-hello/resource.ts": f"export const sayHello = defineFunction({properties});\n",
    }
    role = logical_id((f"{name}-lambda", "ServiceRole", "Resource"))
    policy = logical_id((f"{name}-lambda", "ServiceRole", "DefaultPolicy", "Resource"))
    stack = "amplify-notes-main-function1"
    found = place(path, texts, finding_on(f"{stack}-{role}-AbCdEfGhIjKl", "s3:GetObject", "*", policy))
    assert found.location is None
    assert found.note.startswith(
        "Amplify makes it of what gives the function of amplify/functions/say-hello/resource.ts access"
    )
    other = logical_id(("other-lambda", "ServiceRole", "Resource"))
    assert (
        place(path, texts, finding_on(f"{stack}-{other}-AbCdEfGhIjKl", "s3:GetObject", "*", policy)).note
        == ""
    )
    elsewhere = {f"src/{place}": text for place, text in texts.items()} | {"src/backend.ts": texts[path]}
    assert roles_in("src/backend.ts", texts[path], Texts(elsewhere)) == ()
