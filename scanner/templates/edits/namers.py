"""Who else names a file that is a part of templates. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping

from scanner.templates.edits.yaml_elements import Element, elements_of
from scanner.templates.edits.yaml_users import all_of, check_users, path_of
from scanner.templates.written import CannotCutError, Span

DATA = (".yml", ".yaml", ".json")  # what other files may name as it is
_FILE = re.compile(r"\$\{file\(([^(){}'\",:]+)\)(?::([^{},\s.]+))?")
_MORE = re.compile(r"[\w-]|\.\w")  # of a longer name
_PATH = re.compile(r"[\w./~-]{0,200}$")


def check_namers(
    path: str, text: str, nodes: Collection[Span], users: Mapping[str, str], others: Mapping[str, str]
) -> None:
    """Raises CannotCutError where something other than a role reads nodes of the file at a path, or may.

    `users` are the texts of the templates whose roles are written in it, `others` those of other templates.
    """
    for template, its in users.items():
        if "${file(" in its and template.endswith(DATA):
            root = elements_of(its).root
            readers = list(_readers(root, template, path, _keys(text, nodes)))
            check_users(root, readers, of_roles=True)
    for template, its in others.items():
        if _names(template, its, path):
            raise CannotCutError(f"{template[:200]} names the file too")


def _keys(text: str, nodes: Collection[Span]) -> set[str]:
    """The keys of a file that hold nodes, empty for those of a list."""
    by_start = elements_of(text).by_start
    elements = [by_start[node.start] for node in nodes if node.start in by_start]
    return {path_of(element)[0] if element.parent else "" for element in elements}


def _readers(root: Element, template: str, path: str, keys: Collection[str]) -> Iterator[Element]:
    folder = posixpath.dirname(template)
    for element in all_of(root):
        for given, key in _FILE.findall(element.text) if element.kind == "scalar" else ():
            named = posixpath.normpath(posixpath.join(folder, given.strip()))
            if named == path and (not key or key in keys) and not _is_section(element):
                yield element


def _is_section(element: Element) -> bool:
    """Whether an element is a section of the template, or a resource: read as if it stood there."""
    keys = [key for key in path_of(element) if not key.isdecimal()]
    return len(keys) == 1 or (keys[0] == "resources" and len(keys) <= len(("resources", "Resources", "Role")))


def _names(template: str, text: str, path: str) -> bool:
    """Whether a template names a file, or one with its name in a folder that is not known."""
    name, folder = posixpath.basename(path), posixpath.dirname(template)
    place = text.find(name)
    while place >= 0:
        before = text[max(0, place - 200) : place]
        given = "".join(_PATH.findall(before)[:1])
        rest = before[: len(before) - len(given)]
        after = text[place + len(name) : place + len(name) + 2]
        if _MORE.match(after) is None and (
            rest.endswith("}")
            or path
            in (
                posixpath.normpath(given + name),
                posixpath.normpath(posixpath.join(folder, given.lstrip("/") + name)),
            )
        ):
            return True
        place = text.find(name, place + len(name))
    return False
