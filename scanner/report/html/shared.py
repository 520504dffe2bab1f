"""Tables of a page's data, in which every text stands once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scanner.text.escape import one_line


class SharedTexts:
    """The texts and lists of texts of a page: tables hold their positions.

    Policies of many roles are made by one template: written out each time, they would be most of the page.
    What does not print, direction marks included, is escaped.
    """

    def __init__(self) -> None:
        self._positions: dict[str | tuple[str, ...], int] = {}

    def of(self, value: str | tuple[str, ...]) -> int:
        """The position of a text, or of a list of texts as a whole."""
        return self._positions.setdefault(value, len(self._positions))

    def each(self, values: Iterable[str]) -> list[int]:
        """The position of each of some texts: for lists that seldom come again."""
        return [self.of(value) for value in values]

    def written(self) -> list[Any]:
        """All of them, in their order."""
        return [
            one_line(value) if isinstance(value, str) else list(map(one_line, value))
            for value in self._positions
        ]


def table(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as a table: their keys once, then their values. In `$` columns stand positions of texts."""
    listed: Sequence[Mapping[str, Any]] = list(rows)
    columns = list(listed[0]) if listed else []
    return {"columns": columns, "rows": [[row[column] for column in columns] for row in listed]}
