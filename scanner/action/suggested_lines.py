"""Edits of the checkout's templates -> the lines of a pull request's diff that a review suggests to change.

A suggestion replaces lines of the head by number. The checkout may be another commit, as the head merged into
the base: only lines that stand at the head just so are suggested for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scanner.fix.files import ChangedFile
from scanner.fix.line_edits import (
    LineEdit,
    applied,
    line_edits,
    lines_of,
    merged,
    moved,
    not_empty,
    occurrence,
)
from scanner.github.diff import DiffFile, Hunk
from scanner.github.errors import GithubError
from scanner.github.review import LONGEST_SUGGESTION, Proposed, Suggestion
from scanner.report.records import Fix
from scanner.text.redact import keys_masked

_WORKFLOWS = ".github/workflows/"
_DIGITS = 16


@dataclass(frozen=True)
class SuggestedLines:
    """What it takes to turn edits into suggestions.

    `is_merge`: files of the checkout may differ from the head's, which `content_at` reads by path and commit.
    `is_less` says whether a file with edits is the one before with less permissions. `rank` is the place of
    edits among others, `why` is their text in Markdown.
    """

    files: Sequence[ChangedFile]
    is_merge: bool
    content_at: Callable[[str, str], bytes | None]
    is_less: Callable[[str, bytes, bytes], bool]
    rank: Callable[[Sequence[Fix]], int]
    why: Callable[[Sequence[Fix]], str]

    @property
    def paths(self) -> frozenset[str]:
        """The files that suggestions may be made in."""
        return frozenset(file.path for file in self.files if _may_be_suggested(file.path))

    def proposed(self, head: str, diff: Mapping[str, DiffFile]) -> Proposed:
        """The suggestions for the head with this diff."""
        made = _Made()
        for file in self.files:
            if file.path not in self.paths:
                continue
            if file.path not in diff:
                made.elsewhere += len(file.fixes)
            elif not diff[file.path].hunks:
                made.notes.append(f"GitHub shows no diff of {file.path}")
                made.unsure.add(file.path)
            else:
                self._of_file(file, diff[file.path], head, made)
        if made.elsewhere:
            made.notes.append(f"{made.elsewhere} more of the edits are not of lines of the diff")
        made.found.sort(key=lambda found: found[0])
        return Proposed([its for _, its in made.found], frozenset(made.unsure), tuple(made.notes))

    def _of_file(self, file: ChangedFile, diff: DiffFile, head: str, made: _Made) -> None:
        try:
            content, edits = self._at_head(file, diff, head)
        except (_OtherFileError, GithubError) as error:
            made.notes.append(f"none in {file.path}: {error}")
            made.unsure.add(file.path)
            return
        if len(edits) < len(line_edits(file)):
            made.unsure.add(file.path)
        lines = lines_of(content)
        shown = [edit for edit in edits if _hunk(edit, diff)]
        made.elsewhere += len(edits) - len(shown)
        for edit in merged(shown, lines):
            full = not_empty(edit, lines, lambda its: _hunk(its, diff) is not None)
            hunk = _hunk(full, diff) if full else None
            texts = _texts(full) if full else None
            if full is None or hunk is None or texts is None:
                made.elsewhere += 1
                continue
            is_added = any(number in hunk.added for number in range(edit.first, edit.end))
            order = (self.rank(edit.fixes), not is_added, file.path, edit.first)
            made.found.append((order, self._suggestion(file.path, full, texts, _digest(file, edit, lines))))

    def _suggestion(self, path: str, edit: LineEdit, texts: tuple[str, ...], digest: str) -> Suggestion:
        return Suggestion(path, edit.first, edit.end - 1, texts, self.why(edit.fixes), digest)

    def _at_head(self, file: ChangedFile, diff: DiffFile, head: str) -> tuple[bytes, list[LineEdit]]:
        """The file as the head has it, and the edits of it. Raises _OtherFileError, GithubError."""
        edits = line_edits(file)
        if _blob(file.before) == diff.blob:
            return file.before, edits
        if not self.is_merge:
            raise _OtherFileError("the checkout has another version of it than the pull request")
        content = self.content_at(file.path, head)
        if content is None or _blob(content) != diff.blob:
            raise _OtherFileError("the pull request changed meanwhile")
        old, new = lines_of(file.before), lines_of(content)
        found = [edit for edit in (moved(edit, old, new) for edit in edits) if edit]
        after = applied(new, found, ends=content.endswith(b"\n"))
        if found and not self.is_less(file.path, content, after):
            raise _OtherFileError("the pull request's version of it grants other permissions")
        return content, found


@dataclass
class _Made:
    """What comes of all files: suggestions with their places in the order, and what does not."""

    found: list[tuple[tuple[int, bool, str, int], Suggestion]] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    elsewhere: int = 0


class _OtherFileError(Exception):
    """The file at the head is not one that the edits are known to be right for."""


def _may_be_suggested(path: str) -> bool:
    """Whether it is none of the files that run workflows."""
    return not path.lower().startswith(_WORKFLOWS)


def _blob(content: bytes) -> str:
    """Git's name of a file's content.

    https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _hunk(edit: LineEdit, diff: DiffFile) -> Hunk | None:
    """The hunk that shows all lines of an edit."""
    shown = [line.decode(errors="replace") for line in edit.before]
    return next((hunk for hunk in diff.hunks if hunk.contains(edit.first, shown)), None)


def _texts(edit: LineEdit) -> tuple[str, ...] | None:
    """The new lines as they stand in a suggestion; None where they cannot.

    GitHub takes no carriage return there: it ends lines as the file does, as for what people type.
    """
    try:
        texts = tuple(line.decode().removesuffix("\r") for line in edit.after)
    except UnicodeDecodeError:
        return None
    ends = {line.endswith(b"\r") for line in (*edit.before, *edit.after)}
    text = "\n".join(texts)
    is_plain = not any(mark in text for mark in ("\r", "\0", "\ufeff")) and keys_masked(text) == text
    return texts if len(ends) == 1 and is_plain and len(text) <= LONGEST_SUGGESTION else None


def _digest(file: ChangedFile, edit: LineEdit, lines: Sequence[bytes]) -> str:
    """What stays the same as long as an edit suggests the same, wherever its lines move."""
    return hashlib.sha256(b"\0".join(_parts(file, edit, lines))).hexdigest()[:_DIGITS]


def _parts(file: ChangedFile, edit: LineEdit, lines: Sequence[bytes]) -> Iterator[bytes]:
    yield file.path.encode(errors="surrogateescape")
    for kind, its in ((b"-", edit.before), (b"+", edit.after)):
        for line in its:
            yield kind + line.removesuffix(b"\r")
    yield b"%d" % occurrence(edit, lines)
