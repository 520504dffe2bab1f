"""The file of a baseline: JSON, an entry a line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from scanner.gate.baseline import Baseline, Entry
from scanner.model import Verdict
from scanner.text.escape import one_line, shortened

VERSION = 1
MAX_CHARACTERS = 50_000_000
MAX_PROBLEMS = 20

_TEXTS = ("role", "policy", "statement", "verdict", "action", "resource")


class BaselineError(ValueError):
    """A file that is no baseline. `problems` are lines "NAME: what is wrong"."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def dump_baseline(baseline: Baseline) -> str:
    """The file's text: JSON, an entry a line, in ASCII."""
    lines = [json.dumps(_row(entry)) for entry in sorted(baseline.entries)]
    body = "[\n    " + ",\n    ".join(lines) + "\n  ]" if lines else "[]"
    return f'{{\n  "version": {VERSION},\n  "findings": {body}\n}}\n'


def _row(entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name) for name in _TEXTS}
    return row | ({"condition": entry.condition} if entry.condition else {})


def load_baseline(text: str, name: str) -> Baseline:
    """The baseline of a file's text. Raises BaselineError; `name` is the file's, for the messages."""
    name = one_line(name)
    document = _parsed(text, name)
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise BaselineError([f"{name}: not a baseline: it has no list `findings`"])
    version = document.get("version")
    if isinstance(version, bool) or version != VERSION:
        raise BaselineError(
            [
                f"{name}: was written by another version (`version` must be {VERSION}): delete it, and write "
                "it with --update-baseline"
            ]
        )
    problems = [
        f"{name}: `findings`, entry {number}: {problem}"
        for number, row in enumerate(document["findings"], start=1)
        if (problem := _row_problem(row))
    ]
    if problems:
        more = len(problems) - MAX_PROBLEMS
        raise BaselineError(problems[:MAX_PROBLEMS] + ([f"{name}: and {more:,} more"] if more > 0 else []))
    return Baseline(tuple(sorted(Entry(**row) for row in document["findings"])))


def _parsed(text: str, name: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise BaselineError([f"{name}: the file is longer than {MAX_CHARACTERS:,} characters"])
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        hint = ": it has conflict markers of a merge" if re.search("^(?:<{7}|={7}|>{7})", text, re.M) else ""
        problem = f"{name}:{error.lineno}: not valid JSON ({error.msg}){hint}"
    except (RecursionError, ValueError):  # nested, or a number with thousands of digits
        problem = f"{name}: not a baseline: it nests too deeply, or has a number that is too long"
    raise BaselineError([problem])


def _row_problem(row: Any) -> str:
    """What is wrong with an entry, "" where nothing is."""
    if not isinstance(row, dict):
        return "must be an object"
    for key in _TEXTS:
        if not isinstance(row.get(key), str):
            return f"`{key}` must be a string" if key in row else f"missing key `{key}`"
    if row["verdict"] not in {str(verdict) for verdict in Verdict}:
        return f"unknown verdict `{shortened(row['verdict'])}`"
    unknown = sorted(set(row) - {*_TEXTS, "condition"})
    if unknown:
        return f"unknown key `{shortened(unknown[0])}`"
    return "" if isinstance(row.get("condition", ""), str) else "`condition` must be a string"
