"""The options of `watch`: those of a scan, how often it is repeated, and where its state is shown."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parser import Parser
from scanner.options.parsers import Options, add_scan, given, options_of
from scanner.options.times import DEFAULT_RANGE, KEPT_SECONDS, duration, is_from_now

EVERY = "24h"
LISTEN = "127.0.0.1:9464"
SHORTEST = 10.0
"""The shortest interval (seconds): traces take seconds to arrive."""

LONGEST = 28 * 86400.0
"""The longest: X-Ray keeps traces for 30 days, and each is to be read."""

JITTER = 0.05
"""The share of the interval by which a scan may begin sooner or later."""

_LATE = 3600.0  # seconds in which traces of the time before may still arrive
_ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/@]+)):(?P<port>[0-9]{1,5})")
_EPILOG = f"""\
It runs until SIGTERM (exit code 0) or Ctrl-C (130). A scan that runs then is ended, and nothing of it is
published.

exit codes:
  0  ended by SIGTERM
  2  wrong use: an option or a file that is not valid, before any scan has succeeded
  70  a fault of this program
  130  interrupted (Ctrl-C)

A scan that fails later ends nothing: it is said in a line, counted in /metrics, and tried again.

examples:
  xray-privilege-scan watch --every 24h --output-dir reports --min-traces 20
  xray-privilege-scan watch --every 6h --listen 0.0.0.0:{LISTEN.rpartition(":")[2]} --evidence last-accessed
"""


class Address(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class WatchOptions:
    """What `watch` is asked for. `every` is in seconds."""

    scan: Options
    every: float
    listen: Address


def watch_parser() -> Parser:
    """The parser of `xray-privilege-scan watch`."""
    parser = Parser(
        prog="xray-privilege-scan watch",
        description="Scan again and again until it is stopped; show the last report, whether all is well, "
        "and numbers for Prometheus over HTTP. Takes all options of a scan that name no fixed time.",
        epilog=_EPILOG,
    )
    group = parser.add_argument_group("watch")
    group.add_argument(
        "--every",
        default=EVERY,
        metavar="INTERVAL",
        help=f"how often: 90s, 12h, 7d, or minutes (default: {EVERY})",
    )
    group.add_argument(
        "--listen",
        default=LISTEN,
        metavar="HOST:PORT",
        help=f"where / (the last report), /healthz and /metrics are served (default: {LISTEN})",
    )
    add_scan(parser)
    return parser


def watch_options_of(arguments: argparse.Namespace, now: float) -> WatchOptions:
    """The arguments of `watch` as a value. Raises ScanError on wrong use."""
    values = given(arguments)
    every, listen = _interval(values.pop("every")), _address(values.pop("listen"))
    options = options_of(argparse.Namespace(**values))
    _check_repeatable(options, now)
    return WatchOptions(_with_range(options, every), every, listen)


def _interval(text: str) -> float:
    seconds = duration(text, "--every")
    if not SHORTEST <= seconds <= LONGEST:
        raise _usage(f"--every: {text} is not between 10 seconds and 28 days", "use 24h, 6h or 7d")
    return seconds


def _address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text.strip())
    if not match or int(match["port"]) > 65535:
        raise _usage(
            f"--listen: {text!r} is not HOST:PORT", f"use {LISTEN}, 0.0.0.0:9464 or [::1]:9464, for example"
        )
    return Address(match["six"] or match["host"], int(match["port"]))


def _check_repeatable(options: Options, now: float) -> None:
    """Raises ScanError for what is to be done once."""
    if options.trace_ids:
        raise _usage("watch: --trace-ids names traces of once", "remove it: a watch reads what is new")
    if options.start_time is not None and not is_from_now(options.start_time, now):
        raise _usage(
            f"watch: --start-time {options.start_time} is always the same time",
            "use one that is named from now (24h, yesterday), or --time-range",
        )
    if options.update_baseline:
        raise _usage(
            "watch: --update-baseline would accept whatever comes", "write the baseline by a scan of its own"
        )
    read = (options.iam, options.functions, options.baseline, options.config)
    if Path("-") in (*read, *options.traces, *options.workload_config):
        raise _usage("watch: standard input (`-`) can be read only once", "name a file: each scan reads it")


def _with_range(options: Options, every: float) -> Options:
    """Without a time, each scan reads what the last one could not yet, and what came late."""
    if options.time_range or options.start_time or options.traces:
        return options
    seconds = min(max(DEFAULT_RANGE, every * (1 + 2 * JITTER) + _LATE), KEPT_SECONDS)
    return replace(options, time_range=f"{seconds:.0f}s")


def _usage(problem: str, advice: str) -> ScanError:
    return ScanError(problem, EXIT_USAGE, advice)
