"""Findings and templates -> the templates without what nobody used."""

from __future__ import annotations

import pytest

from tests.unit.templates.edit_cases import edited, role

ROLE = """\
Resources:
  ReadRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: reader-of-notes
      Path: /
      Policies: # what it may
        - PolicyName: read
          PolicyDocument:
            Statement:
              # reading
              - Effect: Allow
                Action:
                  - s3:GetObject # a note
                  # kept
                  - s3:PutObject
                Resource: arn:aws:s3:::notes/*
              # the table
              - Effect: Allow
                Action: dynamodb:GetItem
                Resource: arn:aws:dynamodb:us-east-1:123456789012:table/notes
        - PolicyName: send
          PolicyDocument:
            Statement:
              Effect: Allow
              Action: [sqs:SendMessage, "sqs:DeleteMessage"]
              Resource: arn:aws:sqs:us-east-1:123456789012:notes
"""

CASES = {
    "an action, with the comment of its line": (
        ["s3:GetObject"],
        ["                  - s3:GetObject # a note\n"],
    ),
    "the last action": (["s3:PutObject"], ["                  - s3:PutObject\n"]),
    "an action of a flow list": (["sqs:SendMessage"], ["sqs:SendMessage, "]),
    "the last action of a flow list": (["sqs:DeleteMessage"], [', "sqs:DeleteMessage"']),
    "a statement with the comment above it": (
        ["dynamodb:GetItem"],
        [ROLE[ROLE.index("              # the table") : ROLE.index("        - PolicyName: send")]],
    ),
    "a policy of which nothing is left": (
        ["sqs:SendMessage", "sqs:DeleteMessage"],
        [ROLE[ROLE.index("        - PolicyName: send") :]],
    ),
    "a policy of two statements": (
        ["s3:GetObject", "s3:PutObject", "dynamodb:GetItem"],
        [ROLE[ROLE.index("        - PolicyName: read") : ROLE.index("        - PolicyName: send")]],
    ),
    "all policies": (
        ["s3:GetObject", "s3:PutObject", "dynamodb:GetItem", "sqs:SendMessage", "sqs:DeleteMessage"],
        [ROLE[ROLE.index("      Policies:") :]],
    ),
}


@pytest.mark.parametrize(("unused", "gone"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("style", ["as it is", "CRLF", "mark", "no newline", "emoji"])
def test_what_goes(unused: list[str], gone: list[str], style: str) -> None:
    def styled(text: str) -> bytes:
        text = {
            "CRLF": text.replace("\n", "\r\n"),
            "mark": "\ufeff" + text,
            "emoji": text.replace("# kept", "# kept \U0001f600 \u00fc").replace("Path: /", "Path: /\u00fc/"),
        }.get(style, text)
        return text.encode()

    after = ROLE
    for part in gone:
        assert after.count(part) == 1
        after = after.replace(part, "")
    before, expected = styled(ROLE), styled(after)
    if style == "no newline":
        before, expected = before[:-1], expected[:-1]
    reader = role("reader-of-notes", ROLE, unused)
    assert edited({"template.yml": before}, [reader]) == {"template.yml": expected}
