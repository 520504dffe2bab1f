"""The options of the commands: parsed into frozen values."""

from __future__ import annotations

import argparse
import contextlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from scanner import __version__
from scanner.options.filters import SHOWN_SEVERITIES, FilterOptions, add_filters
from scanner.options.parser import Parser, Several, SeveralPaths, SeveralRoles

VERDICTS = ("unused", "broad", "unobservable", "ineffective")
NEVER = "never"
# gate.decide.GATE_SEVERITIES and ALL_SEVERITIES, which are not imported for --help alone
SEVERITIES = (*SHOWN_SEVERITIES, "all")
TRACE_SOURCES = ("auto", "xray", "spans", "files")
# traces.insights.source.GROUP, which is not imported for --help alone
SPANS_GROUP = "aws/spans"
MAX_SCAN_GB = 100.0
# records.aws_records.SOURCES, which is not imported for --help alone
SOURCES = ("last-accessed", "cloudtrail", "invocations")
# aws.api.SESSION_NAME, which is not imported for --help alone
SESSION_NAME = "xray-privilege-scan"
CONFIG = Path(".github/least-privilege.yml")

OutputFormat = Literal["text", "json", "markdown", "html", "csv", "sarif"]
FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
# the formats that a scan also writes into a file, each with an option of its name
FILE_FORMATS = ("markdown", "html", "csv", "sarif")
# notify.FORMATS and notify.VARIABLE, which are not imported for --help alone
NOTIFY_FORMATS: tuple[Literal["slack", "teams", "json"], ...] = ("slack", "teams", "json")
NOTIFY_URL = "XPS_NOTIFY_URL"

EPILOG = """\
exit codes:
  0  done
  1  the gate failed: a confirmed finding that --fail-on or the configuration names, dangerous enough
     (--fail-on-severity)
  2  wrong use, or a file or the output cannot be written
  3  no trace could be read at all (credentials, profile, region, rights and the way to AWS included), no
     workload matches --workloads, or no role could be read, with -c, where a verdict fails, or with
     --update-baseline
  70  a fault of this program
  130  interrupted (Ctrl-C)

examples:
  xray-privilege-scan -r 720
  xray-privilege-scan -r 30 -f 'service(id(name: "my-function"))' --fail-on unused broad
  xray-privilege-scan --traces traces/ --iam iam.json --functions functions.json
  xray-privilege-scan explain 0a1b2c3d4e5f
  xray-privilege-scan report --severity write --format csv
"""


DAYS = r"[0-9]{1,4}"  # a number of days, as options and inputs may spell it


@dataclass(frozen=True)
class Options(FilterOptions):
    """The options of `scan`, as they were given: None or empty where they were not."""

    verbose: bool = False
    compare: bool = False
    usage_only: bool = False
    # which traces
    start_time: str | None = None
    time_range: str | None = None
    filter: str | None = None
    traces: tuple[Path, ...] = ()
    trace_ids: Path | None = None
    wait: float | None = None
    source: str | None = None
    log_group: tuple[str, ...] = ()
    max_scan_gb: float | None = None
    gb_price: float | None = None
    # AWS
    region: tuple[str, ...] = ()
    profile: str | None = None
    assume_role: tuple[str, ...] = ()
    external_id: str | None = None
    role_session_name: str | None = None
    iam: Path | None = None
    functions: Path | None = None
    workload_config: tuple[Path, ...] = ()
    evidence: tuple[str, ...] = ()
    # findings
    workloads: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    min_traces: int | None = None
    min_observed_days: int | None = None
    grace_days: int | None = None
    assume_instrumented: bool | None = None
    fail_on: tuple[str, ...] = ()
    fail_on_severity: str | None = None
    # what the team accepts
    config: Path | None = None
    baseline: Path | None = None
    update_baseline: bool = False
    # what is kept from run to run
    ledger: str | None = None
    # output
    output_dir: Path = Path()
    format: OutputFormat = "text"
    markdown: Path | None = None
    html: Path | None = None
    csv: Path | None = None
    sarif: Path | None = None
    notify_format: Literal["slack", "teams", "json"] | None = None
    checkout: Path | None = None
    terraform_state: Path | None = None

    def file_of(self, file_format: str) -> Path | None:
        """The file of one of FILE_FORMATS that is to be written, if any."""
        path: Path | None = getattr(self, file_format)
        return path

    @property
    def files_written(self) -> tuple[Path, ...]:
        """The files that are to be written beside the reports."""
        return tuple(path for name in FILE_FORMATS if (path := self.file_of(name)))


def scan_options(words: Sequence[str]) -> Options:
    """The options of a command line. Raises ScanError on wrong use."""
    return options_of(scan_parser().parse_args(words))


def options_of(arguments: argparse.Namespace) -> Options:
    """The arguments of `scan` as a value."""
    return Options(**given(arguments))


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The arguments that were given, lists as tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in vars(arguments).items()
        if value is not None
    }


def scan_parser() -> Parser:
    """The parser of the default command."""
    parser = Parser(
        prog="xray-privilege-scan",
        description="Find AWS permissions that a workload's role grants but the workload never uses, "
        "from its traces.",
        epilog=EPILOG,
    )
    parser.add_argument("-V", "--version", action="version", version=__version__)
    add_scan(parser)
    return parser


def add_scan(parser: Parser) -> None:
    """Add the options of a scan (`Options`) to the parser of a command."""
    add = parser.add_argument
    add("-v", "--verbose", action="store_true", help="also show what was seen of each workload")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "-c",
        "--compare",
        action="store_true",
        help="end with 3 where no role can be read (default: a warning)",
    )
    mode.add_argument("--usage-only", action="store_true", help="do not compare: report what was used only")
    _add_traces(parser.add_argument_group("which traces"))
    _add_aws(parser.add_argument_group("AWS"))
    _add_findings(parser.add_argument_group("findings"))
    _add_accepted(parser.add_argument_group("what the team accepts"))
    _add_ledger(parser.add_argument_group("from run to run"))
    _add_notify(add_output(parser.add_argument_group("output")))
    add_filters(parser)


def _add_notify(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--notify-format",
        choices=NOTIFY_FORMATS,
        help=f"what the webhook whose address is in {NOTIFY_URL} takes (default: json)",
    )


def _add_traces(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-s",
        "--start-time",
        metavar="TIME",
        help="ISO 8601, Unix seconds, yesterday, or 12h (ago) (default: the range before now)",
    )
    add("-r", "--time-range", metavar="RANGE", help="minutes, or 90s, 12h, 7d (default: 60)")
    add("-f", "--filter", metavar="EXPRESSION", help="X-Ray filter expression")
    add(
        "--traces",
        nargs="+",
        action=SeveralPaths,
        metavar="PATH",
        help="saved traces or spans (X-Ray, OTLP, aws/spans), or folders of them",
    )
    add(
        "--trace-ids",
        type=Path,
        metavar="FILE",
        help="exactly these traces, an id a line; waits until complete",
    )
    add("--wait", type=_seconds, metavar="SECONDS", help="wait for new traces, at most so long")
    _add_source(group)


def _add_source(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--source",
        choices=TRACE_SOURCES,
        help="where traces are read: X-Ray's API, the spans of Transaction Search, or files (default: auto, "
        "which asks X-Ray where they are)",
    )
    add(
        "--log-group",
        nargs="+",
        action=Several,
        metavar="GROUP",
        help=f"log groups of spans; by ARN in a monitoring account (default: {SPANS_GROUP})",
    )
    add(
        "--max-scan-gb",
        type=_positive_number,
        metavar="GB",
        help=f"the most that Logs Insights may read in all, as AWS bills it (default: {MAX_SCAN_GB:g})",
    )
    add(
        "--gb-price",
        type=_positive_number,
        metavar="USD",
        help="what AWS bills for each GB that is read, to show the cost (default: 0.005)",
    )


def _add_aws(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--region",
        "--regions",
        nargs="+",
        action=Several,
        metavar="REGION",
        help="AWS regions; functions of all of them count as users of a role (default: as configured)",
    )
    add("--profile", help="AWS profile (default: as configured)")
    add_accounts(group)
    add("--iam", type=Path, metavar="FILE", help="what `aws iam get-account-authorization-details` prints")
    add("--functions", type=Path, metavar="FILE", help="what `aws lambda list-functions` prints")
    add(
        "--workload-config",
        nargs="+",
        action=SeveralPaths,
        metavar="PATH",
        help="what `aws ecs describe-task-definition` and the like print, or folders of that",
    )
    add(
        "--terraform-state",
        type=Path,
        metavar="FILE",
        help="a state, or what `terraform show -json` prints: tells which resource a role is",
    )
    add(
        "--evidence",
        nargs="+",
        action=Several,
        allowed=SOURCES,
        metavar="SOURCE",
        help=f"also ask what AWS itself recorded: {', '.join(SOURCES)}",
    )


def add_accounts(group: argparse._ActionsContainer) -> None:
    """The options that name other accounts."""
    add = group.add_argument
    add(
        "--assume-role",
        nargs="+",
        action=SeveralRoles,
        metavar="ARN",
        help="scan the accounts of these roles, one role each, in place of your own",
    )
    add(
        "--external-id",
        type=_text_of(r"[\w+=,.@:/-]{2,1224}", "an external id"),
        metavar="ID",
        help="the external id that the trust policies of these roles ask for",
    )
    add(
        "--role-session-name",
        type=_text_of(r"[\w+=,.@-]{2,64}", "the name of a session"),
        metavar="NAME",
        help=f"the name of the sessions, as CloudTrail shows it (default: {SESSION_NAME})",
    )


def _add_findings(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--workloads",
        nargs="+",
        action=Several,
        metavar="GLOB",
        help="report on these only (name, ARN or id)",
    )
    add("--stack", nargs="+", action=Several, metavar="NAME", help="and on the functions of these stacks")
    add("--min-traces", type=_positive, metavar="N", help="traces that confirm (default: 1)")
    add("--min-observed-days", type=_days, metavar="N", help="days with traces that confirm (default: 0)")
    add("--grace-days", type=_days, metavar="N", help="days for which new grants do not fail (default: 0)")
    add(
        "--assume-instrumented",
        action=argparse.BooleanOptionalAction,
        help="every AWS client of every workload is traced",
    )
    add(
        "--fail-on",
        nargs="+",
        action=Several,
        allowed=(*VERDICTS, NEVER),
        metavar="VERDICT",
        help=f"exit with 1 on confirmed findings of these: {', '.join(VERDICTS)}; or {NEVER}",
    )
    add(
        "--fail-on-severity",
        choices=SEVERITIES,
        metavar="SEVERITY",
        help="fail only on findings at least so dangerous (default: data-access), or all",
    )


def _add_accepted(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--config", type=Path, metavar="FILE", help=f"configuration (default: {CONFIG}, if it is there)")
    add("--baseline", type=Path, metavar="FILE", help="findings that are known: only new ones fail")
    add("--update-baseline", action="store_true", help="write the findings of now into --baseline")


def _add_ledger(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--ledger",
        metavar="PLACE",
        help="what earlier runs saw, a file or s3://BUCKET/KEY: read only what is new, and add it there",
    )


def add_output(group: argparse._ArgumentGroup, folder: Path = Path()) -> argparse._ArgumentGroup:
    """Add the options that say where a scan's results go; the reports to a folder, if none is named."""
    add = group.add_argument
    add(
        "-o",
        "--output-dir",
        type=Path,
        default=folder,
        metavar="DIR",
        help=f"where the reports go (default: {'here' if folder == Path() else folder})",
    )
    add("--format", choices=FORMATS, default="text", help="what is printed (default: text)")
    add("--markdown", type=Path, metavar="FILE", help="write the report as Markdown")
    add("--html", type=Path, metavar="FILE", help="also write the page, report.html, into this file")
    add("--csv", type=Path, metavar="FILE", help="write the findings as CSV, a line each")
    add("--sarif", type=Path, metavar="FILE", help="write the findings as SARIF, for code scanning")
    add(
        "--checkout",
        type=Path,
        metavar="DIR",
        help="find the lines, and edits for `fix`, in the templates of this folder (default: . for SARIF)",
    )
    return group


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        value = float(text)
        if value >= 0 and math.isfinite(value):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")


def _positive_number(text: str) -> float:
    with contextlib.suppress(ValueError):
        value = float(text)
        if value > 0 and math.isfinite(value):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")


def _text_of(pattern: str, what: str) -> Callable[[str], str]:
    """Takes a text as STS does: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html."""

    def text_of(text: str) -> str:
        if re.fullmatch(pattern, text, re.ASCII):
            return text
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} ({pattern})")

    return text_of


def _days(text: str) -> int:
    if re.fullmatch(DAYS, text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of days, at most 9999")


def _positive(text: str) -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return value
