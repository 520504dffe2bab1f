"""The README and docs/ say what the code does: their tables and examples are held to it."""

import argparse
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from scanner import cli, errors
from scanner.aws.rights import rights
from scanner.commands import scan
from scanner.errors import Warnings
from scanner.explain import explained
from scanner.gate.load_baseline import load_baseline
from scanner.gate.load_config import load_config
from scanner.gate.problems import ConfigError, config_schema
from scanner.iam import catalog
from scanner.iam.severity import SEVERITY_LEVELS
from scanner.mapping.access_denied import DENIAL_HELP
from scanner.model import Verdict
from scanner.options.parsers import scan_options, scan_parser
from scanner.records.aws_records import SOURCES
from scanner.report.schema import Name, schema
from scanner.report.text.plain import COLUMNS
from scanner.verdict.reason_help import NAMES, REASON_HELP, REMEDIES
from scanner.verdict.reasons import Reason
from scanner.workloads.lambda_reader import functions_from_file

ROOT = Path(__file__).resolve().parents[2]
SCANNER_ROLE = ROOT / "examples" / "scanner-role"
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINE = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
AWS_PERMISSIONS = (ROOT / "docs" / "aws-permissions.md").read_text(encoding="utf-8")
EVIDENCE = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
WITHOUT_AWS = (ROOT / "docs" / "without-aws.md").read_text(encoding="utf-8")
REPORT = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
LEDGER = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
NIGHTLY = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
VERDICTS = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (
        *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")),
        *(ROOT / "docs").glob("*.md"),
    )
)

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

COMMANDS, *_, EXIT_CODES = tables(section(COMMAND_LINE, "## Options"))


def actions() -> list[argparse.Action]:
    return scan_parser()._actions


def test_the_options_of_every_command_are_a_table_that_is_generated() -> None:
    """Which says what the parser says: tests/unit/action/test_inputs.py."""
    generated = re.findall(r"<!-- options of (\w+): made by make schemas -->", COMMAND_LINE)
    assert sorted(generated) == sorted(cli.COMMANDS)


def test_what_more_there_is_to_an_option_names_it_as_the_parser_does() -> None:
    flags = {flag for action in actions() for flag in action.option_strings}
    explained = re.findall(r"^- (`--.*?):", section(COMMAND_LINE, "## Options"), re.MULTILINE)
    assert {flag for names in explained for flag in _FLAG.findall(names)} <= flags
    assert len(explained) > 10


def test_commands_are_in_the_table() -> None:
    documented = {plain(cells[0]).split()[0] for cells in COMMANDS}
    assert documented == set(cli.COMMANDS)


def test_exit_codes_are_in_the_table() -> None:
    documented = [int(cells[0]) for cells in EXIT_CODES]
    assert documented == sorted(value for name, value in vars(errors).items() if name.startswith("EXIT_"))


def statements() -> list[dict[str, Any]]:
    """The statements that the rights make, a statement each time the Sid changes."""
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": sorted(right.action for right in of_statement),
            "Resource": resource,
        }
        for (sid, resource), of_statement in groupby(
            rights(), lambda right: (right.statement, right.resource)
        )
    ]


def test_policy_to_paste() -> None:
    (block,) = blocks(AWS_PERMISSIONS, "json")
    assert json.loads(block) == {"Version": "2012-10-17", "Statement": statements()}
    assert set(statements()[1]["Action"]) == SIX_ACTIONS


def test_what_each_right_adds_is_in_the_table() -> None:
    (table,) = tables(AWS_PERMISSIONS)
    documented = [
        (action, plain(cells[1]).replace("**", "")) for cells in table for action in _CODE.findall(cells[0])
    ]
    assert sorted(documented) == sorted((right.action, right.adds) for right in rights())


def test_the_role_for_the_scanner_has_the_rights_of_the_policy_and_no_others() -> None:
    policy = json.loads((SCANNER_ROLE / "policy.json").read_text(encoding="utf-8"))
    template = yaml.safe_load((SCANNER_ROLE / "cloudformation.yml").read_text(encoding="utf-8"))
    role = template["Resources"]["Role"]["Properties"]
    assert policy == {"Version": "2012-10-17", "Statement": statements()}
    assert [own["PolicyDocument"] for own in role["Policies"]] == [policy]
    assert not role.get("ManagedPolicyArns")
    assert 'file("${path.module}/policy.json")' in (SCANNER_ROLE / "main.tf").read_text(encoding="utf-8")


def test_the_role_for_the_scanner_may_keep_a_ledger_where_one_is_named() -> None:
    (documented,) = [json.loads(text) for text in blocks(LEDGER, "json") if "KeepLedger" in text]
    template = yaml.safe_load((SCANNER_ROLE / "cloudformation.yml").read_text(encoding="utf-8"))
    rights = template["Resources"]["LedgerRights"]
    assert (rights["Condition"], template["Parameters"]["Ledger"]["Default"]) == ("KeepLedger", "")
    given = rights["Properties"]["PolicyDocument"]["Statement"]
    assert [(s["Sid"], s["Action"]) for s in given] == [
        (s["Sid"], s["Action"]) for s in documented["Statement"]
    ]
    terraform = (SCANNER_ROLE / "main.tf").read_text(encoding="utf-8")
    assert all(
        right in terraform for s in documented["Statement"] for right in (s["Sid"], *words(s["Action"]))
    )
    assert "Ledger=team-ledgers/production.sqlite" in NIGHTLY


def words(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action


def test_the_role_in_each_account_has_the_same_rights_and_trusts_who_scans() -> None:
    template = yaml.safe_load((SCANNER_ROLE / "account.yml").read_text(encoding="utf-8"))
    role = template["Resources"]["Role"]["Properties"]
    policy = json.loads((SCANNER_ROLE / "policy.json").read_text(encoding="utf-8"))
    assert [own["PolicyDocument"] for own in role["Policies"]] == [policy]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Action"], trust["Principal"]) == ("sts:AssumeRole", {"AWS": {"Ref": "Scanner"}})
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    assert all("Default" not in template["Parameters"][name] for name in ("Scanner", "ExternalId"))


def test_the_role_for_the_scanner_trusts_named_workflows_only() -> None:
    template = yaml.safe_load((SCANNER_ROLE / "cloudformation.yml").read_text(encoding="utf-8"))
    (trust,) = template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Ref": "Subjects"},
        }
    }
    assert "Default" not in template["Parameters"]["Subjects"]


def test_sources_beside_the_traces_are_in_the_table() -> None:
    """Each with the rights that it needs: all of them are in the policy to paste."""
    (table,) = tables(section(EVIDENCE, "## What AWS itself recorded"))
    assert [plain(cells[0]) for cells in table] == list(SOURCES)
    statements = json.loads(blocks(AWS_PERMISSIONS, "json")[0])["Statement"]
    (records,) = [statement for statement in statements if statement["Sid"] == "EvidenceBesideTraces"]
    needed = [name for cells in table for name in _CODE.findall(cells[1]) if catalog.action(name)]
    assert sorted(needed) == records["Action"]


# --- README: verdicts, reasons, the walk-through -------------------------------------------------


def test_verdicts_are_in_the_table() -> None:
    (table,) = tables(section(VERDICTS, "## Verdicts"))
    assert [plain(cells[0]) for cells in table] == [verdict.value for verdict in Verdict]


def test_troubleshooting_names_warnings_by_codes_that_there_are() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\(`([a-z-]+)`\) \|", text))
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "scanner").rglob("*.py"))
    assert len(named) > 10
    assert {name for name in named if f'"{name}"' not in code} == set()


def test_reasons_are_in_the_table() -> None:
    table, by_kind = tables(section(VERDICTS, "## Why a finding is not confirmed"))
    documented = {code: (meaning, remedy) for code, meaning, remedy in ([*map(plain, row)] for row in table)}
    explained = {
        reason.value: tuple(text.replace("`", "") for text in REASON_HELP[reason]) for reason in Reason
    }
    assert documented == explained
    assert list(documented) == list(explained), "the order is that of the reports"
    assert [tuple(map(plain, row)) for row in by_kind] == [
        (reason.value, NAMES[runs], remedy.replace("`", ""))
        for reason, remedies in REMEDIES.items()
        for runs, remedy in remedies.items()
    ]


def test_levels_of_severity_are_in_the_table() -> None:
    (table,) = tables(section(VERDICTS, "## Severity"))
    assert [plain(cells[0]) for cells in table] == list(SEVERITY_LEVELS)


def test_causes_of_a_refusal_are_in_the_table() -> None:
    (table,) = tables(section(VERDICTS, "## Denied, and allowed elsewhere"))
    assert {plain(cause): meaning for cause, meaning in table} == {
        cause.value: meaning for cause, meaning in DENIAL_HELP.items()
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class WalkThrough(NamedTuple):
    printed: str
    folder: Path


EXAMPLES = ROOT / "examples"
WALK_THROUGH = ["-c", "--traces", str(EXAMPLES / "traces"), "--iam", str(EXAMPLES / "iam.json")]
WALK_THROUGH += ["--functions", str(EXAMPLES / "functions.json")]


@pytest.fixture
def walk_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WalkThrough:
    """The walk-through, as a terminal of 100 columns shows it."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    out = Terminal()
    assert run("--output-dir", "demo", out=out) == errors.EXIT_OK
    without_styles = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    return WalkThrough("\n".join(line.rstrip() for line in without_styles.splitlines()), tmp_path / "demo")


def run(*more: str, out: io.StringIO | None = None) -> int:
    """Run the walk-through with more options."""
    options = scan_options([*WALK_THROUGH, *more])
    return scan.run(options, out or io.StringIO(), io.StringIO(), now=0.0)


def test_picture_is_what_the_terminal_shows(walk_through: WalkThrough) -> None:
    (picture,) = blocks(README, "text")
    assert picture.strip() == walk_through.printed.strip()


def test_columns_of_plain_lines_are_in_the_table() -> None:
    (table,) = tables(section(COMMAND_LINE, "## What it prints"))
    assert [plain(cells[0]) for cells in table] == list(COLUMNS)


def test_example_is_what_the_walk_through_writes(walk_through: WalkThrough) -> None:
    (example,) = blocks(section(COMMAND_LINE, "## What it writes"), "json")
    written = walk_through.folder / "excessive_permissions.json"
    assert json.loads(example) == json.loads(written.read_bytes())
    (table,) = tables(section(COMMAND_LINE, "## What it writes"))
    documented = {plain(cells[0]).replace("<workload>", "*") for cells in table}
    patterns = {re.sub(r"^.*\.policy\.json$", "*.policy.json", p.name) for p in walk_through.folder.iterdir()}
    assert documented == patterns


def test_the_walk_through_fails_the_default_gate(tmp_path: Path) -> None:
    assert run("--fail-on", "unused", "broad", "--output-dir", str(tmp_path)) == errors.EXIT_GATE


def test_the_story_of_a_finding_is_what_explain_tells(walk_through: WalkThrough) -> None:
    (example,) = blocks(section(COMMAND_LINE, "### The story of one finding"), "console")
    command, *shown = example.splitlines()
    finding_id = command.split()[3]
    told = iter(explained(json.loads((walk_through.folder / "report.json").read_bytes()), finding_id))
    for line in shown:
        assert line == "…" or line in told, f"{line!r} is not told, or not in this order"


def test_the_lists_of_functions_are_merged_whole(tmp_path: Path) -> None:
    """As the AWS CLI prints them: a file for each region, and for each function's destinations."""
    (script,) = blocks(WITHOUT_AWS, "sh")
    match = re.search(r"python3 -c '\n(.*?)' lists/", script, re.DOTALL)
    assert match
    names = [f"arn:aws:lambda:us-east-1:123456789012:function:{name}" for name in "fg"]
    queue = "arn:aws:sqs:us-east-1:123456789012:q"
    to_queue = {"OnFailure": {"Destination": queue}}
    lists = [
        *({"Functions": [{"FunctionArn": f"{name}:$LATEST", "Version": "$LATEST"}]} for name in names),
        {"EventSourceMappings": [{"FunctionArn": names[0], "EventSourceArn": queue}]},
        {"EventSourceMappings": []},
        {"FunctionEventInvokeConfigs": [{"FunctionArn": names[0], "DestinationConfig": to_queue}]},
        {"FunctionEventInvokeConfigs": []},
    ]
    paths = [tmp_path / f"{number}.json" for number in range(len(lists))]
    for path, document in zip(paths, lists, strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    merged = subprocess.run([sys.executable, "-c", match[1], *paths], capture_output=True, check=True)
    functions = functions_from_file(json.loads(merged.stdout), Warnings())
    first, second = (functions.known[name] for name in names)
    assert (first.destinations, second.destinations) == ((queue,), ())
    assert [len(function.event_sources or ()) for function in (first, second)] == [1, 0]


# --- docs/configuration.md -----------------------------------------------------------------------


def configuration_keys(
    described: Mapping[str, Any], path: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The keys of the configuration by path (`ignore[].reason`), each with its schema."""
    for key, value in described.get("properties", {}).items():
        below = f"{path}.{key}".removeprefix(".")
        yield below, value
        item = value.get("items", {}).get("$ref", "")
        if item:
            yield from configuration_keys(config_schema()["$defs"][item.rpartition("/")[2]], f"{below}[]")


def documented_configuration() -> dict[str, str]:
    found: dict[str, str] = {}
    for heading in (
        "Top level",
        *(f"`{name}[]`" for name in ("ignore", "operations", "resources", "untraced")),
    ):
        (table,) = tables(section(CONFIGURATION, f"### {heading}"))
        owner = "" if heading == "Top level" else plain(heading) + "."
        found |= {owner + plain(key): meaning for key, meaning in table}
    return found


def test_every_key_of_the_configuration_is_documented() -> None:
    described = dict(configuration_keys(config_schema()))
    documented = documented_configuration()
    assert sorted(documented) == sorted(described)
    for path, value in described.items():
        for word in (*value.get("enum", ()), *value.get("items", {}).get("enum", ())):
            assert f"`{word}`" in documented[path], (path, word)


def test_the_example_is_a_configuration_that_uses_every_key() -> None:
    (example,) = blocks(CONFIGURATION, "yaml")
    rules = load_config(example).ignores
    assert [rule.is_open for rule in rules] == [False] * 5
    for path in dict(configuration_keys(config_schema())):
        key = path.rpartition(".")[2]
        assert re.search(rf"^[ -]*{key}:", example, re.MULTILINE), path


def test_what_an_option_overrides_is_in_the_table() -> None:
    (table,) = tables(section(CONFIGURATION, "## Precedence"))
    keys_of_options = {flag.removeprefix("--") for action in actions() for flag in action.option_strings}
    settings = [
        key
        for key, value in config_schema()["properties"].items()
        if "items" not in value or key == "fail-on"
    ]
    assert [plain(cells[0]) for cells in table] == [key for key in settings if key != "version"]
    for cells in table:
        key = plain(cells[0])
        assert plain(cells[1]) == (f"--{key}" if key in keys_of_options else "")


def test_the_first_rule_of_the_example_accepts_what_the_walk_through_finds(tmp_path: Path) -> None:
    file = tmp_path / "least-privilege.yml"
    file.write_text(blocks(CONFIGURATION, "yaml")[0], encoding="utf-8")
    run("--config", str(file), "--min-traces", "1", "--output-dir", str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_bytes())
    accepted = [
        f["accepted_reason"] for role in report["roles"] for f in role["findings"] if f["verdict"] == "unused"
    ]
    assert accepted == ["the delete page will show the note first"]


def test_the_baseline_is_that_of_the_walk_through(tmp_path: Path) -> None:
    (example,) = blocks(section(CONFIGURATION, "## The baseline"), "json")
    file = tmp_path / "baseline.json"
    run("--baseline", str(file), "--update-baseline", "--output-dir", str(tmp_path))
    assert file.read_text(encoding="utf-8") == example
    assert load_baseline(example, "baseline.json").entries


def test_a_mistake_is_reported_as_shown() -> None:
    (shown,) = blocks(CONFIGURATION, "console")
    (example,) = blocks(CONFIGURATION, "yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(example.replace("action: dynamodb:GetItem", "actoin: dynamodb:GetItem", 1))
    assert [f"xray-privilege-scan: {problem}" for problem in caught.value.problems] == shown.splitlines()


# --- docs/report.md ------------------------------------------------------------------------------


def keys(described: Mapping[str, Any], types: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """The keys of all objects that a schema describes, by path, each with its schema."""
    if path == "roles[].suggested_policy":  # an IAM policy: AWS documents it
        return
    if "$ref" in described:
        yield from keys(types[described["$ref"].rpartition("/")[2]], types, path)
    for part in described.get("anyOf", ()):
        yield from keys(part, types, path)
    if "items" in described:
        yield from keys(described["items"], types, f"{path}[]")
    for key, value in described.get("properties", {}).items():
        below = f"{path}.{key}".removeprefix("report.")
        yield below, value
        yield from keys(value, types, below)


def keys_of(name: Name, path: str) -> dict[str, Any]:
    described = schema(name)
    return dict(keys(described, described["$defs"], path))


def described_keys() -> dict[str, Any]:
    return {**keys_of("report", "report"), **keys_of("excessive_permissions", "excessive")}


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


def test_every_key_is_documented_below_its_path() -> None:
    """What the tables say of the keys is generated: tests/unit/report/test_records.py."""
    assert documented_keys().keys() == described_keys().keys()
    assert all(documented_keys().values())


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
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    mentioned = re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert set(mentioned) <= targets
