"""The watch as it is run: its process and its signals, what it reads anew, what it keeps."""

from __future__ import annotations

import gc
import io
import json
import signal
import subprocess
import sys
import time
import tracemalloc
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.error import URLError

import pytest

from scanner.commands import watch as command
from scanner.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE
from scanner.ledger import MemoryStore
from scanner.options.watch import WatchOptions, watch_options_of, watch_parser
from scanner.report.load import report_of
from scanner.report.view import view_of
from scanner.watch.loop import Watch
from scanner.watch.status import Board, Status, numbers_of
from tests.examples import thorough
from tests.fakes.moto_aws import ROOT
from tests.fakes.xray import FakeXRay, Script
from tests.integration.tools import LIMIT_SECONDS, environment, notes_trace, run_process
from tests.unit.watch.fakes import DAY, START, FakeClock, schedule

EXAMPLES = ROOT / "examples"
FILES = (
    *("--traces", str(EXAMPLES / "traces"), "--iam", str(EXAMPLES / "iam.json")),
    *("--functions", str(EXAMPLES / "functions.json")),
)


# --- a process -----------------------------------------------------------------------------------


@contextmanager
def watching(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    words = ["watch", "--listen", "127.0.0.1:0", *arguments]
    with subprocess.Popen(
        [sys.executable, "-m", "scanner", *words],
        cwd=folder,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str], text: str) -> str:
    """The next line of the log that holds a text."""
    assert process.stderr
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"the log ended without {text!r}")


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGTERM, EXIT_OK, "ended"),
        pytest.param(signal.SIGINT, EXIT_INTERRUPTED, "interrupted", marks=thorough),
    ],
)
def test_a_watch_serves_what_it_found_until_it_is_stopped(
    tmp_path: Path, number: int, code: int, word: str
) -> None:
    with watching(tmp_path, "--every", "10s", *FILES) as process:
        place = said(process, "listening on").split(" (")[0].split()[-1]
        said(process, "the next scan begins in 0 s")
        said(process, "the next scan begins in")
        with urllib.request.urlopen(f"{place}/metrics", timeout=10) as metrics:
            assert b'xray_privilege_scan_scans_total{outcome="success"} 1.0' in metrics.read()
        with urllib.request.urlopen(place, timeout=10) as page:
            assert page.read() == (tmp_path / "report.html").read_bytes()
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT_SECONDS)
    assert (process.returncode, err) == (code, f"xray-privilege-scan: {word}\n")
    with pytest.raises(URLError):
        urllib.request.urlopen(place, timeout=10)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, EXIT_OK), pytest.param(signal.SIGINT, EXIT_INTERRUPTED, marks=thorough)],
)
def test_a_scan_that_is_ended_publishes_nothing(tmp_path: Path, number: int, code: int) -> None:
    traces = [notes_trace("get", time.time() - 60 - second, seed=second) for second in range(50)]
    with (
        FakeXRay(traces, Script(delay=0.2)) as slow,
        watching(tmp_path, "--every", "10s", env={"AWS_ENDPOINT_URL_XRAY": slow.url}) as process,
    ):
        until = time.monotonic() + LIMIT_SECONDS
        while not slow.requests and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(number)
        process.communicate(timeout=LIMIT_SECONDS)
    assert process.returncode == code
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".json", ".html")]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--every", "1s"),
        ("--listen", "192.0.2.1:80", *FILES),
        pytest.param(("--iam", "not-there.json"), marks=thorough),
        ("--config", "not-there.yml"),
        pytest.param(("--fail-on", "nonsense"), marks=thorough),
        ("--no-such-option",),
    ],
)
def test_wrong_use_ends_at_once(tmp_path: Path, wrong: tuple[str, ...]) -> None:
    run_process(tmp_path, "watch", *wrong).ends_with(EXIT_USAGE)


def test_listening_beyond_this_machine_is_warned_of(tmp_path: Path) -> None:
    with watching(tmp_path, "--listen", "0.0.0.0:0", *FILES) as process:
        assert "there is no password" in said(process, "warning")


# --- one scan after the other --------------------------------------------------------------------


def options(*words: str) -> WatchOptions:
    return watch_options_of(watch_parser().parse_args(words), START)


class Nowhere(io.StringIO):
    """A log that nobody keeps."""

    def write(self, text: str) -> int:
        return len(text)


def watch_of(given: WatchOptions, clock: FakeClock, lines: list[str] | None = None) -> Watch:
    """The watch of a command line, on a clock of its own."""
    scan = partial(command._scan, given, MemoryStore(), command._End(), Nowhere(), Nowhere())
    say = (lines if lines is not None else []).append
    return Watch(scan, schedule(given.every), Board(Status(clock.now())), clock, say)


class Edits(FakeClock):
    """A clock; before each scan somebody does something."""

    def __init__(self, *edits: object) -> None:
        super().__init__()
        self._edits = list(edits)

    def wait(self, seconds: float) -> None:
        if not self._edits:
            raise KeyboardInterrupt
        super().wait(seconds)
        edit = self._edits.pop(0)
        if callable(edit):
            edit()


def test_configuration_and_baseline_are_read_anew_for_each_scan(tmp_path: Path) -> None:
    config, failing = tmp_path / "config.yml", []
    config.write_text("version: 1\n", encoding="utf-8")
    given = options(*FILES, "--config", str(config), "--output-dir", str(tmp_path / "out"))
    board: list[Board] = []

    def note() -> None:
        numbers = board[0].status.numbers
        assert numbers
        failing.append(numbers.failing)

    def fail_on() -> None:
        note()
        config.write_text("version: 1\nfail-on: [unused]\n", encoding="utf-8")

    def break_it() -> None:
        note()
        config.write_text("version: [", encoding="utf-8")

    lines: list[str] = []
    watching_ = watch_of(given, Edits(None, fail_on, break_it, note), lines)
    board.append(watching_.board)
    with pytest.raises(KeyboardInterrupt):
        watching_.run()
    assert failing == [0, 1, 1]
    assert watching_.board.status.scans == {"success": 2, "failure": 2}
    assert any("config.yml" in line for line in lines)


def test_credentials_are_looked_for_anew_for_each_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(keys))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    used: list[str] = []
    given = options("--usage-only", "--region", "us-east-1", "--output-dir", str(tmp_path / "out"))

    def rotate(key: str) -> None:
        keys.write_text(
            f"[default]\naws_access_key_id = {key}\naws_secret_access_key = x\n", encoding="utf-8"
        )

    with FakeXRay([]) as xray:
        monkeypatch.setenv("AWS_ENDPOINT_URL_XRAY", xray.url)
        monkeypatch.setattr(
            "botocore.auth.SigV4Auth.add_auth",
            lambda self, request: used.append(self.credentials.access_key),
        )
        watching_ = watch_of(given, Edits(partial(rotate, "AKIAONE"), partial(rotate, "AKIATWO")))
        with pytest.raises(KeyboardInterrupt):
            watching_.run()
    assert list(dict.fromkeys(used)) == ["AKIAONE", "AKIATWO"]


def test_what_is_counted_is_what_the_report_says(tmp_path: Path) -> None:
    given = options(*FILES, "--fail-on", "unused", "--output-dir", str(tmp_path))
    watching_ = watch_of(given, FakeClock(START + DAY / 2))
    with pytest.raises(KeyboardInterrupt):
        watching_.run()
    report = report_of(json.loads((tmp_path / "report.json").read_bytes()))
    numbers, totals = numbers_of(report), view_of(report).totals
    assert watching_.board.status.numbers == numbers
    by_verdict: dict[str, int] = {}
    for kind, count in numbers.findings.items():
        by_verdict[kind.verdict] = by_verdict.get(kind.verdict, 0) + count * kind.confirmed
    assert by_verdict == totals.by_verdict
    assert (numbers.failing, numbers.traces) == (1, 20)


@thorough
def test_memory_does_not_grow_from_scan_to_scan(tmp_path: Path) -> None:
    given = options(*FILES, "--every", "1h", "--output-dir", str(tmp_path))
    sizes: list[int] = []

    def measure() -> None:
        gc.collect()
        if not tracemalloc.is_tracing():
            tracemalloc.start()
        sizes.append(tracemalloc.get_traced_memory()[0])

    # tables are loaded and caches filled by the first scans
    watching_ = watch_of(given, Edits(*[None] * 10, measure, *[None] * 4, measure, *[None] * 15, measure))
    try:
        with pytest.raises(KeyboardInterrupt):
            watching_.run()
    finally:
        tracemalloc.stop()
    assert watching_.board.status.scans == {"success": 32, "failure": 0}
    # a report that stayed would be 200 kB for each scan
    assert sizes[2] - sizes[1] < 100_000, sizes
