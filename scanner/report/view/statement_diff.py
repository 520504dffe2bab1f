"""What changes in a statement of a policy, as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

import yaml

from scanner.report.view.viewed import json_text


def statement_diff(before: Any, after: Sequence[Any], *, as_yaml: bool) -> list[str]:
    """All lines of a statement and of those that take its place, with `-`, `+` or a blank before them.

    The one that is most like it is its change, the others are new as a whole: lines that happen to be the
    same in several statements would tear them to pieces.
    """
    old = _lines(before, as_yaml=as_yaml, in_list=len(after) > 1)
    new = [_lines(statement, as_yaml=as_yaml, in_list=len(after) > 1) for statement in after]
    if not new:
        return [f"-{line}" for line in old]
    changed = max(range(len(new)), key=lambda at: (_likeness(old, new[at]), -at))
    lines: list[str] = []
    for at, statement in enumerate(new):
        lines += _element_diff(old, statement) if at == changed else [f"+{line}" for line in statement]
    return lines


def _likeness(old: Sequence[str], new: Sequence[str]) -> float:
    return SequenceMatcher(None, _without_commas(old), _without_commas(new), autojunk=False).ratio()


def _element_diff(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Lines that differ by a comma at the end alone are the same: one removed element is one line."""
    old, new = _without_commas(before), _without_commas(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    lines = []
    for kind, first, last, from_new, to_new in matcher.get_opcodes():
        if kind == "equal":
            lines += [f" {line}" for line in after[from_new:to_new]]
        else:
            lines += [f"-{line}" for line in before[first:last]]
            lines += [f"+{line}" for line in after[from_new:to_new]]
    return lines


def _without_commas(lines: Sequence[str]) -> list[str]:
    return [line.removesuffix(",") for line in lines]


def _lines(statement: Any, *, as_yaml: bool, in_list: bool) -> list[str]:
    """A statement as text; in YAML an element of a list, where several take its place."""
    if not as_yaml:
        return json_text(statement).splitlines()
    text = yaml.dump(
        [statement] if in_list else statement,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        width=10_000,
        allow_unicode=False,
    )
    return text.splitlines()


class _Dumper(yaml.SafeDumper):
    """Lists are indented below their key, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
