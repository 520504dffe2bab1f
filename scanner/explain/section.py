"""Parts of a story, cut so that together they fit on a screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

SCREEN: Final = 50  # lines
_LEAST: Final = 3  # lines of a part, however little room there is
_LONGEST: Final = 200  # characters of a line


class Section(NamedTuple):
    """Lines that belong together.

    What is to be `copied` keeps more of its lines where they do not all fit, and each of them whole. Lines of
    `prose` are whole as well, however long. What is of no use in part is never cut: `instead` stands in its
    place.
    """

    lines: Sequence[str]
    copied: bool = False
    instead: Sequence[str] = ()
    prose: bool = False

    @property
    def weight(self) -> int:
        """How much room it gets beside others."""
        return 2 if self.copied else 1

    @property
    def shortened(self) -> Section:
        """The same with its long lines cut."""
        return self if self.copied or self.prose else Section([shortened_line(line) for line in self.lines])

    def at_most(self, most: int) -> Section:
        """The same, or what stands in its place where it has more lines."""
        return Section(self.instead, prose=self.prose) if self.instead and len(self.lines) > most else self

    def cut(self, most: int) -> Sequence[str]:
        """So many of its lines, and how many more there are; all where a part is of no use."""
        return self.lines if self.instead else _cut(self.lines, most * self.weight)


def joined(sections: Sequence[Section], *, everything: bool) -> list[str]:
    """The lines of all sections with a blank one between two; at most a screen unless all is wanted."""
    sections = [section for section in sections if section.lines]
    if everything:
        return _text([section.lines for section in sections])
    sections = [section.shortened for section in sections]
    whole = _text([section.lines for section in sections])
    if len(whole) <= SCREEN:
        return whole
    # what is never cut leaves room for the rest, or gives way
    for most_whole in (SCREEN // 2, 0):
        parts = [section.at_most(most_whole) for section in sections]
        for most in range(SCREEN, _LEAST, -1):
            text = _text([part.cut(most) for part in parts])
            if len(text) <= SCREEN:
                return text
    return _cut(_text([_cut(part.lines, _LEAST) for part in parts]), SCREEN)


def _text(parts: Sequence[Sequence[str]]) -> list[str]:
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines else part
    return lines


def _cut(lines: Sequence[str], most: int) -> list[str]:
    more = len(lines) - most + 1
    if more <= 1:
        return list(lines)
    return [*lines[: most - 1], f"  … and {more} more lines (--all shows them)"]


def shortened_line(line: str) -> str:
    """A line, its end left out where it is very long. Names, such as the id of a trace, are not broken."""
    if len(line) <= _LONGEST:
        return line
    start, _, broken = line[: _LONGEST - 2].rpartition(" ")
    # a word that is most of the line is broken: nothing would be left
    return f"{start if len(broken) < _LONGEST // 2 else line[: _LONGEST - 2]} …"
