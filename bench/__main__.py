"""``make bench``: how fast and how small the program is, beside a bare boto3 loop with the same requests.

Each run is a process of its own and is measured as a whole, start of the interpreter included: wall time, CPU
time (user and system) and peak memory. The fake X-Ray runs beside it, started before and not counted; nothing
leaves the machine. Aims that were missed are marked; only a run that fails fails the bench.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.saved import SAVED_TRACES

# Neither boto3 nor the scanner is imported here: Linux counts the memory that a process held when it started
# another one among that one's peak.

ROOT = Path(__file__).resolve().parents[1]


class Run(NamedTuple):
    """One measured process."""

    wall: float
    cpu: float
    peak: float
    """megabytes"""
    output: str


class Row(NamedTuple):
    """One line of the table; ``missed`` says that the aim was not reached."""

    measure: str
    ours: str
    bare: str = ""
    ratio: str = ""
    aim: str = ""
    missed: bool = False


class FailedError(Exception):
    """A process that was to be measured failed."""


def measure(arguments: Sequence[str], environment: dict[str, str]) -> Run:
    """Run ``python ARGUMENTS`` and measure the whole process."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise FailedError(f"{' '.join(arguments)}: exit code {process.returncode}\n{text[-2000:]}")
    peak_unit = 1 if sys.platform == "darwin" else 1024
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * peak_unit / 1e6, text)


@contextmanager
def fake_xray(*arguments: str) -> Iterator[dict[str, str]]:
    """Start the fake X-Ray; yield the environment that points a child to it."""
    command = [sys.executable, "-m", "tests.fakes.xray", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as fake:
        assert fake.stdin and fake.stdout
        try:
            yield child_environment(fake.stdout.readline().strip())
        finally:
            fake.stdin.close()


def child_environment(url: str) -> dict[str, str]:
    """Return an environment in which every AWS service stands at ``url`` and no user's setting counts."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return own | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ENDPOINT_URL_XRAY": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }


def scan(environment: dict[str, str], expected: int) -> Run:
    """Measure the scanner, and make sure that it saw every trace."""
    with tempfile.TemporaryDirectory() as folder:
        run = measure(["-m", "scanner", "--usage-only", "-r", "720", "--output-dir", folder], environment)
        report = json.loads((Path(folder) / "report.json").read_text())
    if report["scan"]["traces"] != expected:
        raise FailedError(f"the scanner saw {report['scan']['traces']} of {expected} traces")
    return run


def bare(environment: dict[str, str], expected: int) -> Run:
    """Measure the bare loop, and make sure that it fetched every trace."""
    run = measure(["-m", "bench.bare", "-r", "720"], environment)
    if not run.output.startswith(f"{expected} traces"):
        raise FailedError(f"the bare loop saw {run.output.strip()} of {expected}")
    return run


def best(runs: Sequence[Run]) -> Run:
    """Return the run that was disturbed least: the one with the smallest wall time."""
    return min(runs, key=lambda run: run.wall)


def bench_scan(
    name: str,
    traces: int,
    delay: float,
    repeat: int,
    aims: dict[str, float],
    *,
    inferred: bool,
) -> Iterator[Row]:
    """Compare scanner and bare loop on one fake X-Ray, taking turns."""
    options = ["--traces", str(traces), "--delay", str(delay), *([] if inferred else ["--no-inferred"])]
    with fake_xray(*options) as environment:
        pairs = [(scan(environment, traces), bare(environment, traces)) for _ in range(repeat)]
    ours, theirs = best([pair[0] for pair in pairs]), best([pair[1] for pair in pairs])
    for measure_, unit, a, b in (
        ("wall", "s", ours.wall, theirs.wall),
        ("CPU", "s", ours.cpu, theirs.cpu),
        ("peak", "MB", ours.peak, theirs.peak),
    ):
        aim, value = aims.get(measure_), a
        text = f"< {aim:g} {unit}" if aim else ""
        if measure_ == "CPU" and aim:
            value, text = a / b, f"<= {aim:g} x"
        missed = bool(aim) and value > (aim or 0)
        digits = 2 if unit == "s" else 0
        yield Row(
            f"{name}: {measure_}",
            f"{a:.{digits}f} {unit}",
            f"{b:.{digits}f} {unit}",
            f"{a / b:.2f}",
            text,
            missed,
        )


def bench_compare() -> Iterator[Row]:
    """Measure the comparison of 1,000 roles, where ``bench.compare`` exists."""
    if importlib.util.find_spec("bench.compare") is None:
        yield Row("compare 1,000 roles", "no bench.compare", aim="< 5 s", missed=True)
        return
    run = measure(["-m", "bench.compare"], child_environment("http://127.0.0.1:9"))
    yield Row("compare 1,000 roles: wall", f"{run.wall:.2f} s", aim="< 5 s", missed=run.wall >= 5)
    yield Row("compare 1,000 roles: peak", f"{run.peak:.0f} MB")


def bench_account() -> Iterator[Row]:
    """Measure a whole run on 300 functions with CDK, SAM and AWS-managed policies, from files."""
    environment = child_environment("http://127.0.0.1:9")
    with tempfile.TemporaryDirectory() as folder:
        options = measure(["-m", "bench.account", folder], environment).output.splitlines()
        report = ["--output-dir", str(Path(folder) / "reports")]
        run = measure(["-m", "scanner", *options, *report], environment)
    name = "300 functions from files"
    yield Row(f"{name}: wall", f"{run.wall:.2f} s", aim="< 5 s", missed=run.wall >= 5)
    yield Row(f"{name}: peak", f"{run.peak:.0f} MB")


def bench_files() -> Iterator[Row]:
    """Measure 100,000 saved traces: in one file of each shape, and in 100 files."""
    environment = child_environment("http://127.0.0.1:9")
    with tempfile.TemporaryDirectory() as folder:
        names = measure(["-m", "bench.saved", folder], environment).output.split()
        for name in names:
            path, out = Path(folder) / name, Path(folder) / "reports"
            run = measure(
                ["-m", "scanner", "--usage-only", "--traces", str(path), "--output-dir", str(out)],
                environment,
            )
            report = json.loads((out / "report.json").read_text())
            if report["scan"]["traces"] != SAVED_TRACES:
                raise FailedError(f"the scanner saw {report['scan']['traces']} traces in {name}")
            yield Row(f"100,000 traces in {name}: CPU", f"{run.cpu:.2f} s")
            missed = run.peak >= 150
            yield Row(f"100,000 traces in {name}: peak", f"{run.peak:.0f} MB", aim="< 150 MB", missed=missed)


def bench_help() -> Iterator[Row]:
    """Measure ``--help``, best of five."""
    environment = child_environment("http://127.0.0.1:9")
    wall = min(measure(["-m", "scanner", "--help"], environment).wall for _ in range(5))
    yield Row("--help: wall, best of 5", f"{wall:.3f} s", aim="< 0.15 s", missed=wall >= 0.15)


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out in columns."""
    lines = [["measure", "ours", "bare loop", "ratio", "aim", ""]]
    lines += [[*row[:5], "MISSED" if row.missed else ""] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    laid_out = [
        "  ".join(
            text.ljust(width) if i in (0, 4, 5) else text.rjust(width) for i, (text, width) in pairs
        ).rstrip()
        for pairs in (enumerate(zip(line, widths, strict=True)) for line in lines)
    ]
    laid_out.insert(1, "  ".join("-" * width for width in widths[:5]))
    return "\n".join(laid_out)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all measurements and print one table; the exit code is 1 where something failed to run."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument(
        "--inferred", action="store_true", help="traces hold X-Ray's inferred copies of the calls too"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of the shorter scan, of which the best counts"
    )
    args = parser.parse_args(argv)

    suites: list[Callable[[], Iterator[Row]]] = [
        bench_help,
        lambda: bench_scan(
            "5,000 traces at 50 ms", 5_000, 0.05, args.repeat, {"wall": 2.2}, inferred=args.inferred
        ),
        lambda: bench_scan(
            "40,000 traces at 0 ms", 40_000, 0, 1, {"CPU": 1.5, "peak": 150}, inferred=args.inferred
        ),
        bench_compare,
        bench_account,
        bench_files,
    ]
    rows: list[Row] = []
    failures: list[str] = []
    for suite in suites:
        try:
            rows += suite()
        except (FailedError, OSError, ValueError, KeyError) as error:
            failures.append(f"{type(error).__name__}: {error}")
    print(table(rows))
    for failure in failures:
        print(f"\n{failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
