"""Apps of the CDK in the manner of its examples, with what was deployed of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import dedent, indent
from typing import Any, NamedTuple

from scanner.model import Finding
from scanner.templates.cdk.ids import logical_id
from tests.unit.cases import allow
from tests.unit.templates.cases import finding, inline

STACK = "NotesStack"
TYPESCRIPT_APP = {
    "cdk.json": '{"app": "npx ts-node --prefer-ts-exts bin/app.ts"}',
    "bin/app.ts": dedent("""\
        #!/usr/bin/env node
        import * as cdk from 'aws-cdk-lib';
        import { NotesStack } from '../lib/stack';
        const app = new cdk.App();
        new NotesStack(app, 'NotesStack', { env: { region: 'eu-central-1' } });
        """),
}
PYTHON_APP = {
    "cdk.json": '{"app": "python3 app.py"}',
    "app.py": dedent("""\
        import aws_cdk as cdk
        from notes.stack import NotesStack

        app = cdk.App()
        NotesStack(app, "NotesStack")
        app.synth()
        """),
}
TYPESCRIPT = """\
import * as cdk from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';

export class NotesStack extends cdk.Stack {
  constructor(scope: Construct, id: string, props?: NotesProps) {
    super(scope, id, props);
%s
  }
}
"""
PYTHON = """\
from aws_cdk import Stack, aws_iam as iam, aws_lambda as lambda_, aws_s3 as s3
from constructs import Construct


class NotesStack(Stack):
    def __init__(self, scope: Construct, construct_id: str, **kwargs) -> None:
        super().__init__(scope, construct_id, **kwargs)
%s
"""


def typescript(body: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The files of an app whose stack does this."""
    return {**TYPESCRIPT_APP, "lib/stack.ts": TYPESCRIPT % indent(dedent(body), " " * 4), **(more or {})}


def python(body: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The files of an app whose stack does this."""
    return {**PYTHON_APP, "notes/stack.py": PYTHON % indent(dedent(body), " " * 8), **(more or {})}


class Granted(NamedTuple):
    """What a deployed role grants: the path of its construct, and the statements of its default policy."""

    path: str
    statements: Sequence[dict[str, Any]]

    @property
    def role(self) -> str:
        """The role's name."""
        return f"{STACK}-{_id(self.path)}-AbCdEfGhIjKl"

    @property
    def policy(self) -> str:
        """The name of its default policy."""
        return _id(f"{self.path}/DefaultPolicy")

    def finding(self, actions: str | list[str], index: int = 0) -> Finding:
        """The finding on actions of a statement."""
        resources = self.statements[index]["Resource"]
        policy = inline(self.policy, *self.statements)
        return finding(self.role, actions, resources, policy, index)


def granted(path: str, *actions: str, resource: str = "*") -> Granted:
    """A role that allows actions in one statement."""
    return Granted(path, [allow(list(actions), resource)])


def _id(path: str) -> str:
    return logical_id((*path.split("/"), "Resource"))
