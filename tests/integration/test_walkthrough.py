"""The whole job of the walk-through: five functions, one of which may read what it only deletes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.report.schema import validate
from tests.fakes import notes
from tests.fakes.moto_aws import ROOT, MotoAws
from tests.fakes.traces import Call, lambda_trace
from tests.fakes.xray import FakeXRay, Script
from tests.integration.tools import (
    LIMIT_SECONDS,
    NOTES_TABLE,
    Ran,
    environment,
    notes_trace,
    run,
    run_process,
    write_json,
)

EXAMPLES = ROOT / "examples"
FROM_FILES = (
    *("-c", "--traces", EXAMPLES / "traces"),
    *("--iam", EXAMPLES / "iam.json", "--functions", EXAMPLES / "functions.json"),
)
DELETE = "notes-app-api-test-delete"

# The keys that the report promises: "[]" stands for each item of an array.
KEYS: dict[str, set[str]] = {
    "": {
        "schema_version",
        "scan",
        "workloads",
        "unattributed",
        "roles",
        "severe_actions",
        "accepted",
        "gate",
    },
    "scan": {
        *("source", "start", "end", "filter", "regions", "account", "traces", "documents", "calls"),
        *("skipped", "warnings"),
    },
    "scan.skipped": {"documents", "calls", "traces_truncated", "traces_unprocessed"},
    "scan.warnings.[]": {"code", "message", "count"},
    "workloads.[]": {"arn", "kind", "name", "role", "evidence", "used", "denied", "unmapped"},
    "workloads.[].evidence": {"traces", "calls", "first_seen", "last_seen", "reasons"},
    "workloads.[].used.[]": {
        *("action", "resource", "exact", "required", "count", "traces", "first_seen", "last_seen"),
    },
    "workloads.[].denied.[]": {"action", "resource", "count", "message"},
    "workloads.[].unmapped.[]": {"service", "operation", "count", "reason"},
    "unattributed": {"calls", "used", "unmapped"},
    "roles.[]": {
        *("arn", "name", "workloads", "readable", "missing_permissions", "findings", "suggested_policy"),
    },
    "roles.[].findings.[]": {
        *("id", "verdict", "confirmed", "reasons", "severity", "policy", "statement"),
        *("actions", "resources", "used"),
    },
    "roles.[].findings.[].policy": {"name", "arn", "kind"},
    "roles.[].findings.[].statement": {"index", "Action"},
    "roles.[].findings.[].used.[]": {"action", "resource"},
}


def parts_at(document: Any, path: str) -> list[Any]:
    """All parts of a document that a path leads to."""
    found = [document]
    for step in path.split("."):
        if step:
            found = [p for part in found for p in (part if step == "[]" else [part[step]])]
    return found


@pytest.fixture(scope="module")
def deployed(aws: MotoAws) -> float:
    """The application on a fresh AWS; a time after the deployment."""
    aws.reset()
    for verb in notes.OPERATIONS:
        role = aws.create_role(notes.role_name(verb), {"notes": notes.policy(verb)}, trust=notes.trust())
        aws.create_function(notes.function_name(verb), role)
    return aws.next_second()


@pytest.fixture(scope="module")
def xray(deployed: float) -> Iterator[FakeXRay]:
    """An X-Ray that holds one trace of each function, newer than the deployment."""
    with FakeXRay([notes_trace(verb, deployed) for verb in notes.OPERATIONS]) as fake:
        yield fake


def scan(folder: Path, aws: MotoAws, xray: FakeXRay, *arguments: object) -> Ran:
    env = aws.environment() | {"AWS_ENDPOINT_URL_XRAY": xray.url}
    return run(folder, *arguments, env=env)


@pytest.fixture(scope="module")
def compared(aws: MotoAws, xray: FakeXRay, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The comparison of the hour in which the functions ran. For reading only."""
    ran = scan(tmp_path_factory.mktemp("compared"), aws, xray, "-c", "-r", "60")
    assert ran.code == 0, ran.err
    return ran


def is_the_finding(ran: Ran) -> None:
    """One entry, the delete function, with exactly GetItem on the table, confirmed."""
    assert len(ran.excess) == 1
    entry = ran.excess[0]
    assert entry["arn"] == notes.function_arn("delete")
    assert entry["role"] == f"arn:aws:iam::{notes.ACCOUNT}:role/{notes.role_name('delete')}"
    assert len(entry["excessPermissions"]) == 1
    statement = entry["excessPermissions"][0]
    assert statement["Action"] == ["dynamodb:GetItem"]
    assert statement["Resource"] == "arn:aws:dynamodb:us-east-1:*:table/notes"
    assert statement["Effect"] == "Allow"
    assert (statement["Verdict"], statement["Confirmed"], statement["Reasons"]) == ("unused", True, [])
    validate("excessive_permissions", ran.excess)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def the_id(ran: Ran) -> str:
    (finding,) = ran.findings("unused", "broad")
    return str(finding["id"])


def test_the_walk_through_against_moto_alone_gives_exactly_the_one_finding(
    aws: MotoAws, deployed: float, tmp_path: Path
) -> None:
    aws.put_traces([notes_trace(verb, deployed) for verb in notes.OPERATIONS])
    aws.next_second()  # moto lists a trace that ended before the window does
    ran = run_process(tmp_path, "-c", "-r", "60", env=aws.environment())
    assert ran.code == 0, ran.err
    is_the_finding(ran)
    assert "Remove 1 permission from notes-app-api-test-delete" in ran.out
    assert f"\tunused\t{DELETE}\tdynamodb:GetItem\ttable/notes\tnever used\t" in ran.out


def test_the_scan_of_the_x_ray_api_gives_exactly_the_one_finding(compared: Ran) -> None:
    assert compared.err == ""
    is_the_finding(compared)
    assert compared.report["scan"]["warnings"] == []


def test_the_report_holds_every_promised_key_and_fits_its_schema(compared: Ran) -> None:
    report = compared.report
    validate("report", compared.document)
    for path, keys in KEYS.items():
        for part in parts_at(report, path):
            assert keys <= part.keys(), path
    assert report["scan"]["source"] == "xray"
    assert report["scan"]["regions"] == [notes.REGION]
    assert report["scan"]["account"] == notes.ACCOUNT
    assert (report["scan"]["traces"], report["scan"]["calls"]) == (5, 5)
    assert report["unattributed"] == {"calls": 0, "used": [], "unmapped": []}
    assert [role["workloads"] for role in report["roles"]] == [
        [notes.function_arn(verb)] for verb in sorted(notes.OPERATIONS)
    ]
    assert report["scan"]["end"].endswith("Z")


def test_every_promised_key_is_there_when_something_was_denied_or_could_not_be_mapped(tmp_path: Path) -> None:
    calls = [
        Call("S3", "GetObject", {"bucket_name": "b"}, 403, "AccessDenied", "Access Denied"),
        Call("NoSuchService", "DoIt"),
    ]
    trace = lambda_trace(notes.function_arn("get"), calls, notes.FIRST_TRACE)
    ran = run(tmp_path, "--traces", write_json(tmp_path / "t.json", trace), "-c", *FROM_FILES[3:])
    for path, keys in KEYS.items():
        for part in parts_at(ran.report, path):
            assert keys <= part.keys(), path
    (workload,) = [w for w in ran.report["workloads"] if w["evidence"]["traces"]]
    assert [denied["action"] for denied in workload["denied"]] == ["s3:GetObject"]
    assert [unmapped["service"] for unmapped in workload["unmapped"]] == ["NoSuchService"]


def test_the_usage_of_each_function_is_its_own_action_on_its_table(compared: Ran) -> None:
    for verb, operation in notes.OPERATIONS.items():
        name = notes.function_name(verb)
        assert compared.used(name) == {(f"dynamodb:{operation}", NOTES_TABLE)}
        policy = parts_at(read(compared.folder / f"{name}.policy.json"), "Statement.[]")
        assert policy == [{"Effect": "Allow", "Action": [f"dynamodb:{operation}"], "Resource": NOTES_TABLE}]


def test_the_suggestion_is_the_role_s_policy_without_the_unused_action(compared: Ran) -> None:
    roles = {role["name"]: role for role in compared.report["roles"]}
    suggested = roles[notes.role_name("delete")]["suggested_policy"]
    allowed = {(a, s["Resource"]) for s in suggested["Statement"] for a in s["Action"]}
    granted = {(a, s["Resource"]) for s in notes.policy("delete")["Statement"] for a in s["Action"]}
    assert granted - allowed == {("dynamodb:GetItem", notes.TABLE)}
    assert allowed <= granted


def test_fail_on_unused_ends_with_exit_code_1(aws: MotoAws, xray: FakeXRay, tmp_path: Path) -> None:
    ran = scan(tmp_path, aws, xray, "-c", "-r", "60", "--fail-on", "unused")
    ran.ends_with(1, "1 finding matches `fail-on`")
    is_the_finding(ran)


def test_fail_on_a_verdict_that_nothing_has_ends_with_exit_code_0(
    aws: MotoAws, xray: FakeXRay, tmp_path: Path
) -> None:
    assert scan(tmp_path, aws, xray, "-c", "-r", "60", "--fail-on", "broad").code == 0


def left_by_an_earlier_run(folder: Path, ran: Ran) -> None:
    """The reports of a run that found something."""
    shutil.copytree(ran.folder, folder, dirs_exist_ok=True)
    assert (folder / "excessive_permissions.json").exists()


def test_a_clean_run_removes_the_excessive_permissions_of_an_earlier_one(
    aws: MotoAws, xray: FakeXRay, compared: Ran, tmp_path: Path
) -> None:
    left_by_an_earlier_run(tmp_path, compared)
    clean = scan(tmp_path, aws, xray, "-c", "-r", "60", "--workloads", "*-get")
    assert clean.code == 0
    assert clean.excess is None
    assert clean.findings()


def test_a_run_of_usage_alone_leaves_the_excessive_permissions_of_an_earlier_one(
    aws: MotoAws, xray: FakeXRay, compared: Ran, tmp_path: Path
) -> None:
    left_by_an_earlier_run(tmp_path, compared)
    plain = scan(tmp_path, aws, xray, "-r", "60", "--usage-only")
    assert plain.code == 0
    assert plain.excess
    assert plain.report["roles"] == []


def test_a_run_with_nothing_to_compare_leaves_the_earlier_verdict_alone(
    aws: MotoAws, compared: Ran, tmp_path: Path
) -> None:
    """Without its list of excess the folder would look as if all were well."""
    left_by_an_earlier_run(tmp_path, compared)
    with FakeXRay([]) as empty:
        ran = scan(tmp_path, aws, empty, "-c", "-r", "60")
    ran.ends_with(3, "no trace was found")
    assert ran.excess


def test_the_demo_from_files_finds_the_same_without_aws(compared: Ran, tmp_path: Path) -> None:
    demo = run(tmp_path, *FROM_FILES)
    assert demo.code == 0, demo.err
    is_the_finding(demo)
    assert the_id(demo) == the_id(compared)
    assert demo.report["scan"]["source"] == "files"


def test_two_processes_write_the_same_reports(tmp_path: Path) -> None:
    """Sets have another order in each: nothing that is written depends on it."""
    one, two = (
        run_process(tmp_path / seed, *FROM_FILES, env={"PYTHONHASHSEED": seed}) for seed in ("1", "2")
    )
    assert one.code == 0
    assert (two.code, two.out, two.err) == (one.code, one.out, one.err)
    assert written(two) == written(one)


def written(ran: Ran) -> dict[str, bytes]:
    """The files that a run wrote, by their names."""
    return {path.name: path.read_bytes() for path in ran.folder.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((*FROM_FILES, "--fail-on", "unused"), 1), (("--no-such-option",), 2), (("--profile", "nobody"), 3)],
    ids=["a finding", "wrong use", "no credentials"],
)
def test_the_process_ends_with_the_exit_code_of_the_command(
    tmp_path: Path, arguments: tuple[object, ...], code: int
) -> None:
    there, here = run_process(tmp_path / "there", *arguments), run(tmp_path / "here", *arguments)
    assert there.code == here.code == code
    assert (there.out, there.err) == (here.out, here.err)


def test_traces_from_before_the_deployment_confirm_nothing(
    aws: MotoAws, deployed: float, tmp_path: Path
) -> None:
    with FakeXRay([notes_trace(verb, deployed - 600) for verb in notes.OPERATIONS]) as old:
        ran = scan(tmp_path, aws, old, "-c", "-r", "60", "--fail-on", "unused")
    assert ran.code == 0, "an unconfirmed finding does not fail the gate"
    (finding,) = ran.findings("unused", "broad")
    assert finding["actions"] == ["dynamodb:GetItem"]
    assert "not-seen" in finding["reasons"]


def test_more_traces_can_be_asked_for(aws: MotoAws, xray: FakeXRay, tmp_path: Path) -> None:
    ran = scan(tmp_path, aws, xray, "-c", "-r", "60", "--min-traces", "2")
    (finding,) = ran.findings("unused", "broad")
    assert finding["reasons"] == ["too-few-traces"]


def test_standard_output_can_be_the_report_as_json(tmp_path: Path) -> None:
    ran = run(tmp_path, *FROM_FILES, "--format", "json")
    assert json.loads(ran.out) == ran.document


def test_markdown_goes_to_a_file_and_to_standard_output(tmp_path: Path) -> None:
    ran = run(tmp_path, *FROM_FILES, "--format", "markdown", "--markdown", "deep/down/report.md")
    assert (tmp_path / "deep/down/report.md").read_text(encoding="utf-8") == ran.out
    assert "Remove 1 permission from <code>notes-app-api-test-delete</code>" in ran.out
    assert f"<code>{DELETE}</code>" in ran.out


def test_a_function_that_shares_its_role_counts_for_all_findings_though_only_one_is_asked_for(
    tmp_path: Path,
) -> None:
    functions, iam = notes.functions(), notes.iam()
    shared = f"arn:aws:iam::{notes.ACCOUNT}:role/{notes.role_name('delete')}"
    for function in functions["Functions"]:
        if function["FunctionArn"] == notes.function_arn("get"):
            function["Role"] = shared
    ran = run(
        tmp_path,
        *("-c", "--traces", EXAMPLES / "traces", "--workloads", "*-delete"),
        *("--iam", write_json(tmp_path / "iam.json", iam)),
        *("--functions", write_json(tmp_path / "functions.json", functions)),
    )
    (role,) = ran.report["roles"]
    assert role["workloads"] == [notes.function_arn("delete"), notes.function_arn("get")]
    assert ran.excess is None, "the get function uses what the delete function does not"


def test_an_interrupted_scan_says_so_and_leaves_no_report(tmp_path: Path) -> None:
    traces = [notes_trace("get", time.time() - 60 - second, seed=second) for second in range(50)]
    with FakeXRay(traces, Script(delay=0.2)) as slow:
        process = subprocess.Popen(
            [sys.executable, "-m", "scanner"],
            cwd=tmp_path,
            env=environment({"AWS_ENDPOINT_URL_XRAY": slow.url}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            while not slow.requests:
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, out, err) == (130, b"", b"xray-privilege-scan: interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_the_version_and_the_help_need_no_aws_and_no_files(tmp_path: Path) -> None:
    version = run_process(tmp_path, "-V")
    assert version.code == 0
    assert version.out.strip()[0].isdigit()
    help_text = run(tmp_path, "-h").out
    for option in ("--start-time", "--time-range", "--compare", "--filter", "--trace-ids", "--fail-on"):
        assert option in help_text
    assert "exit codes" in help_text
    assert list(tmp_path.iterdir()) == []


def test_verbose_also_tells_what_was_seen_of_each_function(tmp_path: Path) -> None:
    quiet, verbose = run(tmp_path, *FROM_FILES), run(tmp_path, *FROM_FILES, "-v")
    line = f"  {DELETE}: 4 traces, 4 calls, "
    assert line not in quiet.out
    assert line in verbose.out


def test_the_examples_are_what_the_application_writes(tmp_path: Path) -> None:
    notes.write(tmp_path)
    written = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.json")}
    files = [*EXAMPLES.glob("*.json"), *(EXAMPLES / "traces").rglob("*.json")]
    bundled: dict[Path, bytes] = {path.relative_to(EXAMPLES): path.read_bytes() for path in files}
    assert written == bundled
