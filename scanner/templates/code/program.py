"""What a file of code makes, calls and names: as much as tells which construct has which permission. Pure.

Names of Python are spelled as in TypeScript: `add_to_role_policy` is `addToRolePolicy`, `self` is `this`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from scanner.templates.code.languages import LanguageName, text_of
from scanner.templates.code.languages import field as part
from scanner.templates.code.text import Code, camel, entries, unwrapped

if TYPE_CHECKING:
    from tree_sitter import Node

Chain = tuple[str, ...]  # of names: `this.bucket` is ("this", "bucket")

_MAX_CHAIN = 10
_IMPORTS: dict[LanguageName, re.Pattern[str]] = {
    "typescript": re.compile(r"""(?:\bfrom|\bimport|\brequire\()\s*["'](\.[^"'\n]{0,200})["']"""),
    "python": re.compile(
        r"^[ \t]*(?:from[ \t]+([.\w]{1,200})[ \t]+import\b[ \t]*\(?([^()\n]*(?:\n[^()\n]*){0,40}?)"
        r"(?:\)|$)|import[ \t]+([.\w]{1,200}))",
        re.MULTILINE,
    ),
}


@dataclass(frozen=True, eq=False)
class Call:
    """A call, or with `makes` the making of an object, of what `name` says.

    `receiver` is what it is called on, None where that has no plain name. `owner` is the class that it
    stands in, "" where it is in none. `named` are arguments by name: those of Python, or the properties of
    the last argument.
    """

    code: Code
    node: Node
    name: str
    makes: bool
    receiver: Chain | None
    owner: str
    positional: tuple[Node, ...]
    named: Mapping[str, Node]
    is_spread: bool

    def argument(self, index: int, name: str) -> Node | None:
        """An argument by its place or its name."""
        if index < len(self.positional):
            return self.positional[index]
        return self.named.get(name)


@dataclass(frozen=True)
class Program:
    """The classes of a file with what they extend, its calls, and what names in a class are bound to."""

    code: Code
    classes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    bindings: dict[tuple[str, Chain], list[Node]] = field(default_factory=dict)
    imports: tuple[Chain, ...] = ()


@lru_cache(maxsize=512)  # an app is read again for each edit of one of its files
def program(path: str, language: LanguageName, text: str) -> Program:
    """What the text of a file says. Raises CodeError."""
    code = Code(path, language, text)
    found = Program(code, imports=tuple(_imports(language, text)))
    todo: list[tuple[Node, str]] = [(code.root, "")]
    while todo:
        node, owner = todo.pop()
        if node.type in ("class_declaration", "class_definition", "class", "abstract_class_declaration"):
            name = text_of(part(node, "name"))
            if name:
                found.classes.append((name, tuple(_bases(node))))
                owner = name
        elif node.type in ("new_expression", "call_expression", "call"):
            call = _call(code, node, owner)
            if call is not None:
                found.calls.append(call)
        else:
            _bind(found, node, owner)
        todo.extend((child, owner) for child in reversed(node.named_children))
    return found


def _imports(language: LanguageName, text: str) -> Iterator[Chain]:
    for match in _IMPORTS[language].finditer(text):
        if language == "typescript":
            yield (match.group(1),)
        else:
            module, names, alone = match.groups()
            yield (module or alone, *re.findall(r"\w+", names or ""))


def _bases(node: Node) -> Iterator[str]:
    heritage = part(node, "superclasses") or next(
        (child for child in node.named_children if child.type == "class_heritage"), None
    )
    for child in heritage.named_children if heritage else ():
        names = chain_of(part(child, "value") or child)
        if names and child.type != "implements_clause":
            yield names[-1]


def _call(code: Code, node: Node, owner: str) -> Call | None:
    callee = part(node, "constructor") or part(node, "function")
    arguments = part(node, "arguments")
    if callee is None:
        return None
    name, receiver = _called(callee)
    if not name:
        return None
    given = [child for child in arguments.named_children if child.type != "comment"] if arguments else []
    positional: list[Node] = []
    named: dict[str, Node] = {}
    is_spread = False
    for argument in given:
        if argument.type == "keyword_argument":
            value = part(argument, "value")
            if value is not None:
                named[camel(text_of(part(argument, "name")))] = value
        elif argument.type in ("spread_element", "list_splat", "dictionary_splat"):
            is_spread = True
        else:
            positional.append(argument)
    last = unwrapped(positional[-1]) if positional else None
    if last is not None and last.type == "object":
        for key, value in entries(last):
            is_spread |= key is None
            named |= {} if key is None else {key: value}
    makes = node.type == "new_expression" or (node.type == "call" and name[:1].isupper())
    return Call(code, node, name, makes, receiver, owner, tuple(positional), named, is_spread)


def _called(callee: Node) -> tuple[str, Chain | None]:
    """The name of what is called, and what it is called on."""
    if callee.type == "identifier":
        return _spelled(callee), ()
    name = part(callee, "property") or part(callee, "attribute")
    return _spelled(name) if name else "", chain_of(part(callee, "object"))


def chain_of(node: Node | None) -> Chain | None:
    """The names of `a.b.c`, None for anything else."""
    names: list[str] = []
    for _ in range(_MAX_CHAIN):
        node = None if node is None else unwrapped(node)
        if node is None:
            return None
        if node.type in ("identifier", "this", "shorthand_property_identifier"):
            names.append(_spelled(node))
            return tuple(reversed(names))
        name = part(node, "property") or part(node, "attribute")
        if node.type not in ("member_expression", "attribute") or name is None:
            return None
        names.append(_spelled(name))
        node = part(node, "object")
    return None


def _spelled(node: Node) -> str:
    name = text_of(node)
    return "this" if name == "self" else camel(name)


_NAMED = {
    "required_parameter": "pattern",
    "optional_parameter": "pattern",
    "for_in_statement": "left",
    "for_statement": "left",
    "arrow_function": "parameter",
    "default_parameter": "name",
    "typed_default_parameter": "name",
    "catch_clause": "parameter",
    "named_expression": "name",
    "for_in_clause": "left",
}
_OF_NAMES = frozenset(
    {
        *(
            "parameters",
            "lambda_parameters",
            "pattern_list",
            "tuple_pattern",
            "list_pattern",
            "array_pattern",
        ),
        *("object_pattern", "typed_parameter", "as_pattern_target", "list_splat_pattern", "rest_pattern"),
    }
)


def _bind(found: Program, node: Node, owner: str) -> None:
    """Take what a node binds to names. What a name gets of parameters, loops and patterns is not known."""
    for unknown in _unknown_names(node):
        found.bindings.setdefault((owner, (_spelled(unknown),)), []).append(unknown)
    key, value = _BINDINGS.get(node.type, ("", ""))
    name, bound = (part(node, key), part(node, value)) if key else (None, None)
    chain = chain_of(name)
    if chain is None and name is not None and name.type == "property_identifier":
        chain = ("this", _spelled(name))
    if chain is not None and bound is not None:
        found.bindings.setdefault((owner, chain), []).append(unwrapped(bound))


_BINDINGS = {
    "variable_declarator": ("name", "value"),
    "assignment_expression": ("left", "right"),
    "assignment": ("left", "right"),
    "augmented_assignment": ("left", "right"),
    "public_field_definition": ("name", "value"),
}


def _unknown_names(node: Node) -> Iterator[Node]:
    names = node.named_children if node.type in _OF_NAMES else [part(node, _NAMED.get(node.type, "name"))]
    if node.type in _OF_NAMES or node.type in _NAMED:
        for name in names:
            if name is not None and name.type in ("identifier", "shorthand_property_identifier_pattern"):
                yield name
