"""What a team accepts: its configuration and its baseline, from the files to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.integration.tools import Ran, notes_files, recent_notes_traces, run, write_json

RULE = """\
version: 1
fail-on: [unused]
ignore:
  - workload: "*-delete"
    action: dynamodb:GetItem
    reason: the yearly report reads notes
    owner: "@team-notes"
{more}"""


def scan(folder: Path, *arguments: object, iam: object = None) -> Ran:
    """The notes application, of which one function may read what it only deletes."""
    options = list(notes_files(folder / "options"))
    if iam is not None:
        options[options.index("--iam") + 1] = str(write_json(folder / "options" / "other.json", iam))
    traces = write_json(folder / "traces.json", {"Traces": recent_notes_traces()})
    return run(folder / "out", *options, "--traces", traces, *arguments)


def config(folder: Path, text: str) -> tuple[str, Path]:
    path = folder / "least-privilege.yml"
    path.write_text(text, encoding="utf-8")
    return "--config", path


def test_a_rule_hides_what_it_covers_and_says_what_it_hid(tmp_path: Path) -> None:
    ran = scan(tmp_path, *config(tmp_path, RULE.format(more="")))
    assert ran.code == 0, ran.err
    (finding,) = ran.findings("unused")
    assert finding["accepted_reason"] == "the yearly report reads notes"
    assert ran.excess is None
    (rule,) = ran.report["accepted"]["rules"]
    assert (rule["line"], rule["state"], rule["grants"], rule["owner"]) == (4, "accepting", 1, "@team-notes")
    assert "accepts 1 grant: the yearly report reads notes" in ran.out
    (role,) = [r for r in ran.report["roles"] if r["name"] == notes.role_name("delete")]
    assert "dynamodb:GetItem" in str(role["suggested_policy"])  # the team says that it is needed


def test_without_the_rule_the_configuration_fails_the_run(tmp_path: Path) -> None:
    ran = scan(tmp_path, *config(tmp_path, "version: 1\nfail-on: [unused]\n"))
    ran.ends_with(1, "1 finding matches `fail-on`")


def test_an_option_wins_over_the_file(tmp_path: Path) -> None:
    ran = scan(tmp_path, *config(tmp_path, "version: 1\nfail-on: [unused]\n"), "--fail-on", "never")
    assert ran.code == 0


def test_an_expired_rule_fails_with_its_reason(tmp_path: Path) -> None:
    ran = scan(tmp_path, *config(tmp_path, RULE.format(more="    expires: 2026-01-31\n")))
    assert ran.code == 1
    assert "least-privilege.yml:4: the rule expired after 2026-01-31" in ran.err
    assert "the yearly report reads notes (owner: @team-notes)" in ran.err
    assert ran.findings("unused")[0]["accepted_reason"] is None


def test_a_rule_that_matches_nothing_is_reported(tmp_path: Path) -> None:
    text = "version: 1\nignore:\n  - sid: Nowhere\n    reason: once upon a time\n"
    ran = scan(tmp_path, *config(tmp_path, text))
    assert ":3: this rule matches nothing" in ran.out
    only_one = scan(tmp_path / "one", *config(tmp_path, text), "--workloads", "*-list")
    assert "this rule matches nothing" not in only_one.out  # it may be about the others


def test_a_rule_that_names_alone_decide_is_a_warning_with_its_line(tmp_path: Path) -> None:
    text = "version: 1\nfail-on: unused\nignore:\n  - role: '*-role'\n    reason: all of ours\n"
    ran = scan(tmp_path, *config(tmp_path, text))
    assert ran.code == 0  # it holds all the same
    assert ran.warnings["rule-open"] == 1
    assert (
        "least-privilege.yml:4: this rule accepts every action on every resource of what `role` matches"
        in (ran.out)
    )
    bounded = scan(tmp_path, *config(tmp_path, text.replace("reason", "action: dynamodb:*\n    reason")))
    assert (bounded.code, bounded.warnings) == (0, {})


def test_a_wrong_file_is_reported_line_by_line(tmp_path: Path) -> None:
    ran = scan(tmp_path, *config(tmp_path, "version: 1\nfail-on: [unusd]\nignore:\n  - action: s3:*\n"))
    assert ran.code == 2
    lines = ran.err.strip().splitlines()
    assert [":2: " in lines[0], ":4: " in lines[1], len(lines)] == [True, True, 2], ran.err


def test_the_usual_file_is_found_where_the_command_runs(tmp_path: Path) -> None:
    options = notes_files(tmp_path / "options")
    traces = write_json(tmp_path / "traces.json", {"Traces": recent_notes_traces()})
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "least-privilege.yml").write_text("version: 1\nfail-on: unused\n")
    run(tmp_path, *options, "--traces", traces).ends_with(1, "matches `fail-on`")


def test_what_the_team_knows_of_its_traces_counts(tmp_path: Path) -> None:
    text = """\
version: 1
untraced:
  - action: dynamodb:GetItem
    kind: may-run-untraced
    reason: read when the module is loaded
"""
    ran = scan(tmp_path, *config(tmp_path, text))
    (finding,) = ran.findings("unused")
    assert finding["reasons"] == ["may-run-untraced"]


def test_only_what_is_new_against_the_baseline_fails(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    written = scan(tmp_path, "--baseline", baseline, "--update-baseline", "--fail-on", "unused")
    assert (written.code, len(json.loads(baseline.read_text())["findings"])) == (0, 1)
    assert "now holds 1 grant" in written.err

    same = scan(tmp_path, "--baseline", baseline, "--fail-on", "unused")
    assert same.code == 0
    assert [f["in_baseline"] for f in same.findings("unused")] == [True]
    assert same.excess is None

    iam = notes.iam()
    statement = {"Effect": "Allow", "Action": "dynamodb:DeleteTable", "Resource": notes.TABLE}
    iam["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"].append(statement)
    more = scan(tmp_path, "--baseline", baseline, "--fail-on", "unused", iam=iam)
    more.ends_with(1, "1 finding")
    assert more.report["accepted"]["baseline"]["new"] == 1


def test_what_was_fixed_is_reported_and_forgotten_when_asked(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    scan(tmp_path, "--baseline", baseline, "--update-baseline")
    iam = notes.iam()
    for role in iam["RoleDetailList"]:
        for inline in role["RolePolicyList"]:
            statement = inline["PolicyDocument"]["Statement"][0]
            statement["Action"] = [
                a for a in statement["Action"] if a != "dynamodb:GetItem" or "get" in role["Arn"]
            ]
    fixed = scan(tmp_path, "--baseline", baseline, iam=iam)
    (entry,) = fixed.report["accepted"]["baseline"]["fixed"]
    assert entry["action"] == "dynamodb:GetItem"
    assert "fixed: dynamodb:GetItem" in fixed.out
    scan(tmp_path, "--baseline", baseline, "--update-baseline", iam=iam)
    assert json.loads(baseline.read_text())["findings"] == []


def test_what_a_rule_accepts_is_neither_new_nor_fixed(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    scan(tmp_path, "--baseline", baseline, "--update-baseline")
    ran = scan(tmp_path, "--baseline", baseline, *config(tmp_path, RULE.format(more="")))
    found = ran.report["accepted"]["baseline"]
    assert (found["new"], found["fixed"]) == (0, [])


def test_a_new_random_suffix_does_not_make_a_finding_new(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    name = notes.role_name("delete")

    def deployed(suffix: str, *arguments: object) -> Ran:
        own = f"notes-DeleteRole-{suffix}"
        options = list(notes_files(tmp_path / "options"))
        for at in (2, 4):
            text = Path(options[at]).read_text().replace(f"role/{name}", f"role/{own}")
            Path(options[at]).write_text(text.replace(f'"{name}"', f'"{own}"'))
        traces = write_json(tmp_path / "traces.json", {"Traces": recent_notes_traces()})
        return run(tmp_path / "out", *options, "--traces", traces, "--baseline", baseline, *arguments)

    deployed("1A2B3C4D5E6F7", "--update-baseline")
    again = deployed("1ZYX9W8V7U6T5", "--fail-on", "unused")
    assert again.code == 0, again.err
    assert again.findings("unused")[0]["in_baseline"]


def test_a_baseline_that_is_missing_or_wrong_is_an_error(tmp_path: Path) -> None:
    scan(tmp_path, "--baseline", tmp_path / "none.json").ends_with(2, "--baseline", "none.json")
    wrong = write_json(tmp_path / "wrong.json", {"findings": []})
    scan(tmp_path, "--baseline", wrong).ends_with(2, "wrong.json")


def test_what_grew_behind_an_entry_of_the_baseline_fails(tmp_path: Path) -> None:
    def granting(*more: object) -> object:
        iam = notes.iam()
        statements = iam["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"]
        statements += [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": notes.TABLE}, *more]
        return iam

    no_writes = {"Effect": "Deny", "Action": "dynamodb:Batch*", "Resource": "*"}
    baseline = tmp_path / "baseline.json"
    options = ("--baseline", baseline, "--fail-on", "unused", "broad")
    scan(tmp_path, *options, "--update-baseline", iam=granting(no_writes))
    assert scan(tmp_path, *options, iam=granting(no_writes)).code == 0
    ran = scan(tmp_path, *options, iam=granting())
    ran.ends_with(1, "1 finding matches `fail-on`")
    (grown,) = ran.report["accepted"]["baseline"]["grown"]
    assert (grown["action"], grown["why"]) == (
        "dynamodb:*",
        "a Deny is gone or narrower: dynamodb:Batch* on *",
    )
    assert "beyond the baseline: dynamodb:* on" in ran.out


def test_entries_of_an_older_version_go_on_to_accept_and_are_named_once(tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    options = ("--baseline", baseline, "--fail-on", "unused")
    scan(tmp_path, *options, "--update-baseline")
    document = json.loads(baseline.read_text())
    for entry in document["findings"]:
        del entry["severity"]
    baseline.write_text(json.dumps(document))
    ran = scan(tmp_path, *options)
    assert (ran.code, ran.warnings) == (0, {"baseline-unbounded": 1})
    assert scan(tmp_path, *options, "--update-baseline").warnings == {}
    assert scan(tmp_path, *options).warnings == {}


@pytest.mark.parametrize("selected", [(), ("--workloads", "*-delete"), ("--workloads", "*-get")])
def test_a_scan_of_some_leaves_the_entries_of_others_that_share_an_identity(
    tmp_path: Path, selected: tuple[str, ...]
) -> None:
    """Two stacks of one name: their roles differ in what CloudFormation generates."""
    verbs = {"delete": "1A2B3C4D5E6F7", "get": "1ZYX9W8V7U6T5"}
    baseline = tmp_path / "baseline.json"

    def scanned(excess: str, *arguments: object) -> Ran:
        options = list(notes_files(tmp_path / "options"))
        iam, functions = notes.iam(), json.loads(Path(options[4]).read_text())
        for role in iam["RoleDetailList"]:
            statement = {"Effect": "Allow", "Action": excess, "Resource": notes.TABLE}
            role["RolePolicyList"][0]["PolicyDocument"]["Statement"].append(statement)
        text = json.dumps([iam, functions])
        for verb, ending in verbs.items():
            text = text.replace(f'role/{notes.role_name(verb)}"', f'role/notes-Role-{ending}"')
            text = text.replace(f'"{notes.role_name(verb)}"', f'"notes-Role-{ending}"')
        for at, document in zip((2, 4), json.loads(text), strict=True):
            Path(options[at]).write_text(json.dumps(document))
        traces = write_json(tmp_path / "traces.json", {"Traces": recent_notes_traces()})
        return run(tmp_path / "out", *options, "--traces", traces, "--baseline", baseline, *arguments)

    def entries(action: str) -> int:
        found = json.loads(baseline.read_text())["findings"]
        return sum((e["role"], e["action"]) == ("notes-Role-{random}", action) for e in found)

    scanned("dynamodb:Scan", "--update-baseline")
    assert entries("dynamodb:Scan") == 2
    ran = scanned("dynamodb:DeleteTable", *selected)
    fixed = [e for e in ran.report["accepted"]["baseline"]["fixed"] if e["role"] == "notes-Role-{random}"]
    assert (fixed == []) is bool(selected)
    scanned("dynamodb:DeleteTable", *selected, "--update-baseline")
    assert (entries("dynamodb:Scan"), entries("dynamodb:DeleteTable")) == ((2, 1) if selected else (0, 2))
    again = scanned("dynamodb:DeleteTable", *selected, "--fail-on", "unused")
    assert again.code == 0, again.out + again.err


def with_ineffective_and_unobservable() -> object:
    iam = notes.iam()
    added = [
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"},
    ]
    iam["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"] += added
    return iam


def test_what_fails_the_gate_is_shown_whatever_its_verdict(tmp_path: Path) -> None:
    ran = scan(tmp_path, "--fail-on", "unobservable", iam=with_ineffective_and_unobservable())
    ran.ends_with(1, "1 finding")
    assert "iam:PassRole" in ran.out


def test_what_is_ineffective_fails_nothing_though_it_is_named(tmp_path: Path) -> None:
    options = ("--fail-on", "ineffective", "--fail-on-severity", "all", "--baseline", tmp_path / "b.json")
    ran = scan(tmp_path, *options, "--update-baseline", iam=with_ineffective_and_unobservable())
    assert ran.warnings["fail-on-ineffective"] == 1
    assert '"ineffective"' not in (tmp_path / "b.json").read_text()
    again = scan(tmp_path, *options, iam=with_ineffective_and_unobservable())
    assert again.code == 0
    assert "`fail-on: ineffective` does nothing" in again.out
