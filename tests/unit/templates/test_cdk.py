"""Findings on roles of the CDK -> the lines of an app's sources that grant them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest

from scanner.model import Finding, Location
from scanner.templates.cdk.ids import logical_id
from scanner.templates.locate import Placement
from scanner.templates.places import Templates
from scanner.templates.read import Texts, roles_in
from tests.unit.cases import allow, table
from tests.unit.templates.cases import MARK, finding_on_managed, inline, placement
from tests.unit.templates.cases import finding as finding_on
from tests.unit.templates.cdk_cases import STACK, Granted, granted, python, typescript

WORKER, ROLE = "Worker/ServiceRole", "TaskRole"
READ = granted(WORKER, "s3:GetObject", resource="arn:aws:s3:::data/*")
SEND = granted(WORKER, "sqs:SendMessage")
S3_READ = granted(WORKER, "s3:GetBucket*", "s3:GetObject*", "s3:List*", resource="arn:aws:s3:::data")
SENDS = "new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] })"
FUNCTION = "const worker = new lambda.Function(this, 'Worker', { handler: 'a.b' });"


def place(files: Mapping[str, str], finding: Finding, *workloads: str) -> Placement:
    roles = roles_in("cdk.json", files["cdk.json"], Texts(files))
    assert roles is not None
    return placement(finding, workloads, Templates(roles, 1))


def marked(files: Mapping[str, str]) -> Location | None:
    """The lines of the app's files that end with a mark."""
    lines = [
        (path, number)
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        if line.endswith(MARK)
    ]
    return Location(lines[0][0], lines[0][1], lines[-1][1]) if lines else None


class Case(NamedTuple):
    name: str
    files: Mapping[str, str]
    finding: Finding
    made_by: str = ""


def check(case: Case) -> None:
    found, expected = place(case.files, case.finding).location, marked(case.files)
    if expected is not None and case.made_by:
        expected = replace(expected, made_by=case.made_by)
    assert found == expected


CASES = [
    Case(
        "a statement of a function, one action of several",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(new iam.PolicyStatement({{
              actions: [
                's3:GetObject', //{MARK}
                's3:PutObject',
              ],
              resources: [`${{bucket.bucketArn}}/*`],
            }}));"""),
        READ.finding("s3:GetObject"),
    ),
    Case(
        "statements of two functions",
        typescript(f"""\
            {FUNCTION}
            const other = new lambda.Function(this, 'Other', {{}});
            other.addToRolePolicy({SENDS});
            worker.addToRolePolicy({SENDS}); //{MARK}
            """),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "initialPolicy",
        typescript(f"""\
            new NodejsFunction(this, 'Worker', {{
              entry: 'src/worker.ts',
              initialPolicy: [
                new PolicyStatement({{ effect: ALLOW, actions: ['ssm:GetParameter'], resources: ['*'] }}),
                {SENDS}, //{MARK}
              ],
            }});"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a function that the class keeps",
        typescript(f"""\
            this.worker = new lambda.Function(this, 'Worker', {{}});
            this.worker.addToRolePolicy(
              new iam.PolicyStatement({{
                resources: ['*'],
                actions: ['sqs:SendMessage'], //{MARK}
              }}),
            );"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a statement by its name",
        typescript(f"""\
            {FUNCTION}
            const send = {SENDS}; //{MARK}
            worker.addToRolePolicy(send);"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "actions by their name",
        typescript(f"""\
            {FUNCTION}
            const actions = [
              'sqs:SendMessage', //{MARK}
              'sqs:ReceiveMessage',
            ];
            worker.addToRolePolicy(new iam.PolicyStatement({{ actions, resources: ['*'] }}));"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a role that a function is given",
        typescript(f"""\
            const role = new iam.Role(this, 'TaskRole', {{ assumedBy }});
            role.addToPolicy({SENDS}); //{MARK}
            new lambda.Function(this, 'Worker', {{ role }});"""),
        granted(ROLE, "sqs:SendMessage").finding("sqs:SendMessage"),
    ),
    Case(
        "a grant",
        typescript(f"""\
            const bucket = new s3.Bucket(this, 'Data', {{ bucketName: 'data' }});
            {FUNCTION}
            bucket.grantRead(worker); //{MARK}"""),
        S3_READ.finding("s3:List*"),
        "bucket.grantRead",
    ),
    Case(
        "a grant of the newer kind, on what the stack is given",
        typescript(f"""\
            {FUNCTION}
            props.bucket.grants.read(worker); //{MARK}"""),
        S3_READ.finding(["s3:GetObject*", "s3:List*"]),
        "props.bucket.grants.read",
    ),
    Case(
        "a grant of another service of the same name",
        typescript(f"""\
            const stream = new kinesis.Stream(this, 'Stream');
            const bucket = new s3.Bucket(this, 'Data', {{ bucketName: 'data' }});
            {FUNCTION}
            stream.grantRead(worker);
            bucket.grantRead(worker); //{MARK}"""),
        S3_READ.finding("s3:List*"),
        "bucket.grantRead",
    ),
    Case(
        "grants that were merged with a statement",
        typescript(f"""\
            {FUNCTION}
            topic.grantPublish(worker);
            worker.addToRolePolicy(new iam.PolicyStatement({{
              actions: ['sqs:SendMessage'], //{MARK}
              resources: ['*'],
            }}));"""),
        granted(WORKER, "sns:Publish", "sqs:SendMessage", "xray:PutTraceSegments").finding("sqs:SendMessage"),
    ),
    Case(
        "a construct of the app, in a file of its own",
        typescript(
            "new Api(this, 'Api', {});",
            {
                "lib/api.ts": f"""\
import {{ Construct }} from 'constructs';
export class Api extends Construct {{
  constructor(scope: Construct, id: string) {{
    super(scope, id);
    {FUNCTION}
    worker.addToRolePolicy({SENDS}); //{MARK}
  }}
}}
"""
            },
        )
        | {
            "bin/app.ts": "import { NotesStack } from '../lib/stack';\nimport { Api } from '../lib/api';\n"
            "new NotesStack(new cdk.App(), 'NotesStack');\n"
        },
        granted("Api/Worker/ServiceRole", "sqs:SendMessage").finding("sqs:SendMessage"),
    ),
    Case(
        "a function of a class of the app",
        typescript("new Sender(this, 'Worker');")
        | {
            "bin/app.ts": f"""\
import {{ NotesStack }} from '../lib/stack';
class Sender extends NodejsFunction {{
  constructor(scope: Construct, id: string) {{
    super(scope, id, {{ tracing: lambda.Tracing.ACTIVE }});
    this.addToRolePolicy({SENDS}); //{MARK}
  }}
}}
"""
        },
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a statement made of JSON",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(iam.PolicyStatement.fromJson({{
              Effect: 'Allow',
              Action: ['sqs:SendMessage'], //{MARK}
              Resource: '*',
            }}));"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "Python: a statement of a function",
        python(f"""\
            worker = lambda_.Function(self, "Worker", runtime=lambda_.Runtime.PYTHON_3_13)
            worker.add_to_role_policy(iam.PolicyStatement(
                actions=[
                    "s3:GetObject",  {MARK}
                    "s3:PutObject",
                ],
                resources=[f"{{bucket.bucket_arn}}/*"],
            ))"""),
        READ.finding("s3:GetObject"),
    ),
    Case(
        "Python: a function that the class keeps, a grant",
        python(f"""\
            self.bucket = s3.Bucket(self, "Data", bucket_name="data")
            self.worker = PythonFunction(self, "Worker", entry="src")
            self.bucket.grant_read(self.worker)  {MARK}"""),
        S3_READ.finding("s3:List*"),
        "self.bucket.grant_read",
    ),
    Case(
        "Python: initial_policy",
        python(f"""\
            lambda_.Function(
                self,
                "Worker",
                initial_policy=[
                    iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]),  {MARK}
                ],
            )"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "Python: a role by its name, arguments by name",
        python(f"""\
            role = iam.Role(scope=self, id="TaskRole")
            role.add_to_policy(statement=iam.PolicyStatement(
                effect=iam.Effect.ALLOW,
                actions=['sqs:SendMessage'],  {MARK}
                resources=['*'],
            ))
            lambda_.Function(self, "Worker", role=role)"""),
        granted(ROLE, "sqs:SendMessage").finding("sqs:SendMessage"),
    ),
]

NOTES_TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/NotesStack-Notes%s-ABCDEFGH1234"
TABLES = """\
const notes = new dynamodb.Table(this, 'Notes', { partitionKey });
const users = new dynamodb.TableV2(this, 'Users', { partitionKey, tableName: 'users' });
"""
CASES += [
    Case(
        "statements on two tables",
        typescript(
            f"{TABLES}{FUNCTION}\n"
            "worker.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:Query'], "
            "resources: [users.tableArn, `${users.tableArn}/index/*`] }));\n"
            "worker.addToRolePolicy(new PolicyStatement({ actions: ['dynamodb:Query'], "
            f"resources: [notes.tableArn, `${{notes.tableArn}}/index/*`] }})); //{MARK}"
        ),
        Granted(
            WORKER,
            [
                allow("dynamodb:Query", table("users")),
                allow("dynamodb:Query", NOTES_TABLE % logical_id(("Notes", "Resource"))[5:]),
            ],
        ).finding("dynamodb:Query", 1),
    ),
    Case(
        "Python: statements on two tables",
        python(f"""\
            notes = dynamodb.Table(self, "Notes")
            users = dynamodb.Table(self, "Users", table_name="users")
            worker = lambda_.Function(self, "Worker")
            worker.add_to_role_policy(PolicyStatement(actions=["dynamodb:Query"], resources=[
                notes.table_arn, notes.table_arn + "/index/*"]))
            worker.add_to_role_policy(PolicyStatement(actions=["dynamodb:Query"], resources=[  {MARK}
                f"{{users.table_arn}}/index/*"]))"""),
        Granted(
            WORKER,
            [allow("dynamodb:Query", "arn:aws:dynamodb:eu-central-1:123456789012:table/users/index/*")],
        ).finding("dynamodb:Query"),
    ),
    Case(
        "grants on two tables",
        typescript(
            f"{TABLES}{FUNCTION}\nnotes.grantWriteData(worker);\nusers.grantReadWriteData(worker); //{MARK}"
        ),
        Granted(WORKER, [allow("dynamodb:PutItem", table("users"))]).finding("dynamodb:PutItem"),
        "users.grantReadWriteData",
    ),
]

NOWHERE = [
    Case(
        "a statement that denies",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(new iam.PolicyStatement({{
              effect: iam.Effect.DENY, actions: ['sqs:SendMessage'], resources: ['*'],
            }}));"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "an effect that is not known",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(new iam.PolicyStatement({{
              effect: props.effect, actions: ['sqs:SendMessage'], resources: ['*'],
            }}));"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "properties that are spread over it",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(new iam.PolicyStatement({{
              actions: ['sqs:SendMessage'], resources: ['*'], ...common,
            }}));"""),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "another function's",
        typescript(f"""\
            const other = new lambda.Function(this, 'Other', {{}});
            new lambda.Function(this, 'Worker', {{}});
            other.addToRolePolicy({SENDS});
            """),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "an id that is made",
        typescript(f"""\
            const worker = new lambda.Function(this, `${{id}}Worker`, {{}});
            worker.addToRolePolicy({SENDS});
            """),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a role of another account",
        typescript(f"""\
            const role = iam.Role.fromRoleArn(this, 'R', 'arn:aws:iam::1:role/r');
            new lambda.Function(this, 'Worker', {{}});
            role.addToPrincipalPolicy({SENDS});
            """),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "a policy of a resource",
        typescript(f"""\
            {FUNCTION}
            queue.addToResourcePolicy({SENDS});
            """),
        SEND.finding("sqs:SendMessage"),
    ),
    Case(
        "another grant's actions",
        typescript(f"""\
            {FUNCTION}
            bucket.grantPut(worker);"""),
        S3_READ.finding("s3:List*"),
    ),
    Case(
        "a statement that the sources have once and the role twice",
        typescript(f"""\
            {FUNCTION}
            worker.addToRolePolicy(new iam.PolicyStatement({{
              actions: ['s3:GetObject'], resources: [props.arn],
            }}));"""),
        Granted(WORKER, [allow("s3:GetObject", "arn:a"), allow("s3:GetObject", "arn:b")]).finding(
            "s3:GetObject"
        ),
    ),
    Case(
        "a name that is bound twice",
        python("""\
            for name in names:
                worker = lambda_.Function(self, "Worker", memory_size=128)
            worker = lambda_.Function(self, "Other")
            worker.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))"""),
        SEND.finding("sqs:SendMessage"),
    ),
]


@pytest.mark.parametrize("case", [*CASES, *NOWHERE], ids=lambda case: case.name)
def test_place(case: Case) -> None:
    check(case)


def test_logical_ids_are_those_of_the_cdk() -> None:
    """Made by aws-cdk-lib 2.276.0."""
    assert logical_id(("Worker", "ServiceRole", "DefaultPolicy", "Resource")) == (
        "WorkerServiceRoleDefaultPolicyAE71B5FA"
    )
    assert logical_id(("Top-Level",)) == "TopLevel"


def test_of_two_that_fit_there_is_none_and_both_are_named() -> None:
    files = typescript(f"""\
        {FUNCTION}
        a.grantRead(worker);
        b.grantRead(worker);""")
    found = place(files, S3_READ.finding("s3:List*"))
    assert found.location is None
    assert found.note == "lib/stack.ts:10 and lib/stack.ts:11 fit equally"


def test_a_statement_for_a_construct_that_is_not_known_is_named_not_placed() -> None:
    files = typescript(f"""\
        {FUNCTION}
        props.worker.addToRolePolicy({SENDS});
        """)
    found = place(files, SEND.finding("sqs:SendMessage"))
    assert found.location is None
    assert found.note == (
        "lib/stack.ts:10 may grant it: the construct that it is given to is not known from the sources"
    )


SHADOWED = [
    typescript(f"{FUNCTION}\n}}\nallow(worker: lambda.IFunction) {{ worker.addToRolePolicy({SENDS});"),
    typescript(f"{FUNCTION}\nfor (const worker of props.workers) {{ worker.addToRolePolicy({SENDS}); }}"),
    typescript(f"{FUNCTION}\nprops.workers.forEach(worker => worker.addToRolePolicy({SENDS}));"),
    typescript(f"{FUNCTION}\n}}\nallow() {{ const {{ worker }} = this; worker.addToRolePolicy({SENDS});"),
    python("""\
        worker = lambda_.Function(self, "Worker")

    def allow(self, worker: lambda_.IFunction = None):
        worker.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))"""),
    python("""\
        worker = lambda_.Function(self, "Worker")
        for name, worker in self.workers.items():
            worker.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))"""),
]


@pytest.mark.parametrize("files", SHADOWED)
def test_a_name_that_means_something_else_there(files: Mapping[str, str]) -> None:
    found = place(files, SEND.finding("sqs:SendMessage"))
    assert found.location is None
    assert "may grant it" in found.note


def test_stacks_whose_constructs_have_the_same_ids() -> None:
    statement = f"worker.addToRolePolicy({SENDS});"
    files = typescript(f"{FUNCTION}\n{statement}")
    files["bin/app.ts"] += f"class Other extends Stack {{ make() {{ {FUNCTION} }} }}\n"
    found = place(files, SEND.finding("sqs:SendMessage"))
    assert found.location is None
    assert "may grant it" in found.note


def test_a_stack_that_is_made_twice_has_one_place() -> None:
    statement = f"worker.addToRolePolicy({SENDS});"
    files = typescript(f"{FUNCTION}\n{statement}")
    files["bin/app.ts"] += "new NotesStack(app, 'Production');\n"
    assert place(files, SEND.finding("sqs:SendMessage")).location == Location("lib/stack.ts", 10, 10)


def test_inline_policies_of_a_role_and_policies_of_aws() -> None:
    files = typescript(f"""\
        new iam.Role(this, 'TaskRole', {{
          roleName: 'notes-task',
          assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
          inlinePolicies: {{
            send: new iam.PolicyDocument({{
              statements: [
                {SENDS},
              ],
            }}),
          }},
          managedPolicies: [iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonS3ReadOnlyAccess')],
        }});""")
    policy = inline("send", allow("sqs:SendMessage"))
    found = place(files, finding_on("notes-task", "sqs:SendMessage", "*", policy))
    assert found.location == Location("lib/stack.ts", 15, 15)
    found = place(files, finding_on_managed("notes-task", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"))
    assert found.location == Location("lib/stack.ts", 19, 19)


def test_policies_that_are_constructs_of_their_own() -> None:
    files = python("""\
        iam.ManagedPolicy(self, "Sending", managed_policy_name="notes-sending", statements=[
            iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]),
        ])
        iam.Policy(self, "Reading", statements=[
            iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"]),
        ])""")
    policy = inline(logical_id(("Reading", "Resource")), allow("s3:GetObject"))
    found = place(files, finding_on("any-role", "s3:GetObject", "*", policy))
    assert found.location == Location("notes/stack.py", 12, 12)


@pytest.mark.parametrize("name", ["bin/app.ts", "lib/stack.ts"])
def test_an_app_of_which_a_file_cannot_be_read_has_no_places(name: str) -> None:
    files = typescript(FUNCTION) | {name: "import { A } from '../lib/stack'; class {{{ ("}
    assert roles_in("cdk.json", files["cdk.json"], Texts(files)) is None


def test_an_app_without_sources_declares_nothing() -> None:
    assert roles_in("cdk.json", '{"app": "mvn -e -q compile exec:java"}', Texts()) == ()
    assert STACK
