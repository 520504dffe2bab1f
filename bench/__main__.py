"""``make bench``: how fast and how small the program is, beside bare loops with the same requests.

One loop asks by boto3, the other only signs and sends: ``bench.bare``.

Each run is a process of its own and is measured as a whole, start of the interpreter included: wall time, CPU
time (user and system) and peak memory. The fake X-Ray runs beside it, started before and not counted; nothing
leaves the machine. The program is compiled before, as an installed one is and as the loops' libraries are:
where Python may not write bytecode, each start would compile it anew. Aims that were missed are marked; only
a run that fails fails the bench.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
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
from bench.spans import SPANS, SPANS_OF_TRACE

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
    boto3: str = ""
    signed: str = ""
    ratios: str = ""
    """ours to each of the two loops"""
    aim: str = ""
    missed: bool = False


class Aim(NamedTuple):
    """The most that a measure may be: itself, and as a multiple of what each of the two loops has."""

    value: float = math.inf
    of_boto3: float = math.inf
    of_signed: float = math.inf

    def row(self, name: str, unit: str, ours: float, boto3: float, signed: float) -> Row:
        """The line of a measure."""
        digits = 2 if unit == "s" else 0
        limits = (
            (self.value, ours, f"< {self.value:g} {unit}"),
            (self.of_boto3, ours / boto3, f"< {self.of_boto3:g} x boto3"),
            (self.of_signed, ours / signed, f"<= {self.of_signed:g} x signed"),
        )
        return Row(
            name,
            f"{ours:.{digits}f} {unit}",
            f"{boto3:.{digits}f} {unit}",
            f"{signed:.{digits}f} {unit}",
            ratios=f"{ours / boto3:.2f} {ours / signed:.2f}",
            aim=", ".join(text for limit, _, text in limits if limit != math.inf),
            missed=any(value > limit for limit, value, _ in limits),
        )


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
def fake_aws(module: str, *arguments: str) -> Iterator[dict[str, str]]:
    """Start a fake of a service of AWS; yield the environment that points a child to it."""
    command = [sys.executable, "-m", module, *arguments]
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


def bare(environment: dict[str, str], expected: int, *options: str) -> Run:
    """Measure a bare loop, and make sure that it fetched every trace."""
    run = measure(["-m", "bench.bare", "-r", "720", *options], environment)
    if not run.output.startswith(f"{expected} traces"):
        raise FailedError(f"the bare loop saw {run.output.strip()} of {expected}")
    return run


def best(runs: Sequence[Run]) -> Run:
    """Return the run that was disturbed least: the one with the smallest wall time."""
    return min(runs, key=lambda run: run.wall)


def bench_scan(
    name: str, traces: int, delay: float, repeat: int, aims: dict[str, Aim], *, inferred: bool
) -> Iterator[Row]:
    """Compare scanner and bare loops on one fake X-Ray, taking turns."""
    options = ["--traces", str(traces), "--delay", str(delay), *([] if inferred else ["--no-inferred"])]
    rounds: list[tuple[Run, Run, Run]] = []
    with fake_aws("tests.fakes.xray", *options) as environment:
        for _ in range(repeat):
            ours = scan(environment, traces)
            rounds.append((ours, bare(environment, traces), bare(environment, traces, "--signed")))
    runs = [best(of_one) for of_one in zip(*rounds, strict=True)]
    for measured, unit, values in (
        ("wall", "s", [run.wall for run in runs]),
        ("CPU", "s", [run.cpu for run in runs]),
        ("peak", "MB", [run.peak for run in runs]),
    ):
        yield aims.get(measured, Aim()).row(f"{name}: {measured}", unit, *values)


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


def bench_span_files() -> Iterator[Row]:
    """Measure 1,000,000 different spans from one file of OTLP, plain and with gzip."""
    environment = child_environment("http://127.0.0.1:9")
    with tempfile.TemporaryDirectory() as folder:
        names = measure(["-m", "bench.spans", folder], environment).output.split()
        for name in names:
            path, out = Path(folder) / name, Path(folder) / "reports"
            options = ["--usage-only", "--traces", str(path), "--output-dir", str(out)]
            run = measure(["-m", "scanner", *options], environment)
            traces = json.loads((out / "report.json").read_text())["scan"]["traces"]
            if traces != SPANS // SPANS_OF_TRACE:
                raise FailedError(f"the scanner saw {traces} traces in {name}")
            speed, missed = SPANS / run.wall, run.peak >= 150
            name = f"1,000,000 spans in {name}"
            yield Row(f"{name}: a second", f"{speed:,.0f}", aim="> 60,000", missed=speed < 60_000)
            yield Row(f"{name}: CPU", f"{run.cpu:.2f} s")
            yield Row(f"{name}: peak", f"{run.peak:.0f} MB", aim="< 150 MB", missed=missed)


def bench_spans() -> Iterator[Row]:
    """Measure a day of Transaction Search: 10,000,000 spans behind 3,000 distinct rows.

    The second run counts: for the first one the fake makes the rows.
    """
    name = "10,000,000 spans behind 3,000 rows"
    with fake_aws("tests.fakes.logs_insights") as environment, tempfile.TemporaryDirectory() as folder:
        options = ["--usage-only", "-r", "1440", "--output-dir", folder]
        _, run = (measure(["-m", "scanner", *options], environment) for _ in range(2))
        scanned = json.loads((Path(folder) / "report.json").read_text())["scan"]
    if scanned["source"] != "spans" or not 8_000_000 < scanned["calls"] <= 10_000_000:
        raise FailedError(f"the scanner saw {scanned['calls']} calls in {scanned['source']}")
    yield Row(f"{name}: wall", f"{run.wall:.2f} s", aim="< 3 s", missed=run.wall >= 3)
    yield Row(f"{name}: CPU", f"{run.cpu:.2f} s")
    yield Row(f"{name}: peak", f"{run.peak:.0f} MB")


def bench_start() -> Iterator[Row]:
    """Measure how soon something shows, best of five: ``--help``, and the first line of the action."""
    environment = child_environment("http://127.0.0.1:9")
    help_ = min(measure(["-m", "scanner", "--help"], environment).wall for _ in range(5))
    yield Row("--help: wall, best of 5", f"{help_:.3f} s", aim="< 0.1 s", missed=help_ >= 0.1)
    line = min(first_line(["-u", "entrypoint.py"], environment) for _ in range(5))
    yield Row("first line of the action, best of 5", f"{line:.3f} s", aim="< 0.5 s", missed=line >= 0.5)


def first_line(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Seconds until ``python ARGUMENTS`` has written a line."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        process.stdout.readline()
        seconds = time.perf_counter() - began
        process.kill()  # what follows is no matter of this measure
        return seconds


def table(rows: Sequence[Row]) -> str:
    """Lay the rows out in columns."""
    lines = [["measure", "ours", "boto3 loop", "signed loop", "ratios", "aim", ""]]
    lines += [[*row[:6], "MISSED" if row.missed else ""] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    laid_out = [
        "  ".join(
            text.ljust(width) if i in (0, 5, 6) else text.rjust(width) for i, (text, width) in pairs
        ).rstrip()
        for pairs in (enumerate(zip(line, widths, strict=True)) for line in lines)
    ]
    laid_out.insert(1, "  ".join("-" * width for width in widths[:6]))
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
        bench_start,
        lambda: bench_scan(
            "5,000 traces at 50 ms",
            5_000,
            0.05,
            args.repeat,
            {"wall": Aim(of_boto3=1.0, of_signed=1.3)},
            inferred=args.inferred,
        ),
        lambda: bench_scan(
            "40,000 traces at 0 ms",
            40_000,
            0,
            1,
            {"CPU": Aim(of_boto3=1.0), "peak": Aim(100)},
            inferred=args.inferred,
        ),
        bench_compare,
        bench_account,
        bench_files,
        bench_span_files,
        bench_spans,
    ]
    measure(["-m", "compileall", "-q", "scanner", "bench"], dict(os.environ))
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
