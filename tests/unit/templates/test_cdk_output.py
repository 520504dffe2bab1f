"""What the CDK made of an app (`cdk.out`) tells which role is which where ids are no literals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from scanner.model import Finding
from scanner.templates.cdk.ids import logical_id
from scanner.templates.locate import Placement
from scanner.templates.places import RolePlace, Templates
from scanner.templates.read import Texts, read_templates, roles_in
from tests.unit.cases import allow
from tests.unit.templates.cases import finding as finding_on
from tests.unit.templates.cases import inline, placement
from tests.unit.templates.cdk_cases import Granted, granted, typescript

SENDS = "new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] })"
LOOP = f"""\
for (const name of names) {{
  const worker = new lambda.Function(this, %s, {{ handler: 'a.b' }});
  worker.addToRolePolicy({SENDS});
}}
"""
IN_LIBRARY = "...new Function2 in aws-cdk-lib..."
ROOT = "/home/runner/work/notes/notes"


def frame(text: str, call: str, path: str = "lib/stack.ts") -> str:
    """The frame of a call in a text, as V8 shows it."""
    before = text[: text.index(call)]
    column = len(before) - before.rfind("\n")
    return f"new NotesStack ({ROOT}/{path}:{before.count(chr(10)) + 1}:{column})"


def output(
    roles: Mapping[str, list[str]], stack: str = "NotesStack", *, with_paths: bool = True, debug: bool = False
) -> dict[str, str]:
    """The files of a `cdk.out` with roles by the paths of their constructs, and how these were made."""
    resources, metadata = {}, {}
    for path, frames in roles.items():
        id_ = logical_id((*path.split("/")[1:], "Resource"))
        shown = {"Metadata": {"aws:cdk:path": f"{path}/Resource"}} if with_paths else {}
        resources[id_] = {"Type": "AWS::IAM::Role", **shown}
        entry: dict[str, Any] = {"type": "aws:cdk:logicalId", "data": id_}
        made = {"type": "aws:cdk:creationStack", "data": frames}
        metadata[f"/{path}/Resource"] = [{**entry, "trace": frames}] if debug else [entry, made]
    artifact: dict[str, Any] = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": f"{stack}.template.json"},
    }
    files = {f"cdk.out/{stack}.template.json": json.dumps({"Resources": resources})}
    if debug:
        artifact["metadata"] = metadata
    else:
        artifact["additionalMetadataFile"] = f"{stack}.metadata.json"
        files[f"cdk.out/{stack}.metadata.json"] = json.dumps(metadata)
    manifest = {"artifacts": {"Tree": {"type": "cdk:tree"}, stack: artifact}}
    return {**files, "cdk.out/manifest.json": json.dumps(manifest)}


def place(files: Mapping[str, str], finding: Finding) -> Placement:
    return placement(finding, [], Templates(roles_of(files), 1))


def roles_of(files: Mapping[str, str]) -> tuple[RolePlace, ...]:
    roles = roles_in("cdk.json", files["cdk.json"], Texts(files))
    assert roles is not None
    return roles


def loop(id_: str) -> tuple[dict[str, str], list[str]]:
    """An app that makes functions in a loop, and the stack of their making."""
    files = typescript(LOOP % id_)
    return files, [
        IN_LIBRARY,
        frame(files["lib/stack.ts"], "new lambda.Function"),
        "<anonymous> (/x/a.ts:1:1)",
    ]


SEND = granted("A/ServiceRole", "sqs:SendMessage")


@pytest.mark.parametrize("id_", ["name", "`A${suffix}`", "'A' + suffix"])
@pytest.mark.parametrize(
    "how", [{}, {"with_paths": False}, {"debug": True}, {"debug": True, "with_paths": False}]
)
def test_a_role_whose_id_is_no_literal(id_: str, how: Mapping[str, Any]) -> None:
    files, frames = loop(id_)
    assert place(files, SEND.finding("sqs:SendMessage")).location is None
    found = place(
        files | output({"NotesStack/A/ServiceRole": frames}, **how), SEND.finding("sqs:SendMessage")
    )
    assert found.location is not None
    assert files["lib/stack.ts"].splitlines()[found.location.line - 1].strip().startswith("worker.addTo")


@pytest.mark.parametrize(
    ("id_", "path", "call"),
    [
        ("name", "LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a/ServiceRole", "new lambda.Function"),
        ("`Worker${name}`", "A/ServiceRole", "new lambda.Function"),
        ("name", "A/Role", "new lambda.Function"),
        ("name", "A/ServiceRole", "worker ="),
        ("name", "A/ServiceRole", "worker.addToRolePolicy"),
        ("name", "A/ServiceRole", "new iam.PolicyStatement"),
    ],
)
def test_a_role_that_something_else_makes(id_: str, path: str, call: str) -> None:
    files, _ = loop(id_)
    its = output({f"NotesStack/{path}": [frame(files["lib/stack.ts"], call)]})
    found = place(files | its, granted(path, "sqs:SendMessage").finding("sqs:SendMessage"))
    assert found.location is None
    assert "may grant it" in found.note


def test_a_path_that_does_not_make_the_logical_id_tells_nothing() -> None:
    files, frames = loop("name")
    its = output({"NotesStack/A/ServiceRole": frames}, with_paths=False)
    its = {path: text.replace("/NotesStack/A/", "/NotesStack/B/") for path, text in its.items()}
    assert place(files | its, SEND.finding("sqs:SendMessage")).location is None


@pytest.mark.parametrize(
    ("frames", "note"),
    [
        (["...aws-cdk-lib...", "(no user code in 10 frames, use --stack-trace-limit to capture more)"], ""),
        ([f"new X ({ROOT}/node_modules/x/lib/stack.ts:1:1)"], ""),
        ([f"new X ({ROOT}/other/file.ts:7:1)"], ""),
        ([f"new NotesStack ({ROOT}/lib/stack.ts:9:5)"], ", made at lib/stack.ts:9"),
        (["new NotesStack (file:///C:\\notes\\lib\\stack.ts:9:5)"], ", made at lib/stack.ts:9"),
    ],
)
def test_what_makes_a_role_that_no_source_names(frames: list[str], note: str) -> None:
    files = typescript("new Queues(this, 'Queues');") | output({"NotesStack/Queues/Task": frames})
    found = place(files, granted("Queues/Task", "sqs:SendMessage").finding("sqs:SendMessage"))
    assert found.location is None
    assert found.note == f"the CDK makes the role: construct NotesStack/Queues/Task{note}"


def test_an_app_in_a_language_that_is_not_read() -> None:
    files = {
        "cdk.json": '{"app": "mvn -q compile exec:java"}',
        **output({"NotesStack/Worker/ServiceRole": []}),
    }
    found = place(files, granted("Worker/ServiceRole", "s3:GetObject").finding("s3:GetObject"))
    assert found.note == "the CDK makes the role: construct NotesStack/Worker/ServiceRole"


def two_stacks() -> dict[str, str]:
    """An app of two classes of stacks whose functions have the same ids, and its output."""
    worker = "const worker = new lambda.Function(this, 'Worker', {});"
    files = typescript(f"{worker}\nworker.addToRolePolicy({SENDS});")
    files["lib/other.ts"] = files["lib/stack.ts"].replace("class NotesStack", "class OtherStack")
    files["bin/app.ts"] += "import { OtherStack } from '../lib/other';\nnew OtherStack(app, 'OtherStack');\n"
    made: dict[str, str] = {}
    artifacts: dict[str, Any] = {}
    for stack, path in (("NotesStack", "lib/stack.ts"), ("OtherStack", "lib/other.ts")):
        at = frame(files[path], "new lambda.Function", path)
        its = output({f"{stack}/Worker/ServiceRole": [IN_LIBRARY, at]}, stack)
        artifacts |= json.loads(its["cdk.out/manifest.json"])["artifacts"]
        made |= its
    return {**files, **made, "cdk.out/manifest.json": json.dumps({"artifacts": artifacts})}


def test_stacks_with_the_same_ids_are_told_apart() -> None:
    files = two_stacks()
    its = Granted("Worker/ServiceRole", [allow("sqs:SendMessage")])
    policy = inline(its.policy, *its.statements)
    for stack, path in (("NotesStack", "lib/stack.ts"), ("OtherStack", "lib/other.ts")):
        role = its.role.replace("NotesStack", stack)
        found = place(files, finding_on(role, "sqs:SendMessage", "*", policy))
        assert found.location is not None
        assert found.location.path == path
    unknown = its.role.replace("NotesStack", "ThirdStack")
    assert place(files, finding_on(unknown, "sqs:SendMessage", "*", policy)).location is None
    del files["cdk.out/OtherStack.metadata.json"]
    found = place(files, finding_on(its.role, "sqs:SendMessage", "*", policy))
    assert found.note == "lib/other.ts:10 and lib/stack.ts:10 fit equally"


def test_stages_and_another_folder() -> None:
    files, frames = loop("name")
    files["cdk.json"] = '{"app": "npx ts-node bin/app.ts", "output": "made/here"}'
    of_stage = output({"Prod/NotesStack/A/ServiceRole": frames})
    template = json.loads(of_stage["cdk.out/NotesStack.template.json"])
    (role,) = template["Resources"].values()
    resources = {logical_id(("A", "ServiceRole", "Resource")): role}  # ids begin below the stack
    of_stage["cdk.out/NotesStack.template.json"] = json.dumps({"Resources": resources})
    made = {path.replace("cdk.out", "made/here/assembly-Prod"): text for path, text in of_stage.items()}
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}
    made["made/here/manifest.json"] = json.dumps({"artifacts": {"assembly-Prod": stage}})
    assert place(files | made, SEND.finding("sqs:SendMessage")).location is not None


HOSTILE = {
    "no JSON": "{",
    "nested deep": "[" * 100_000,
    "a list": "[]",
    "other types": '{"artifacts": {"a": {"type": "aws:cloudformation:stack", "properties": [1], '
    '"metadata": 3, "additionalMetadataFile": ["x"]}, "b": 7}, '
    '"Resources": {"A": {"Type": "AWS::IAM::Role", "Metadata": 1}}}',
    "itself": '{"artifacts": {"a": {"properties": {"directoryName": "."}}, "b": {"properties": '
    '{"directoryName": "../cdk.out"}}}}',
    "another folder": '{"artifacts": {"a": {"type": "aws:cloudformation:stack", '
    '"additionalMetadataFile": "../../secret.json", "properties": {"templateFile": "../x.template.json"}}}}',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("file", ["manifest", "NotesStack.template", "NotesStack.metadata"])
def test_an_output_of_anything_is_no_output(text: str, file: str) -> None:
    files, frames = loop("name")
    its = output({"NotesStack/A/ServiceRole": frames}) | {f"cdk.out/{file}.json": text}
    assert place(files | its, SEND.finding("sqs:SendMessage")).location is None


def test_an_output_without_end_is_read_in_part() -> None:
    files, frames = loop("name")
    roles = {f"NotesStack/F{number}/ServiceRole": frames for number in range(3_000)}
    assert len(roles_of(files | output(roles))) == 2_000


def test_an_output_is_found_in_a_checkout(tmp_path: Any) -> None:
    files, frames = loop("name")
    for path, text in (files | output({"NotesStack/A/ServiceRole": frames})).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    templates = read_templates(tmp_path)
    assert placement(SEND.finding("sqs:SendMessage"), [], templates).location is not None
    assert not templates.unread
