"""The options of the command line and what they ask for. The action's inputs become the same options."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scanner import __version__
from scanner.errors import EXIT_USAGE, ScanError

if TYPE_CHECKING:
    from scanner.gate.baseline import Baseline
    from scanner.gate.config import TeamConfig
    from scanner.gate.decide import GatePolicy
    from scanner.request import ScanRequest

T = TypeVar("T")

# X-Ray keeps traces for 30 days: docs.aws.amazon.com/xray/latest/devguide/aws-xray.html
KEPT_SECONDS = 30 * 86400
_TRACE_IDS_WAIT = 60.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_UNITS = {"": 60, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TRACE_ID = re.compile(r"\b1-([0-9a-f]{8})-([0-9a-f]{24})\b")
_ROOT = re.compile(r"\broot=1-([0-9a-f]{8})-([0-9a-f]{24})\b")  # a load balancer puts Self= before it
_W3C_TRACE_ID = re.compile(r"\b([0-9a-f]{8})([0-9a-f]{24})\b")
VERDICTS = ("unused", "broad", "unobservable", "ineffective")
NEVER = "never"
# evidence.beside.SOURCES, which is not imported for --help alone
SOURCES = ("last-accessed", "cloudtrail", "invocations")
CONFIG = Path(".github/least-privilege.yml")

EPILOG = """\
exit codes:
  0  done
  1  the gate failed: a confirmed finding of a verdict named by --fail-on or the configuration
  2  wrong use
  3  no trace, or with -c no role, could be read at all (credentials and rights included)

examples:
  xray-privilege-scan -c -r 720
  xray-privilege-scan -c -r 30 -f 'service(id(name: "my-function"))' --fail-on unused
  xray-privilege-scan -c --traces traces/ --iam iam.json --functions functions.json
  xray-privilege-scan explain 0a1b2c3d4e5f         the whole story of a finding of report.json
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        prog="xray-privilege-scan",
        description="Find AWS permissions that a workload's role grants but the workload never uses, "
        "from its X-Ray traces.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("-V", "--version", action="version", version=__version__)
    add("-v", "--verbose", action="store_true", help="also show what was seen of each workload")
    add("-c", "--compare", action="store_true", help="compare with the roles and report what is excessive")
    traces = made.add_argument_group("which traces")
    add = traces.add_argument
    add("-s", "--start-time", metavar="TIME", help="Unix seconds or ISO 8601 (default: now less the range)")
    add("-r", "--time-range", metavar="RANGE", help="minutes, or 90s, 12h, 7d (default: 60)")
    add("-f", "--filter", metavar="EXPRESSION", help="X-Ray filter expression")
    add(
        "--traces",
        nargs="+",
        action="extend",
        type=Path,
        metavar="PATH",
        help="saved traces or folders of them",
    )
    add(
        "--trace-ids",
        type=Path,
        metavar="FILE",
        help="exactly these traces, an id a line; waits until complete",
    )
    add("--wait", type=_seconds, metavar="SECONDS", help="wait for new traces, at most so long")
    aws = made.add_argument_group("AWS")
    add = aws.add_argument
    add(
        "--region",
        nargs="+",
        action="extend",
        metavar="REGION",
        help="AWS regions; functions of all of them count as users of a role (default: as configured)",
    )
    add("--profile", help="AWS profile (default: as configured)")
    add("--iam", type=Path, metavar="FILE", help="what `aws iam get-account-authorization-details` prints")
    add("--functions", type=Path, metavar="FILE", help="what `aws lambda list-functions` prints")
    add(
        "--evidence",
        nargs="+",
        action="extend",
        choices=SOURCES,
        metavar="SOURCE",
        help=f"also ask what AWS recorded beside the traces: {', '.join(SOURCES)}",
    )
    judging = made.add_argument_group("findings")
    add = judging.add_argument
    add("--workloads", nargs="+", action="extend", metavar="GLOB", help="report on these only (name or ARN)")
    add("--stack", nargs="+", action="extend", metavar="NAME", help="and on the functions of these stacks")
    add("--min-traces", type=_positive, metavar="N", help="traces that confirm (default: 1)")
    add(
        "--assume-instrumented",
        action=argparse.BooleanOptionalAction,
        help="every AWS client of every workload is traced",
    )
    add(
        "--fail-on",
        nargs="+",
        action="extend",
        choices=(*VERDICTS, NEVER),
        metavar="VERDICT",
        help=f"exit with 1 on confirmed findings of these: {', '.join(VERDICTS)}; or {NEVER}",
    )
    accepted = made.add_argument_group("what the team accepts")
    add = accepted.add_argument
    add("--config", type=Path, metavar="FILE", help=f"configuration (default: {CONFIG}, if it is there)")
    add("--baseline", type=Path, metavar="FILE", help="findings that are known: only new ones fail")
    add("--update-baseline", action="store_true", help="write the findings of now into --baseline")
    output = made.add_argument_group("output")
    add = output.add_argument
    add("--output-dir", type=Path, default=Path(), metavar="DIR", help="where the reports go (default: here)")
    add(
        "--format",
        choices=("text", "json", "markdown"),
        default="text",
        help="what is printed (default: text)",
    )
    add("--markdown", type=Path, metavar="FILE", help="write the report as Markdown")
    return made


def explain_parser() -> argparse.ArgumentParser:
    """The parser of `xray-privilege-scan explain`."""
    made = argparse.ArgumentParser(
        prog="xray-privilege-scan explain",
        description="Tell the whole story of a finding: its statement, the calls compared with it, traces to "
        "look at, and what would remove each doubt.",
    )
    made.add_argument("id", metavar="FINDING-ID", help="the `id` of a finding in report.json, or its start")
    made.add_argument(
        "--report",
        type=Path,
        default=Path("report.json"),
        metavar="FILE",
        help="the report (default: ./report.json)",
    )
    made.add_argument("-v", "--verbose", action="store_true", help="show where this program fails")
    return made


def request_of(
    arguments: argparse.Namespace,
    now: float,
    config: TeamConfig | None = None,
    baseline: Baseline | None = None,
) -> ScanRequest:
    """The request that the arguments make, with the team's configuration. Raises ScanError on wrong use."""
    from scanner.gate.config import TeamConfig
    from scanner.model import EXCESS
    from scanner.request import ScanRequest
    from scanner.usage.evidence import EvidenceRequirements

    config = config or TeamConfig()
    gate = gate_of(arguments, config)
    if arguments.fail_on and not arguments.compare:
        raise _usage("--fail-on judges findings, which only -c makes: add -c")
    if (arguments.iam or arguments.functions) and not arguments.compare:
        raise _usage("--iam and --functions are compared with the traces: add -c")
    if arguments.traces and (
        arguments.trace_ids or arguments.filter or arguments.wait or arguments.start_time
    ):
        raise _usage(
            "--traces reads saved traces: --trace-ids, --filter, --wait and --start-time do not apply"
        )
    if arguments.update_baseline and not (arguments.baseline and arguments.compare):
        raise _usage("--update-baseline writes what -c finds into --baseline: name that file, and add -c")
    if arguments.trace_ids and len(arguments.region or ()) > 1:
        raise _usage("--trace-ids names traces of one region: give one --region")
    if arguments.trace_ids and (arguments.filter or arguments.start_time or arguments.time_range):
        raise _usage("--trace-ids names the traces: --filter, --start-time and --time-range do not apply")
    start, end = (0.0, 0.0) if arguments.traces else window(arguments.start_time, arguments.time_range, now)
    ids = _trace_ids(arguments.trace_ids) if arguments.trace_ids else ()
    wait = arguments.wait if arguments.wait is not None else _TRACE_IDS_WAIT if ids else 0.0
    return ScanRequest(
        start=start,
        end=end,
        now=now,
        filter=arguments.filter,
        compare=arguments.compare,
        traces=tuple(arguments.traces or ()),
        trace_ids=ids,
        iam=json_file(arguments.iam, "--iam"),
        functions=json_file(arguments.functions, "--functions"),
        wait=wait,
        workloads=tuple(arguments.workloads or ()),
        stacks=tuple(arguments.stack or ()),
        regions=tuple(dict.fromkeys(arguments.region or ())),
        evidence=frozenset(arguments.evidence or ()),
        requirements=EvidenceRequirements(
            arguments.min_traces or config.min_traces or 1,
            bool(
                config.assume_instrumented
                if arguments.assume_instrumented is None
                else arguments.assume_instrumented
            ),
        ),
        config=config,
        config_name=str(arguments.config or CONFIG),
        baseline=baseline,
        baseline_verdicts=frozenset((*EXCESS, *gate.fail_on)),
        today=datetime.fromtimestamp(now, UTC).date(),
    )


def gate_of(arguments: argparse.Namespace, config: TeamConfig) -> GatePolicy:
    """What fails: as the options say, else the configuration, else nothing."""
    from scanner.gate.decide import GatePolicy
    from scanner.model import Verdict

    named = arguments.fail_on or ()
    if NEVER in named and len(named) > 1:
        raise _usage(f"--fail-on: {NEVER} goes with no other verdict")
    verdicts = frozenset(Verdict(word) for word in named if word != NEVER)
    return GatePolicy(
        verdicts if named else config.fail_on or frozenset(),
        at_least=config.at_least,
        include_unconfirmed=bool(config.include_unconfirmed),
        insufficient=config.insufficient or "pass",
    )


def config_of(path: Path | None) -> TeamConfig:
    """The configuration of a file, the usual one if none is named. Raises ScanError, a line a problem."""
    from scanner.gate.config import TeamConfig
    from scanner.gate.load_config import load_config

    if path is None and not CONFIG.is_file():
        return TeamConfig()
    return parsed(load_config, _text(path or CONFIG, "--config"), str(path or CONFIG))


def baseline_of(path: Path | None, *, may_be_missing: bool) -> Baseline | None:
    """The baseline of a file, an empty one where it is yet to be written. Raises ScanError."""
    from scanner.gate.baseline import Baseline, load

    if path is None:
        return None
    if may_be_missing and not path.exists():
        return Baseline()
    return parsed(load, _text(path, "--baseline"), str(path))


def parsed(load: Callable[[str, str], T], text: str, name: str) -> T:
    """What a file of the team says. Raises ScanError for one that is wrong, a line a problem."""
    try:
        return load(text, name)
    except ValueError as error:
        raise _usage(str(error)) from None


def window(start_time: str | None, time_range: str | None, now: float) -> tuple[float, float]:
    """The span of time to scan, in Unix seconds. Raises ScanError for one that X-Ray cannot hold."""
    length = _duration(time_range) if time_range is not None else 3600.0
    start = _time(start_time) if start_time is not None else now - length
    if start > now:
        raise _usage(f"--start-time {start_time} is in the future")
    # A little grace: `-r 30d` starts exactly where X-Ray's memory ends.
    if start < now - KEPT_SECONDS - 1:
        raise _usage(
            "the start is more than 30 days ago, and X-Ray keeps traces for 30 days: choose a later "
            "--start-time or a shorter --time-range, or scan saved traces with --traces"
        )
    return start, min(start + length, now)


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text.strip().lower())
    if not match or not float(match.group(1)):
        raise _usage(f"--time-range {text!r} is no time: give minutes (720) or 90s, 12h, 7d")
    return float(match.group(1)) * _UNITS[match.group(2)]


def _time(text: str) -> float:
    with contextlib.suppress(ValueError):
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise _usage(f"--start-time {text!r} is neither Unix seconds nor ISO 8601") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _trace_ids(path: Path) -> tuple[str, ...]:
    ids: dict[str, None] = {}
    for number, line in enumerate(_text(path, "--trace-ids").splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = (
            _ROOT.search(line.lower()) or _TRACE_ID.search(line.lower()) or _W3C_TRACE_ID.search(line.lower())
        )
        if not match:
            raise _usage(f"--trace-ids: line {number} of {path} holds no trace id: {line[:80]!r}")
        ids[f"1-{match.group(1)}-{match.group(2)}"] = None
    if not ids:
        raise _usage(f"--trace-ids: {path} holds no trace id")
    return tuple(ids)


def json_file(path: Path | None, option: str) -> Any:
    """What a JSON file holds, None without a path. Raises ScanError where it cannot be read."""
    import orjson

    if path is None:
        return None
    try:
        found = orjson.loads(_text(path, option))
    except orjson.JSONDecodeError as error:
        raise _usage(f"{option}: {path} is not JSON: {error}") from None
    if found is None:
        raise _usage(f"{option}: {path} holds nothing but `null`")
    return found


def _text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _usage(f"{option}: {path} cannot be read: {error}") from None


def _seconds(text: str) -> float:
    value = float(text)
    if value < 0 or not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return value


def _positive(text: str) -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _usage(message: str) -> ScanError:
    return ScanError(message, EXIT_USAGE)
