"""The values of template texts, in which each action of a statement tells where it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.text.yaml_document import LOADER

_MARK = "@"  # stands in no action
_ACTIONS = ("Action", "NotAction", "actions")


class Line(NamedTuple):
    """A line of a file, from 1."""

    path: str
    line: int


@dataclass
class Texts:
    """Texts by their paths, read as values; `lines` are those of actions, by the numbers of their marks."""

    texts: Mapping[str, str]
    lines: list[Line] = field(default_factory=list)

    def value(self, path: str) -> Any:
        """The value of a file."""
        return self._value(path, yaml.compose(self.texts[path].replace("\t", " "), Loader=LOADER), "")

    def _value(self, path: str, node: Node | None, key: str) -> Any:
        if isinstance(node, MappingNode):
            plain = {k: v for merged in self._merged(path, node) for k, v in merged.items()}
            return _intrinsic(node.tag, {**plain, **self._own(path, node)})
        if isinstance(node, SequenceNode):
            return _intrinsic(node.tag, [self._value(path, item, key) for item in node.value])
        if not isinstance(node, ScalarNode):
            return None
        if node.tag.startswith("!"):
            return _intrinsic(node.tag, node.value)
        constructed: Any = yaml.constructor.SafeConstructor().construct_object(node)
        is_text = isinstance(constructed, str)
        if key in _ACTIONS and is_text and ":" in constructed and "$" not in constructed:
            self.lines.append(Line(path, node.start_mark.line + 1))
            return f"{constructed}{_MARK}{len(self.lines) - 1}"
        return constructed if is_text or isinstance(constructed, bool | int | None) else node.value

    def _own(self, path: str, node: MappingNode) -> dict[str, Any]:
        return {k.value: self._value(path, v, k.value) for k, v in node.value if k.value != "<<"}

    def _merged(self, path: str, node: MappingNode) -> Iterator[dict[str, Any]]:
        for key, value in node.value:
            if key.value == "<<":
                yield from map(
                    self._mapping(path), value.value if isinstance(value, SequenceNode) else [value]
                )

    def _mapping(self, path: str) -> Any:
        return lambda node: self._value(path, node, "")

    def action(self, text: str) -> tuple[str, Line | None]:
        """An action without its mark, and its line where it has one."""
        action, _, number = text.partition(_MARK)
        return action, self.lines[int(number)] if number else None


def _intrinsic(tag: str, value: Any) -> Any:
    if not tag.startswith("!"):
        return value
    name = tag[1:]
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


@lru_cache(maxsize=100)
def blocks(text: str, section: str) -> dict[str, tuple[int, int]]:
    """The first and the last line of each entry of a section of a template, by its key."""
    root = yaml.compose(text.replace("\t", " "), Loader=LOADER)
    assert isinstance(root, MappingNode)
    found = {}
    for key, value in root.value:
        if key.value == section and isinstance(value, MappingNode):
            keys = [k.start_mark.line + 1 for k, _ in value.value]
            for (its, _), end in zip(value.value, [*keys[1:], value.end_mark.line + 2], strict=True):
                found[its.value] = (its.start_mark.line + 1, max(its.start_mark.line + 1, end - 1))
    return found
