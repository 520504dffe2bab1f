"""Small inputs, from the files to the findings and the exit code: each stands for a kind of mistake.

tests/cases/verdicts.json holds them; `because` says why the outcome is the right one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.inputs import TRACES, Function, scan_functions
from tests.integration.tools import Ran

FILE = Path(__file__).parents[1] / "cases" / "verdicts.json"
CASES: dict[str, Any] = {
    case["title"]: case for case in json.loads(FILE.read_text(encoding="utf-8")) if "title" in case
}
DEFAULT_GATE = ("--fail-on", "unused", "broad")  # that of the action
TIMES = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6}


def scan(folder: Path, case: Any) -> Ran:
    """A scan of the inputs of a case."""
    function = Function(
        "f",
        {"own": case["statements"]},
        [case["calls"]] * TRACES,
        keys=case.get("function", {}),
        versions=case.get("versions", ()),
        partition=case.get("partition", "aws"),
        region=case.get("region", "us-east-1"),
    )
    options = [
        word
        for option in case.get("options", ())
        for word in (DEFAULT_GATE if option == "DEFAULT-GATE" else (option,))
    ]
    return scan_functions(folder, [function], *options, times=TIMES[case.get("time", "seconds")])


def excess(ran: Ran, action: str, resource: str, *verdicts: str) -> list[Any]:
    """The findings that say of a grant that it is too much."""
    return [
        finding
        for finding in ran.findings(*(verdicts or ("unused", "broad")))
        if action.lower() in map(str.lower, finding["actions"]) and resource in finding["resources"]
    ]


def _confirmed(findings: list[Any]) -> list[Any]:
    return [finding for finding in findings if finding["confirmed"]]


def _not_confirmed(ran: Ran, grants: Any) -> None:
    for action, resource in grants:
        assert not _confirmed(excess(ran, action, resource)), (action, resource)


def _not_unused(ran: Ran, grants: Any) -> None:
    for action, resource in grants:
        assert not excess(ran, action, resource, "unused"), (action, resource)


def _are_confirmed(ran: Ran, grants: Any) -> None:
    for verdict, action, resource in grants:
        assert _confirmed(excess(ran, action, resource, verdict)), (action, resource, ran.findings())


def _any_confirmed(ran: Ran, grants: Any) -> None:
    for action, resource in grants:
        assert _confirmed(excess(ran, action, resource)), (action, resource, ran.findings())


def _reported(ran: Ran, grants: Any) -> None:
    for verdict, action, resource in grants:
        assert excess(ran, action, resource, verdict), (action, resource, ran.findings())


def _used(ran: Ran, permissions: Any) -> None:
    used = {(action.lower(), resource) for action, resource in ran.used("f")}
    for action, resource in permissions:
        assert (action.lower(), resource) in used, used


def _suggested(ran: Ran, permissions: Any) -> None:
    (role,) = ran.report["roles"]
    statements = (role.get("suggested_policy") or {}).get("Statement", [])
    for action, resource in permissions:
        assert any(
            action in _list(statement["Action"]) and resource in _list(statement["Resource"])
            for statement in statements
        ), statements


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _calls(ran: Ran, count: int) -> None:
    assert ran.report["scan"]["calls"] == count * TRACES


def _clean(ran: Ran, clean: bool) -> None:
    assert not clean or not ran.findings("unused", "broad")


def _exit(ran: Ran, code: int) -> None:
    assert ran.code == code, ran.out + ran.err


CHECKS: Mapping[str, Callable[[Ran, Any], None]] = {
    "not_confirmed": _not_confirmed,
    "not_unused": _not_unused,
    "confirmed": _are_confirmed,
    "confirmed_any": _any_confirmed,
    "reported": _reported,
    "used": _used,
    "suggested": _suggested,
    "calls": _calls,
    "clean": _clean,
    "exit": _exit,
}


@pytest.mark.parametrize("title", CASES)
def test_what_comes_out(tmp_path: Path, title: str) -> None:
    case = CASES[title]
    ran = scan(tmp_path, case)
    for name, expected in case["expect"].items():
        CHECKS[name](ran, expected)
