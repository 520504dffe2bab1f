"""Whatever the layout of a template: an edit takes away what it says, and changes nothing else."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from tests.examples import examples
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered
from tests.unit.templates.layouts import laid_out

ACTIONS = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage", "dynamodb:GetItem", "dynamodb:Query")
Json = dict[str, Any]


def template(random: Random) -> Json:
    """A template of roles whose statements are told apart by their resources."""
    resources: Json = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "s3:GetObject"}}}
    for number in range(random.randint(1, 3)):
        properties: Json = {"RoleName": f"reader-of-books-{number}"}
        properties["Policies"] = [
            {"PolicyName": f"policy{place}", "PolicyDocument": _document(random, f"{number}/{place}")}
            for place in range(random.randint(1, 3))
        ]
        if random.random() < 0.5:
            properties = dict(reversed(properties.items()))
        resources[f"Role{number}"] = {"Type": "AWS::IAM::Role", "Properties": properties}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def _document(random: Random, name: str) -> Json:
    statements = []
    for place in range(random.randint(1, 3)):
        actions = random.sample(ACTIONS, random.randint(1, 4))
        statement: Json = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:s3:::{name}/{place}/*"}
        if len(actions) == 1 and random.random() < 0.5:
            statement["Action"] = actions[0]
        if random.random() < 0.2:
            statement["Effect"] = "Deny"
        if random.random() < 0.3:
            statement = {"Sid": f"S{place}", **statement}
        statements.append(dict(random.sample(list(statement.items()), len(statement))))
    single = len(statements) == 1 and random.random() < 0.3
    return {"Version": "2012-10-17", "Statement": statements[0] if single else statements}


def roles(content: Json, random: Random) -> list[Deployed]:
    """The roles of a template as deployed; some of what they may was not used."""
    found = []
    for resource in content["Resources"].values():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        its = resource["Properties"]
        policies = [
            Policy(p["PolicyName"], None, "inline", parse_policy(p["PolicyDocument"]))
            for p in its["Policies"]
        ]
        share = random.choice([0.2, 0.6, 1])
        whole = deployed(its["RoleName"], policies, ACTIONS)
        unused = [finding for finding in whole.findings if random.random() < share]
        used = deployed(its["RoleName"], policies, ())
        findings = [f if f in unused else u for f, u in zip(whole.findings, used.findings, strict=True)]
        found.append(whole._replace(findings=tuple(findings)))
    return found


def without(content: Json, ids: Collection[str]) -> Json:
    """A template without what findings are about, and what is empty then."""
    resources: Json = {}
    for name, resource in content["Resources"].items():
        resources[name] = resource
        if resource["Type"] == "AWS::IAM::Role":
            its = dict(resource["Properties"])
            policies = [
                policy for p in its["Policies"] if (policy := _without(p, its["RoleName"], ids)) is not None
            ]
            its = {key: policies if key == "Policies" else value for key, value in its.items()}
            resources[name] = {**resource, "Properties": {k: v for k, v in its.items() if v}}
    return {**content, "Resources": resources}


def _without(policy: Json, role: str, ids: Collection[str]) -> Json | None:
    document = policy["PolicyDocument"]
    given = document["Statement"]
    kept = []
    for index, statement in enumerate(given if isinstance(given, list) else [given]):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        stays = [a for a in actions if f"{role}/{policy['PolicyName']}/{index}/{a}" not in ids]
        if stays:
            kept.append({**statement, "Action": stays if isinstance(statement["Action"], list) else stays[0]})
    if not kept:
        return None
    statements = kept if isinstance(given, list) else kept[0]
    return {**policy, "PolicyDocument": {**document, "Statement": statements}}


@given(st.integers(min_value=0, max_value=2**32))
@examples(60)
def test_an_edit_takes_away_what_it_says_and_nothing_else(seed: int) -> None:
    random = Random(seed)
    content = template(random)
    text = laid_out(content, random)
    assert yaml.load(text, Loader=yaml.CBaseLoader) == content
    mark = random.choice(["", "", "\ufeff"])
    files = {"template.yml": (mark + text).encode()}
    deployed_roles = roles(content, random)
    found = offered(files, deployed_roles)
    unused = {f.id for role in deployed_roles for f in role.findings if f.verdict == "unused"}
    fixed = [id_ for fix in found.fixes for id_ in fix.findings]
    assert len(fixed) == len(set(fixed))
    assert set(fixed) | set(found.notes) == unused
    some = [fix for fix in found.fixes if random.random() < 0.5]
    for fixes in (found.fixes, some, *([fix] for fix in found.fixes)):
        after = made(files, fixes)["template.yml"]
        ids = {id_ for fix in fixes for id_ in fix.findings}
        assert yaml.load(after, Loader=yaml.CBaseLoader) == without(content, ids)
        assert after.startswith(mark.encode())
        assert after.endswith(b"\n") or not text.endswith("\n")
