"""Templates as people may lay them out: YAML of all styles, and JSON."""

from __future__ import annotations

import json
from random import Random
from typing import Any

_PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/-_.")


def laid_out(value: Any, random: Random) -> str:
    """A value as a text of some layout."""
    if random.random() < 0.2:
        indent = random.choice([None, 1, 2, 4])
        text = json.dumps(value, indent=indent, separators=random.choice([(", ", ": "), (",", ":")]))
    else:
        text = _Writer(random).block(value, 0)
    text = text.rstrip("\n") + random.choice(["", "\n", "\n\n"])
    return text.replace("\n", random.choice(["\n", "\n", "\r\n"]))


class _Writer:
    """Writes YAML with a random style at each place."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._step = random.choice([2, 2, 4])
        self._flow = random.choice([0.1, 0.4, 0.8])
        self._comments = random.choice([0, 0.2])

    def block(self, value: Any, indent: int) -> str:
        """A collection in block style, from the beginning of a line on."""
        blank = " " * indent
        text = ""
        if isinstance(value, dict):
            for key, part in value.items():
                text += self._above(blank) + f"{blank}{key}:{self._value(part, indent)}"
            return text
        for part in value:
            text += self._above(blank) + f"{blank}-{self._item(part, indent)}"
        return text

    def _value(self, value: Any, indent: int) -> str:
        """What follows a key's colon, to the end of its last line."""
        if not isinstance(value, dict | list):
            return f" {self._scalar(value)}{self._end()}"
        if self._random.random() < self._flow:
            return f" {self.flow(value, indent + self._step)}{self._end()}"
        further = 0 if isinstance(value, list) and self._random.random() < 0.3 else self._step
        return self._end() + self.block(value, indent + further)

    def _item(self, value: Any, indent: int) -> str:
        """What follows a dash."""
        if not isinstance(value, dict | list):
            return f" {self._scalar(value)}{self._end()}"
        if self._random.random() < self._flow:
            return f" {self.flow(value, indent + self._step)}{self._end()}"
        inner = indent + 2
        text = self.block(value, inner)
        begins = text.startswith(" " * inner) and text[inner] not in " #\n"
        if self._random.random() < 0.1 or not begins:
            return "\n" + text
        return " " + text[inner:]

    def flow(self, value: Any, indent: int) -> str:
        """A collection in flow style, in one line or several."""
        if not isinstance(value, dict | list):
            return self._scalar(value)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        parts = (
            [f"{key}: {self.flow(part, indent + self._step)}" for key, part in value.items()]
            if isinstance(value, dict)
            else [self.flow(part, indent + self._step) for part in value]
        )
        blank = " " * indent
        if self._random.random() < 0.3:
            ends = [f",{self._end()}"] * (len(parts) - 1) + [self._random.choice(["\n", ",\n", self._end()])]
            lines = "".join(f"{blank}{part}{end}" for part, end in zip(parts, ends, strict=True))
            return f"{opening}{self._end()}{lines}{blank}{closing}"
        if self._random.random() < 0.2:
            return opening + f",\n{blank}".join(parts) + closing
        space = self._random.choice(["", " "])
        trailing = self._random.choice(["", "", ","])
        return f"{opening}{space}{', '.join(parts)}{trailing}{space}{closing}"

    def _scalar(self, value: Any) -> str:
        text = str(value)
        if set(text) <= _PLAIN and not text.startswith(("-", ":")) and self._random.random() < 0.7:
            return text
        return json.dumps(text) if self._random.random() < 0.5 or "'" in text else f"'{text}'"

    def _above(self, blank: str) -> str:
        if self._random.random() >= self._comments:
            return ""
        return self._random.choice([f"{blank}# above ü\n", "\n", "# at the margin\n"])

    def _end(self) -> str:
        if self._random.random() >= self._comments:
            return "\n"
        return self._random.choice(["  # 😀 trailing: [a, b]\n", " \n", "\t# tab\n"])
