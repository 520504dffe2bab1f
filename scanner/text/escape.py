"""Escaping: text from AWS or a trace is untrusted, and does no harm where it is shown. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_PLAIN = re.compile("[^0-9A-Za-z/, -]")
_MEANS_SOMETHING = re.compile(r"[^\w ,;-]|_")
# bench row "300 functions from files": Markdown is rendered until it fits, with the same names each time
_NAMES = 1 << 14


def counted(number: int, noun: str) -> str:
    """A number of things: "1 trace", "1,204 traces"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def well_formed(value: Any) -> Any:
    """JSON data in which U+FFFD stands for each surrogate that is alone: no encoding can write it.

    JSON texts may spell one as an escape, and Python keeps it. Names of files may hold some, too.
    """
    if isinstance(value, str):
        return value if value.isascii() else _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {well_formed(key): well_formed(part) for key, part in value.items()}
    return [well_formed(part) for part in value] if isinstance(value, list | tuple) else value


def one_line(text: str) -> str:
    """Text for a terminal: what does not print, line ends and direction marks included, is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@lru_cache(_NAMES)
def markdown_code(text: str) -> str:
    """Text as code in Markdown, in tables too: no character of it can mean anything."""
    return f"<code>{_NOT_PLAIN.sub(_entity, one_line(text))}</code>"


def fence_for(text: str) -> str:
    """A code fence that is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


@lru_cache(_NAMES)
def markdown_text(text: str) -> str:
    """Text in a line of Markdown: nothing in it is markup, a mention or a link."""
    return _MEANS_SOMETHING.sub(_entity, one_line(text)).replace("&#64;", "&#64;&#8203;")


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"


LONGEST_QUOTE = 80  # characters


def quoted(value: object) -> str:
    """A value as a message names it, on one line and cut after `LONGEST_QUOTE` characters."""
    return _cut(repr(value))


def shortened(text: str) -> str:
    """Text on one line, cut after `LONGEST_QUOTE` characters."""
    return _cut(one_line(text))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."
