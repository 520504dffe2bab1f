"""What a step says to the runner: workflow commands, log lines, outputs, the step summary.

The runner reads a line that starts with `::` as a command, and one that holds `##[` anywhere as a command of
the older kind, on standard output and standard error alike. Text from AWS or a trace must therefore never be
able to start one, end one early, or add a property to one.

Commands: docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands. How the runner takes
them apart: github.com/actions/runner, src/Runner.Common/ActionCommand.cs.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, TextIO

from scanner.text.escape import one_line

AnnotationLevel = Literal["error", "warning", "notice"]
ANNOTATION_LEVELS: tuple[AnnotationLevel, ...] = ("error", "warning", "notice")

ANNOTATIONS_A_LEVEL = 10
"""GitHub shows so many of each level for a step, and 50 for a job."""

SUMMARY_BYTES = 1024 * 1024
"""The runner drops a step's whole summary if it is larger."""

SUMMARY_NOTE = "*The rest did not fit into the step summary (1,024 KiB): the report files hold all of it.*"

# The runner compares as its culture does, and so overlooks characters that have no weight, such as variation
# selectors. All that are neither ASCII nor part of a word are taken for such, and the fillers that are.
_OVERLOOKED = r"(?:(?![\x00-\x7f])\W|[\u115f\u1160\u3164\uffa0])"
_COMMAND = re.compile(rf"\A((?: |{_OVERLOOKED})*):(?={_OVERLOOKED}*:)")
_OLD_COMMAND = re.compile(rf"(#{_OVERLOOKED}*#{_OVERLOOKED}*)\[")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_DETAILS = re.compile(r"<(/?)details\b", re.IGNORECASE)

FilePath = str | os.PathLike[str]


@dataclass(frozen=True)
class Annotation:
    """A message on a line of a file; without a file GitHub shows it on the workflow."""

    level: AnnotationLevel
    message: str
    title: str = ""
    file: str | None = None
    line: int | None = None
    end_line: int | None = None


def log_line(text: str) -> str:
    """Text as one line of the log that is no command, whatever it holds; what does not print is escaped."""
    return _COMMAND.sub(r"\1\\x3a", _OLD_COMMAND.sub(r"\1\\x5b", one_line(text)))


def log_lines(text: str) -> str:
    """Text as lines of the log, each of them made harmless by itself."""
    return "\n".join(log_line(line) for line in text.split("\n"))


def annotation(row: Annotation) -> str:
    """The command that annotates. A line without a file says nothing and is left out."""
    properties: dict[str, str] = {}
    if row.file:
        properties["file"] = row.file
        if row.line is not None and row.line > 0:
            properties["line"] = str(row.line)
            properties["endLine"] = str(max(row.line, row.end_line or row.line))
    if row.title:
        properties["title"] = row.title
    return _command(row.level, row.message, properties)


def annotations(
    rows: Iterable[Annotation], room: Callable[[AnnotationLevel], int] = lambda _: ANNOTATIONS_A_LEVEL
) -> list[str]:
    """The commands for as many rows of each level as GitHub shows: there is room for so many more.

    Errors come first, then warnings; within a level the order is the caller's, the most severe first.
    """
    listed = list(rows)
    return [
        annotation(row)
        for level in ANNOTATION_LEVELS
        for row in [row for row in listed if row.level == level][: room(level)]
    ]


def debug(text: str) -> str:
    """The command for a line that is shown only where debug logs are asked for."""
    return _command("debug", text)


def group(title: str) -> str:
    """The command that starts a part of the log that can be folded."""
    return _command("group", one_line(title))


def end_group() -> str:
    """The command that ends it."""
    return "::endgroup::"


@contextmanager
def grouped(stream: TextIO, title: str) -> Iterator[None]:
    """A part of the log that can be folded, ended whatever happens."""
    print(group(title), file=stream, flush=True)
    try:
        yield
    finally:
        print(end_group(), file=stream, flush=True)


def escaped_data(text: str) -> str:
    """Text as a command's message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escaped_property(text: str) -> str:
    """Text as the value of a command's property."""
    return escaped_data(text).replace(":", "%3A").replace(",", "%2C")


def _command(name: str, message: str, properties: Mapping[str, str] | None = None) -> str:
    pairs = [f"{key}={escaped_property(log_line(value))}" for key, value in (properties or {}).items()]
    return f"::{name}{' ' if pairs else ''}{','.join(pairs)}::{escaped_data(log_lines(message))}"


def set_outputs(path: FilePath | None, values: Mapping[str, str]) -> None:
    """Append a step's outputs to the file that GITHUB_OUTPUT names; without one there is nobody to tell.

    A value of several lines stands between two lines that nobody can guess, so that no value can end early
    and add an output of its own.
    """
    if path:
        _append(path, "".join(_output(name, value) for name, value in values.items()))


def _output(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
        raise ValueError(f"not the name of an output: {name!r}")
    if "\n" not in value and "\r" not in value:
        return f"{name}={value}\n"
    delimiter = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def write_summary(
    path: FilePath | None, markdown: str, limit: int = SUMMARY_BYTES, note: str = SUMMARY_NOTE
) -> bool:
    """Append Markdown to the file that GITHUB_STEP_SUMMARY names; whether all of it fitted.

    The limit is that of the file, in bytes of UTF-8: what the step wrote before counts.
    """
    if not path:
        return True
    there = Path(path).stat().st_size if Path(path).exists() else 0
    text = shortened(markdown.rstrip("\n"), limit - there - 1, _utf8_length, note)
    if text:
        _append(path, text + "\n")
    return text == markdown.rstrip("\n")


def _append(path: FilePath, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)


def _utf8_length(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def shortened(markdown: str, limit: int, length: Callable[[str], int], note: str) -> str:
    """Markdown, cut at the end of a line so that it and a note about it are within the limit.

    A code fence and `<details>` that are open at the cut are closed, so that the note stands outside of
    them. `length` counts as the limit does. Empty if not even the note fits.
    """
    if length(markdown) <= limit:
        return markdown
    tail = f"\n\n{note}"
    kept = -1
    best = note if length(note) <= limit else ""
    used, inside = 0, _Inside()
    lines = markdown.split("\n")
    for index, line in enumerate(lines):
        used += length(line) + (index > 0)
        if used > limit:
            break
        inside = inside.after(line)
        if used + length(inside.closing() + tail) <= limit:
            kept, closing = index, inside.closing()
    return "\n".join(lines[: kept + 1]) + closing + tail if kept >= 0 else best


@dataclass(frozen=True)
class _Inside:
    """What is open at the end of a line of Markdown: a code fence, and so many `<details>`."""

    fence: str = ""
    details: int = 0

    def after(self, line: str) -> Self:
        match = _FENCE.fullmatch(line)
        if self.fence:
            closes = (
                match
                and match[1][0] == self.fence[0]
                and len(match[1]) >= len(self.fence)
                and not match[2].strip()
            )
            return self.__class__("", self.details) if closes else self
        if match and not (match[1][0] == "`" and "`" in match[2]):
            return self.__class__(match[1], self.details)
        change = sum(-1 if slash else 1 for slash in _DETAILS.findall(line))
        return self.__class__("", max(0, self.details + change))

    def closing(self) -> str:
        fence = f"\n{self.fence}" if self.fence else ""
        return fence + "\n\n</details>" * self.details
