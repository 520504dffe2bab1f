"""The module terraform-aws-modules/lambda, which makes a function, its role and the role's policies. Pure.

Source: github.com/terraform-aws-modules/terraform-aws-lambda, iam.tf at 23d00f7. Before version 8 its
policies were managed ones, of the same names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from yaml.nodes import Node

from scanner.iam.variables import literal
from scanner.templates.framework import DeclaredRole
from scanner.templates.hcl import entries
from scanner.templates.places import ANY, Name, PolicyKind, PolicyPlace
from scanner.templates.policies import policy
from scanner.templates.terraform.blocks import Block, Module, Value, argument, source_of
from scanner.templates.terraform.documents import (
    Policy,
    lines_of_block,
    lines_of_value,
    policies,
    statement_node,
)
from scanner.templates.terraform.managed import mentions
from scanner.templates.terraform.nodes import HclTree, List, Map, Text, marks_of
from scanner.templates.terraform.values import is_literally, list_of, pattern, resolved, shared_on_the_way

_SOURCE = re.compile(r"(^|/)(terraform-aws-modules/lambda/aws|terraform-aws-lambda)(//|\.git|\?|$)")
_NOT_IN_SID = re.compile("[^0-9A-Za-z]")
_KINDS: tuple[PolicyKind, ...] = ("inline", "managed")
# The argument that makes a policy, and what the policy's name ends with
_MADE = (
    ("attach_dead_letter_policy", "-dl"),
    ("attach_network_policy", "-vpc"),
    ("attach_tracing_policy", "-tracing"),
    ("attach_async_event_policy", "-async"),
)


class Made(NamedTuple):
    """What a block of the module makes. `given_role` is the role that it is given, if it makes none."""

    address: str
    role: DeclaredRole | None
    function_name: Name
    given_role: Value | None


def is_meant(block: Block) -> bool:
    """Whether a block calls the module itself, not a part of it."""
    source = source_of(block)
    return bool(_SOURCE.search(source)) and "//modules/" not in source


def address_of(module: Module, block: Block) -> str:
    """The address of the role that a block makes."""
    return f"{module.address}module.{block.labels[0]}.aws_iam_role.lambda"


def made_by(module: Module, block: Block) -> Made:
    """What a block of the module makes."""
    function = pattern(argument(module, block, "function_name"))
    given = argument(module, block, "lambda_role")
    role = None
    if not is_literally(argument(module, block, "create_role"), "false"):
        role = _role(module, block, Name(function))
    return Made(address_of(module, block), role, Name(function), given)


def _role(module: Module, block: Block, function: Name) -> DeclaredRole:
    role_name = argument(module, block, "role_name")
    name = function if role_name is None else Name(pattern(role_name))
    given = argument(module, block, "policy_name")
    policy_name = name.text if given is None else pattern(given)
    return DeclaredRole(name, tuple(_policies(module, block, policy_name)))


def _policies(module: Module, block: Block, name: str) -> Iterator[PolicyPlace]:
    for kind in _KINDS:
        yield from _of_statements(module, block, Policy(Name(f"{name}-inline"), kind))
        document = argument(module, block, "policy_json")
        if document is not None:
            yield from policies(document, Policy(Name(name), kind, module.several(block)))
        documents = argument(module, block, "policy_jsons")
        for index, item in enumerate((list_of(documents) or []) if documents is not None else []):
            yield from policies(item, Policy(Name(f"{name}-{index}"), kind))
        yield from _made(module, block, name, kind)
    yield from _mentions(module, block)


def _made(module: Module, block: Block, name: str, kind: PolicyKind) -> Iterator[PolicyPlace]:
    """The policies that the module writes itself, at the arguments that make them."""
    path = block.file.path
    for key, suffix in _MADE:
        value = argument(module, block, key)
        if value is not None and not is_literally(value, "false"):
            yield PolicyPlace(
                Name(name + suffix),
                kind,
                lines_of_value(value),
                made_by=f"{key} of {_called(block)}",
                path=path,
            )
    logs = argument(module, block, "attach_cloudwatch_logs_policy")
    if not is_literally(logs, "false"):
        lines = lines_of_block(block) if logs is None else lines_of_value(logs)
        made = f"attach_cloudwatch_logs_policy of {_called(block)}"
        yield PolicyPlace(Name(f"{name}-logs"), kind, lines, made_by=made, path=path)


def _called(block: Block) -> str:
    return f"module {block.labels[0][:100]}"


def _mentions(module: Module, block: Block) -> Iterator[PolicyPlace]:
    one, many = argument(module, block, "policy"), argument(module, block, "policies")
    if one is not None:
        yield from mentions(one)
    for item in (list_of(many) or []) if many is not None else []:
        # Their number is an argument of its own: none goes alone.
        yield from mentions(item)


# --- policy_statements -------------------------------------------------------------------------------


def _of_statements(module: Module, block: Block, its: Policy) -> Iterator[PolicyPlace]:
    """The policy of `policy_statements`: a map by what becomes the Sid, or a list."""
    value = argument(module, block, "policy_statements")
    if value is None:
        return
    given = value
    value = resolved(value)
    marks = marks_of(value.file, value.file.hcl.span(value.node))
    nodes = list(_statements(value))
    if not nodes:
        return
    root = Map([(Text("Statement", marks), List(nodes, marks))], marks)
    tree = HclTree(root, module.checkout.steps, value.file.path)
    place = policy(tree, its.name, its.kind, root)
    is_list = value.node.type == "tuple"
    yield replace(
        place,
        path=value.file.path,
        statement_count=place.statement_count if is_list else None,  # the entries of a map are sorted
        no_edit=module.several(block) or shared_on_the_way(given),
    )


def _statements(value: Value) -> Iterator[Node]:
    if value.node.type == "object":
        for entry, key, its in entries(value.node):
            sid = _key(value.at(key))
            yield _statement(value.at(its), sid, value.at(entry))
    else:
        for index, item in enumerate(list_of(value) or ()):
            yield _statement(item, str(index), item)


def _key(value: Value) -> str:
    text = value.file.hcl.of(value.node) if value.node.type == "variable_expr" else pattern(value)
    return ANY if ANY in text else _NOT_IN_SID.sub("", text)


def _statement(value: Value, sid: str, entry: Value) -> Node:
    followed = resolved(value)
    marks = marks_of(entry.file, entry.file.hcl.span(entry.node))
    if followed.node.type != "object" or followed != value:
        return Map([], marks._replace(own=False))
    arguments: dict[str, Value] = {}
    for _, key, its in entries(value.node):
        arguments[_word(value.at(key))] = value.at(its)
    node = statement_node(arguments, marks, value.file)
    if "sid" not in arguments:
        node.value.append((Text("Sid", marks), Text(literal(sid) if sid != ANY else ANY, marks)))
    return node


def _word(value: Value) -> str:
    return value.file.hcl.of(value.node) if value.node.type == "variable_expr" else pattern(value)
