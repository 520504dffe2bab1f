"""Configuration and baseline in a workflow run: where they are believed, and what a pull request changes.

The author of a pull request must not be able to switch the check off in the same pull request. What counts is
therefore what stands in its base, read through GitHub's API; what the checkout holds is only shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate import baseline
from scanner.gate.baseline import Baseline, changed_lines
from scanner.gate.config import TeamConfig
from scanner.gate.load_config import load_config
from scanner.github.event import Trusted
from scanner.options import CONFIG, parsed
from scanner.text.escape import fence_for, markdown_code, markdown_text, one_line

LARGEST = 50_000_000  # bytes of a file that is read
MOST_SHOWN = 8_000  # characters of a difference: of the 65,536 of a comment
MOST_PROBLEMS = 5
LONGEST_PROBLEM = 300

Kind = Literal["configuration", "baseline"]
Read = Callable[[str, str], bytes | None]
"""(path, ref) -> what the file holds there, None where it is not. Raises UnreachableError or ScanError."""


class UnreachableError(Exception):
    """A file that could not be asked for; the message says why and what would help."""


class Wanted(NamedTuple):
    """A file of the team. `named` tells that an input names it: then it must be there."""

    kind: Kind
    path: str
    named: bool


class Change(NamedTuple):
    """What a pull request does to a file.

    `difference` is a unified diff, empty where there is nothing to show. `problems` say why the file of the
    pull request cannot be read, a line each.
    """

    kind: Kind
    path: str
    does: Literal["adds", "changes", "removes"]
    difference: str
    problems: tuple[str, ...] = ()


class TrustedFiles(NamedTuple):
    """What the team says, as far as it counts, and what a pull request changes in it."""

    config: TeamConfig = TeamConfig()
    baseline: Baseline | None = None
    changes: tuple[Change, ...] = ()


def wanted_files(config_path: Path | None, baseline_path: Path | None) -> list[Wanted]:
    """The files to look for, given what the inputs name, relative to the repository."""
    found = [Wanted("configuration", (config_path or CONFIG).as_posix(), config_path is not None)]
    if baseline_path is not None:
        found.append(Wanted("baseline", baseline_path.as_posix(), named=True))
    return found


def team_of(
    wanted: Sequence[Wanted], trusted: Trusted, workspace: Path, read: Read, say: Callable[[str], None]
) -> TrustedFiles:
    """What the team's files say. Raises ScanError where that cannot be told for sure.

    `read` asks for a file at a ref, `say` takes a line for the log.
    """
    if trusted.ref is None:
        texts = {file.kind: _of_checkout(file, workspace) for file in wanted}
        return _team(wanted, texts)
    try:
        texts = {file.kind: _of_base(file, trusted.ref, workspace, read) for file in wanted}
    except UnreachableError as error:
        held = [file.path for file in wanted if file.named or os.path.lexists(workspace / file.path)]
        if held:
            raise ScanError(
                f"{error}. {' and '.join(map(one_line, held))} must be read from the base, so that no pull "
                "request changes its own check: nothing is judged without",
                EXIT_USAGE,
            ) from None
        say(f"no configuration is used, and the checkout has none: {error}")
        return TrustedFiles()
    team = _team(wanted, texts, _shown(trusted.ref))
    if not _shows_the_change(trusted, workspace):
        return team
    changes = [_change(file, texts[file.kind], workspace) for file in wanted]
    return team._replace(changes=tuple(change for change in changes if change))


def _team(wanted: Sequence[Wanted], texts: Mapping[Kind, str | None], ref: str = "") -> TrustedFiles:
    values: dict[str, Any] = {}
    for file in wanted:
        text = texts[file.kind]
        if text is not None:
            try:
                values[file.kind] = parsed(_LOAD[file.kind], text, file.path)
            except ScanError as error:
                where = f"\n{one_line(file.path)} counts as of {ref}: put it right there" if ref else ""
                raise ScanError(f"{error}{where}", EXIT_USAGE) from None
    return TrustedFiles(values.get("configuration", TeamConfig()), values.get("baseline"))


def _shown(ref: str) -> str:
    """A ref in a message; of a commit so many digits that it is never taken for an account id."""
    return ref[:10] or "the default branch"


_LOAD: dict[Kind, Callable[[str, str], Any]] = {"configuration": load_config, "baseline": baseline.load}


# --- where they stand ----------------------------------------------------------------------------


def _of_checkout(file: Wanted, workspace: Path) -> str | None:
    text = checkout_text(workspace, file.path)
    if text is None and file.named:
        raise ScanError(f"input {_input(file)}: {one_line(file.path)} is not in the checkout", EXIT_USAGE)
    return text


def _of_base(file: Wanted, ref: str, workspace: Path, read: Read) -> str | None:
    data = read(file.path, ref)
    if data is not None:
        return _decoded(data, file.path)
    if file.named and not os.path.lexists(workspace / file.path):
        where = f"neither at {_shown(ref)} nor in the checkout"
        raise ScanError(f"input {_input(file)}: {one_line(file.path)} is {where}", EXIT_USAGE)
    return None


def _input(file: Wanted) -> str:
    return "`config`" if file.kind == "configuration" else "`baseline`"


def checkout_text(workspace: Path, path: str) -> str | None:
    """A file of the checkout, None where it is not there.

    Raises ScanError for what is no file of the checkout: a link that leads out of it, a folder.
    """
    file, shown = workspace / path, one_line(path)
    if not os.path.lexists(file):
        return None
    try:
        resolved = file.resolve()
        if workspace.resolve() not in resolved.parents:
            raise ScanError(f"{shown} is a link that leads out of the checkout", EXIT_USAGE)
        if not resolved.is_file():
            raise ScanError(f"{shown} is no file", EXIT_USAGE)
        if resolved.stat().st_size > LARGEST:
            raise ScanError(f"{shown} is larger than {LARGEST:,} bytes", EXIT_USAGE)
        return _decoded(resolved.read_bytes(), path)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
        raise ScanError(f"{shown} cannot be read ({type(error).__name__})", EXIT_USAGE) from None


def _decoded(data: bytes, path: str) -> str:
    """A file's text; line ends as Git may have checked them out do not count."""
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ScanError(f"{one_line(path)} is not text in UTF-8", EXIT_USAGE) from None


# --- what a pull request changes -----------------------------------------------------------------


def _shows_the_change(trusted: Trusted, workspace: Path) -> bool:
    return trusted.head is None or (trusted.head != "" and _head(workspace) == trusted.head)


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


def _change(file: Wanted, before: str | None, workspace: Path) -> Change | None:
    """What the checkout changes; a file that is not there counts as removed only where that is sure."""
    try:
        after = checkout_text(workspace, file.path)
    except ScanError as error:
        does: Literal["adds", "changes"] = "adds" if before is None else "changes"
        return Change(file.kind, file.path, does, "", (str(error),))
    if after == before or (after is None and not _is_whole(workspace)):
        return None
    difference = _within(changed_lines(before, after, file.path))
    if after is None:
        return Change(file.kind, file.path, "removes", difference)
    problems = _problems(file, after)
    return Change(file.kind, file.path, "adds" if before is None else "changes", difference, problems)


def _problems(file: Wanted, text: str) -> tuple[str, ...]:
    try:
        _LOAD[file.kind](text, file.path)
    except ValueError as error:
        lines = str(error).splitlines()
        shown = [line if len(line) <= LONGEST_PROBLEM else f"{line[:LONGEST_PROBLEM]}..." for line in lines]
        more = len(lines) - MOST_PROBLEMS
        return (*shown[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else []))
    return ()


def _within(difference: str) -> str:
    """A difference in at most so many characters that findings have room beside it."""
    if len(difference) <= MOST_SHOWN:
        return difference
    return difference[:MOST_SHOWN].rpartition("\n")[0] + "\nand more than there is room for\n"


# --- how it is shown -----------------------------------------------------------------------------


def said(change: Change) -> str:
    """A change in a sentence, as plain text."""
    effect = {
        "adds": "it takes effect after the merge",
        "changes": "what it changes takes effect after the merge",
        "removes": "it counts until the merge",
    }
    return f"This pull request {change.does} {one_line(change.path)}: {effect[change.does]}"


def markdown_of(changes: Sequence[Change], hide: Callable[[str], str]) -> str:
    """The changes as Markdown, empty where there are none. `hide` takes out what a line must not show."""
    parts = []
    for change in changes:
        before, path, after = said(change).partition(one_line(change.path))
        parts.append(f"{before}{markdown_code(hide(path))}{after}.")
        if change.problems:
            listed = [f"- {markdown_text(hide(problem))}" for problem in change.problems]
            parts.append(f"⚠️ The {change.kind} of this pull request cannot be read:\n\n" + "\n".join(listed))
        if change.difference:
            text = "\n".join(map(hide, change.difference.splitlines()))
            fence = fence_for(text)
            shown = f"{fence}diff\n{text}\n{fence}"
            parts.append(f"<details><summary>What it {change.does}</summary>\n\n{shown}\n</details>")
    return "\n\n".join(parts)
