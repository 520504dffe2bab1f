"""Reads the templates of a checkout.

They come from a pull request and are not trusted: nothing is constructed from them, and the number of files,
their sizes, their nesting and every walk over them are bounded.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from yaml.nodes import MappingNode, Node

from scanner.templates.cloudformation import CLOUDFORMATION
from scanner.templates.framework import Framework, role_places
from scanner.templates.places import RolePlace, Templates
from scanner.templates.serverless import SERVERLESS
from scanner.templates.tree import MAX_STEPS_OF_ALL, Steps, Tree
from scanner.text.yaml_document import compose

# In this order: a serverless.yml may have CloudFormation's resources too.
FRAMEWORKS: tuple[Framework, ...] = (SERVERLESS, CLOUDFORMATION)

SUFFIXES = (".yml", ".yaml", ".json", ".template")
# what others wrote, and what is generated
SKIPPED_FOLDERS = frozenset({".git", ".venv", "venv", "node_modules", "site-packages", ".tox", ".terraform"})
GENERATED_FOLDERS = frozenset({"cdk.out", "dist", "build", ".serverless", ".aws-sam"})
MAX_FILE_BYTES = 2_000_000
MAX_FILES = 20_000
MAX_NAMES = 200_000  # of files and folders of any kind
MAX_BYTES = 200_000_000  # of all files together
MAX_TEMPLATES = 1_000
MAX_CHARACTERS = 10_000_000  # of all templates together
MAX_NESTING = 100
MAX_EVENTS = 200_000  # a template of 1 MB, the most that CloudFormation takes, has about 100,000


def read_templates(root: Path) -> Templates:
    """The templates under a folder, always in the same order. Never raises: see `Templates.unread`."""
    reading = _Reading()
    try:
        for path in _candidates(root):
            reading.take(path, root)
    except _FullError:
        reading.truncated = True
    return Templates(tuple(reading.roles), reading.files, tuple(reading.unread), reading.truncated)


class _FullError(Exception):
    """A checkout has more than is read of one."""


class _Reading:
    """What was read so far, within the bounds of all files together."""

    def __init__(self) -> None:
        self.roles: list[RolePlace] = []
        self.unread: list[str] = []
        self.files = 0
        self.truncated = False
        self._seen = 0
        self._bytes = 0
        self._characters = 0
        self._steps = Steps(MAX_STEPS_OF_ALL)

    def take(self, path: Path, root: Path) -> None:
        """Read a file. Raises _FullError where a bound is reached."""
        if self._is_full():
            raise _FullError
        self._seen += 1
        content = _bytes_of(path)
        self._bytes += len(content or b"")
        text = _text_of(path, content)
        if not _may_be_template(path.name, text):
            return
        self._characters += len(text or "")
        relative = path.relative_to(root).as_posix()
        places = None if text is None else roles_in(relative, text, Steps(within=self._steps))
        if places is None:
            self.unread.append(relative)
        else:
            self.files += 1
            self.roles += places

    def _is_full(self) -> bool:
        return (
            self._seen >= MAX_FILES
            or self._bytes >= MAX_BYTES
            or self.files + len(self.unread) >= MAX_TEMPLATES
            or self._characters >= MAX_CHARACTERS
            or self._steps.left <= 0
        )


def _candidates(root: Path) -> Iterator[Path]:
    """The files that may be templates. Raises _FullError where there is no end of names."""
    seen = 0
    for folder, folders, names in os.walk(root):
        seen += len(folders) + len(names)
        if seen > MAX_NAMES:
            raise _FullError
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS - GENERATED_FOLDERS)
        for name in sorted(names):
            path = Path(folder) / name
            # A name that no text can hold, or one of several lines, can be named in no report.
            if name.lower().endswith(SUFFIXES) and path.relative_to(root).as_posix().isprintable():
                yield path


def _bytes_of(path: Path) -> bytes | None:
    """The bytes of a regular file (a link may lead out of the checkout: not followed), else None."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            return None
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError:
        return None


def _text_of(path: Path, content: bytes | None) -> str | None:
    """The text of a file's bytes, None where they are no text."""
    try:
        text = None if content is None else content.decode("utf-8-sig")
    except ValueError:
        return None
    # JSON may be indented with tabs, YAML may not; in JSON's strings there are none.
    return text.replace("\t", " ") if text is not None and path.suffix == ".json" else text


def _may_be_template(name: str, text: str | None) -> bool:
    """Whether a file is worth parsing, or without a text a mention."""
    if text is None:
        return any(framework.is_named(name) for framework in FRAMEWORKS)
    return any(framework.may_be(name, text) for framework in FRAMEWORKS)


def roles_in(path: str, text: str, steps: Steps | None = None) -> tuple[RolePlace, ...] | None:
    """The roles of the text of a file, empty where it is no template, None where it cannot be read."""
    try:
        return roles_of(path, compose(text, max_nesting=MAX_NESTING, max_events=MAX_EVENTS), steps)
    except Exception:  # whatever a parser makes of hostile text: this file has no places, the scan goes on
        return None


def tree_of(text: str) -> Tree | None:
    """A text's tree, None where it is no mapping. Raises what parsers raise."""
    root = compose(text, max_nesting=MAX_NESTING, max_events=MAX_EVENTS)
    return Tree(root) if isinstance(root, MappingNode) else None


def roles_of(path: str, root: Node | None, steps: Steps | None = None) -> tuple[RolePlace, ...]:
    """The roles of a parsed file, empty where it is no template. Raises TooManyStepsError."""
    if not isinstance(root, MappingNode):
        return ()
    tree = Tree(root, steps=steps)
    framework = next((framework for framework in FRAMEWORKS if framework.is_template(tree)), None)
    return () if framework is None else role_places(path, framework.declarations(tree))
