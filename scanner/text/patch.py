"""Changes of a file as a patch that `git apply` takes. Pure.

Files are bytes, and a line ends with a line feed alone, as git has it: a carriage return is a part of its
line.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

_CONTEXT = 3
_MOST_COMPARED = 400  # lines of one change: more are shown as replaced
_NO_NEWLINE = b"\\ No newline at end of file\n"


class Change(NamedTuple):
    """What to put in the place of the bytes of a file from `start` to `end`: the first that stays."""

    start: int
    end: int
    replacement: bytes


class _Block(NamedTuple):
    """Lines of a file, by index, and those in their place."""

    first: int
    end: int
    lines: list[bytes]


def changed(content: bytes, changes: Sequence[Change]) -> bytes:
    """A file with changes, which are in order and disjoint."""
    parts, place = [], 0
    for change in changes:
        parts += [content[place : change.start], change.replacement]
        place = change.end
    return b"".join([*parts, content[place:]])


def patch(path: str, content: bytes, changes: Sequence[Change]) -> bytes:
    """The patch of a file of a checkout, named by its path; changes are in order and disjoint."""
    name = path.encode(errors="surrogateescape")
    old, new = _quoted(b"a/" + name), _quoted(b"b/" + name)
    head = b"diff --git %s %s\n--- %s%s\n+++ %s%s\n"
    tab = b"\t" if b" " in name else b""
    return head % (old, new, old, tab, new, tab) + b"".join(hunks(content, changes))


def _quoted(name: bytes) -> bytes:
    """A name as git takes it in a patch."""
    if b'"' not in name and b"\\" not in name:
        return name
    return b'"%s"' % name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def hunks_around(content: bytes, change: Change) -> Iterator[bytes]:
    """The hunks of one change, of which only the lines around it are looked at."""
    begin, stop = change.start, change.end
    for _ in range(_CONTEXT + 2):
        begin = content.rfind(b"\n", 0, max(0, begin))
        stop = content.find(b"\n", stop) + 1 or len(content)
    begin += 1
    near = Change(change.start - begin, change.end - begin, change.replacement)
    return hunks(content[begin:stop], [near], content.count(b"\n", 0, begin))


def hunks(content: bytes, changes: Sequence[Change], above: int = 0) -> Iterator[bytes]:
    """The hunks of a patch, line by line, of a file or of a part of it with so many lines above."""
    lines = _lines(content)
    grown = 0  # how many lines more there are than before
    for near in _near(_blocks(content, lines, changes)):
        first, end = max(0, near[0].first - _CONTEXT), min(len(lines), near[-1].end + _CONTEXT)
        more = sum(len(block.lines) - (block.end - block.first) for block in near)
        old = _range(above + first, end - first)
        yield b"@@ -%s +%s @@\n" % (old, _range(above + first + grown, end - first + more))
        grown += more
        place = first
        for block in near:
            yield from _marked(b" ", lines[place : block.first])
            yield from _difference(lines[block.first : block.end], block.lines)
            place = block.end
        yield from _marked(b" ", lines[place:end])


def _lines(content: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _range(first: int, count: int) -> bytes:
    """Where lines stand: an empty range is named by the line before it."""
    start = first + 1 if count else first
    return b"%d" % start if count == 1 else b"%d,%d" % (start, count)


def _blocks(content: bytes, lines: Sequence[bytes], changes: Sequence[Change]) -> Iterator[_Block]:
    """The whole lines that changes touch, those on the same lines together."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    ranges: list[tuple[int, int, list[Change]]] = []
    for change in changes:
        first = max(0, bisect_right(starts, change.start) - 1)
        whole = change.end in starts and change.start in starts and change.end > change.start
        whole = whole and (not change.replacement or change.replacement.endswith(b"\n"))
        end = bisect_right(starts, change.end - 1 if whole else change.end)
        end = min(max(end, first + 1), len(lines))
        first = min(first, end)
        if ranges and first < ranges[-1][1]:
            before = ranges.pop()
            ranges.append((before[0], max(end, before[1]), [*before[2], change]))
        else:
            ranges.append((first, end, [change]))
    for first, end, its in ranges:
        start = starts[first]
        moved = [Change(c.start - start, c.end - start, c.replacement) for c in its]
        yield _Block(first, end, _lines(changed(content[start : starts[end]], moved)))


def _near(blocks: Iterator[_Block]) -> list[list[_Block]]:
    """Blocks that share a hunk."""
    every = list(blocks)
    near = [every[:1]] if every else []
    for before, block in pairwise(every):
        if block.first - before.end <= 2 * _CONTEXT:
            near[-1].append(block)
        else:
            near.append([block])
    return near


def _difference(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    if max(len(old), len(new)) > _MOST_COMPARED:
        yield from _marked(b"-", old)
        yield from _marked(b"+", new)
        return
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from _marked(b" ", old[a:b])
        else:
            yield from _marked(b"-", old[a:b])
            yield from _marked(b"+", new[c:d])


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line if line.endswith(b"\n") else mark + line + b"\n" + _NO_NEWLINE
