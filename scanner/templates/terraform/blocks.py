"""The blocks of a module: a folder's files, in the scope of the block that calls the module. Pure.

Source: developer.hashicorp.com/terraform/language/files, and .../language/expressions/references.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from scanner.templates.hcl import HclError, HclText, bare, hcl, is_once, named
from scanner.templates.written import Checkout

if TYPE_CHECKING:
    from tree_sitter import Node

SUFFIXES = (".tf", ".tofu")
_MAX_FILES = 200  # of a module
_MAX_CALLS = 5  # of modules within each other
_MAX_DEPTH = 6  # of blocks within each other
_NODES_A_STEP = 20


class File(NamedTuple):
    """A file of a module."""

    path: str
    hcl: HclText


class Block(NamedTuple):
    """A block: its kind (`resource`) and labels, its arguments and the blocks in it."""

    file: File
    kind: str
    labels: tuple[str, ...]
    arguments: Mapping[str, Node]
    blocks: tuple[Block, ...]
    node: Node


class Value(NamedTuple):
    """An expression, in the file and the module that give it its meaning."""

    module: Module
    file: File
    node: Node

    def at(self, node: Node) -> Value:
        """Another expression of the same file."""
        return self._replace(node=bare(node))

    def is_in(self, whole: Value) -> bool:
        """Whether it stands in another expression itself, not in what that one names."""
        return self.file.path == whole.file.path and (
            whole.node.start_byte <= self.node.start_byte and self.node.end_byte <= whole.node.end_byte
        )


class Call(NamedTuple):
    """The block that calls a module, and how many calls are around it."""

    module: Module
    block: Block
    depth: int


class Module:
    """A module as it is called; without `call` by whoever deploys it.

    `address` is what the addresses of its resources begin with.
    """

    def __init__(self, folder: str, checkout: Checkout, call: Call | None = None) -> None:
        self.folder = folder
        self.checkout = checkout
        self.call = call
        self.address: str = "" if call is None else f"{call.module.address}module.{call.block.labels[0]}."
        self._is_overridden = False
        self._called: dict[str, Module | None] = {}
        self.blocks: dict[tuple[str, ...], Block] = {}
        self._locals: dict[str, tuple[File, Node]] = {}
        self.files = list(self._files())
        for file in self.files:
            for block in blocks_of(file, file.hcl.root):
                checkout.steps.spend(1)
                if block.kind == "locals":
                    self._locals |= {name: (file, node) for name, node in block.arguments.items()}
                else:
                    self.blocks.setdefault((block.kind, *block.labels), block)

    @property
    def top(self) -> Module:
        """The module that nothing calls."""
        return self if self.call is None else self.call.module.top

    def _files(self) -> Iterator[File]:
        """The files that can be read. Overriding files change others, and declare nothing."""
        names = [name for name in self.checkout.names(self.folder) if name.endswith(SUFFIXES)]
        for name in names[:_MAX_FILES]:
            if name.rpartition(".")[0].endswith("override"):
                self._is_overridden = True
                continue
            file = file_at(posixpath.join(self.folder, name), self.checkout)
            if file is not None:
                yield file

    # --- what it has ---

    def mentions(self, name: str) -> int:
        """How often its files name something, comments included."""
        found = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])")
        return sum(len(found.findall(file.hcl.text)) for file in self.files)

    def of_kind(self, *kind: str) -> Iterator[Block]:
        """The blocks of a kind and a type."""
        for key, block in self.blocks.items():
            if key[: len(kind)] == kind:
                yield block

    def local(self, name: str) -> Value | None:
        """A local value."""
        found = self._locals.get(name)
        return None if found is None else Value(self, found[0], bare(found[1]))

    def variable(self, name: str) -> Value | None:
        """What the calling block gives for a variable; a default may be another one when it is deployed."""
        node = self.call.block.arguments.get(name) if self.call else None
        if self.call is None or node is None or name in ("source", "version", "count", "for_each"):
            return None
        return Value(self.call.module, self.call.block.file, bare(node))

    def output(self, module: str, name: str) -> Value | None:
        """An output of a module that it calls."""
        block = self.blocks.get(("module", module))
        called = None if block is None else self.called(block)
        output = None if called is None else called.blocks.get(("output", name))
        if called is None or output is None or "value" not in output.arguments:
            return None
        return argument(called, output, "value")

    def called(self, block: Block) -> Module | None:
        """The module of the checkout that a block calls, None where it is another one."""
        name = block.labels[0] if block.labels else ""
        if name not in self._called:
            self._called[name] = self._call(block)
        return self._called[name]

    def _call(self, block: Block) -> Module | None:
        source, depth = source_of(block), self.call.depth + 1 if self.call else 1
        if not source.startswith(("./", "../")) or depth > _MAX_CALLS or not block.labels:
            return None
        folder = posixpath.normpath(posixpath.join(self.folder, source)).removeprefix(".")
        return Module(folder, self.checkout, Call(self, block, depth))

    def several(self, block: Block) -> str:
        """Why there may be several of a block, or another one; empty where there is just the one."""
        text = block.file.hcl
        if self._is_overridden:
            return "an override file may say something else"
        for name in ("for_each", "count"):
            node = block.arguments.get(name)
            if node is not None and (name == "for_each" or not is_once(text, bare(node))):
                return f"{name} makes several of {'.'.join((block.kind, *block.labels))[:100]}"
        return "" if self.call is None else self.call.module.several(self.call.block)

    def block(self, *key: str) -> Block | None:
        """A block by its kind and labels."""
        return self.blocks.get(key)


def argument(module: Module, block: Block, name: str) -> Value | None:
    """An argument of a module's block."""
    node = block.arguments.get(name)
    return None if node is None else Value(module, block.file, bare(node))


def source_of(block: Block) -> str:
    """Where the block of a module says that the module is; empty where that is not literal."""
    node = block.arguments.get("source")
    return literal_text(block.file.hcl, bare(node)) if node is not None else ""


def file_at(path: str, checkout: Checkout) -> File | None:
    """A file of the checkout, None where it cannot be read."""
    text = checkout.text(path)
    try:
        parsed = None if text is None else hcl(text)
    except HclError:
        return None
    if parsed is None:
        return None
    checkout.steps.spend(1 + parsed.size // _NODES_A_STEP)
    return File(path, parsed)


def blocks_of(file: File, body: Node | None, depth: int = 0) -> Iterator[Block]:
    """The blocks of a body, which stands in as many blocks as `depth` says."""
    for child in named(body) if body is not None and depth < _MAX_DEPTH else ():
        if child.type == "block":
            yield _block(file, child, depth)


def _block(file: File, node: Node, depth: int) -> Block:
    kind, *rest = named(node)
    labels = [literal_text(file.hcl, child) for child in rest if child.type in ("string_lit", "identifier")]
    body = next((child for child in rest if child.type == "body"), None)
    arguments = {}
    for child in named(body) if body is not None else ():
        pair = named(child) if child.type == "attribute" else []
        if len(pair) == 2:
            arguments[file.hcl.of(pair[0])] = pair[1]
    inner = tuple(blocks_of(file, body, depth + 1))
    return Block(file, file.hcl.of(kind), tuple(labels), arguments, inner, node)


def literal_text(text: HclText, node: Node) -> str:
    """The text of a string without escapes, or of an identifier; empty for anything else."""
    if node.type == "identifier":
        return text.of(node)
    return text.of(node)[1:-1] if node.type == "string_lit" else ""
