"""Terraform's state tells which resource a role is."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.model import Location
from scanner.templates.locate import Locator
from scanner.templates.terraform.state import StateError, role_addresses
from tests.unit.templates.cases import finding
from tests.unit.templates.terraform.cases import checkout

ARN = "arn:aws:iam::123456789012:role/x-7f3a"
VALUES = {"arn": ARN, "name": "x-7f3a", "assume_role_policy": "secret"}
ADDRESS = 'module.list["a"].aws_iam_role.reader[0]'
SHOWN = {"type": "aws_iam_role", "mode": "managed", "address": ADDRESS, "values": VALUES}
MODULE = {"resources": [{"type": "aws_sqs_queue", "values": {}}], "child_modules": [{"resources": [SHOWN]}]}
RAW = {
    "module": 'module.list["a"]',
    "mode": "managed",
    "type": "aws_iam_role",
    "name": "reader",
    "instances": [{"index_key": 0, "attributes": VALUES}, {}, None],
}


@pytest.mark.parametrize(
    "document",
    [
        {"version": 4, "resources": [RAW, {"type": "aws_iam_role"}, 1]},
        {"format_version": "1.0", "values": {"root_module": MODULE}},
        {"format_version": "1.2", "prior_state": {"values": {"root_module": MODULE}}},
    ],
    ids=["state", "shown state", "plan"],
)
def test_addresses(document: Any) -> None:
    assert role_addresses(document) == {ARN: "module.list.aws_iam_role.reader"}


@pytest.mark.parametrize("document", [[], {}, {"version": 3, "resources": []}, {"format_version": "2.0"}])
def test_what_is_no_known_state(document: Any) -> None:
    with pytest.raises(StateError):
        role_addresses(document)


@pytest.mark.parametrize(
    "document", [{"version": 4, "resources": 1}, {"format_version": "1.0", "values": []}]
)
def test_what_is_strange_holds_nothing(document: Any) -> None:
    assert role_addresses(document) == {}


ROLE = 'resource "aws_iam_role" "%s" {\n  name = "x-${random_id.a.hex}"\n}\n'
POLICY = """resource "aws_iam_role_policy" "%s" {
  name   = "p"
  role   = aws_iam_role.%s.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }] })
}
"""


def test_a_role_whose_name_tells_nothing_is_placed_by_its_address() -> None:
    text = "".join(ROLE % name + POLICY % (name, name) for name in ("reader", "writer"))
    templates, its = checkout({"main.tf": text}), finding("x-7f3a", "s3:GetObject", "*", "p")
    assert Locator(templates).place(its, ()).location is None
    for name, line in (("reader", 7), ("writer", 15)):
        locator = Locator(templates, addresses={its.role: f"aws_iam_role.{name}"})
        assert locator.place(its, ()).location == Location("main.tf", line, line)
    elsewhere = Locator(templates, addresses={its.role: "module.a.aws_iam_role.reader"}).place(its, ())
    assert elsewhere.location is None
    assert (
        elsewhere.note == "the role is module.a.aws_iam_role.reader of Terraform, of which no file was found"
    )
