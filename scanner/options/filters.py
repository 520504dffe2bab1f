"""The options that choose what is shown of a report: the same for every command that shows one."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from scanner.options.parser import Several

if TYPE_CHECKING:
    from scanner.report.filters import Filters
    from scanner.report.text import Shown

# of the kinds of findings that are shown; SHOWN_SEVERITIES are iam.severity's levels that findings have:
# neither is imported for --help alone
SHOWN_VERDICTS = ("unused", "broad", "unobservable", "ineffective")
SHOWN_SEVERITIES = (
    "privilege-escalation",
    "permissions-management",
    "destruction",
    "write",
    "data-access",
    "tagging",
    "read",
    "list",
)
# report.text.DEFAULT_TOP, likewise
_DEFAULT_TOP = 10


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What is shown of a report: None or empty where it was not given."""

    top: int | None = None
    all_findings: bool = False
    severity: str | None = None
    verdict: tuple[str, ...] = ()
    role: tuple[str, ...] = ()
    service: tuple[str, ...] = ()


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options of `FilterOptions` to the parser of a command."""
    group = parser.add_argument_group(
        "what is shown", "these never change the files of a scan, its gate or its exit code"
    )
    add = group.add_argument
    add("--top", type=_whole, metavar="N", help=f"show the N worst in the text (default: {_DEFAULT_TOP})")
    add("--all", dest="all_findings", action="store_true", help="show all of them, and all that was seen")
    add(
        "--severity", choices=SHOWN_SEVERITIES, metavar="SEVERITY", help="only findings at least so dangerous"
    )
    add(
        "--verdict",
        nargs="+",
        action=Several,
        allowed=SHOWN_VERDICTS,
        metavar="VERDICT",
        help=f"only findings of these: {', '.join(SHOWN_VERDICTS)}",
    )
    add("--role", nargs="+", action=Several, metavar="GLOB", help="only of these roles (name or ARN)")
    add("--service", nargs="+", action=Several, metavar="SERVICE", help="only on these, as in s3:GetObject")


def filters_of(options: FilterOptions) -> Filters:
    """The filters that the options ask for."""
    from scanner.report.filters import Filters

    return Filters(
        severity=options.severity, verdicts=options.verdict, roles=options.role, services=options.service
    )


def shown_of(options: FilterOptions, *, details: bool, report: str = "", html: str = "") -> Shown:
    """How much of the report the text shows.

    `report` and `html` are the paths of report.json and the HTML report, empty where there is none.
    """
    from scanner.report.text import Shown

    return Shown(
        top=options.top,
        everything=options.all_findings,
        details=details,
        verdicts=options.verdict,
        html=html,
        explain=partial(explain_command, report) if report else None,
        show_all=f"{_program()} report{_unless_here('', report)} --all" if report else "",
        see_all="--all shows all",
    )


# What a page names, which is read on other machines than the one that made it.
INSTALLED = "xray-privilege-scan"


def explain_command(report: str, finding_id: str = "ID", *, program: str = "") -> str:
    """The command that tells the story of a finding of a report, which it finds by itself in this folder.

    `program` is what runs it, by default what runs now.
    """
    return f"{program or _program()} explain {shlex.quote(finding_id)}{_unless_here(' --report', report)}"


def _program() -> str:
    """What runs this program again: also from a checkout where it is not installed."""
    as_module = PurePath(sys.argv[0]).parts[-2:] == ("scanner", "__main__.py")
    return f"{shlex.quote(sys.orig_argv[0])} -m scanner" if as_module else INSTALLED


def _unless_here(option: str, report: str) -> str:
    """The report as an argument, unless a command finds it by itself."""
    return "" if report == "report.json" else f"{option} {shlex.quote(report)}"


def _whole(text: str) -> int:
    value = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return value
