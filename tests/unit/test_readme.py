"""The README and docs/ say what the code does: their tables and examples are held to it."""

import argparse
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scanner import cli, errors, options
from scanner.confirm import EXPLAINED, Reason
from scanner.iam import catalog
from scanner.model import Verdict
from scanner.report.schema import schema

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/report.md"])

# the forerunner's policy: with AWSXrayReadOnlyAccess, the job runs with nothing more
SIX_ACTIONS = {
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "lambda:GetFunctionConfiguration",
}

_CODE = re.compile(r"`([^`]+)`")
_FLAG = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)")


# --- Markdown ------------------------------------------------------------------------------------


def section(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one of any level."""
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"no heading {heading!r}"
    return re.split(r"\n#+ ", rest)[0]


def tables(text: str) -> list[list[list[str]]]:
    """The tables of a text: rows of cells, less the headings."""
    found: list[list[list[str]]] = []
    lines: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            lines.append(line)
        elif lines:
            found.append([[cell.strip() for cell in row.strip("|").split("|")] for row in lines[2:]])
            lines = []
    return found


def plain(cell: str) -> str:
    """A cell's text, without its markup."""
    return _LINK.sub(r"\1", cell).replace("`", "")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# --- README: options, exit codes, permissions ----------------------------------------------------

OPTIONS, EXIT_CODES = tables(section(README, "## Options"))


def actions() -> list[argparse.Action]:
    return options.parser()._actions


def test_every_option_is_in_the_table() -> None:
    documented = {frozenset(_FLAG.findall(cells[0])) for cells in OPTIONS}
    assert documented == {frozenset(action.option_strings) for action in actions()}


def test_values_of_options_are_in_the_table() -> None:
    rows = {flag: cells for cells in OPTIONS for flag in _FLAG.findall(cells[0])}
    for action in actions():
        usage, meaning, _ = rows[action.option_strings[-1]]
        for choice in action.choices or ():
            assert f"`{choice}`" in meaning, action.option_strings
        takes_a_value = action.nargs != 0
        name = action.metavar or (action.dest.upper() if takes_a_value else "")
        assert str(name) in usage, action.option_strings
        assert ("..." in usage) == (action.nargs == "+"), action.option_strings


def test_exit_codes_are_in_the_table() -> None:
    documented = [int(cells[0]) for cells in EXIT_CODES]
    assert documented == [errors.EXIT_OK, errors.EXIT_GATE, errors.EXIT_USAGE, errors.EXIT_NOTHING_READ]


def test_policy_to_paste() -> None:
    text = section(README, "## AWS permissions")
    (block,) = blocks(text, "json")
    needed, optional = json.loads(block)["Statement"]
    assert set(needed["Action"]) == SIX_ACTIONS
    (table,) = tables(text)
    assert {plain(cells[0]) for cells in table} == set(optional["Action"])
    for action in (*needed["Action"], *optional["Action"]):
        assert catalog.action(action), f"IAM knows no {action}"


# --- README: verdicts, reasons, the walk-through -------------------------------------------------


def test_verdicts_are_in_the_table() -> None:
    (table,) = tables(section(README, "## Verdicts"))
    assert [plain(cells[0]) for cells in table] == [verdict.value for verdict in Verdict]


def test_reasons_are_in_the_table() -> None:
    (table,) = tables(section(README, "## Why a finding is not confirmed"))
    documented = {code: (meaning, remedy) for code, meaning, remedy in ([*map(plain, row)] for row in table)}
    explained = {
        reason.value: tuple(text.replace("`", "") for text in EXPLAINED[reason]) for reason in Reason
    }
    assert documented == explained
    assert list(documented) == list(explained), "the order is that of the reports"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class WalkThrough(NamedTuple):
    printed: str
    folder: Path


@pytest.fixture
def walk_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WalkThrough:
    """The walk-through, as a terminal of 100 columns shows it."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    examples = ROOT / "examples"
    command = ["-c", "--traces", str(examples / "traces"), "--iam", str(examples / "iam.json")]
    command += ["--functions", str(examples / "functions.json"), "--output-dir", str(tmp_path)]
    out = Terminal()
    assert cli.run(options.parser().parse_args(command), out, io.StringIO(), now=0.0) == errors.EXIT_OK
    without_styles = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    return WalkThrough("\n".join(line.rstrip() for line in without_styles.splitlines()), tmp_path)


def test_picture_is_what_the_terminal_shows(walk_through: WalkThrough) -> None:
    (picture,) = blocks(README, "text")
    assert picture.strip() == walk_through.printed.strip()


def test_example_is_what_the_walk_through_writes(walk_through: WalkThrough) -> None:
    (example,) = blocks(section(README, "## What it writes"), "json")
    written = walk_through.folder / "excessive_permissions.json"
    assert json.loads(example) == json.loads(written.read_bytes())
    (table,) = tables(section(README, "## What it writes"))
    documented = {plain(cells[0]).replace("<workload>", "*") for cells in table}
    patterns = {re.sub(r"^.*\.policy\.json$", "*.policy.json", p.name) for p in walk_through.folder.iterdir()}
    assert documented == patterns


# --- docs/report.md ------------------------------------------------------------------------------


def keys(described: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys of all objects that a schema describes, by path, each with its schema."""
    if path == "roles[].suggested_policy":  # an IAM policy: AWS documents it
        return
    if "items" in described:
        yield from keys(described["items"], f"{path}[]")
    for key, value in described.get("properties", {}).items():
        below = f"{path}.{key}".removeprefix("report.")
        yield below, value
        yield from keys(value, below)


def described_keys() -> dict[str, Mapping[str, Any]]:
    return {
        **dict(keys(schema("report"), "report")),
        **dict(keys(schema("excessive_permissions"), "excessive")),
    }


def documented_keys() -> dict[str, str]:
    found: dict[str, str] = {}
    for part in re.split(r"\n(?=#+ )", REPORT):
        heading = part.splitlines()[0]
        for cells in (cells for table in tables(part) for cells in table):
            for owner in _CODE.findall(heading):
                path = f"{owner}.{plain(cells[0])}".removeprefix("report.")
                assert path not in found, f"{path} is documented twice"
                found[path] = cells[1]
    return found


def test_every_key_is_documented() -> None:
    assert documented_keys().keys() == described_keys().keys()
    assert all(documented_keys().values())


def test_every_value_of_a_key_is_documented() -> None:
    documented = documented_keys()
    for path, described in described_keys().items():
        for value in described.get("enum", ()):
            assert value is None or f"`{value}`" in documented[path], (path, value)


# --- all of them ---------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for _, target in _LINK.findall(text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", DOCUMENTS)
def test_make_targets_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    mentioned = re.findall(r"(?:`|^)make ([a-z]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert set(mentioned) <= targets
