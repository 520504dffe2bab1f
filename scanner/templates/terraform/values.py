"""Expressions of a module -> what they come to, as far as its files say. Pure.

Source: developer.hashicorp.com/terraform/language/expressions, and .../language/functions
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from scanner.iam.variables import literal
from scanner.templates.hcl import bare, call, items, named, traversal
from scanner.templates.places import ANY
from scanner.templates.terraform.blocks import Value, argument
from scanner.templates.tree import MAX_TEXT
from scanner.text.tables import rows

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_REFERENCES = 10  # that name each other
_STEPS = 5  # that following a reference counts as
_MAX_DEPTH = 20  # of expressions within each other
_MAX_LISTS = 5  # that are joined within each other
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(["\\nrt]))|([$%])\4\{')
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_ANY_RUN = re.compile(r"\*{2,}")
# Of what else may be tried, or cut to length, the first argument is what the author means.
_SAME_AS_FIRST = frozenset({"try", "coalesce", "nonsensitive", "sensitive", "tostring", "trimspace", "one"})
_SAME_LIST = frozenset(
    {"toset", "tolist", "distinct", "compact", "sort", "nonsensitive", "sensitive", "reverse"}
)
_IDENTITIES = frozenset({"id", "name", "arn", "url", "bucket", "function_name", "unique_id"})


def resolved(value: Value) -> Value:
    """The expression that a reference to a local value, a variable or an output names; else itself."""
    for _ in range(_MAX_REFERENCES):
        value.module.checkout.steps.spend(_STEPS)
        following = _named(value, reference(value))
        if following is None:
            break
        value = following
    return value


def shared_on_the_way(value: Value) -> str:
    """What is read elsewhere too of the references that lead to an expression; empty where nothing is."""
    for _ in range(_MAX_REFERENCES):
        parts = reference(value)
        following = _named(value, parts)
        if following is None:
            return ""
        name = ".".join(parts[:3])
        if value.module.mentions(name) > 1:
            return f"{name[:100]} is read elsewhere too"
        value = following
    return ""


def _named(value: Value, parts: Sequence[str]) -> Value | None:
    match parts:
        case ("local", name):
            return value.module.local(name)
        case ("var", name):
            return value.module.variable(name)
        case ("module", module, name):
            return value.module.output(module, name)
    return None


def reference(value: Value) -> tuple[str, ...]:
    """The names of a reference, empty for anything else. Of `try` and the like the first argument counts."""
    node = value.node
    for _ in range(_MAX_REFERENCES):
        name, arguments = call(value.file.hcl, node)
        if name in _SAME_AS_FIRST and arguments:
            node = bare(arguments[0])
        elif node.type == "quoted_template" and (inner := _only_interpolation(node)) is not None:
            node = bare(inner)
        else:
            break
    return traversal(value.file.hcl, node)


def _only_interpolation(node: Node) -> Node | None:
    """The expression in a text that is one interpolation, as in `"${aws_iam_role.a.name}"`."""
    parts = [child for child in node.named_children if child.type.startswith("template_")]
    inner = named(parts[0]) if len(parts) == 1 and parts[0].type == "template_interpolation" else []
    return next((child for child in inner if child.type == "expression"), None)


# --- texts -------------------------------------------------------------------------------------------


def pattern(value: Value | None, depth: int = 0) -> str:
    """A pattern (see `places`) of the text that an expression comes to, `*` where nothing of it is known."""
    if value is None or depth > _MAX_DEPTH:
        return ANY
    value = resolved(value)
    value.module.checkout.steps.spend(1)
    node, text = value.node, value.file.hcl
    if node.type == "string_lit":
        return _shortened(literal(unescaped(text.of(node)[1:-1])))
    if node.type == "quoted_template":
        return _shortened("".join(_part(value, part, depth) for part in node.named_children))
    parts = reference(value)
    if parts:
        return _of_reference(value, parts, depth)
    return _of_call(value, depth)


def exact(value: Value | None) -> str | None:
    """The text that an expression comes to, None where a part of it is not known."""
    text = pattern(value)
    return None if ANY in text or text != literal(text) else text


def _shortened(text: str) -> str:
    return _ANY_RUN.sub(ANY, text) if len(text) <= MAX_TEXT else ANY


def _part(value: Value, part: Node, depth: int) -> str:
    if part.type == "template_literal":
        return literal(unescaped(value.file.hcl.of(part)))
    if part.type == "template_interpolation":
        inner = next((child for child in named(part) if child.type == "expression"), None)
        return ANY if inner is None else pattern(value.at(inner), depth + 1)
    return "" if part.type in ("quoted_template_start", "quoted_template_end") else ANY


def unescaped(text: str) -> str:
    """The text that a literal with escapes stands for."""

    def character(match: re.Match[str]) -> str:
        code, long, letter, dollar = match.groups()
        if dollar:
            return f"{dollar}{{"
        if letter:
            return _ESCAPED.get(letter, letter)
        number = int(code or long, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"

    return _ESCAPE.sub(character, text)


def _of_reference(value: Value, parts: Sequence[str], depth: int) -> str:
    """A pattern of the name or ARN of a resource: the name is in both."""
    if tuple(parts) in (("path", "module"), ("path", "root")):
        return literal((value.module if parts[1] == "module" else value.module.top).folder or ".")
    if len(parts) != 3 or parts[2] not in _IDENTITIES:
        return ANY
    block = value.module.block("resource", parts[0], parts[1])
    given = _name_arguments().get(parts[0])
    if block is None or given is None or given not in block.arguments:
        return ANY
    name = pattern(argument(value.module, block, given), depth + 1)
    is_name = parts[2] in ("name", given) or (parts[0] == "aws_iam_role" and parts[2] == "id")
    return name if is_name else _shortened(f"*{name}*")


@cache
def _name_arguments() -> Mapping[str, str]:
    return {row["type"]: row["argument"] for row in rows("templates", "terraform_names")}


def _of_call(value: Value, depth: int) -> str:
    name, arguments = call(value.file.hcl, value.node)
    if name in _SAME_AS_FIRST and name != "coalesce" and arguments:
        return pattern(value.at(arguments[0]), depth + 1)
    if name == "join" and len(arguments) == 2 and bare(arguments[1]).type == "tuple":
        between = pattern(value.at(arguments[0]), depth + 1)
        joined = [pattern(value.at(item), depth + 1) for item in items(bare(arguments[1]))]
        return _shortened(between.join(joined))
    if name == "format" and arguments:
        return _formatted(value, arguments, depth)
    return ANY


def _formatted(value: Value, arguments: Sequence[Node], depth: int) -> str:
    """`format("%s-role", var.stage)`: other verbs than these come to anything."""
    template = pattern(value.at(arguments[0]), depth + 1)
    pieces = re.split("(%[a-z%])", template)
    rest = list(arguments[1:])
    for place in range(1, len(pieces), 2):
        verb = pieces[place]
        if verb == "%%":
            pieces[place] = "%"
        else:
            argument_ = rest.pop(0) if rest else None
            known = argument_ is not None and verb in ("%s", "%v")
            pieces[place] = pattern(value.at(argument_), depth + 1) if argument_ and known else ANY
    return ANY if any("%" in piece for piece in pieces[::2]) else _shortened("".join(pieces))


# --- lists -------------------------------------------------------------------------------------------


def list_of(value: Value, depth: int = 0) -> list[Value] | None:
    """The items of a list, None where they are not known."""
    value = resolved(value)
    value.module.checkout.steps.spend(1)
    if value.node.type == "tuple":
        return [value.at(item) for item in items(value.node)]
    name, arguments = call(value.file.hcl, value.node)
    if depth > _MAX_LISTS or not arguments:
        return None
    if name in _SAME_LIST:
        return list_of(value.at(arguments[0]), depth + 1)
    parts = [list_of(value.at(its), depth + 1) for its in arguments] if name == "concat" else [None]
    return None if None in parts else [item for part in parts for item in part or ()]


def is_literally(value: Value | None, word: str) -> bool:
    """Whether an expression is just `true`, `false` or `null`."""
    return value is not None and value.file.hcl.of(value.node) == word
