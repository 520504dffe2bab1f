"""Reads the templates of a checkout.

They come from a pull request and are not trusted: nothing is constructed from them, and the number of files,
their sizes, their nesting and every walk over them are bounded.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scanner.templates.amplify import AMPLIFY
from scanner.templates.cdk.framework import CDK_APP
from scanner.templates.chalice import CHALICE
from scanner.templates.cloudformation import CLOUDFORMATION
from scanner.templates.framework import Framework, role_places
from scanner.templates.made_elsewhere import MADE_ELSEWHERE
from scanner.templates.places import RolePlace, Templates
from scanner.templates.pulumi import PULUMI
from scanner.templates.serverless import SERVERLESS
from scanner.templates.serverless_code import SERVERLESS_CODE
from scanner.templates.steps import MAX_STEPS_OF_ALL, Steps
from scanner.templates.terraform.read import TERRAFORM
from scanner.templates.written import Checkout, ParserMissingError
from scanner.templates.zappa import ZAPPA

# In this order: a serverless.yml may have CloudFormation's resources too.
FRAMEWORKS: tuple[Framework, ...] = (
    SERVERLESS,
    SERVERLESS_CODE,
    CHALICE,
    CDK_APP,
    CLOUDFORMATION,
    TERRAFORM,
    ZAPPA,
    MADE_ELSEWHERE,
    PULUMI,
    AMPLIFY,
)

# what others wrote, and what is generated
SKIPPED_FOLDERS = frozenset({".git", ".venv", "venv", "node_modules", "site-packages", ".tox", ".terraform"})
GENERATED_FOLDERS = frozenset({"cdk.out", "dist", "build", ".serverless", ".aws-sam"})
MAX_FILE_BYTES = 2_000_000
MAX_FILES = 20_000
MAX_NAMES = 200_000  # of files and folders of any kind
MAX_BYTES = 200_000_000  # of all files together
MAX_TEMPLATES = 1_000
MAX_CHARACTERS = 10_000_000  # of all templates together


def read_templates(root: Path) -> Templates:
    """The templates under a folder, always in the same order. Never raises: see `Templates.unread`."""
    reading = _Reading(root)
    try:
        for path in _candidates(root):
            reading.take(path)
    except _FullError:
        reading.truncated = True
    return Templates(
        without_parts(reading.roles),
        reading.files,
        tuple(reading.unread),
        reading.truncated,
        tuple(sorted(reading.not_installed)),
    )


def without_parts(roles: Sequence[RolePlace]) -> tuple[RolePlace, ...]:
    """The roles of templates, without those that a file declares as a part of another template."""
    parts = frozenset().union(*(role.template.parts for role in roles))
    return tuple(role for role in roles if role.path not in parts)


class _FullError(Exception):
    """A checkout has more than is read of one."""


class _Reading:
    """What was read so far, within the bounds of all files together."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.roles: list[RolePlace] = []
        self.unread: list[str] = []
        self.not_installed: set[str] = set()
        self.files = 0
        self.truncated = False
        self._seen = 0
        self._bytes = 0
        self._characters = 0
        self._steps = Steps(MAX_STEPS_OF_ALL)

    def take(self, path: Path) -> None:
        """Read a file. Raises _FullError where a bound is reached."""
        if self._is_full():
            raise _FullError
        text = self.text_at(path)
        if not _may_be_template(path.name, text):
            return
        self._characters += len(text or "")
        relative = path.relative_to(self._root).as_posix()
        checkout = Files(self, self._root, Steps(within=self._steps))
        places = None if text is None else self._places(relative, text, checkout)
        if places is None:
            self.unread.append(relative)
        else:
            self.files += 1
            self.roles += places

    def _places(self, path: str, text: str, checkout: Checkout) -> tuple[RolePlace, ...] | None:
        try:
            return roles_of(path, text, checkout)
        except ParserMissingError as error:
            self.not_installed.add(str(error))
        except Exception:  # whatever a parser makes of hostile text: this file has no places
            return None
        return None

    def text_at(self, path: Path) -> str | None:
        """The text of a file, None where there is none or it is not read."""
        return text_of(path.name, self.content_at(path))

    def content_at(self, path: Path) -> bytes | None:
        """The bytes of a file, None where there is none or it is not read."""
        self._seen += 1
        content = _bytes_of(path)
        self._bytes += len(content or b"")
        return content

    def _is_full(self) -> bool:
        return self.is_out_of_files() or (
            self.files + len(self.unread) >= MAX_TEMPLATES
            or self._characters >= MAX_CHARACTERS
            or self._steps.left <= 0
        )

    def is_out_of_files(self) -> bool:
        """Whether no further file is read."""
        return self._seen >= MAX_FILES or self._bytes >= MAX_BYTES


def files_of(root: Path) -> Files:
    """The files of a checkout, within the bounds of reading one."""
    return Files(_Reading(root), root, Steps(MAX_STEPS_OF_ALL))


class Files(NamedTuple):
    """The files of the checkout for one template."""

    reading: _Reading
    root: Path
    steps: Steps

    def content(self, path: str) -> bytes | None:
        """The bytes of a file by its path in the checkout, None where there is none or it is not read."""
        file = self._inside(path)
        return None if file is None or self.reading.is_out_of_files() else self.reading.content_at(file)

    def text(self, path: str) -> str | None:
        """The text of a file by its path in the checkout, None where there is none or it is not read."""
        file = self._inside(path)
        return None if file is None or self.reading.is_out_of_files() else self.reading.text_at(file)

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder of the checkout, sorted."""
        path = self._inside(folder)
        try:
            entries = [] if path is None else sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError:
            return ()
        self.steps.spend(len(entries))
        return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]

    def _inside(self, path: str) -> Path | None:
        """A path of the checkout without links in it, None for any other."""
        place = os.path.normpath(self.root / path)
        try:
            inside = Path(os.path.realpath(self.root)) / os.path.relpath(place, self.root)
            return inside if os.path.realpath(place) == str(inside) and ".." not in inside.parts else None
        except (OSError, ValueError):
            return None


def _candidates(root: Path) -> Iterator[Path]:
    """The files that may be templates. Raises _FullError where there is no end of names."""
    seen = 0
    suffixes = tuple({suffix for framework in FRAMEWORKS for suffix in framework.suffixes})
    for folder, folders, names in os.walk(root):
        seen += len(folders) + len(names)
        if seen > MAX_NAMES:
            raise _FullError
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS - GENERATED_FOLDERS)
        for name in sorted(names):
            path = Path(folder) / name
            # A name that no text can hold, or one of several lines, can be named in no report.
            if name.lower().endswith(suffixes) and path.relative_to(root).as_posix().isprintable():
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


def text_of(name: str, content: bytes | None) -> str | None:
    """The text of a file's bytes, None where they are no text. Without a byte order mark, newlines kept."""
    try:
        text = None if content is None else content.decode("utf-8-sig")
    except ValueError:
        return None
    # JSON may be indented with tabs, YAML may not; in JSON's strings there are none.
    return text.replace("\t", " ") if text is not None and name.endswith(".json") else text


def _may_be_template(name: str, text: str | None) -> bool:
    """Whether a file is worth parsing, or without a text a mention."""
    if text is None:
        return any(framework.is_named(name) for framework in FRAMEWORKS)
    return any(_may_be(framework, name, text) for framework in FRAMEWORKS)


def _may_be(framework: Framework, name: str, text: str) -> bool:
    return name.lower().endswith(framework.suffixes) and framework.may_be(name, text)


@dataclass(frozen=True)
class Texts:
    """A checkout of texts by their paths."""

    texts: Mapping[str, str] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)

    def text(self, path: str) -> str | None:
        """The text at a path."""
        return self.texts.get(posixpath.normpath(path))

    def names(self, folder: str) -> Sequence[str]:
        """The names of the files in a folder."""
        within = posixpath.normpath(folder).removeprefix(".")
        return sorted(name for head, name in map(posixpath.split, self.texts) if head == within)


def roles_in(path: str, text: str, checkout: Checkout | None = None) -> tuple[RolePlace, ...] | None:
    """The roles of the text of a file, empty where it is no template, None where it cannot be read."""
    try:
        return roles_of(path, text, checkout or Texts({path: text}))
    except Exception:  # whatever a parser makes of hostile text: this file has no places, the scan goes on
        return None


def roles_of(path: str, text: str, checkout: Checkout) -> tuple[RolePlace, ...]:
    """The roles of the text of a file, empty where it is no template. Raises what parsers raise."""
    name = posixpath.basename(path)
    for framework in FRAMEWORKS:
        if _may_be(framework, name, text):
            declarations = framework.read(path, text, checkout)
            if declarations is not None:
                return role_places(path, declarations)
    return ()
