"""The files that a scan writes: whole or not at all, never through a link, one run at a time."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scanner.gate.baseline import Baseline
from scanner.gate.load_baseline import dump_baseline
from scanner.output import folder as output_folder
from scanner.output import lock as output_lock
from scanner.output.destination import Destination
from scanner.output.lock import LOCK, locked
from tests.fakes.moto_aws import ROOT
from tests.integration.tools import Ran, environment, recent_notes_traces, run, write_json

EXAMPLES = ROOT / "examples"
ROLES = ("--iam", EXAMPLES / "iam.json", "--functions", EXAMPLES / "functions.json")
SCAN = ("-c", "--traces", EXAMPLES / "traces", *ROLES)
START = 1_795_428_130.0
REPORTS = ("report.json", "excessive_permissions.json", "report.html", "notes-app-api-test-get.policy.json")


def scan(folder: Path, *more: object) -> Ran:
    """The walk-through, whose one finding is reported; the current folder is `folder`."""
    return run(folder, *SCAN, *more)


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def is_whole(folder: Path) -> None:
    """Every report is there, and no file of the program's own is left."""
    report = json.loads((folder / "report.json").read_bytes())
    policies = {path.name for path in folder.glob("*.policy.json")}
    assert set(report["policy_files"]) == policies
    assert not list(folder.glob(".xray*"))


# --- links ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("target", ["precious", ".git/config", "not-there", "loop"])
def test_a_report_that_is_a_link_is_replaced_and_its_target_left_alone(
    tmp_path: Path, name: str, target: str
) -> None:
    folder, outside = tmp_path / "out", tmp_path / target
    folder.mkdir()
    if target == "loop":
        outside = folder / name
    elif target != "not-there":
        outside.parent.mkdir(exist_ok=True)
        outside.write_text("precious")
    (folder / name).symlink_to(outside)
    ran = scan(folder)
    assert ran.code == 0, ran.err
    assert not (folder / name).is_symlink()
    if target == "not-there":
        assert not outside.exists()
    elif target != "loop":
        assert outside.read_text() == "precious"
    is_whole(folder)


def test_a_second_name_of_a_report_keeps_the_earlier_one(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "archived.json").write_text("earlier")
    (folder / "report.json").hardlink_to(tmp_path / "archived.json")
    assert scan(folder).code == 0
    assert (tmp_path / "archived.json").read_text() == "earlier"


@pytest.mark.parametrize("target", ["elsewhere", "yet/to/be/made"])
def test_an_output_folder_that_is_a_link_is_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / target)
    assert scan(tmp_path, "--output-dir", "link").code == 0
    assert (tmp_path / "link").is_symlink()
    is_whole(tmp_path / target)


@pytest.mark.parametrize("options", [("--markdown", "file"), ("--baseline", "file", "--update-baseline")])
@pytest.mark.parametrize("target", ["precious", "not-there"])
def test_a_named_file_that_is_a_link_is_refused_before_the_scan(
    tmp_path: Path, options: tuple[str, ...], target: str
) -> None:
    (tmp_path / "precious").write_text(dump_baseline(Baseline()))
    (tmp_path / "file").symlink_to(tmp_path / target)
    before = content_of(tmp_path)
    ran = run(tmp_path, "-c", "--traces", "not-there", *options)
    ran.ends_with(2, options[0], "is a link, to")
    assert content_of(tmp_path) == before
    assert (tmp_path / "file").is_symlink()


@pytest.mark.parametrize(
    "options",
    [
        ("--csv", "out/report.json"),
        ("--markdown", "link/report.html"),
        ("--html", "out/app.policy.json"),
        ("--sarif", "x", "--csv", "./x"),
        ("--csv", "b.json", "--baseline", "b.json", "--update-baseline"),
        ("--csv", "b.json", "--baseline", "b.json"),
        ("--csv", "in.json", "--functions", "in.json"),
        ("--csv", "in.json", "--traces", "in.json"),
        ("--csv", ".git/hooks/pre-commit"),
        ("--baseline", "hooks/b.json", "--update-baseline"),
    ],
)
def test_no_file_is_written_twice_or_over_what_is_read(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / "link").symlink_to("out")
    (tmp_path / "hooks").symlink_to(".git/hooks")
    write_json(tmp_path / "in.json", {"Functions": []})
    (tmp_path / "b.json").write_text(dump_baseline(Baseline()))
    before = content_of(tmp_path)
    scan(tmp_path, "--output-dir", "out", *options).ends_with(2, options[0], "name another")
    assert content_of(tmp_path) == before
    assert not any(
        path.is_file() for path in (*(tmp_path / "out").rglob("*"), *(tmp_path / ".git").rglob("*"))
    )


def test_the_page_may_be_named_as_the_report_of_the_folder(tmp_path: Path) -> None:
    assert scan(tmp_path, "--html", "report.html").code == 0
    is_whole(tmp_path)


# --- Git's and GitHub's own folders -----------------------------------------------------------------


@pytest.mark.parametrize("folder", [".git", ".git/hooks", ".github", ".GitHub/workflows/x", ".GIT", "link/x"])
def test_the_folders_of_git_and_github_are_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / ".github").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / ".github")
    ran = scan(tmp_path, "--output-dir", folder)
    ran.ends_with(2, "--output-dir", ".git", "name another folder")
    assert not list(tmp_path.rglob("*.json"))


def test_a_folder_that_github_s_own_folder_links_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "workflows-of-all").mkdir()
    (tmp_path / ".github").symlink_to("workflows-of-all")
    scan(tmp_path, "--output-dir", "workflows-of-all/x").ends_with(2, ".github")


def test_the_current_folder_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    scan(tmp_path / ".github" / "workflows").ends_with(2, "--output-dir", ".github")


def test_a_repository_that_lies_in_a_folder_named_github_may_be_written_to(tmp_path: Path) -> None:
    repository = tmp_path / ".github" / ".github"
    (repository / ".git").mkdir(parents=True)
    assert scan(repository).code == 0
    scan(repository, "--output-dir", ".github/x").ends_with(2, ".github")


# --- all or nothing ---------------------------------------------------------------------------------


@contextmanager
def a_full_disk(room: int) -> Iterator[None]:
    """No file grows beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 100, 1_500, 4_000])
def test_a_disk_that_is_full_leaves_the_earlier_reports_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr(output_folder, "PROBE_BYTES", 0)
    scan(tmp_path)
    before = content_of(tmp_path)
    with a_full_disk(room):
        ran = scan(tmp_path, "--workloads", "*-delete")
    ran.ends_with(2, "--output-dir", "File too large", "Earlier files are as they were", "make room")
    assert content_of(tmp_path) == before


def test_a_disk_that_is_full_leaves_a_named_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(tmp_path / "out", "--markdown", tmp_path / "summary.md")
    before = (tmp_path / "summary.md").read_bytes()
    monkeypatch.setattr("scanner.report.markdown.markdown", lambda *_: "x" * 200_000)
    with a_full_disk(150_000):
        ran = scan(tmp_path / "out", "--markdown", tmp_path / "summary.md")
    ran.ends_with(2, "--markdown", "File too large")
    assert (tmp_path / "summary.md").read_bytes() == before


def test_a_disk_without_room_is_told_before_the_scan(tmp_path: Path) -> None:
    with a_full_disk(1_000):
        ran = run(tmp_path, "--traces", "not-there")
    ran.ends_with(2, "--output-dir", "File too large")


@pytest.mark.parametrize(
    "options",
    [("--output-dir", "file"), ("--output-dir", "/proc"), ("--markdown", "file/x"), ("--markdown", ".")],
)
def test_where_nothing_can_be_written_is_told_before_the_scan(
    tmp_path: Path, options: tuple[str, str]
) -> None:
    (tmp_path / "file").write_text("hello")
    run(tmp_path, "--traces", "not-there", *options).ends_with(2, options[0], options[1].split("/x")[0])
    assert (tmp_path / "file").read_text() == "hello"


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_that_is_a_folder_or_a_pipe_is_told_and_left_alone(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    before = set(tmp_path.iterdir())
    scan(tmp_path).ends_with(2, "--output-dir", name)
    assert stat.S_ISFIFO((tmp_path / name).stat().st_mode)
    assert set(tmp_path.iterdir()) == before
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    scan(tmp_path).ends_with(2, "--output-dir", name)
    assert set(tmp_path.iterdir()) == before


# --- what an earlier scan left ------------------------------------------------------------------------


def test_a_scan_that_could_read_nothing_leaves_earlier_reports_alone(tmp_path: Path) -> None:
    scan(tmp_path, "--markdown", "report.md")
    before = content_of(tmp_path)
    assert "excessive_permissions.json" in before
    (tmp_path / "nothing").mkdir()
    ran = run(tmp_path, "-c", "--traces", "nothing", *ROLES, "--markdown", "report.md")
    ran.ends_with(3, "no trace was found")
    assert "earlier scan" in ran.err
    assert content_of(tmp_path) == before


def test_a_scan_that_finds_no_excess_removes_the_earlier_list_of_it(tmp_path: Path) -> None:
    scan(tmp_path)
    ran = scan(tmp_path, "--workloads", "*-get")
    assert ran.excess is None
    is_whole(tmp_path)


def test_policies_of_workloads_that_are_seen_no_more_are_removed_and_no_others(tmp_path: Path) -> None:
    scan(tmp_path)
    (tmp_path / "my-own.policy.json").write_text("{}")
    traces = write_json(tmp_path / "in" / "traces.json", recent_notes_traces(START)[:1])
    ran = run(tmp_path, "--traces", traces)
    (name,) = ran.report["policy_files"]
    assert {path.name for path in tmp_path.glob("*.policy.json")} == {name, "my-own.policy.json"}


@pytest.mark.parametrize(
    "earlier",
    [
        {"policy_files": ["../precious.policy.json", "/etc/passwd", "sub/x.policy.json", "precious", ".git"]},
        {"policy_files": ["x\0.policy.json", "a" * 300 + ".policy.json", "\ud800.policy.json"]},
        {"policy_files": "precious.policy.json"},
        {"policy_files": [None, 5]},
        [],
        None,
    ],
)
def test_an_earlier_report_of_somebody_else_removes_nothing(tmp_path: Path, earlier: object) -> None:
    for name in ("precious.policy.json", "out/precious", "out/sub/x.policy.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("precious")
    write_json(tmp_path / "out" / "report.json", earlier)
    assert scan(tmp_path / "out").code == 0
    for name in ("precious.policy.json", "out/precious", "out/sub/x.policy.json"):
        assert (tmp_path / name).read_text() == "precious"


def test_an_earlier_report_that_is_nested_without_end_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"policy_files": ' + "[" * 200_000)
    assert scan(tmp_path).code == 0
    is_whole(tmp_path)


# --- one run at a time --------------------------------------------------------------------------------


@contextmanager
def another_run(folder: Path) -> Iterator[int]:
    """Another run that writes into a folder."""
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def test_a_run_that_waits_too_long_for_another_ends_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_lock, "LONGEST_WAIT", 0.3)
    with another_run(tmp_path):
        ran = scan(tmp_path)
    ran.ends_with(3, "another run has been writing", "folder of its own")
    assert "waiting for it" in ran.err
    assert set(tmp_path.iterdir()) == {tmp_path / LOCK}


def test_a_run_waits_for_another_to_end(tmp_path: Path) -> None:
    with another_run(tmp_path) as lock:
        end = threading.Timer(1.5, fcntl.flock, (lock, fcntl.LOCK_UN))
        end.start()
        ran = scan(tmp_path)
        end.join()
    assert ran.code == 0, ran.err
    assert ran.err.count("waiting for it") == 1
    is_whole(tmp_path)


def test_the_lock_of_a_run_that_died_holds_up_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("")
    ran = scan(tmp_path)
    assert (ran.code, ran.err) == (0, "")
    is_whole(tmp_path)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / LOCK).symlink_to(tmp_path / "made")
    scan(folder).ends_with(2, "--output-dir", LOCK)
    assert not (tmp_path / "made").exists()


def test_runs_side_by_side_never_mix_their_reports(tmp_path: Path) -> None:
    traces = recent_notes_traces(START)
    commands = []
    for number, trace in enumerate(traces[:3]):
        saved = write_json(tmp_path / "in" / f"{number}.json", [trace])
        commands.append([sys.executable, "-m", "scanner", "--traces", str(saved)])
    folder = tmp_path / "out"
    folder.mkdir()
    runs = [
        subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for command in commands
    ]
    for each in runs:
        _, err = each.communicate(timeout=60)
        assert each.returncode == 0, err
    is_whole(folder)
    assert len(list(folder.glob("*.policy.json"))) == 1


NAMED = ("--csv", "out/f.csv", "--html", "f.html", "--markdown", "a/f.md", "--sarif", "b/f.sarif")


def test_all_files_of_a_run_are_put_in_place_while_no_other_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("out", "", "a", "b")]
    placed: list[str] = []
    replace = os.replace

    def watched(source: str, target: str, **how: int) -> None:
        assert [folder for folder in folders if not (folder / LOCK).exists()] == [], target
        placed.append(target)
        replace(source, target, **how)

    monkeypatch.setattr(os, "replace", watched)
    assert scan(tmp_path, "--output-dir", "out", *NAMED).code == 0
    assert {"report.json", "f.csv", "f.html", "f.md", "f.sarif"} <= set(placed)
    assert not list(tmp_path.rglob(".xray*"))


def test_two_runs_that_name_each_other_s_folders_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_lock, "LONGEST_WAIT", 3.0)
    places = [Destination(tmp_path / name, "--output-dir", print) for name in "abc"]
    ends = []

    def locking(order: list[Destination]) -> None:
        for _ in range(20):
            with output_lock.all_locked(order):
                pass
        ends.append(order)

    runs = [threading.Thread(target=locking, args=(order,)) for order in (places, places[::-1])]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join(60)
    assert len(ends) == 2


def test_a_file_that_is_not_whole_is_removed_by_the_next_run(tmp_path: Path) -> None:
    """A run that was killed leaves it; what only looks like it, and what a link leads to, stays."""
    left, kept = ".xray-privilege-scan-0123456789abcdef.tmp", [".xray-privilege-scan-0123.tmp", "precious"]
    for name in (left, *kept):
        (tmp_path / name).write_text("half")
    link = tmp_path / ".xray-privilege-scan-fedcba9876543210.tmp"
    link.symlink_to(tmp_path / "precious")
    folder = tmp_path / ".xray-privilege-scan-0000000000000000.tmp"
    folder.mkdir()
    assert scan(tmp_path).code == 0
    assert not (tmp_path / left).exists()
    assert [(tmp_path / name).read_text() for name in kept] == ["half", "half"]
    assert link.is_symlink() and folder.is_dir()


def test_where_the_file_system_knows_no_locks_another_run_s_files_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unknown)
    left = tmp_path / ".xray-privilege-scan-0123456789abcdef.tmp"
    left.write_text("half")
    assert scan(tmp_path).code == 0
    assert left.exists()


# --- rights and streams -------------------------------------------------------------------------------


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_new_files_have_the_rights_that_the_user_s_mask_leaves(tmp_path: Path) -> None:
    with umask(0o027):
        scan(tmp_path / "out", "--markdown", "report.md", "--baseline", "b.yml", "--update-baseline")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()}
    assert modes == {0o640}


def test_a_file_that_is_written_anew_keeps_its_rights_and_its_owner(tmp_path: Path) -> None:
    scan(tmp_path)
    (tmp_path / "report.json").chmod(0o600)
    owner = os.geteuid()
    if owner == 0:
        owner = 12345
        os.chown(tmp_path / "report.json", owner, owner)
    scan(tmp_path)
    status = (tmp_path / "report.json").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o600, owner)


def test_the_files_of_many_workloads_are_written_in_a_moment(tmp_path: Path) -> None:
    names = [f"f{number}.policy.json" for number in range(500)]
    started = time.monotonic()
    with locked(Destination(tmp_path, "--output-dir", print)) as folder:
        folder.write(dict.fromkeys(names, b"x" * 800))
    assert time.monotonic() - started < 30
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_markdown_goes_into_pipes_and_devices(tmp_path: Path) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as out:
        ran = scan(tmp_path, "--markdown", f"/dev/fd/{write}", "--markdown", f"/dev/fd/{write}")
        os.close(write)
        assert "Remove 1 permission" in out.read().decode()
    assert ran.code == 0, ran.err
    assert scan(tmp_path, "--markdown", "/dev/null").code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=(tmp_path / "pipe").read_bytes)
    reader.start()
    assert scan(tmp_path, "--markdown", "pipe").code == 0
    reader.join(10)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_two_updates_of_a_baseline_side_by_side_keep_what_each_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline, other = tmp_path / "baseline.yml", tmp_path / "other.yml"
    scan(tmp_path / "out", "--baseline", other, "--update-baseline")

    def hold(*_: object) -> bool:  # meanwhile another run has written it
        baseline.write_bytes(other.read_bytes())
        return True

    monkeypatch.setattr(output_lock, "_hold", hold)
    options = ("--baseline", baseline, "--update-baseline", "--workloads", "*-get")
    assert scan(tmp_path / "out", *options).code == 0
    assert "dynamodb:GetItem" in baseline.read_text()


# --- the end of a run ---------------------------------------------------------------------------------


def test_the_end_of_a_run_names_the_files_to_open(tmp_path: Path) -> None:
    ran = scan(tmp_path, "--output-dir", "out", "--markdown", "summary.md")
    assert ran.out.split("Written:\n")[1].split() == [
        "out/report.json",
        "out/excessive_permissions.json",
        "out/report.html",
        *("out/*.policy.json", "(5", "files)"),
        "summary.md",
    ]


@pytest.mark.parametrize("format_", ["json", "markdown"])
def test_what_a_program_reads_names_no_files(tmp_path: Path, format_: str) -> None:
    ran = scan(tmp_path, "--format", format_)
    assert "Written:" not in ran.out + ran.err
