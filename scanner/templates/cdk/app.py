"""The files of an app: what its cdk.json names, and what those import. Nothing is run, no package is read."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Sequence

from scanner.templates.code.languages import SUFFIXES, language_of
from scanner.templates.code.program import Chain, Program, program
from scanner.templates.written import Checkout

MAX_FILES = 300  # of an app
_CHARACTERS_A_STEP = 5  # so that an app has about a million
_WORD = re.compile(r"[^\s\"';&|]+")
_TYPESCRIPT = tuple(suffix for suffix, language in SUFFIXES.items() if language == "typescript")


class TooManyFilesError(ValueError):
    """An app has more files than are read of one."""


def programs(path: str, text: str, checkout: Checkout) -> list[Program]:
    """What the files of the app at a cdk.json say. Raises what parsers raise, and TooManyFilesError."""
    files = _Files(checkout)
    folder = posixpath.dirname(path)
    todo = list(_entries(folder, text, files))
    found: dict[str, Program] = {}
    while todo:
        place = todo.pop()
        language, content = language_of(place), None if place in found else checkout.text(place)
        if content is None or language is None:
            continue
        if len(found) >= MAX_FILES:
            raise TooManyFilesError
        checkout.steps.spend(len(content) // _CHARACTERS_A_STEP)
        found[place] = program(place, language, content)
        for names in found[place].imports:
            of_import = _typescript if language == "typescript" else _python
            todo += of_import(folder, place, names, files)
    return [found[place] for place in sorted(found)]


class _Files:
    """The files of folders, each listed once."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._names: dict[str, frozenset[str]] = {}

    def of(self, folder: str) -> frozenset[str]:
        """The names of a folder's files."""
        if folder not in self._names:
            self._names[folder] = frozenset(self._checkout.names(folder))
        return self._names[folder]

    def have(self, path: str) -> bool:
        """Whether there is a file at a path."""
        folder, name = posixpath.split(path)
        return name in self.of(folder)


def _entries(folder: str, text: str, files: _Files) -> Iterator[str]:
    """The files that the command of an app names; where it names none, those in the usual places."""
    command = json.loads(text).get("app")
    words = _WORD.findall(command) if isinstance(command, str) else []
    places = [posixpath.normpath(posixpath.join(folder, word)) for word in words if not word.startswith("-")]
    named = list(_existing(places, files))
    if not named:
        usual = posixpath.join(folder, "bin")
        named = [posixpath.join(usual, name) for name in sorted(files.of(usual)) if language_of(name)]
        named += [place for place in [posixpath.join(folder, "app.py")] if files.have(place)]
    yield from named


def _existing(places: Sequence[str], files: _Files) -> Iterator[str]:
    for place in places:
        stem, suffix = posixpath.splitext(place)
        if suffix in (".js", ".mjs", ".cjs") and not files.have(place):
            place = stem + suffix.replace("js", "ts")
        if language_of(place) and not place.startswith("..") and files.have(place):
            yield place


def _typescript(folder: str, place: str, names: Chain, files: _Files) -> Iterator[str]:
    """The files that an import by a relative path can mean."""
    del folder
    target = posixpath.normpath(posixpath.join(posixpath.dirname(place), names[0]))
    stem = re.sub(r"\.([mc]?)js$", "", target)
    candidates = [target, *(stem + suffix for suffix in _TYPESCRIPT)]
    candidates += [posixpath.join(target, "index" + suffix) for suffix in _TYPESCRIPT]
    yield from list(_existing(candidates, files))[:1]


def _python(folder: str, place: str, names: Chain, files: _Files) -> Iterator[str]:
    """The files that an import can mean: a module, and those that are imported of a package."""
    module, *imported = names
    here = posixpath.dirname(place)
    up = len(module) - len(module.lstrip("."))
    roots = [posixpath.join(here, *[".."] * (up - 1))] if up else [folder, here]
    for root in dict.fromkeys(roots):
        target = posixpath.normpath(posixpath.join(root, *module.strip(".").split(".")))
        stems = [target, posixpath.join(target, "__init__")]
        stems += [posixpath.join(target, name) for name in imported]
        yield from _existing([f"{stem}.py" for stem in stems], files)
