"""What messages of all formats have in common: their lines, and how many of them fit. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from scanner.notify.notice import Notice
from scanner.report.view.effects import EFFECTS, is_dangerous
from scanner.report.view.values import Change
from scanner.text.escape import one_line

PROGRAM = "xray-privilege-scan"
LONGEST = 200  # characters of a name or of what is granted
LINK_TEXT = "Open the run"

_ICONS: Mapping[str | None, str] = {"failure": "❌", "neutral": "⚠️"}
_SIZES = (20, 10, 5, 2, 0)  # findings under a heading


class Part(NamedTuple):
    """A heading, the findings under it that fit, and how many are left out."""

    heading: str
    changes: Sequence[Change]
    left_out: int


def fitting(notice: Notice, render: Callable[[Sequence[Part]], Any], limit: int) -> Any:
    """What is rendered of as many findings as fit into so many bytes of JSON; the fewest where none do."""
    message: Any = None
    for size in _SIZES:
        message = render(list(_parts(notice, size)))
        if len(orjson.dumps(message)) <= limit:
            break
    return message


def _parts(notice: Notice, size: int) -> Iterator[Part]:
    for section in notice.sections:
        left_out = sum(change.number for change in section.changes[size:])
        yield Part(f"{section.heading}: {section.number:,}", section.changes[:size], left_out)


def title_icon(notice: Notice) -> str:
    """What the message begins with: how the gate decided, else whether anything is open."""
    return _ICONS.get(notice.conclusion) or ("⚠️" if notice.confirmed else "✅")


def icon(change: Change, heading: str) -> str:
    """How bad it is, as a coloured point; a mark for what is fixed."""
    if heading.startswith("Fixed"):
        return "✅"
    return "🔴" if is_dangerous(change.severity) else "🟠"


def details(change: Change, heading: str) -> str:
    """What follows the names: how bad it is, and how many findings it stands for."""
    parts = [
        "" if heading.startswith("Fixed") else EFFECTS.get(change.severity, change.severity),
        f"{change.number:,} findings" if change.number > 1 else "",
    ]
    return "".join(f" · {part}" for part in parts if part)


def cut(text: str, longest: int = LONGEST) -> str:
    """A text on one line, shortened."""
    line = one_line(text)
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
