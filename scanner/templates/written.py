"""Where things are written in the texts of a checkout, and what a syntax knows of such a text.

Offsets are characters of a text as it was read: newlines as they are, without a byte order mark.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from scanner.templates.steps import Steps


class Span(NamedTuple):
    """The characters of a text from `start` to `end`, which is the first that is not part of it."""

    start: int
    end: int


class CannotCutError(Exception):
    """A text cannot be cut so. The message ends the sentence "no edit, since ..."."""


class ParserMissingError(Exception):
    """The package that reads a framework's files is not installed."""

    def __init__(self, framework: str, package: str) -> None:
        super().__init__(f"files of {framework} are not read: the package {package} is not installed")


class Syntax(Protocol):
    """What a syntax knows of a text. A node is known by the characters that it has."""

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go, and collections that would be empty with them: in order, disjoint.

        Raises CannotCutError.
        """

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text parses, and has the content of the old one without just these nodes.

        Collections that are empty without them are gone too.
        """

    def replaced(self, text: str, node: Span, values: Sequence[str]) -> str:
        """What to write in the place of a text, so that one or several others stand there.

        Raises CannotCutError.
        """


class Source(NamedTuple):
    """A text of the checkout by its path, with the syntax that it is written in."""

    path: str
    syntax: Syntax


@dataclass(frozen=True)
class Written:
    """Where a policy or a statement is written.

    `node` is what to remove so that it is gone: for a policy what mentions or holds it, which leaves nothing
    without sense behind. `actions` are the nodes of a statement's actions, by the action in lower case as in
    `StatementPlace.actions`; an action may stand there twice. `resources` are the nodes of its resources.
    `name` is the name of what the framework writes in its place, where another one may be put there.
    """

    source: Source
    node: Span
    actions: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    resources: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    name: Span | None = None

    @property
    def leaf(self) -> Leaf:
        """What is removed with all of it."""
        return Leaf(self.source.path, self.node)

    def leaves(self, action: str) -> tuple[Leaf, ...]:
        """What is removed with an action; nothing where it is not known to stand there."""
        return tuple(Leaf(self.source.path, node) for node in self.actions.get(action, ()))


class Leaf(NamedTuple):
    """Something that can be removed: a node of the file at a path."""

    path: str
    node: Span


class Checkout(Protocol):
    """The files of a checkout, for frameworks whose templates name others. Counted, and no link followed.

    `steps` are those of the walks over the template that is being read.
    """

    @property
    def steps(self) -> Steps:
        """The steps that are left."""

    def text(self, path: str) -> str | None:
        """The text of a file by its path in the checkout, None where there is none or it is not read."""

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder of the checkout, sorted; "" is the checkout's own."""
