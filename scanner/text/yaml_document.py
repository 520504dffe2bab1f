"""YAML, and so JSON, with line numbers: the nodes of a text, and their values. Pure.

A text may come with a pull request and is not trusted: nothing is constructed from it, a tag is only a name,
and its nesting, its size and what its aliases multiply are bounded.

Plain words mean what YAML 1.2 says (yaml.org/spec/1.2.2/#103-core-schema), as editors have it: `on`, `off`,
`yes` and `no` are texts, and so are `0123` and dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.text.escape import one_line, quoted, shortened

Path = tuple[str | int, ...]

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """A text that is no YAML, or is beyond the bounds. `line` counts from 1.

    `problems` are what was found to be wrong before.
    """

    def __init__(self, line: int, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.line = line
        self.problems = problems


class Lines(NamedTuple):
    """The first and the last line of a node, from 1."""

    first: int
    last: int


# --- text -> nodes -------------------------------------------------------------------------------


def compose(text: str, *, max_nesting: int, max_events: int) -> Node | None:
    """The root node of a text, None where the text is empty. Raises YamlError.

    An event is a scalar, an alias, the beginning or the end of a collection. Aliases are not followed: a
    node may stand in several places, or in itself.
    """
    try:
        _check_bounds(text, max_nesting, max_events)
        root: Node | None = yaml.compose(text, Loader=LOADER)
    except YamlError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise _syntax_error(error, text) from error
    return root


def _syntax_error(error: Exception, text: str) -> YamlError:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        complaint = getattr(error, "problem", None) or "a syntax error"
        return YamlError(mark.line + 1, f"is not valid YAML: {one_line(complaint)}")
    # PyYAML's ReaderError has a `position`, a UnicodeEncodeError a `start`.
    position = getattr(error, "position", getattr(error, "start", 0))
    line = text.count("\n", 0, position) + 1
    return YamlError(line, "is not valid YAML: it has a character that YAML does not allow")


def _check_bounds(text: str, max_nesting: int, max_events: int) -> None:
    depth = 0
    events: Iterable[Any] = yaml.parse(text, Loader=LOADER)
    for count, event in enumerate(events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > max_nesting:
            raise YamlError(first_line(event), f"nests deeper than {max_nesting} levels")
        if count > max_events:
            raise YamlError(first_line(event), "has too many values")


_DEEPEST = 100  # levels: with an alias, a node may stand in itself


def lines_of(node: Node) -> Lines:
    """The lines of a node.

    The end mark of a block stands where the next thing begins, so that the last value of the block decides.
    An alias has the lines of the node that it names.
    """
    last = node
    for _ in range(_DEEPEST):
        if not isinstance(last, MappingNode | SequenceNode) or last.flow_style or not last.value:
            break
        last = last.value[-1][1] if isinstance(last, MappingNode) else last.value[-1]
    first, end = first_line(node), last.end_mark
    return Lines(first, max(first, end.line + (end.column > 0)))


def first_line(node: Any) -> int:
    """The line, from 1, on which a node, or an event of the parser, begins."""
    return int(node.start_mark.line) + 1


# --- nodes -> values -----------------------------------------------------------------------------


class Problem(NamedTuple):
    """What is wrong with a text, and the line, from 1, that says it."""

    line: int
    message: str


@dataclass(frozen=True)
class Document:
    """The value of a text, made of dicts, lists, texts, numbers, truth values and None.

    `lines` and `keys` are the lines of its values and of its keys by their paths. `problems` are what YAML
    allows and this reader does not: tags, keys that are no words, and keys that stand twice.
    """

    value: Any
    lines: Mapping[Path, int]
    keys: Mapping[Path, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: Path) -> int:
        """The line of the value at a path, 1 where there is none."""
        return self.lines.get(path, 1)


def read_values(root: Node, *, max_nesting: int, max_values: int) -> Document:
    """The values of a node and all below it, aliases written out. Raises YamlError."""
    reader = _ValueReader(max_nesting, max_values)
    value = reader.value(root, ())
    return Document(value=value, lines=reader.lines, keys=reader.keys, problems=tuple(reader.problems))


_PREFIX = "tag:yaml.org,2002:"
_STRING = f"{_PREFIX}str"
_TAGS = frozenset(
    f"{_PREFIX}{name}"
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})", re.ASCII)
_FLOAT = re.compile(r"[-+]?\d{1,18}\.\d{0,18}", re.ASCII)


class _ValueReader:
    """Reads nodes and collects their lines. Every value is counted, so that no alias is a bomb."""

    def __init__(self, max_nesting: int, max_values: int) -> None:
        self.lines: dict[Path, int] = {}
        self.keys: dict[Path, int] = {}
        self.problems: list[Problem] = []
        self._max_nesting = max_nesting
        self._left = max_values

    def value(self, node: Node, path: Path) -> Any:
        line = first_line(node)
        self._left -= 1
        if self._left < 0 or len(path) > self._max_nesting:
            message = "has too many values once its aliases are written out"
            raise YamlError(line, message, tuple(self.problems))
        self.lines[path] = line
        if node.tag not in _TAGS:
            self.problems.append(Problem(line, f"the tag {quoted(node.tag)} is not allowed: remove it"))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in node.value:
            line = first_line(key)
            if not isinstance(key, ScalarNode):
                self.problems.append(Problem(line, "a key must be a word"))
                continue
            name = str(key.value)
            key_path = (*path, name)
            if name in values:
                message = f"duplicate key `{shortened(name)}`, first in line {self.keys[key_path]}"
                self.problems.append(Problem(line, message))
                continue
            self.keys[key_path] = line
            values[name] = self.value(value, key_path)
        return values


def _scalar(node: Node) -> Any:
    """A scalar's value: of a plain one what YAML's core schema says, of a quoted one its text."""
    text = str(node.value)
    if node.tag == _STRING or node.tag not in _TAGS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
