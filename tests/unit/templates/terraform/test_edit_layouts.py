"""Whatever a policy looks like: an edit takes away just the unused actions, and keeps all other bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from scanner.templates.read import Texts, roles_in
from tests.examples import examples
from tests.unit.cases import allow
from tests.unit.templates.edit_cases import deployed, made, offered

ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket")
HEAD = 'resource "aws_iam_role" "reader" {\n  name = "notes-reader"\n}\n'
POLICY = (
    HEAD
    + 'resource "aws_iam_role_policy" "p" {\n  name = "p"\n  role = aws_iam_role.reader.id\n'
    + "  policy = %s\n}\n"
)
DATA = POLICY % "data.aws_iam_policy_document.d.json" + 'data "aws_iam_policy_document" "d" {\n%s}\n'


@st.composite
def lists(draw: st.DrawFn, actions: tuple[str, ...], *, strict: bool) -> str:
    """A list of actions; `strict`: as JSON has it."""
    breaks = draw(st.booleans())
    text = "["
    for index, action in enumerate(actions):
        last = index == len(actions) - 1
        before = draw(st.sampled_from(["\n      ", "\n\t"])) if breaks else draw(st.sampled_from(["", " "]))
        if breaks and not strict and draw(st.booleans()):
            before = f"\n      # before {action}{before}"
        comma = "" if last and (strict or draw(st.booleans())) else ","
        comment = f" # of {index}" if breaks and not strict and draw(st.booleans()) else ""
        text += f'{before}"{action}"{comma}{comment}'
    return text + ("\n    ]" if breaks else "]")


@st.composite
def modules(draw: st.DrawFn) -> tuple[str, list[tuple[str, ...]]]:
    """A module with a policy, and the actions of its statements."""
    chosen = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=4, unique=True)
    statements = [tuple(its) for its in draw(st.lists(chosen, min_size=1, max_size=3))]
    form = draw(st.sampled_from(["data", "jsonencode", "heredoc"]))
    texts = [draw(lists(its, strict=form == "heredoc")) for its in statements]
    resources = [f"arn:aws:s3:::notes-{index}/*" for index in range(len(statements))]
    both = list(zip(texts, resources, strict=True))
    if form == "data":
        blank = draw(st.sampled_from(["", "\n", "  # about it\n", "\n  /* more */\n"]))
        text = DATA % "".join(
            f'{blank}  statement {{\n    actions = {actions}\n    resources = ["{resource}"]\n  }}\n'
            for actions, resource in both
        )
    elif form == "jsonencode":
        between = draw(st.sampled_from([", ", ",\n    ", ", # next\n    "]))
        parts = [
            f'{{\n    Effect = "Allow"\n    Action = {actions}\n    Resource = "{resource}"\n  }}'
            for actions, resource in both
        ]
        text = POLICY % f"jsonencode({{ Statement = [{between.join(parts)}] }})"
    else:
        between = draw(st.sampled_from([", ", ",\n    "]))
        parts = [
            f'{{ "Effect": "Allow", "Action": {actions}, "Resource": "{resource}" }}'
            for actions, resource in both
        ]
        text = POLICY % f'<<-E\n  {{ "Statement": [{between.join(parts)}] }}\n  E'
    return draw(st.sampled_from([text, text.replace("\n", "\r\n")])), statements


def granted(text: str) -> list[tuple[str, set[str]]]:
    places = roles_in("main.tf", text, Texts({"main.tf": text}))
    assert places is not None
    (role,) = places
    return [
        (statement.resources[0], set(statement.actions))
        for policy in role.policies
        for statement in policy.statements or ()
    ]


def is_part(text: str, of: str) -> bool:
    rest = iter(of)
    return all(character in rest for character in text)


@examples(100)
@given(modules(), st.sets(st.sampled_from(ACTIONS), min_size=1))
def test_an_edit_takes_away_what_it_says_and_nothing_else(
    module: tuple[str, list[tuple[str, ...]]], unused: set[str]
) -> None:
    text, statements = module
    document: dict[str, Any] = {
        "Statement": [
            allow(list(its), f"arn:aws:s3:::notes-{index}/*") for index, its in enumerate(statements)
        ]
    }
    reader = deployed("notes-reader", [Policy("p", None, "inline", parse_policy(document))], unused)
    files = {"main.tf": text.encode()}
    found = offered(files, [reader])
    removed = {id_ for fix in found.fixes for id_ in fix.findings}
    for finding in reader.findings:
        unused_one = finding.actions[0] in unused
        assert (finding.id in removed or finding.id in found.notes) == unused_one
    after = made(files, found.fixes)["main.tf"].decode()
    assert is_part(after, text)
    expected = [
        (
            resource,
            {
                a
                for a in actions
                if not any(
                    id_.endswith(f"/{index}/{o}") for o in ACTIONS for id_ in removed if o.lower() == a
                )
            },
        )
        for index, (resource, actions) in enumerate(granted(text))
    ]
    assert granted(after) == [(resource, actions) for resource, actions in expected if actions]
    if not unused & {"s3:GetObject"}:
        assert after.count("s3:GetObject") == text.count("s3:GetObject")
