"""Reports of the first version are read as those of today."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scanner.errors import ScanError
from scanner.report.load import report_of
from scanner.report.view import view_of
from tests.reports import expanded

FIRST = json.loads((Path(__file__).parents[2] / "cases" / "report-1.json").read_text(encoding="utf-8"))


def test_every_finding_says_the_same() -> None:
    for before, now in zip(FIRST["roles"], expanded(FIRST)["roles"], strict=True):
        for old, new in zip(before["findings"], now["findings"], strict=True):
            for key in (
                "id",
                "verdict",
                "confirmed",
                "reasons",
                "severity",
                "breadth",
                "actions",
                "resources",
            ):
                assert new[key] == old[key]
            assert new["used"] == old["used"]
            assert new["policy"]["name"] == old["policy"]["name"]
            assert new["statement"].get("Sid") == old["statement"]["sid"]
            assert (new["in_baseline"], new["accepted_reason"]) == (old["known"], old["ignored"])
            assert new["redundant"] == old["could_go"]
            assert (new["bundle"] or {}) == (old["bundle"] or {})
        assert now["workloads_complete"] == before["users_known"]


def test_what_an_attacker_gains_is_kept() -> None:
    severe = {s["action"]: s["why"] for role in FIRST["roles"] for f in role["findings"] for s in f["severe"]}
    assert severe
    assert report_of(FIRST).severe_actions == severe


def test_it_is_shown_as_one_of_today() -> None:
    view = view_of(report_of(FIRST))
    assert view.confirmed
    assert view.gate is None
    assert view.suggestions


@pytest.mark.parametrize("key", ["roles", "scan", "accepted"])
def test_what_is_no_report_is_an_error_of_use(key: str) -> None:
    broken: dict[str, Any] = deepcopy(FIRST)
    broken[key] = 7
    with pytest.raises(ScanError, match=r"is no report\.json"):
        report_of(broken)
