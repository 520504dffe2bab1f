"""Files that a template names in its values: `${file(PATH):KEY}` of the Serverless Framework.

Source: serverless.com/framework/docs/guides/variables/file. Paths begin at the folder of the service, in
whichever file they stand. Only literal paths to YAML and JSON of the checkout are followed: other files are
programs.
"""

from __future__ import annotations

import posixpath
import re

from yaml.nodes import MappingNode, Node, SequenceNode

from scanner.templates.edits.yaml_syntax import YAML
from scanner.templates.steps import MAX_EVENTS, MAX_NESTING
from scanner.templates.written import Checkout, Source
from scanner.text.yaml_document import YamlError, compose

_CHARACTERS_A_STEP = 4  # of files that are parsed: a template may name as many as it has steps for
_FILE = re.compile(r"\$\{file\(([^(){}'\",:]+)\)(?::([^{},\s]+))?\}")
_SUFFIXES = (".yml", ".yaml", ".json")


class IncludedFiles:
    """The files that the template at a path names, each read once."""

    def __init__(self, path: str, checkout: Checkout) -> None:
        self._folder = posixpath.dirname(path)
        self._checkout = checkout
        self._roots: dict[str, Node | None] = {}
        self._sources: dict[int, Source] = {}

    def source_of(self, node: Node) -> Source | None:
        """The file that a node stands in, None where it is none of these."""
        return self._sources.get(id(node))

    def named(self, text: str) -> tuple[Node | None, str] | None:
        """The root of the file that a value names, and the key in it; None where the value names none."""
        match = _FILE.fullmatch(text)
        path = self._path(match[1].strip()) if match else None
        if match is None or path is None:
            return None
        if path not in self._roots:
            self._roots[path] = self._read(path)
        return self._roots[path], match[2] or ""

    def _path(self, given: str) -> str | None:
        """The path in the checkout, None for one that leads out of it and for a file of another kind."""
        path = posixpath.normpath(posixpath.join(self._folder, given))
        outside = given.startswith(("/", "~")) or path.startswith("..")
        return None if outside or not path.endswith(_SUFFIXES) else path

    def _read(self, path: str) -> Node | None:
        text = self._checkout.text(path)
        if text is None:
            return None
        self._checkout.steps.spend(len(text) // _CHARACTERS_A_STEP)
        try:
            root = compose(text, max_nesting=MAX_NESTING, max_events=MAX_EVENTS)
        except YamlError:
            return None
        self._remember(root, Source(path, YAML))
        return root

    def _remember(self, root: Node | None, source: Source) -> None:
        todo = [root] if root is not None else []
        while todo:
            node = todo.pop()
            if id(node) in self._sources:
                continue
            self._sources[id(node)] = source
            if isinstance(node, MappingNode):
                todo += [part for pair in node.value for part in pair]
            elif isinstance(node, SequenceNode):
                todo += node.value
