"""The file of a baseline: JSON, an entry a line. Pure."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scanner.gate.baseline import Baseline, Entry
from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import Verdict
from scanner.text.escape import one_line, shortened

VERSION = 1
MAX_CHARACTERS = 50_000_000
MAX_PROBLEMS = 20

_TEXTS = ("role", "policy", "statement", "verdict", "action", "resource")
_OPTIONAL_TEXTS = ("condition", "severity")
_LISTS = ("denied", "boundary")
_KEYS = ("version", "findings")


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
    more = {name: getattr(entry, name) for name in (*_OPTIONAL_TEXTS, *_LISTS)}
    return row | {name: value for name, value in more.items() if value}


def load_baseline(text: str, name: str) -> Baseline:
    """The baseline of a file's text. Raises BaselineError; `name` is the file's, for the messages."""
    name = one_line(name)
    document = _parsed(text, name)
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        raise BaselineError([f"{name}: not a baseline: it has no list `findings`"])
    unknown = sorted(set(document) - {*_KEYS})
    if unknown:
        raise BaselineError(
            [f"{name}: unknown key `{shortened(unknown[0])}`: must be one of {', '.join(_KEYS)}"]
        )
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
    return Baseline(tuple(sorted(map(_entry, document["findings"]))))


def _entry(row: Mapping[str, Any]) -> Entry:
    values: dict[str, Any] = {key: tuple(value) if key in _LISTS else value for key, value in row.items()}
    return Entry(**values)


def entries_without_extent(baseline: Baseline, name: str) -> str:
    """That entries do not say how far they go, empty where all do. `name` is the file's."""
    count = sum(not entry.severity for entry in baseline.entries)
    if not count:
        return ""
    says = "entry does" if count == 1 else "entries do"
    return (
        f"{name}: {count:,} {says} not say what was accepted, as an older version wrote it: what a Deny or a "
        "boundary once held back counts as known. Write the file anew with --update-baseline"
    )


def _parsed(text: str, name: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise BaselineError([f"{name}: the file is longer than {MAX_CHARACTERS:,} characters"])
    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_object)
    except _DuplicateKeyError as error:
        problem = f"{name}: duplicate key `{shortened(str(error))}`: remove one"
    except json.JSONDecodeError as error:
        hint = ": it has conflict markers of a merge" if re.search("^(?:<{7}|={7}|>{7})", text, re.M) else ""
        problem = f"{name}:{error.lineno}: not valid JSON ({error.msg}){hint}"
    except (RecursionError, ValueError):  # nested, or a number with thousands of digits
        problem = f"{name}: not a baseline: it nests too deeply, or has a number that is too long"
    raise BaselineError([problem])


class _DuplicateKeyError(ValueError):
    """A key that an object holds twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the file. Of a key that stands twice, readers take either one: neither is believed."""
    document = dict(pairs)
    if len(document) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _DuplicateKeyError(next(key for key, count in counts.items() if count > 1))
    return document


def _row_problem(row: Any) -> str:
    """What is wrong with an entry, "" where nothing is."""
    if not isinstance(row, dict):
        return "must be an object"
    for key in _TEXTS:
        if not isinstance(row.get(key), str):
            return f"`{key}` must be a string" if key in row else f"missing key `{key}`"
    if row["verdict"] not in {str(verdict) for verdict in Verdict}:
        return f"unknown verdict `{shortened(row['verdict'])}`"
    unknown = sorted(set(row) - {*_TEXTS, *_OPTIONAL_TEXTS, *_LISTS})
    if unknown:
        return f"unknown key `{shortened(unknown[0])}`"
    return _extent_problem(row)


def _extent_problem(row: Mapping[str, Any]) -> str:
    """What is wrong with how far an entry goes, "" where nothing is."""
    for key in _OPTIONAL_TEXTS:
        if not isinstance(row.get(key, ""), str):
            return f"`{key}` must be a string"
    for key in _LISTS:
        value = row.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            return f"`{key}` must be a list of strings"
    if row.get("severity", SEVERITY_LEVELS[0]) not in SEVERITY_LEVELS:
        return f"unknown severity `{shortened(row['severity'])}`"
    return ""
