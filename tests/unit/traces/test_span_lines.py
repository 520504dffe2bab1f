"""Many lines of spans are shared with a second process: nothing but the time changes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.traces import span_lines, span_worker
from tests.unit.spans.documents import GET, KEY, request, root, span
from tests.unit.traces.test_files import read, written

_DENIED = "User: arn:aws:sts::123456789012:assumed-role/api/s is not authorized to perform: s3:GetObject"


_FAILED = {"code": 2, "message": _DENIED}


def _lines() -> Iterator[str]:
    for number in range(1, 200):
        trace = {"traceId": f"{number % 50 + 1:032x}"}
        keyed: dict[str, Any] = {**GET, "aws.s3.bucket": f"b{number % 7}", "aws.auth.account.access_key": "A"}
        spans = [
            root(spanId="1" * 16, **trace),
            span(f"{number:016x}", "1" * 16, keyed, **trace),
            span(f"{number + 1000:016x}", "1" * 16, keyed, status=_FAILED, **trace),
        ]
        if number % 50 == 3:
            other = {**keyed, "aws.auth.account.access_key": "B"}
            spans.append(span(f"{number + 2000:016x}", "1" * 16, other, **trace))
        yield json.dumps(request(*spans), separators=(",", ":"))


def _seen(path: Path) -> Any:
    readings, report, codes = read(path)
    found = [
        (r.trace_id, r.complete, dict(r.workloads), dict(r.other_credentials), sorted(map(repr, r.calls)))
        for r in readings
    ]
    return sorted(found, key=repr), report, codes


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few lines count as many."""
    monkeypatch.setattr(span_lines, "_MANY", 0)
    monkeypatch.setattr(span_lines, "_BATCH", 10_000)
    monkeypatch.setattr(span_lines, "_cores", lambda: 2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    unreadable = json.dumps(request({"spanId": "1"}), separators=(",", ":"))
    return written(tmp_path, "\n".join([*_lines(), '{"resourceSpans":[}', unreadable]), "s.jsonl")


def _alone(path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patched:
        patched.setattr(span_lines, "_cores", lambda: 1)
        return _seen(path)


def test_a_second_process_changes_nothing(many: None, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = []
    keep = span_lines.SpanLines._keep

    def noted(lines: span_lines.SpanLines, of: list[Any]) -> None:
        answers.extend(of)
        keep(lines, of)

    monkeypatch.setattr(span_lines.SpanLines, "_keep", noted)
    together = _seen(path)
    assert any(answer.packed for answer in answers)
    assert together == _alone(path, monkeypatch)
    assert together[0][0][2].keys() == {KEY}
    assert together[1].skipped.documents == 2
    assert together[2] == ["file-unread"]


@pytest.mark.parametrize("command", ["raise SystemExit(1)", "import sys; sys.stdin.buffer.read(9)", "1/0"])
def test_a_process_that_ends_early_loses_nothing(
    many: None, path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(span_worker, "_COMMAND", command)
    assert _seen(path) == _alone(path, monkeypatch)


def test_a_process_that_cannot_start_loses_nothing(
    many: None, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert _seen(path) == _alone(path, monkeypatch)


def test_it_gets_no_credentials(many: None, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    given: dict[str, str] = {}
    popen = subprocess.Popen

    def started(*args: Any, **more: Any) -> Any:
        given.update(more["env"])
        return popen(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", started)
    _seen(path)
    assert given
    assert "AWS_SECRET_ACCESS_KEY" not in given
