"""Messages that a newcomer meets: they say what is the matter, and what to do next."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.moto_aws import ROOT
from tests.integration.tools import environment, notes_files, recent_notes_traces, run, write_json


@pytest.mark.parametrize(
    ("glob", "texts"),
    [
        ("payments", ["matches no workload", "there are notes-app-api-test-create", "and 2 more"]),
        ("notes-app-api-test-delte", ["did you mean notes-app-api-test-delete"]),
    ],
)
def test_workloads_that_match_nothing_are_not_called_roles_that_could_not_be_read(
    tmp_path: Path, glob: str, texts: list[str]
) -> None:
    traces = write_json(tmp_path / "traces.json", recent_notes_traces())
    options = notes_files(tmp_path / "in")
    ran = run(tmp_path / "out", *options, "--traces", traces, "--workloads", glob)
    ran.ends_with(3, f"--workloads {glob!r}", *texts)
    assert "no role" not in ran.last_line
    lenient = run(tmp_path / "lenient", *options[1:], "--traces", traces, "--workloads", glob)
    assert lenient.code == 0
    assert all(text in lenient.warning_texts for text in texts)
    assert "could be read" not in lenient.warning_texts


def test_the_demo_names_what_to_open_next(tmp_path: Path) -> None:
    for name in ("examples", "scanner", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    make = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", ".venv/ready", "demo", f"PY={sys.executable}"]
    env = {**os.environ, **environment()}
    done = subprocess.run(make, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    following = done.stdout[done.stdout.index("Next: ") :]
    assert "open demo/report.html" in following
    command = re.search(rf"{re.escape(sys.executable)} (-m scanner explain \w+ --report \S+)", following)
    assert command, following
    explained = run(tmp_path, *command[1].split()[2:])
    assert (explained.code, explained.err) == (0, "")
    assert "dynamodb:GetItem" in explained.out.splitlines()[1]
