"""Files of the checkout that inputs name: a pull request may have made them links to anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parsers import FILE_FORMATS, Options
from scanner.output.destination import GIT_FOLDERS
from scanner.text.escape import one_line

_ELSEWHERE = ("config", "baseline", "output_dir", *FILE_FORMATS)
"""Files that are read or checked by other ways."""


def check_named_files(options: Options, workspace: Path) -> None:
    """Raise ScanError for an input that names a link of the checkout to outside of it, or into `.git`.

    What is read there could end up in a comment: the token of the checkout, files of the runner. Paths
    outside of the checkout are the workflow's own.
    """
    root, top = _without_dots(workspace), workspace.resolve()
    for name, path in _named(options):
        absolute = _without_dots(root / path)
        if not any(start in (absolute, *absolute.parents) for start in (root, top)):
            continue
        for link in _links(absolute, root):
            if not _stays(link, top):
                raise ScanError(
                    f"input `{name}`: {one_line(os.path.relpath(link, root))} is a link that leads out of "
                    "the checkout, or into its Git folder: name the file itself",
                    EXIT_USAGE,
                )


def _named(options: Options) -> Iterator[tuple[str, Path]]:
    """The inputs that name files or folders, and what they name."""
    for field in fields(options):
        if field.name not in _ELSEWHERE:
            value = getattr(options, field.name)
            for path in value if isinstance(value, tuple) else (value,):
                if isinstance(path, Path):
                    yield field.name.replace("_", "-"), path


def _links(path: Path, root: Path) -> Iterator[Path]:
    """The path itself, which may lie behind links, and the links in a folder that are read as files."""
    yield path
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            inner = Path(folder) / name
            if inner.is_symlink() and not name.startswith("."):
                yield inner


def _without_dots(path: Path) -> Path:
    """A path as it is written, links in it left alone."""
    return Path(os.path.normpath(path.absolute()))


def _stays(path: Path, top: Path) -> bool:
    """Whether a path leads to what the checkout itself holds."""
    try:
        target = path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return False
    if target == top:
        return True
    return top in target.parents and not is_in_git(target, top)


def is_in_git(path: Path, top: Path) -> bool:
    """Whether a path without links lies in a folder of Git, which holds the token of the checkout."""
    return any(part.casefold() == GIT_FOLDERS[0] for part in path.relative_to(top).parts)
