"""The corpus as checkouts and findings.

Its texts are modules in the manner of the provider's examples. `--- PATH` begins a file. `#!` ends a line
that a finding is placed at; behind it stands what differs from the first line of the text: the role, the
policy (or `managed`, its ARN), the resource, the Sid, a function. The action is that of the line, unless it
is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scanner.model import Finding, Location
from scanner.templates.places import RolePlace, Templates
from scanner.templates.read import Texts, roles_in
from tests.unit.cases import allow
from tests.unit.templates.cases import finding, inline, managed

_MARK = re.compile(r" *#!(.*)")
_ACTION = re.compile(r'"([a-z0-9]+:[A-Za-z*]+)"')


class Expected(NamedTuple):
    """A finding, the functions of its role, and where it stands."""

    finding: Finding
    workloads: tuple[str, ...]
    location: Location


class Example(NamedTuple):
    """A checkout and what is found in it."""

    files: Mapping[str, str]
    expected: list[Expected]


def example(text: str) -> Example:
    """The files of a text, and the findings that its marks say."""
    head, *parts = text.split("--- ")
    files, expected = {}, []
    for part in parts:
        path, _, content = part.partition("\n")
        lines = content.split("\n")
        for number, line in enumerate(lines, 1):
            if match := _MARK.search(line):
                expected.append(_expected(head, line, match.group(1), Location(path, number, number)))
                lines[number - 1] = line[: match.start()]
        files[path] = "\n".join(lines)
    return Example(files, expected)


def _expected(head: str, line: str, said: str, location: Location) -> Expected:
    words = dict(word.split("=", 1) for word in f"{head} {said}".split())
    quoted = _ACTION.search(line)
    action = words.get("action") or (quoted.group(1) if quoted else "a:B")
    more: dict[str, Any] = {"Sid": words["sid"]} if "sid" in words else {}
    if "condition" in words:
        more["Condition"] = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    statement = allow(action, words.get("resource", "*"), **more)
    policy = (
        managed(words["managed"], statement) if "managed" in words else inline(words["policy"], statement)
    )
    its = finding(words["role"], action, words.get("resource", "*"), policy)
    return Expected(its, tuple(filter(None, [words.get("fn")])), location)


_CORPUS = Path(__file__).parents[3] / "templates_corpus" / "terraform"
EXAMPLES = {path.stem[3:]: example(path.read_text()) for path in sorted(_CORPUS.glob("*.txt"))}


def checkout(files: Mapping[str, str]) -> Templates:
    """The templates of a checkout."""
    roles: list[RolePlace] = []
    for path, text in files.items():
        places = roles_in(path, text, Texts(files))
        assert places is not None, path
        roles += places
    return Templates(tuple(roles), len(files))
