"""Edits of a report, held to the files of a checkout as they are now."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from scanner.report.records import Fix
from scanner.templates.edits.recheck import grants_less
from scanner.templates.read import FRAMEWORKS, Files, files_of, read_templates, roles_in, text_of
from scanner.text.patch import Change, changed, patch

_CHANGED = "it is not the file that the scan read: scan again, or take a report that hides no names"
_UNREADABLE = "there is no such file in the checkout, or it is a link, or too large"
_NO_TEMPLATE = "it is no kind of file that edits are made of"
_NAME = re.compile(r"""["']?[\w:*?/.-]+["']?""")
_NAMES = re.compile(r"""[\w:*?/.,"'\[\] \r\n-]+""")
_MORE = "the edits together would not just take permissions away"


class ChangedFile(NamedTuple):
    """A file with edits that are not made yet, by its path in the checkout; `changes` are of its bytes."""

    path: str
    before: bytes
    changes: tuple[Change, ...]
    fixes: tuple[Fix, ...]

    @property
    def after(self) -> bytes:
        """The bytes of the file with the edits."""
        return changed(self.before, self.changes)

    def patch(self, folder: str = "") -> bytes:
        """The patch, with the path from a folder that the checkout lies in."""
        return patch(folder + self.path, self.before, self.changes)


class Planned(NamedTuple):
    """What edits come to: files to change, how many are made already, and by path why others are refused."""

    files: tuple[ChangedFile, ...]
    made: int
    refused: dict[str, str]


def planned(
    root: Path,
    chosen: Sequence[Fix],
    every: Sequence[Fix],
    content_of: Callable[[str], bytes | None] | None = None,
) -> Planned:
    """What edits come to in a checkout. `every` are all edits of the report: some may be made already.

    `content_of` gives the files in the place of the checkout, which then has only what they include.
    """
    checkout = files_of(root)
    content_of = content_of or checkout.content
    files: list[ChangedFile] = []
    made, refused = 0, dict[str, str]()
    for path in dict.fromkeys(fix.path for fix in chosen):
        of_file = [fix for fix in chosen if fix.path == path]
        content = content_of(path) if _may_be_edited(path) else None
        if content is None:
            refused[path] = _UNREADABLE if _may_be_edited(path) else _NO_TEMPLATE
            continue
        there = _made(content, [fix for fix in every if fix.path == path])
        if there is None:
            refused[path] = _CHANGED
            continue
        missing = [fix for fix in of_file if fix not in there]
        made += len(of_file) - len(missing)
        if not missing:
            continue
        file = ChangedFile(path, content, _changes(missing, there), tuple(missing))
        if all(map(_only_removes, missing)) and _is_less(root, checkout, file):
            files.append(file)
        else:
            refused[path] = _MORE
    return Planned(tuple(files), made, refused)


def _may_be_edited(path: str) -> bool:
    """Whether a path names a file that a framework reads, below the checkout."""
    suffixes = {suffix for framework in FRAMEWORKS for suffix in (*framework.suffixes, *framework.parts)}
    parts = path.split("/")
    return path.lower().endswith(tuple(suffixes)) and not {"..", ".git", ""}.intersection(parts)


def _made(content: bytes, every: Iterable[Fix]) -> list[Fix] | None:
    """The edits that are made in a file already, None where it is not the scanned one with some of them."""
    made: list[Fix] = []
    undone: list[Change] = []
    moved, place = 0, 0
    for fix in sorted(every, key=lambda fix: (fix.start, fix.end)):
        if fix.start < place:
            continue  # another edit of the same lines
        start, before, after = fix.start + moved, fix.before.encode(), fix.replacement.encode()
        place = fix.end
        if not content.startswith(before, start):
            if not content.startswith(after, start):
                return None
            made.append(fix)
            undone.append(Change(start, start + len(after), before))
            moved += len(after) - len(before)
    digests = {fix.digest for fix in every}
    return made if digests == {sha256(changed(content, undone)).hexdigest()} else None


def _changes(missing: Iterable[Fix], made: Sequence[Fix]) -> tuple[Change, ...]:
    """Edits as changes of the file in which others are made already."""
    changes = []
    for fix in missing:
        moved = sum(
            len(other.replacement.encode()) - (other.end - other.start)
            for other in made
            if other.start < fix.start
        )
        changes.append(Change(fix.start + moved, fix.end + moved, fix.replacement.encode()))
    return tuple(sorted(changes))


def _only_removes(fix: Fix) -> bool:
    """Whether an edit leaves something out, or puts names in the place of a name: no edit does more."""
    rest = iter(fix.before)
    if all(character in rest for character in fix.replacement):
        return True
    named = _NAME.fullmatch(fix.before) and _NAMES.fullmatch(fix.replacement)
    return named is not None and fix.disposition != "safe"


def _is_less(root: Path, checkout: Files, file: ChangedFile) -> bool:
    own = roles_in(file.path, text_of(file.path, file.before) or "", checkout)
    templates = None if own else read_templates(root)
    return grants_less(file.path, file.before, file.after, checkout, templates)
