"""The options of `ledger`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parser import Parser
from scanner.options.parsers import given

_DAY = 86_400
_MOST_DAYS = 100_000

LedgerAction = Literal["show", "export", "prune"]


@dataclass(frozen=True)
class LedgerOptions:
    """What is done with which ledger. `before` is the time before which `prune` forgets (Unix seconds)."""

    action: LedgerAction
    place: str
    before: float = 0.0
    region: str | None = None
    profile: str | None = None
    all: bool = False


def ledger_parser() -> Parser:
    """The parser of `xray-privilege-scan ledger`."""
    parser = Parser(
        prog="xray-privilege-scan ledger",
        description="Show what earlier scans saw and kept with --ledger, export it, or forget what is old.",
    )
    add = parser.add_argument
    add(
        "action",
        choices=get_args(LedgerAction),
        help="show what is known and what is missing, export all of it as JSON, or prune what is old",
    )
    add("place", nargs="?", metavar="LEDGER", help="the ledger: a path, or s3://BUCKET/KEY")
    add("--ledger", metavar="LEDGER", help="the same")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--before", type=_date, metavar="DATE", help="prune: what was seen only before (UTC)")
    when.add_argument(
        "--keep-days", type=_days, metavar="N", help="prune: what was not seen in the last N days"
    )
    add("--all", action="store_true", help="show: all workloads, and all that is missing")
    add("--region", help="AWS region of the bucket (default: as configured)")
    add("--profile", help="AWS profile (default: as configured)")
    add("-v", "--verbose", action="store_true", help="show where this program fails")
    return parser


def ledger_options_of(arguments: argparse.Namespace, now: float) -> LedgerOptions:
    """The arguments of `ledger` as a value. Raises ScanError where they do not fit together."""
    values = given(arguments)
    action = arguments.action
    pruning = {"--before": arguments.before, "--keep-days": arguments.keep_days}
    for option, value in pruning.items():
        if value is not None and action != "prune":
            raise ScanError(f"{option} goes with `ledger prune` only", EXIT_USAGE)
    if action == "prune" and all(value is None for value in pruning.values()):
        advice = "name --before DATE or --keep-days N"
        raise ScanError("ledger prune: there is nothing that says what to forget", EXIT_USAGE, advice)
    return LedgerOptions(
        action=action,
        place=_place(arguments),
        before=arguments.before if arguments.keep_days is None else now - arguments.keep_days * _DAY,
        **{name: values[name] for name in ("region", "profile", "all") if name in values},
    )


def _place(arguments: argparse.Namespace) -> str:
    places = {place for place in (arguments.place, arguments.ledger) if place}
    if len(places) != 1:
        problem = "two ledgers are named" if places else "no ledger is named"
        raise ScanError(
            f"ledger {arguments.action}: {problem}", EXIT_USAGE, "name one: a path, or s3://BUCKET/KEY"
        )
    return str(places.pop())


def _date(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date, such as 2026-01-31") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _days(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < _MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return int(text)
