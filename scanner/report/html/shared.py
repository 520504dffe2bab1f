"""Tables of a page's data, in which every text stands once. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, Union

from scanner.text.escape import one_line

# An ARN up to its resource. Policies of one account repeat few of them.
_HEAD = re.compile(r"arn:[^:\s]*:[^:\s]*:[^:\s]*:[^:\s]*:")
# Private characters do not print, so no escaped text has one: each stands for a head.
_FIRST_SIGN, _MOST_HEADS = 0xE000, 0x1900

Text: TypeAlias = Union[str, tuple["Text", ...]]  # noqa: UP007  # a name in quotes has no `|`


class SharedTexts:
    """The texts of a page, and lists of them: tables hold their positions.

    Policies of many roles are made by one template: written out each time, they would be most of the page.
    What does not print, direction marks included, is escaped.
    """

    def __init__(self) -> None:
        self._keys: dict[Text, int] = {}
        self._uses: Counter[int] = Counter()
        self._members: dict[int, list[int]] = {}

    def of(self, value: Text) -> int:
        """The key of a text, or of a list of texts as a whole."""
        key = self._keys.setdefault(value, len(self._keys))
        if key not in self._uses and not isinstance(value, str):
            self._members[key] = [self.of(part) for part in value]
        self._uses[key] += 1
        return key

    def each(self, values: Iterable[str]) -> int:
        """The key of the list of some texts."""
        return self.of(tuple(values))

    def positions(self) -> Mapping[int, int]:
        """The position of each key: what is used most comes first, since its position is the shortest."""
        return {key: position for position, (key, _) in enumerate(self._uses.most_common())}

    def written(self, positions: Mapping[int, int]) -> list[Any]:
        """All texts by their positions: a list holds the positions of its texts."""
        texts: list[Any] = [""] * len(self._keys)
        for value, key in self._keys.items():
            members = self._members.get(key, ())
            texts[positions[key]] = (
                one_line(value) if isinstance(value, str) else [positions[member] for member in members]
            )
        return texts


def abbreviated(texts: Sequence[Any]) -> dict[str, Any]:
    """The texts with a character for each start of an ARN, and these starts in the order of their signs."""
    found = Counter(head for text in texts if isinstance(text, str) for head in _HEAD.findall(text))
    heads = [head for head, count in found.most_common(_MOST_HEADS) if count > 1]
    signs = {head: chr(_FIRST_SIGN + at) for at, head in enumerate(heads)}

    def short(text: str) -> str:
        return _HEAD.sub(lambda head: signs.get(head[0], head[0]), text)

    return {"heads": heads, "texts": [short(text) if isinstance(text, str) else text for text in texts]}


def table(rows: Sequence[Mapping[str, Any]], positions: Mapping[int, int]) -> dict[str, Any]:
    """Rows as columns, one value for a column in which it is always the same.

    In `$` columns stand positions of texts.
    """
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    for name, values in columns.items():
        if name.endswith("$"):
            columns[name] = [positions[key] for key in values]
    same = {name: values[0] for name, values in columns.items() if all(v == values[0] for v in values)}
    return {
        "rows": len(rows),
        "same": same,
        "columns": {name: values for name, values in columns.items() if name not in same},
    }
