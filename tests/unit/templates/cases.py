"""Findings and templates for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any, NamedTuple

from scanner.iam.policies import parse_policy
from scanner.model import Finding, Location, Policy, StackResource, Verdict
from scanner.templates.locate import Locator, Placement
from scanner.templates.places import RolePlace, Templates
from scanner.templates.read import roles_in
from tests.unit.cases import ACCOUNT, allow, table

MARK = "#!"  # ends the lines of a template that are the answer
NOTES, USERS = table("notes"), table("users")
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
STAR_ACCOUNT = "arn:aws:dynamodb:us-east-1:*:table/notes"

# --- findings ---


def inline(name: str, *statements: dict[str, Any]) -> Policy:
    return Policy(name, None, "inline", parse_policy({"Statement": list(statements)}))


def managed(arn: str, *statements: dict[str, Any], name: str | None = None) -> Policy:
    document = {"Statement": list(statements)}
    return Policy(name or arn.rpartition("/")[2], arn, "managed", parse_policy(document))


def finding(
    role: str,
    actions: str | list[str],
    resource: str = NOTES,
    policy: str | Policy = "policy",
    index: int = 0,
) -> Finding:
    """A finding on a statement of a policy; given by name, it is an inline one of this statement alone."""
    if isinstance(policy, str):
        policy = inline(policy, allow(actions, resource))
    return Finding(
        id="0",
        role=f"arn:aws:iam::{ACCOUNT}:role/{role}",
        workload=None,
        verdict=Verdict.UNUSED,
        reasons=(),
        severity="read",
        breadth="action",
        policy=policy,
        statement=policy.statements[index],
        actions=(actions,) if isinstance(actions, str) else tuple(actions),
        resources=(resource,),
        used=(),
    )


def finding_on_managed(role: str, arn: str) -> Finding:
    """A finding on a managed policy, whose statements no template has."""
    return finding(role, "a:B", "*", managed(arn, allow("a:B")))


READ = finding("notes-test-list", "s3:GetObject", "arn:aws:s3:::a-b/*", "read")

# --- templates ---


def templates(texts: Mapping[str, str]) -> Templates:
    """Templates by path."""
    roles: list[RolePlace] = []
    for path, text in texts.items():
        places = roles_in(path, text)
        assert places is not None
        roles += places
    return Templates(tuple(roles), len(texts))


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files by path."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def with_marks(template: str, *indices: int) -> str:
    """A template with marks at these of its places (`%s`, from 0)."""
    places = template.count("%s")
    return template % tuple(MARK if index in indices else "" for index in range(places))


def marked(path: str, text: str) -> Location | None:
    """The lines from the first mark of a template to its last."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith(MARK)]
    return Location(path, lines[0], lines[-1]) if lines else None


ROLE = """\
    Resources:
      %s:
        Type: AWS::IAM::Role
        Properties:
          %s
          Policies:
            - PolicyName: read
              PolicyDocument:
                Statement: [{ Effect: Allow, Action: "s3:GetObject", Resource: %s }]
    """


def role_template(name: str, resource: str = "!ImportValue A", logical_id: str = "ListRole") -> str:
    """A template of one role, whose statement that allows s3:GetObject is in line 9."""
    return dedent(ROLE % (logical_id, f"RoleName: {name}" if name else "Path: /", resource))


# --- template and finding -> lines ---


def placement(
    finding: Finding,
    workload_names: Sequence[str],
    checkout: Templates,
    stack: StackResource | None = None,
) -> Placement:
    """Where a finding is placed; `stack` made its role."""
    stacks = {finding.role: stack} if stack else None
    return Locator(checkout, stacks).place(finding, workload_names)


def locate(finding: Finding, workload_names: Sequence[str], checkout: Templates) -> Location | None:
    return placement(finding, workload_names, checkout).location


class Case(NamedTuple):
    """A finding whose place in the template is marked, and the names of the workloads of its role."""

    name: str
    template: str
    finding: Finding
    workloads: tuple[str, ...] = ()


def check(case: Case, path: str) -> None:
    """The finding is placed where the template is marked, or nowhere if it is not."""
    place = locate(case.finding, case.workloads, templates({path: case.template}))
    assert place == marked(path, case.template)
