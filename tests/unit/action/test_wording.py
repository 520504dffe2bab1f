"""The action's messages name its inputs: no option of the command line is left in any of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from scanner.action.wording import by_inputs
from scanner.options.parsers import Options

SCANNER = Path(__file__).resolve().parents[3] / "scanner"
OPTION = re.compile(r"(?<![\w-])--[a-z]")

# These are never part of the action: the command line itself, its help, descriptions of the report's keys.
OF_THE_COMMAND_LINE = (
    "cli.py",
    "ledger/lines.py",
    "options/commands.py",
    "options/ledger.py",
    "options/watch.py",
    "options/parsers.py",
    "options/filters.py",
    "options/parser.py",
    "report/records/scan.py",
)
# Ends of S3's names, and the words that the action hands to the parser.
NO_MESSAGES = {"--ol-s3", "--x-s3", "--compare", "--usage-only"}


def messages() -> Iterator[tuple[str, str]]:
    """Every text of the program, docstrings aside, that names an option: with its place."""
    for file in sorted(SCANNER.rglob("*.py")):
        path = file.relative_to(SCANNER).as_posix()
        if path in OF_THE_COMMAND_LINE or path.startswith(("commands/", "explain/", "fix/", "watch/")):
            continue
        tree = ast.parse(file.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in docstrings:
                continue
            text = node.value
            if isinstance(text, str) and text not in NO_MESSAGES and OPTION.search(text):
                yield f"{path}:{node.lineno}", text


def test_no_message_names_an_option() -> None:
    found = list(messages())
    assert len(found) > 30
    assert [place for place, text in found if OPTION.search(by_inputs(text))] == []


@pytest.mark.parametrize("name", [field.name.replace("_", "-") for field in fields(Options)])
def test_no_option_is_left(name: str) -> None:
    assert "--" not in by_inputs(f"--{name}: wrong: give --{name}, (--{name}) or `--{name}`")


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("--start-time: it is in the future", "input `start-time`: it is in the future"),
        ("argument -r/--time-range: expected one", "input `time-range`: expected one"),
        (
            "--iam requires a comparison: remove --usage-only",
            "`iam` requires a comparison: remove `compare: false`",
        ),
        ("name every region (--region), and", "name every region (`region`), and"),
        ("run `aws sso login --profile x` (--profile)", "run `aws sso login --profile x` (AWS_PROFILE)"),
        ("lower --min-traces", "lower `min-traces`"),
        ("with `--filter`", "with `filter`"),
        ("--fail-on-severity requires --fail-on", "`fail-on-severity` requires `fail-on`"),
        (
            "bucket media--x-s3, role my--region, --regional",
            "bucket media--x-s3, role my--region, --regional",
        ),
    ],
)
def test_by_inputs(text: str, worded: str) -> None:
    assert by_inputs(text) == worded
