"""Messages that a newcomer meets: they say what is the matter, and what to do next."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.examples import thorough
from tests.fakes.moto_aws import ROOT
from tests.integration.tools import environment, notes_files, recent_notes_traces, run, write_json


@pytest.mark.parametrize(
    ("globs", "text"),
    [
        (["payments"], "'payments'; seen: notes-app-api-test-create, notes-app-api-test-delete, "),
        (["pay*", "bill"], "'pay*' 'bill'; seen: notes-app-api-test-create, "),
        (["notes-app-api-test-delte"], "'notes-app-api-test-delte'; did you mean notes-app-api-test-delete"),
    ],
)
@pytest.mark.parametrize(
    "more", [[], ["-c"], ["--fail-on", "unused"], ["--usage-only"], ["--format", "json"]], ids=" ".join
)
def test_workloads_that_match_nothing_end_the_scan_with_one_line(
    tmp_path: Path, globs: list[str], text: str, more: list[str]
) -> None:
    traces = write_json(tmp_path / "traces.json", recent_notes_traces())
    files = [] if more == ["--usage-only"] else notes_files(tmp_path / "in")[1:]
    ran = run(tmp_path / "out", *more, *files, "--traces", traces, "--workloads", *globs)
    ran.ends_with(3, f"no workload matches --workloads {text}")
    assert (ran.out, ran.err.count("\n")) == ("", 1)
    assert not list((tmp_path / "out").iterdir()), "nothing of what was asked for can be written"


def test_a_name_that_matches_nothing_beside_others_is_a_warning(tmp_path: Path) -> None:
    traces = write_json(tmp_path / "traces.json", recent_notes_traces())
    files = notes_files(tmp_path / "in")
    ran = run(tmp_path / "out", *files, "--traces", traces, "--workloads", "payments", "*-get")
    assert ran.code == 0
    assert "no workload matches --workloads 'payments'; seen: " in ran.warning_texts


def make_demo(folder: Path, *, on_terminal: bool) -> str:
    """What `make demo` prints, without styles."""
    for name in ("examples", "scanner", "requirements.txt"):
        (folder / name).symlink_to(ROOT / name)
    make = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", ".venv/ready", "demo", f"PY={sys.executable}"]
    env = {**os.environ, **environment(), "COLUMNS": "200", "TERM": "xterm"}
    if not on_terminal:
        return subprocess.run(make, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout
    outside, inside = pty.openpty()
    with subprocess.Popen(make, cwd=folder, env=env, stdout=inside, stderr=subprocess.PIPE) as running:
        os.close(inside)
        printed = b""
        with suppress(OSError):  # Linux's end of a terminal
            while piece := os.read(outside, 65_536):
                printed += piece
        os.close(outside)
    assert running.returncode == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", printed.decode()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    "on_terminal",
    [pytest.param(False, marks=thorough, id="piped"), pytest.param(True, id="on a terminal")],
)
def test_the_demo_names_what_to_open_next_once(tmp_path: Path, on_terminal: bool) -> None:
    printed = make_demo(tmp_path, on_terminal=on_terminal)
    assert len(re.findall("^Next\\b", printed, re.MULTILINE)) == 1
    following = re.split("^Next\\b", printed, flags=re.MULTILINE)[1]
    assert "demo/report.html" in following
    command = re.search(rf"{re.escape(sys.executable)} (-m scanner explain \w+ --report \S+)", following)
    assert command, following
    explained = run(tmp_path, *command[1].split()[2:])
    assert (explained.code, explained.err) == (0, "")
    assert "dynamodb:GetItem" in explained.out.splitlines()[1]
