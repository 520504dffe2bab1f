"""Where files go: the folder that a user names, followed, checked and made."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import EXIT_USAGE, ScanError
from scanner.output.folder import HAS_FOLDER_HANDLES, TEMPORARY, OutputFolder
from scanner.text.escape import one_line

GIT_FOLDERS = (".git", ".github")
"""What is written there may run: hooks, workflows, the repository's own configuration."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True)
class Destination:
    """A folder that is written into.

    `folder` is as the user names it, `option` what names it in messages. `root` is the folder where the name
    starts and which must not be left, also by links; None: the folder may lie anywhere. `say` takes a line
    for the user while the program waits. `reports` is False for the folder of a file that a user names: that
    file may lie anywhere below the root, or in it.
    """

    folder: Path
    option: str
    say: Callable[[str], None]
    root: Path | None = None
    reports: bool = True


@contextmanager
def opened(destination: Destination) -> Iterator[OutputFolder]:
    """The folder, made if need be. Raises ScanError where it is refused, or where writing fails inside."""
    handle = None
    try:
        with writing_to(destination):
            path = _checked(destination)
            handle = _handle(path, destination.root)
            yield OutputFolder(path, handle)
    finally:
        if handle is not None:
            os.close(handle)


@contextmanager
def writing_to(destination: Destination) -> Iterator[None]:
    """Raises ScanError, which names the destination, where writing fails inside."""
    try:
        yield
    except OSError as error:
        raise _error(destination, error) from None


def _error(destination: Destination, error: OSError) -> ScanError:
    cause, folder = error.strerror or str(error), one_line(str(destination.folder))
    name = Path(error.filename).name if isinstance(error.filename, str) else ""
    own = name in ("", destination.folder.name) or name.startswith(TEMPORARY)
    where = "" if own else f" ({one_line(name)})"
    advice = (
        ". Earlier files are as they were: make room, or name another folder" if error.errno in _FULL else ""
    )
    return ScanError(
        f"{destination.option}: {folder} cannot be written to: {cause}{where}{advice}", EXIT_USAGE
    )


def _checked(destination: Destination) -> Path:
    """The folder without links. Raises ScanError where it must not be written to."""
    folder = one_line(str(destination.folder))
    try:
        root = destination.root.resolve() if destination.root else None
        path = (root / destination.folder if root else destination.folder).resolve()
    except RuntimeError as error:  # links in a circle, before Python 3.13
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(destination.folder)) from error
    if root is not None and root not in (path.parents if destination.reports else (path, *path.parents)):
        raise ScanError(
            f"{destination.option}: {folder} is not a folder below the workspace: name one, without links "
            "that leave it",
            EXIT_USAGE,
        )
    inside = git_folder(path, root)
    # a file of the team (a baseline) may lie in .github
    if inside and (destination.reports or root or inside == ".git"):
        raise ScanError(
            f"{destination.option}: {folder} lies in {inside}, where Git and GitHub read what they run: name "
            "another folder",
            EXIT_USAGE,
        )
    return path


def git_folder(path: Path, root: Path | None) -> str | None:
    """`.git` or `.github` where a folder is one or lies in one, else None.

    `root` is where the repository starts; None: the nearest one above counts. A repository may itself lie in
    a folder named `.github`: GitHub has such repositories.
    """
    line = (path, *path.parents)
    top = root or next((folder for folder in line if os.path.lexists(folder / ".git")), None)
    for folder in line:
        if folder == top:
            return None
        for name in GIT_FOLDERS:
            if _plain(folder.name) == name or (top is not None and _same(folder, top / name)):
                return name
    return None


def _plain(name: str) -> str:
    """A name as file systems that know no case, or no blanks and dots at its end, compare it."""
    return name.casefold().rstrip(". ")


def _same(folder: Path, other: Path) -> bool:
    try:
        return folder.samefile(other)
    except OSError:
        return False


def _handle(path: Path, root: Path | None) -> int | None:
    """The open folder, None where the system has no such handles.

    Below a root no part is followed as a link: it may have been replaced since it was checked.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if root is None or not HAS_FOLDER_HANDLES:
        path.mkdir(parents=True, exist_ok=True)
        return os.open(path, _FOLDER) if HAS_FOLDER_HANDLES else None
    root = root.resolve()
    handle = os.open(root, _FOLDER)
    for part in path.relative_to(root).parts:
        try:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=handle)
            inner = os.open(part, _FOLDER | _NO_LINK, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle
