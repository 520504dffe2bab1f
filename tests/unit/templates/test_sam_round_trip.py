"""Templates in the manner of SAM's examples, packaged by SAM itself before and after `fix`.

SAM's translator makes the deployed roles. What an edit takes away is gone from them, and nothing else is.
"""

from __future__ import annotations

import importlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.unit.cases import ACCOUNT
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered

ALL = sorted((Path(__file__).parents[2] / "templates_corpus" / "sam").iterdir())
CORPUS = ALL if os.environ.get("HYPOTHESIS_PROFILE") == "full" else ALL[::4]
RANDOM_END = "1ABCDEFGHIJK"
BASIC = "service-role/AWSLambdaBasicExecutionRole"
Json = dict[str, Any]
Grant = tuple[str, str, str, str]  # role, action, resources, condition


def packaged(text: str, monkeypatch: pytest.MonkeyPatch) -> Json:
    """The template that SAM makes of a text."""
    pytest.importorskip("samtranslator")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    parse = importlib.import_module("samtranslator.yaml_helper").yaml_parse
    translator = importlib.import_module("samtranslator.translator.translator").Translator
    parser = importlib.import_module("samtranslator.parser.parser").Parser
    names = ("AmazonS3ReadOnlyAccess", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess")
    managed = {name: f"arn:aws:iam::aws:policy/{name}" for name in names}
    result: Json = translator(managed, parser()).translate(
        parse(text.replace("src/", "s3://code/key").replace("\t", " ")), {}
    )
    return result


def as_text(value: Any, resources: Mapping[str, Json]) -> str:
    """What a value comes to in a stack named `app`."""
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(as_text(part, resources) for part in argument[1])
    if function == "Fn::Sub":
        text, values = argument if isinstance(argument, list) else (argument, {})
        for name, given in values.items():
            text = text.replace(f"${{{name}}}", as_text(given, resources))
        for name in resources:
            text = text.replace(f"${{{name}.Arn}}", _arn(name)).replace(f"${{{name}}}", _name(name))
        plain = {"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": ACCOUNT}
        for name, known in plain.items():
            text = text.replace(f"${{{name}}}", known)
        return str(text)
    if function == "Ref":
        return _name(argument)
    name, attribute = argument if isinstance(argument, list) else argument.split(".")
    return _arn(name) if attribute == "Arn" else _name(name)


def _name(logical_id: str) -> str:
    name = f"app-{logical_id}-{RANDOM_END}"
    return name.lower() if logical_id == "Bucket" else name


def _arn(logical_id: str) -> str:
    return f"arn:aws:any:us-east-1:{ACCOUNT}:kind/{_name(logical_id)}"


def statements(document: Json, resources: Mapping[str, Json]) -> list[Json]:
    given = document["Statement"]
    found = []
    for statement in given if isinstance(given, list) else [given]:
        named = statement["Resource"]
        named = named if isinstance(named, list) else [named]
        found.append({**statement, "Resource": [as_text(its, resources) for its in named]})
    return found


def roles(template: Json) -> Iterator[tuple[str, list[Policy]]]:
    """The roles of functions as deployed, by logical id."""
    resources = template["Resources"]
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        its = resource["Properties"]
        policies = [
            Policy(
                p["PolicyName"],
                None,
                "inline",
                parse_policy({"Statement": statements(p["PolicyDocument"], resources)}),
            )
            for p in its.get("Policies", ())
        ]
        for arn in its.get("ManagedPolicyArns", ()):
            text = as_text(arn, resources)
            one = parse_policy(
                {"Statement": {"Effect": "Allow", "Action": text.rpartition("/")[2], "Resource": "*"}}
            )
            policies.append(Policy(text.rpartition("/")[2], text, "managed", one))
        yield logical_id, policies


def grants(template: Json) -> Counter[Grant]:
    """All that the roles allow, as often as they do."""
    return Counter(
        (role, action, " ".join(statement.resources), json.dumps(statement.condition, default=dict))
        for role, policies in roles(template)
        for policy in policies
        for statement in policy.statements
        if statement.allow
        for action in statement.actions
    )


def role_as_deployed(role: str, policies: list[Policy], template: Json, random: Random) -> Deployed:
    """The role with findings: some of its statements were never used, of others some actions."""
    function = template["Resources"][role.removesuffix("Role")]["Properties"]
    names = [function.get("FunctionName") or _name(role.removesuffix("Role"))]
    actions = {a for policy in policies for s in policy.statements for a in s.actions}
    whole = deployed(_name(role), policies, actions)
    used = deployed(_name(role), policies, ())
    never = {(p.name, s.index): random.random() < 0.4 for p in policies for s in p.statements}
    findings = tuple(
        unused if never[unused.policy.name, unused.statement.index] or random.random() < 0.4 else kept
        for unused, kept in zip(whole.findings, used.findings, strict=True)
    )
    return whole._replace(findings=findings, workloads=tuple(names))


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_fix_then_package_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, random = path.read_bytes(), Random(path.name)
    before = packaged(content.decode(), monkeypatch)
    deployed_roles = [role_as_deployed(role, its, before, random) for role, its in roles(before)]
    found = offered({path.name: content}, deployed_roles)
    fixed = {id_ for fix in found.fixes for id_ in fix.findings}
    gone: Counter[Grant] = Counter()
    for (role, _), its in zip(roles(before), deployed_roles, strict=True):
        for finding in its.findings:
            assert finding.id not in fixed or finding.verdict == "unused"
            if finding.id in fixed:
                statement = finding.statement
                condition = json.dumps(statement.condition, default=dict)
                gone.update(
                    (role, action, " ".join(statement.resources), condition) for action in finding.actions
                )
    after = packaged(made({path.name: content}, found.fixes)[path.name].decode(), monkeypatch)
    assert grants(after) == grants(before) - gone
    # What has no edit says why: a part of a policy template, or what SAM itself adds.
    unused = [
        f for its in deployed_roles for f in its.findings if f.verdict == "unused" and f.id not in fixed
    ]
    of_sam = [
        f for f in unused if f.policy.arn and ("service-role" in f.policy.arn or "XRay" in f.policy.name)
    ]
    assert all(f.id in found.notes for f in unused if f not in of_sam and "Xray" not in f.policy.name)
