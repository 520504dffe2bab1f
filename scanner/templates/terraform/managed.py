"""Managed policies that are only mentioned: AWS's own, and those of other checkouts. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.templates.places import Name, PolicyPlace
from scanner.templates.terraform.blocks import Value, argument
from scanner.templates.terraform.documents import lines_of_value
from scanner.templates.terraform.nodes import HclTree, Map, marks_of
from scanner.templates.terraform.values import pattern, reference, resolved
from scanner.templates.written import Written


def mentions(value: Value, entry: Value | None = None) -> Iterator[PolicyPlace]:
    """The mention of a managed policy that the checkout does not declare; `entry`: all that says so."""
    value = resolved(value)
    parts = reference(value)
    if parts[:1] == ("aws_iam_policy",):
        return  # known by its document
    name = pattern(value)
    if parts[:2] == ("data", "aws_iam_policy") and len(parts) == 4:
        block = value.module.block(*parts[:3])
        if block is None:
            return
        name = pattern(argument(value.module, block, "arn") or argument(value.module, block, "name"))
    yield PolicyPlace(
        Name(name),
        "managed",
        lines_of_value(value),
        path=value.file.path,
        written=None if entry is None else _written(entry),
    )


def _written(value: Value) -> Written | None:
    node = Map([], marks_of(value.file, value.file.hcl.span(value.node)))
    return HclTree(node, value.module.checkout.steps, value.file.path).written(node)
