"""Findings on roles of Terraform -> the files without what nobody used."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from scanner.iam.policies import parse_policy
from scanner.model import Policy
from scanner.templates.edits.hcl_syntax import HCL
from scanner.templates.edits.recheck import grants_less
from scanner.templates.written import Span
from tests.unit.cases import allow
from tests.unit.templates.edit_cases import ByteTexts, Deployed, deployed, edited, made, offered
from tests.unit.templates.terraform.cases import EXAMPLES, Example, checkout

ROLE = 'resource "aws_iam_role" "reader" {\n  name = "notes-reader"\n}\n\n'
TABLE, FILES = "arn:aws:dynamodb:us-east-1:123456789012:table/notes", "arn:aws:s3:::notes/*"
DOCUMENT = (
    ROLE
    + """data "aws_iam_policy_document" "read" {
  # the table
  statement {
    actions = [
      "dynamodb:GetItem", # a note
      # kept
      "dynamodb:PutItem",
      "dynamodb:Query"
    ]
    resources = ["arn:aws:dynamodb:us-east-1:123456789012:table/notes"]
  }

  # the files
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::notes/*"]
  }
}

resource "aws_iam_role_policy" "read" {
  name   = "read"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.read.json
}
"""
)
ENCODED = (
    ROLE
    + """resource "aws_iam_role_policy" "read" {
  name = "read"
  role = aws_iam_role.reader.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query",]
      Resource = "arn:aws:dynamodb:us-east-1:123456789012:table/notes"
    }, {
      Effect   = "Allow"
      Action   = [
        "s3:GetObject"
        , "s3:PutObject"
      ]
      Resource = "arn:aws:s3:::notes/*"
    }]
  })
}
"""
)
HEREDOC = (
    ROLE
    + """resource "aws_iam_role_policy" "read" {
  name   = "read"
  role   = aws_iam_role.reader.id
  policy = <<-EOF
    {
      "Statement": [
        {
          "Effect": "Allow",
          "Action": [
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query"
          ],
          "Resource": "${var.table["a"]}"
        },
        {
          "Effect": "Allow",
          "Action": ["s3:GetObject", "s3:PutObject"],
          "Resource": "arn:aws:s3:::notes/*"
        }
      ]
    }
  EOF
}
"""
)
GET, PUT, QUERY = "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"
ALL = [GET, PUT, QUERY, "s3:GetObject", "s3:PutObject"]


def part(text: str, begin: str, end: str) -> str:
    start = text.index(begin)
    return text[start : text.index(end, start)]


CASES: dict[str, tuple[str, list[str], list[str]]] = {
    "an action with its comment": (DOCUMENT, [GET], ['      "dynamodb:GetItem", # a note\n']),
    "an action in the middle": (DOCUMENT, [PUT], ['      "dynamodb:PutItem",\n']),
    "the last action": (DOCUMENT, [QUERY], ['      "dynamodb:Query"\n']),
    "the first in a line": (DOCUMENT, ["s3:GetObject"], ['"s3:GetObject", ']),
    "the last in a line": (DOCUMENT, ["s3:PutObject"], [', "s3:PutObject"']),
    "a statement": (DOCUMENT, ALL[3:], [part(DOCUMENT, "\n  # the files", "}\n\nresource")]),
    "the first statement": (DOCUMENT, ALL[:3], [part(DOCUMENT, "  # the table", "\n  # the files")]),
    "encoded, first": (ENCODED, [GET], ['"dynamodb:GetItem", ']),
    "encoded, last with a comma": (ENCODED, [QUERY], [' "dynamodb:Query",']),
    "encoded, two": (ENCODED, [GET, PUT], ['"dynamodb:GetItem", "dynamodb:PutItem", ']),
    "encoded, first statement": (
        ENCODED,
        ALL[:3],
        [part(ENCODED, "{\n      Effect", '{\n      Effect   = "Allow"\n      Action   = [\n')],
    ),
    "encoded, last statement": (ENCODED, ALL[3:], [part(ENCODED, ", {\n", "]\n  })")]),
    "all": (ENCODED, ALL, [ENCODED[len(ROLE) - 1 :]]),
    "JSON, first": (HEREDOC, [GET], ['            "dynamodb:GetItem",\n']),
    "JSON, a statement": (
        HEREDOC,
        ALL[3:],
        [
            part(
                HEREDOC,
                ',\n        {\n          "Effect": "Allow",\n          "Action": ["s3',
                "\n      ]\n    }\n  EOF",
            )
        ],
    ),
}


def reader(unused: list[str]) -> Deployed:
    document = {"Statement": [allow(ALL[:3], TABLE), allow(ALL[3:], FILES)]}
    return deployed("notes-reader", [Policy("read", None, "inline", parse_policy(document))], unused)


@pytest.mark.parametrize(("text", "unused", "gone"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("style", ["as it is", "CRLF", "mark", "no newline", "emoji"])
def test_what_goes(text: str, unused: list[str], gone: list[str], style: str) -> None:
    def styled(text: str) -> bytes:
        if style == "emoji":
            text = "# \U0001f600 \u00fc\n" + text.replace("# kept", "# kept \U0001f600")
        text = text.replace("\n", "\r\n") if style == "CRLF" else text
        return (("\ufeff" if style == "mark" else "") + text).encode()

    after = text
    for its in gone:
        assert after.count(its) == 1
        after = after.replace(its, "")
    before, expected = styled(text), styled(after)
    if style == "no newline":
        before, expected = before.rstrip(b"\n"), expected.rstrip(b"\n")
    assert edited({"main.tf": before}, [reader(unused)]) == {"main.tf": expected}


REFUSED = {
    "for_each of a role": (
        '{\n  name = "notes-reader"',
        '{\n  for_each = var.a\n  name = "notes-reader"',
        "for_each",
    ),
    "count of a policy": ('{\n  name   = "read"', '{\n  count  = 2\n  name   = "read"', "count"),
    "a document that others read": (
        "\nresource",
        '\noutput "a" {\n  value = data.aws_iam_policy_document.read.json\n}\nresource',
        "read elsewhere",
    ),
    "a condition": (
        '= ["s3:GetObject", "s3:PutObject"]',
        '= var.a ? ["s3:GetObject", "s3:PutObject"] : []',
        "expression",
    ),
    "a function": ('= ["s3:GetObject", "s3:PutObject"]', '= setunion(["s3:GetObject", "s3:PutObject"])', ""),
    "a local list": ('= ["s3:GetObject", "s3:PutObject"]', "= local.actions", "one by one"),
    "a comment beside it": (
        '["s3:GetObject", "s3:PutObject"]',
        '["s3:GetObject", /* a */ "s3:PutObject"]',
        "comment",
    ),
}


@pytest.mark.parametrize(("old", "new", "why"), REFUSED.values(), ids=REFUSED)
def test_what_stays(old: str, new: str, why: str) -> None:
    text = DOCUMENT.replace(old, new) + 'locals {\n  actions = ["s3:GetObject", "s3:PutObject"]\n}\n'
    assert old in DOCUMENT
    found = offered({"main.tf": text.encode()}, [reader(["s3:GetObject"])])
    assert found.fixes == ()
    assert why in "".join(found.notes.values())


def roles_of(its: Example, unused: str) -> list[Deployed]:
    """The roles of an example with all that is expected in it, of which one action is unused."""
    policies: dict[tuple[str, tuple[str, ...]], dict[str, Policy]] = defaultdict(dict)
    for expected in its.expected:
        policy = expected.finding.policy
        its_policies = policies[expected.finding.role.rpartition("/")[2], expected.workloads]
        before = its_policies[policy.name].statements if policy.name in its_policies else ()
        added = [replace(s, index=len(before)) for s in policy.statements]
        its_policies[policy.name] = replace(policy, statements=(*before, *added))
    return [
        deployed(name, list(its_policies.values()), [unused], *workloads)
        for (name, workloads), its_policies in policies.items()
    ]


@pytest.mark.parametrize("its", EXAMPLES.values(), ids=EXAMPLES)
def test_every_action_of_the_corpus_is_cut_or_it_is_said_why_not(its: Example) -> None:
    files = {path: text.encode() for path, text in its.files.items()}
    for expected in its.expected:
        (action,) = expected.finding.actions
        found = offered(files, roles_of(its, action))
        assert found.fixes or found.notes
        after = made(files, found.fixes)
        for path, text in after.items():
            assert is_part(text, files[path])
        checkout({path: text.decode() for path, text in after.items()})


def is_part(text: bytes, of: bytes) -> bool:
    rest = iter(of)
    return all(byte in rest for byte in text)


def test_a_used_action_in_the_place_of_a_wildcard() -> None:
    for text in (DOCUMENT, ENCODED, HEREDOC):
        place = text.index('"s3:GetObject"')
        written = HCL.replaced(text, Span(place, place + 14), ["s3:GetObject", "s3:ListBucket"])
        assert written == '"s3:GetObject", "s3:ListBucket"'
    scalar = ROLE + 'locals {\n  a = "s3:Get*"\n}\n'
    place = scalar.index('"s3')
    assert HCL.replaced(scalar, Span(place, place + 9), ["s3:A", "s3:B"]) == '["s3:A", "s3:B"]'


def test_a_changed_file_is_read_as_it_is_changed() -> None:
    before, after = DOCUMENT.encode(), DOCUMENT.replace("s3:GetObject", "s3:*").encode()
    files = ByteTexts({"main.tf": before})
    assert not grants_less("main.tf", before, after, files)
    assert grants_less("main.tf", before, DOCUMENT.replace('"s3:GetObject", ', "").encode(), files)
