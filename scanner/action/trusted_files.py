"""Configuration and baseline in a workflow run: where they are trusted, and what a pull request changes.

The author of a change must not be able to switch the check off in the same change. What counts is therefore
what stands in the base of a pull request, else in the default branch, read through GitHub's API; what the
checkout holds is only shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from scanner.action.checkout import is_in_git
from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate.baseline import Baseline
from scanner.gate.config import TeamConfig
from scanner.gate.load_baseline import load_baseline
from scanner.gate.load_config import load_config
from scanner.github.errors import GithubError, NoFileError
from scanner.github.event import TrustedSource, ref_name
from scanner.options.files import parsed
from scanner.options.parsers import CONFIG
from scanner.text.diff import file_diff
from scanner.text.escape import one_line

LARGEST = 50_000_000  # bytes of a file that is read
MOST_SHOWN = 8_000  # characters of a difference: a comment has 65,536
MOST_PROBLEMS = 5
LONGEST_PROBLEM = 300

FileKind = Literal["configuration", "baseline"]
FileReader = Callable[[str, str], bytes | None]
"""(path, ref) -> what the file holds there, None where it does not exist. Raises GithubError."""


class TrustedFile(NamedTuple):
    """A file of the team. `named`: an input names it, so that it must exist."""

    kind: FileKind
    path: str
    named: bool


class FileChange(NamedTuple):
    """What a pull request does to a file.

    `difference` is a unified diff, empty where there is nothing to show. `problems` say why the file of the
    pull request cannot be read, a line each.
    """

    kind: FileKind
    path: str
    does: Literal["adds", "changes", "removes"]
    difference: str
    problems: tuple[str, ...] = ()


class TrustedFiles(NamedTuple):
    """What the team's files say, as far as it counts, and what a pull request changes in them."""

    config: TeamConfig = TeamConfig()
    baseline: Baseline | None = None
    changes: tuple[FileChange, ...] = ()


def files_to_trust(config_path: Path | None, baseline_path: Path | None) -> list[TrustedFile]:
    """The files to look for, given what the inputs name, relative to the repository."""
    files = [TrustedFile("configuration", (config_path or CONFIG).as_posix(), config_path is not None)]
    if baseline_path is not None:
        files.append(TrustedFile("baseline", baseline_path.as_posix(), named=True))
    return files


def read_trusted_files(
    files: Sequence[TrustedFile],
    source: TrustedSource,
    workspace: Path,
    read: FileReader,
    log: Callable[[str], None],
) -> TrustedFiles:
    """What the team's files say. Raises ScanError where that cannot be known for sure.

    `read` asks for a file at a ref, `log` takes a line for the log.
    """
    if source.ref is None:
        texts = {file.kind: _of_checkout(file, workspace) for file in files}
        return _parsed(files, texts)
    try:
        texts = {file.kind: _of_base(file, source.ref, workspace, read) for file in files}
    except NoFileError as error:
        raise ScanError(str(error), EXIT_USAGE) from None
    except GithubError as error:
        _check_none_is_needed(files, source, workspace, error)
        log(f"no configuration is used, and the checkout has none: {error}")
        return TrustedFiles()
    trusted = _parsed(files, texts, ref_name(source.ref))
    if source == ("", ""):
        _name_differences(files, texts, workspace, log)
    if not _shows_the_change(source, workspace):
        return trusted
    changes = [_change(file, texts[file.kind], workspace) for file in files]
    return trusted._replace(changes=tuple(change for change in changes if change))


def _name_differences(
    files: Sequence[TrustedFile],
    texts: Mapping[FileKind, str | None],
    workspace: Path,
    log: Callable[[str], None],
) -> None:
    """Log which files of the checkout do not count, since the default branch has others."""
    for file in files:
        try:
            differs = checkout_text(workspace, file.path) not in (None, texts[file.kind])
        except ScanError:
            differs = True
        if differs:
            log(f"{one_line(file.path)} counts as it is in the default branch, not as it was checked out")


def _check_none_is_needed(
    files: Sequence[TrustedFile], source: TrustedSource, workspace: Path, error: GithubError
) -> None:
    """Raise ScanError where a file may be there that could not be read where it is trusted."""
    needed = [file.path for file in files if file.named or os.path.lexists(workspace / file.path)]
    if needed:
        where = "the base" if source.ref else "the default branch"
        raise ScanError(
            f"{error}. {' and '.join(map(one_line, needed))} must be read from {where}, so that no change "
            "switches off its own check",
            EXIT_USAGE,
        ) from None


def _parsed(
    files: Sequence[TrustedFile], texts: Mapping[FileKind, str | None], ref: str = ""
) -> TrustedFiles:
    values: dict[str, Any] = {}
    for file in files:
        text = texts[file.kind]
        if text is not None:
            try:
                values[file.kind] = parsed(_LOAD[file.kind], text, file.path)
            except ScanError as error:
                where = f"\n{one_line(file.path)} is used as of {ref}: fix it there" if ref else ""
                raise ScanError(f"{error}{where}", EXIT_USAGE) from None
    return TrustedFiles(values.get("configuration", TeamConfig()), values.get("baseline"))


_LOAD: dict[FileKind, Callable[[str, str], Any]] = {"configuration": load_config, "baseline": load_baseline}


# --- where they are read --------------------------------------------------------------------------


def _of_checkout(file: TrustedFile, workspace: Path) -> str | None:
    text = checkout_text(workspace, file.path)
    if text is None and file.named:
        raise ScanError(f"input {_input(file)}: {one_line(file.path)} is not in the checkout", EXIT_USAGE)
    return text


def _of_base(file: TrustedFile, ref: str, workspace: Path, read: FileReader) -> str | None:
    data = read(file.path, ref)
    if data is not None:
        return _decoded(data, file.path)
    if file.named and not os.path.lexists(workspace / file.path):
        where = f"neither at {ref_name(ref)} nor in the checkout"
        raise ScanError(f"input {_input(file)}: {one_line(file.path)} is {where}", EXIT_USAGE)
    return None


def _input(file: TrustedFile) -> str:
    return "`config`" if file.kind == "configuration" else "`baseline`"


def checkout_text(workspace: Path, path: str) -> str | None:
    """A file of the checkout, None where it is not there.

    Raises ScanError for what is not a file of the checkout: a link out of it or into Git's folder, a folder.
    """
    file, name = workspace / path, one_line(path)
    if not os.path.lexists(file):
        return None
    try:
        resolved, top = file.resolve(), workspace.resolve()
        if top not in resolved.parents:
            raise ScanError(f"{name} is a link to outside the checkout", EXIT_USAGE)
        if is_in_git(resolved, top):
            raise ScanError(f"{name} is a link into Git's own folder", EXIT_USAGE)
        if not resolved.is_file():
            raise ScanError(f"{name} is not a file", EXIT_USAGE)
        if resolved.stat().st_size > LARGEST:
            raise ScanError(f"{name} is larger than {LARGEST:,} bytes", EXIT_USAGE)
        return _decoded(resolved.read_bytes(), path)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise ScanError(f"{name} cannot be read ({type(error).__name__})", EXIT_USAGE) from None


def _decoded(data: bytes, path: str) -> str:
    """A file's text; line ends as Git may have checked them out do not count."""
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ScanError(f"{one_line(path)} is not text in UTF-8", EXIT_USAGE) from None


# --- what a pull request changes -----------------------------------------------------------------


def _shows_the_change(source: TrustedSource, workspace: Path) -> bool:
    return source.head is None or (source.head != "" and _head(workspace) == source.head)


def _head(workspace: Path) -> str:
    """The commit that is checked out by itself, as actions/checkout does; empty for a branch's tip."""
    try:
        text = (workspace / ".git" / "HEAD").read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else ""


def _is_whole(workspace: Path) -> bool:
    """Whether what the checkout does not hold is not in the commit: it is there, and not a sparse one."""
    git = workspace / ".git"
    return git.is_dir() and not (git / "info" / "sparse-checkout").exists()


def _change(file: TrustedFile, before: str | None, workspace: Path) -> FileChange | None:
    """What the checkout changes; a file that is not there counts as removed only where that is sure."""
    try:
        after = checkout_text(workspace, file.path)
    except ScanError as error:
        return _unread_change(file, before, str(error))
    if after == before or (after is None and not _is_whole(workspace)):
        return None
    if after is not None and _is_behind_link(workspace, file.path):
        # it may be what an earlier step wrote there, a secret
        return _unread_change(file, before, f"{one_line(file.path)} is a link: what it holds is not shown")
    difference = _within(file_diff(before, after, file.path))
    if after is None:
        return FileChange(kind=file.kind, path=file.path, does="removes", difference=difference)
    problems = _problems(file, after)
    return FileChange(
        kind=file.kind,
        path=file.path,
        does="adds" if before is None else "changes",
        difference=difference,
        problems=problems,
    )


def _unread_change(file: TrustedFile, before: str | None, problem: str) -> FileChange:
    does: Literal["adds", "changes"] = "adds" if before is None else "changes"
    return FileChange(kind=file.kind, path=file.path, does=does, difference="", problems=(problem,))


def _is_behind_link(workspace: Path, path: str) -> bool:
    """Whether the file, or a folder on the way to it in the checkout, is a link."""
    return (workspace / path).resolve() != workspace.resolve() / path


def _problems(file: TrustedFile, text: str) -> tuple[str, ...]:
    try:
        _LOAD[file.kind](text, file.path)
    except ValueError as error:
        lines = str(error).splitlines()
        cut = [line if len(line) <= LONGEST_PROBLEM else f"{line[:LONGEST_PROBLEM]}..." for line in lines]
        more = len(lines) - MOST_PROBLEMS
        return (*cut[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else []))
    return ()


def _within(difference: str) -> str:
    """A difference in so few characters that the comment has room for findings too."""
    if len(difference) <= MOST_SHOWN:
        return difference
    return difference[:MOST_SHOWN].rpartition("\n")[0] + "\n(cut: too long to show)\n"
