"""Findings on roles of the Serverless Framework -> their lines in a serverless.ts, and edits of it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.unit.cases import allow
from tests.unit.templates.cases import MARK, Case, check, finding, inline, locate, templates
from tests.unit.templates.edit_cases import deployed, edited, offered

ROLE, LIST = "notes-dev-eu-west-1-lambdaRole", ("notes-dev-list",)
SHARED = dedent("""\
    import type { AWS } from '@serverless/typescript';
    import hello from '@functions/hello';

    const serverlessConfiguration: AWS = {
      service: 'notes',
      frameworkVersion: '3',
      plugins: ['serverless-esbuild'],
      provider: {
        name: 'aws',
        runtime: 'nodejs20.x',
        iam: {
          role: {
            statements: [
              {
                Effect: 'Allow',
                Action: [
                  'sqs:SendMessage', // %s
                  'sqs:ReceiveMessage',
                ],
                Resource: '*',
              },
              { Effect: 'Allow', Action: 'dynamodb:Query', Resource: { 'Fn::GetAtt': ['Notes', 'Arn'] } },
              { Effect: 'Deny', Action: 'sqs:DeleteQueue', Resource: '*' },
            ],
          },
        },
      },
      functions: { hello, list: { handler: 'src/list.handler' } },
      resources: {
        Resources: { Notes: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'notes' } } },
      },
    };

    module.exports = serverlessConfiguration;
    """)
STATEMENTS = (
    allow(["logs:PutLogEvents"]),
    allow(["sqs:SendMessage", "sqs:ReceiveMessage"]),
    allow("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:123456789012:table/notes"),
)
POLICY = inline("notes-dev-lambda", *STATEMENTS)
SEND = finding(ROLE, "sqs:SendMessage", "*", POLICY, 1)
NAMED = """\
const statements = [{ Effect: 'Allow', Action: ['sqs:SendMessage'], Resource: '*' }]; // %s
export default {
  service: 'notes', provider: { name: 'aws', iamRoleStatements: statements },
  functions: { list: { handler: 'a.b' } },
} satisfies AWS;
"""
OWN = """\
module.exports = {
  service: 'notes',
  provider: { name: 'aws' },
  plugins: ['serverless-iam-roles-per-function'],
  functions: {
    hello,
    list: {
      handler: 'a.b',
      iamRoleStatements: [{ Effect: 'Allow', Action: ['sqs:SendMessage'], Resource: ['*'] }], // %s
    },
  },
};
"""
CASES = [
    Case("shared statements", SHARED % MARK, SEND, LIST),
    Case("a function that is imported", SHARED % MARK, SEND, ("notes-dev-hello",)),
    Case("statements by their name", NAMED % MARK, SEND, LIST),
    Case("a name that is used elsewhere", NAMED.replace("const", "export const") % "", SEND, LIST),
    Case(
        "a function's own role",
        OWN % MARK,
        finding("notes-dev-list-eu-west-1-lambdaRole", "sqs:SendMessage", "*", POLICY, 1),
        LIST,
    ),
    Case(
        "a function that is imported may have a role of its own",
        OWN % "",
        finding("notes-dev-hello-eu-west-1-lambdaRole", "sqs:SendMessage", "*", POLICY, 1),
        ("notes-dev-hello",),
    ),
    Case(
        "what is spread over a statement",
        SHARED.replace("Resource: '*',\n          },", "...rest },") % "",
        SEND,
        LIST,
    ),
    Case("another service", SHARED.replace("'notes',", "'others',") % "", SEND, LIST),
    Case("two configurations", NAMED % "" + "x = { service: 'a', provider: {} };\n", SEND, LIST),
    Case("no literal", "module.exports = make({ provider: 'aws' });\n", SEND, LIST),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_place(case: Case) -> None:
    check(case, "serverless.ts")


def test_a_resource_of_the_configuration() -> None:
    checkout = templates({"service/serverless.ts": SHARED})
    place = locate(finding(ROLE, "dynamodb:Query", STATEMENTS[2]["Resource"], POLICY, 2), LIST, checkout)
    assert place is not None
    assert (place.path, place.line) == ("service/serverless.ts", 22)
    other = finding(ROLE, "dynamodb:Query", "arn:aws:dynamodb:eu-west-1:123456789012:table/others", POLICY, 2)
    assert locate(other, LIST, checkout) is None


def test_edits() -> None:
    files = {"serverless.ts": SHARED.encode()}
    role = deployed(ROLE, [POLICY], ["sqs:SendMessage", "dynamodb:Query"], *LIST)
    lines = SHARED.splitlines(keepends=True)
    assert edited(files, [role])["serverless.ts"].decode() == "".join(
        [*lines[:16], *lines[17:21], *lines[22:]]
    )
    role = deployed(ROLE, [POLICY], ["sqs:SendMessage", "sqs:ReceiveMessage"], *LIST)
    assert edited(files, [role])["serverless.ts"].decode() == "".join([*lines[:13], *lines[21:]])


def test_no_edit_of_statements_that_have_a_name_where_none_would_be_left() -> None:
    files = {"serverless.ts": NAMED.encode()}
    offer = offered(
        files, [deployed(ROLE, [inline("notes-dev-lambda", STATEMENTS[1])], ["sqs:SendMessage"], *LIST)]
    )
    assert not offer.fixes
    assert offer.notes


@pytest.mark.parametrize("effect", ["Deny", "Allow"])
def test_a_list_that_two_statements_name_stays(effect: str) -> None:
    text = dedent(f"""\
        const actions = ['sqs:SendMessage', 'sqs:ReceiveMessage'];
        export default {{
          service: 'notes', provider: {{ name: 'aws', iamRoleStatements: [
            {{ Effect: 'Allow', Action: actions, Resource: 'arn:aws:sqs:us-east-1:123456789012:a' }},
            {{ Effect: '{effect}', Action: actions, Resource: 'arn:aws:sqs:us-east-1:123456789012:b' }},
          ] }},
          functions: {{ list: {{ handler: 'a.b' }} }},
        }};
        """)
    both = ["sqs:SendMessage", "sqs:ReceiveMessage"]
    first = allow(both, "arn:aws:sqs:us-east-1:123456789012:a")
    second = {**allow(both, "arn:aws:sqs:us-east-1:123456789012:b"), "Effect": effect}
    its = deployed(ROLE, [inline("notes-dev-lambda", first, second)], both[:1])
    found = offered({"serverless.ts": text.encode()}, [its._replace(workloads=LIST)])
    assert (found.fixes, set(found.notes.values())) == ((), {"actions is read elsewhere too"})
