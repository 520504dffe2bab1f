"""Findings on roles of Chalice -> their lines in the policy files of stages."""

from __future__ import annotations

import json
from typing import Any

from scanner.model import Location
from scanner.templates.places import Templates
from scanner.templates.read import Texts, roles_in
from tests.unit.cases import allow
from tests.unit.templates.cases import finding as finding_on
from tests.unit.templates.cases import inline, locate
from tests.unit.templates.edit_cases import deployed, made, offered

CONFIG: dict[str, Any] = {
    "version": "2.0",
    "app_name": "notes",
    "autogen_policy": False,
    "stages": {
        "dev": {"api_gateway_stage": "api"},
        "prod": {
            "iam_policy_file": "production.json",
            "lambda_functions": {
                "nightly": {"iam_policy_file": "nightly.json"},
                "free": {"autogen_policy": True},
            },
        },
        "own": {"autogen_policy": True},
    },
}
POLICY = """\
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "sqs:SendMessage",
        "sqs:ReceiveMessage"
      ],
      "Resource": "*"
    },
    { "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"] }
  ]
}
"""
FILES = {
    ".chalice/config.json": json.dumps(CONFIG),
    **{f".chalice/{name}.json": POLICY for name in ("policy-dev", "production", "nightly", "policy-own")},
}
STATEMENTS = (allow(["sqs:SendMessage", "sqs:ReceiveMessage"]), allow(["s3:GetObject"]))


def place(role: str, action: str, index: int, *workloads: str) -> Location | None:
    roles = roles_in(".chalice/config.json", FILES[".chalice/config.json"], Texts(FILES))
    assert roles is not None
    finding = finding_on(role, action, "*", inline(role, *STATEMENTS), index)
    return locate(finding, workloads, Templates(roles, 1))


def test_the_policy_of_a_stage() -> None:
    found = place("notes-dev-api_handler", "sqs:ReceiveMessage", 0, "notes-dev")
    assert found == Location(".chalice/policy-dev.json", 8, 8)
    found = place("notes-prod-send", "s3:GetObject", 1, "notes-prod-send")
    assert found == Location(".chalice/production.json", 12, 12)


def test_the_policy_of_a_function() -> None:
    found = place("notes-prod-nightly", "s3:GetObject", 1, "notes-prod-nightly")
    assert found == Location(".chalice/nightly.json", 12, 12)


def test_what_chalice_makes_of_the_code_has_no_line() -> None:
    assert place("notes-own", "s3:GetObject", 1, "notes-own") is None
    assert place("notes-prod-free", "s3:GetObject", 1, "notes-prod-free") is None
    assert place("others-dev-api_handler", "s3:GetObject", 1, "others-dev") is None


def test_an_edit_of_a_policy_file() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    name = "notes-prod-nightly"
    its = deployed(name, [inline(name, *STATEMENTS)], ["sqs:ReceiveMessage", "s3:GetObject"], name)
    offer = offered(files, [its])
    after = made(files, offer.fixes)
    assert json.loads(after[".chalice/nightly.json"])["Statement"] == [
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": "*"}
    ]
    assert {path for path in files if files[path] != after[path]} == {".chalice/nightly.json"}


def test_functions_that_share_a_file_must_agree() -> None:
    files = {path: text.encode() for path, text in FILES.items()}
    roles = [
        deployed(name, [inline(name, *STATEMENTS)], unused, name)
        for name, unused in (("notes-dev-a", ["s3:GetObject"]), ("notes-dev-b", []))
    ]
    assert not offered(files, roles).fixes


def test_all_of_a_policy_file_stays() -> None:
    """A file without statements is none that IAM takes."""
    files = {path: text.encode() for path, text in FILES.items()}
    name = "notes-prod-nightly"
    all_of_it = ["sqs:SendMessage", "sqs:ReceiveMessage", "s3:GetObject"]
    offer = offered(files, [deployed(name, [inline(name, *STATEMENTS)], all_of_it, name)])
    assert not offer.fixes
    assert offer.notes
