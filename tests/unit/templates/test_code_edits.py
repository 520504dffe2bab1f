"""Edits of code: what goes, and that all other bytes stay."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from textwrap import dedent
from typing import NamedTuple

import pytest

from scanner.templates.code.syntax import PYTHON, TYPESCRIPT
from scanner.templates.edits.pieces import without
from scanner.templates.written import CannotCutError, Span
from tests.unit.templates.cases import inline
from tests.unit.templates.cdk_cases import Granted, granted, python, typescript
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered

WORKER = "Worker/ServiceRole"
SENDS = "new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] })"
FUNCTION = "const worker = new lambda.Function(this, 'Worker', {});\n"
PY_FUNCTION = 'worker = lambda_.Function(self, "Worker")\n'


def as_deployed(its: Granted, unused: Collection[str]) -> Deployed:
    return deployed(its.role, [inline(its.policy, *its.statements)], unused)


def after(
    files: Mapping[str, str], its: Granted, unused: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """The files with the edits that are offered, and why there are none for others."""
    contents = {path: text.encode() for path, text in files.items()}
    offer = offered(contents, [as_deployed(its, unused)])
    assert all(fix.disposition == "safe" for fix in offer.fixes)
    return {path: text.decode() for path, text in made(contents, offer.fixes).items()}, list(
        offer.notes.values()
    )


class Edit(NamedTuple):
    """A stack's body, what was deployed and not used of it, and the body with the edit."""

    name: str
    before: str
    unused: tuple[str, ...]
    after: str
    actions: tuple[str, ...] = ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage")


EDITS = [
    Edit(
        "one of several, a line each",
        """\
        worker.addToRolePolicy(new iam.PolicyStatement({
          actions: [
            'sqs:SendMessage',
            'sqs:ReceiveMessage', // reads
            'sqs:DeleteMessage'
          ],
          resources: ['*'],
        }));
        """,
        ("sqs:ReceiveMessage",),
        """\
        worker.addToRolePolicy(new iam.PolicyStatement({
          actions: [
            'sqs:SendMessage',
            'sqs:DeleteMessage'
          ],
          resources: ['*'],
        }));
        """,
    ),
    Edit(
        "the last one, a line each",
        """\
        worker.addToRolePolicy(new iam.PolicyStatement({
          actions: [
            "sqs:SendMessage", "sqs:ReceiveMessage",
            "sqs:DeleteMessage"
          ],
          resources: ['*'],
        }));
        """,
        ("sqs:DeleteMessage",),
        """\
        worker.addToRolePolicy(new iam.PolicyStatement({
          actions: [
            "sqs:SendMessage", "sqs:ReceiveMessage",
          ],
          resources: ['*'],
        }));
        """,
    ),
    Edit(
        "all but the first, on a line",
        "worker.addToRolePolicy(new P.PolicyStatement({ actions: ['sqs:SendMessage', 'sqs:ReceiveMessage', "
        "'sqs:DeleteMessage'], resources: ['*'] }));\n",
        ("sqs:ReceiveMessage", "sqs:DeleteMessage"),
        "worker.addToRolePolicy(new P.PolicyStatement({ actions: ['sqs:SendMessage'], "
        "resources: ['*'] }));\n",
    ),
    Edit(
        "the first, on a line",
        "worker.addToRolePolicy(new P.PolicyStatement({ actions: ['sqs:SendMessage', 'sqs:ReceiveMessage', "
        "'sqs:DeleteMessage',], resources: ['*'] }));\n",
        ("sqs:SendMessage",),
        "worker.addToRolePolicy(new P.PolicyStatement({ actions: ['sqs:ReceiveMessage', "
        "'sqs:DeleteMessage',], resources: ['*'] }));\n",
    ),
    Edit(
        "the whole call, with the comment above it",
        """\
        const queue = new sqs.Queue(this, 'Queue');

        // Sends what it made.
        worker.addToRolePolicy(
          new iam.PolicyStatement({
            actions: ['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessage'],
            resources: ['*'],
          }),
        );
        worker.addEnvironment('A', 'ä €');
        """,
        ("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage"),
        """\
        const queue = new sqs.Queue(this, 'Queue');

        worker.addEnvironment('A', 'ä €');
        """,
    ),
    Edit(
        "behind characters of several bytes",
        """\
        worker.addEnvironment('A', 'ä € \U0001f600');
        worker.addToRolePolicy(new PolicyStatement({ resources: ['*'],
          actions: ['sqs:SendMessage', 'sqs:ReceiveMessage', 'sqs:DeleteMessage'] }));
        """,
        ("sqs:ReceiveMessage",),
        """\
        worker.addEnvironment('A', 'ä € \U0001f600');
        worker.addToRolePolicy(new PolicyStatement({ resources: ['*'],
          actions: ['sqs:SendMessage', 'sqs:DeleteMessage'] }));
        """,
    ),
]
PYTHON_EDITS = [
    Edit(
        "one of several, a line each",
        """\
        worker.add_to_role_policy(iam.PolicyStatement(
            actions=[
                "sqs:SendMessage",
                "sqs:ReceiveMessage",  # reads
                "sqs:DeleteMessage",
            ],
            resources=["*"],
        ))
        """,
        ("sqs:ReceiveMessage", "sqs:DeleteMessage"),
        """\
        worker.add_to_role_policy(iam.PolicyStatement(
            actions=[
                "sqs:SendMessage",
            ],
            resources=["*"],
        ))
        """,
    ),
    Edit(
        "the whole call",
        """\
        queue = sqs.Queue(self, "Queue")
        worker.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))
        """,
        ("sqs:SendMessage",),
        """\
        queue = sqs.Queue(self, "Queue")
        """,
        ("sqs:SendMessage",),
    ),
    Edit(
        "the only statement of a property",
        """\
        other = lambda_.Function(self, "Other",
            runtime=lambda_.Runtime.PYTHON_3_13,
            timeout=cdk.Duration.seconds(3))
        """,
        (),
        """\
        other = lambda_.Function(self, "Other",
            runtime=lambda_.Runtime.PYTHON_3_13,
            timeout=cdk.Duration.seconds(3))
        """,
    ),
]


@pytest.mark.parametrize("crlf", [False, True], ids=["lf", "crlf"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_typescript(edit: Edit, crlf: bool) -> None:
    files = typescript(FUNCTION + dedent(edit.before))
    expected = typescript(FUNCTION + dedent(edit.after))
    if crlf:
        files, expected = ({p: t.replace("\n", "\r\n") for p, t in its.items()} for its in (files, expected))
    assert after(files, granted(WORKER, *edit.actions), edit.unused) == (expected, [])


@pytest.mark.parametrize("edit", PYTHON_EDITS, ids=lambda edit: edit.name)
def test_python(edit: Edit) -> None:
    files = python(PY_FUNCTION + dedent(edit.before))
    expected = python(PY_FUNCTION + dedent(edit.after))
    assert after(files, granted(WORKER, *edit.actions), edit.unused) == (expected, [])


def test_an_edit_made_leaves_nothing_to_make() -> None:
    files = typescript(FUNCTION + dedent(EDITS[0].before))
    once, _ = after(files, granted(WORKER, *EDITS[0].actions), EDITS[0].unused)
    assert after(once, granted(WORKER, "sqs:SendMessage", "sqs:DeleteMessage"), ())[0] == once


def test_the_only_statement_goes_with_its_property() -> None:
    files = typescript("""\
        new lambda.Function(this, 'Worker', {
          handler: 'a.b',
          initialPolicy: [
            new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] }),
          ],
          memorySize: 256,
        });
        """)
    expected = typescript("""\
        new lambda.Function(this, 'Worker', {
          handler: 'a.b',
          memorySize: 256,
        });
        """)
    assert after(files, granted(WORKER, "sqs:SendMessage"), ["sqs:SendMessage"]) == (expected, [])
    files = python("""\
        lambda_.Function(self, "Worker",
            handler="a.b", initial_policy=[iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"])])
        """)
    expected = python("""\
        lambda_.Function(self, "Worker",
            handler="a.b")
        """)
    assert after(files, granted(WORKER, "sqs:SendMessage"), ["sqs:SendMessage"]) == (expected, [])


class Refused(NamedTuple):
    name: str
    body: str
    note: str
    actions: tuple[str, ...] = ("sqs:SendMessage",)


REFUSED = [
    Refused(
        "a grant",
        f"{FUNCTION}queue.grantSendMessages(worker);",
        "queue.grantSendMessages makes it",
        ("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    ),
    Refused(
        "a statement that has a name",
        f"{FUNCTION}const send = {SENDS};\nworker.addToRolePolicy(send);",
        "the template does not write these actions one by one",
    ),
    Refused(
        "a call whose result is used",
        f"{FUNCTION}const added = worker.addToRolePolicy({SENDS});",
        "nothing would be left of policy WorkerServiceRoleDefaultPolicyAE71B5FA",
    ),
    Refused(
        "a statement of a class that is made for two roles",
        "new Sender(this, 'A');\nnew Sender(this, 'B');\n}\n}\n"
        "class Sender extends Construct {\nconstructor(scope: Construct, id: string) {\nsuper(scope, id);\n"
        f"{FUNCTION}worker.addToRolePolicy(new iam.PolicyStatement({{ actions: ['sqs:SendMessage'], "
        "resources: ['*'] }));",
        "is written with the same lines, and was not compared",
    ),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_no_edit(refused: Refused) -> None:
    files = typescript(refused.body)
    path = "A/Worker/ServiceRole" if "Sender" in refused.body else WORKER
    its = granted(path, *refused.actions)
    unchanged, notes = after(files, its, refused.actions)
    assert unchanged == files
    assert notes
    assert all(refused.note in note for note in notes)


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("f(['a', /* why */ 'b']);", ["'b'"]),
        ("x = ['a',\n  // why\n  'b']; y = 1;", ["'a'", "'b'"]),
        ("f('a');", ["'a'"]),
        ("a(); b();", ["b();"]),
        ("f(['a' + 'b']);", ["'b'"]),
        ("f([", ["["]),
    ],
)
def test_what_cannot_be_cut(text: str, nodes: list[str]) -> None:
    spans = [Span(text.index(node), text.index(node) + len(node)) for node in nodes]
    with pytest.raises(CannotCutError):
        TYPESCRIPT.cuts(text, spans)


def test_a_text_that_differs_elsewhere_is_not_the_same() -> None:
    text = "x = ['a', 'b', 'c'] + y\n"
    nodes = [Span(10, 13)]
    assert without(text, PYTHON.cuts(text, nodes)) == "x = ['a', 'c'] + y\n"
    assert PYTHON.is_without(text, nodes, "x = ['a', 'c'] + y\n")
    for other in (
        "x = ['a' 'c'] + y\n",
        "x = ['a', 'c'] - y\n",
        "x = ['a', 'd'] + y\n",
        "x = ['a', 'c'] + y)",
    ):
        assert not PYTHON.is_without(text, nodes, other)
