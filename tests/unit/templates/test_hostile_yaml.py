"""No text makes reading raise, or last: templates come from pull requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.templates.places import Name, Templates
from scanner.templates.read import Texts, read_templates, roles_in, roles_of
from scanner.text import yaml_document
from tests.examples import examples
from tests.unit.templates.cases import READ, locate, role_template, write
from tests.unit.templates.test_sam import SAM


def bomb(levels: int, width: int) -> str:
    """A text whose aliases multiply: `width` to the power of `levels` statements."""
    lines = ["Resources:", "  R:", "    Type: AWS::IAM::Role", "    Properties:"]
    lines.append("      a0: &a0 { Effect: Allow, Action: s3:GetObject, Resource: x }")
    lists = [", ".join([f"*a{level}"] * width) for level in range(levels)]
    lines += [f"      a{level + 1}: &a{level + 1} [{lists[level]}]" for level in range(levels - 1)]
    return "\n".join([*lines, f"      Policies: [{lists[-1]}]"])


HOSTILE = {
    "nested lists": "Resources: AWS::\na: " + "[" * 5_000,
    "nested blocks": "\n".join(" " * depth + "- AWS::" for depth in range(300)),
    "aliases": bomb(12, 10),
    "conditions": bomb(9, 9).replace("[*", "!If [c, *"),
    "recursion": (
        "Resources: &r\n  R: { Type: AWS::IAM::Role, Properties: *r }\n  <<: [*r, *r]\n  Policies: *r\n"
    ),
    "self": (
        "service: ${self:service}\nprovider: { role: '${self:provider.role}', iam: '${self:provider.iam}' }\n"
    ),
    "names in a circle": (
        "Resources:\n  A: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '${A}${A}${A}${B}' } }\n"
        "  B: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '${A}${B}${A}${B}' } }\n"
        "  R: { Type: AWS::IAM::Role, Properties: { RoleName: !Ref A } }\n"
    ),
    "python": "Resources: !!python/object/apply:os.system ['exit 1'] # AWS::",
    "documents": "Resources: AWS::\n---\nb: c\n",
    "long": "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: '"
    + "${a}" * 400_000
    + "'}\n",
    "surrogates": 'Resources: { R: { Type: "AWS::IAM::Role", Properties: { RoleName: "\\ud800" } } }',
}


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, loader: str) -> None:
    monkeypatch.setattr(yaml_document, "LOADER", getattr(yaml, loader))
    write(tmp_path, {"serverless.yml": text})
    assert locate(READ, ("notes-test-list",), read_templates(tmp_path)) is None


def test_a_mapping_that_merges_itself_is_read_once() -> None:
    places = roles_in("a.yml", HOSTILE["recursion"])
    assert places is not None
    assert [role.name for role in places] == [Name("R", derived=True)]


# 2,000 policies that each are the same 2,000 statements.
SHARED_STATEMENTS = (
    "x: &s { Effect: Allow, Action: a, Resource: b }\n"
    f"y: &d {{ PolicyName: p, PolicyDocument: {{ Statement: [{', '.join(['*s'] * 2_000)}] }} }}\n"
    "Resources: { R: { Type: AWS::IAM::Role, Properties: "
    f"{{ Policies: [{', '.join(['*d'] * 2_000)}] }} }} }}\n"
)


def test_aliases_are_counted() -> None:
    shared = "[" + ", ".join(["*s"] * 2_000) + "]"
    text = (
        role_template("notes-test-list")
        .replace("[{", "[&s {")
        .replace("}]", "}]\n" + f"  R: {{ x: {shared} }}")
    )
    assert roles_in("a.yml", text)
    many = text.replace("Properties:", "Properties:\n      ManagedPolicyArns: " + shared.replace("*s", "x"))
    assert roles_in("a.yml", many)
    assert roles_in("a.yml", SHARED_STATEMENTS) is None


WORDS = (
    "service provider name iam role statements iamRoleStatements functions resources mode perFunction",
    "Resources Type Properties Policies PolicyDocument PolicyName ManagedPolicyArns Roles RoleName",
    "FunctionName Role Effect Allow Action Resource Statement s3:GetObject DynamoDBReadPolicy R * <<",
    "AWS::IAM::Role AWS::IAM::Policy AWS::Serverless::Function AWS::Lambda::Function AWS::SQS::Queue",
    "Ref Fn::If Fn::Sub Fn::Join Fn::GetAtt ${R.Arn} ${self:functions} ${self:service} ${self:provider}",
)
NAMES = st.sampled_from(" ".join(WORDS).split())
words = NAMES | st.text(max_size=4) | st.none() | st.booleans() | st.integers()
trees = st.recursive(
    words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=40,
)


@given(trees)
@example({"ManagedPolicyArns": "${self:functions}"})
@examples(150)
def test_no_template_makes_it_raise(tree: Any) -> None:
    """Templates of the right words in all the wrong places are read, to the end."""
    wrapped = {
        "service": tree,
        "provider": tree,
        "functions": tree,
        "resources": tree,
        "Resources": {"R": tree},
    }
    for candidate in (tree, wrapped, {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": tree}}}):
        text = yaml.safe_dump(candidate)
        for path in ("template.yml", "serverless.yml"):
            marked = f"{text}\n# Resources AWS:: provider"
            locate(READ, ("notes-test-list",), Templates(roles_of(path, marked, Texts())))


@given(st.text() | st.text(alphabet="[]{}:-&*!<>|'\"%#?, \n\tabAWS"))
@example("? [")
@example("!<")
@example("%YAML 9.9\n---\n")
@examples(200)
def test_no_text_makes_it_raise(text: str) -> None:
    for prefix in ("", "Resources: AWS::\n", "provider: "):
        locate(READ, (), Templates(roles_in("serverless.yml", prefix + text) or ()))


@pytest.mark.parametrize("change", [str.upper, lambda text: text.replace(" ", "\t"), lambda text: text[::-1]])
def test_no_bytes_make_it_raise(tmp_path: Path, change: Callable[[str], str]) -> None:
    write(tmp_path, {"template.yaml": change(SAM)})
    assert locate(READ, (), read_templates(tmp_path)) is None
