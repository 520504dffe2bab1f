"""The options of the commands beside `scan`: parsed into frozen values."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from scanner.options.filters import FilterOptions, add_filters
from scanner.options.parser import Parser
from scanner.options.parsers import (
    FORMATS,
    Options,
    OutputFormat,
    add_output,
    given,
    options_of,
)

REPORT = Path("report.json")


@dataclass(frozen=True, kw_only=True)
class ReportOptions(FilterOptions):
    """The options of `report`."""

    file: Path | None = None
    report: Path = REPORT
    format: OutputFormat = "text"
    verbose: bool = False

    @property
    def path(self) -> Path:
        """The report, whichever way it was named."""
        return self.file or self.report


@dataclass(frozen=True)
class ExplainOptions:
    """The options of `explain`."""

    id: str
    report: Path = REPORT
    all: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class FixOptions:
    """The options of `fix`."""

    findings: tuple[str, ...] = ()
    report: Path = REPORT
    checkout: Path = Path()
    apply: bool = False
    unsafe: bool = False
    outside_git: bool = False
    verbose: bool = False


def report_options_of(arguments: argparse.Namespace) -> ReportOptions:
    """The arguments of `report` as a value."""
    return ReportOptions(**given(arguments))


def explain_options_of(arguments: argparse.Namespace) -> ExplainOptions:
    """The arguments of `explain` as a value."""
    return ExplainOptions(**given(arguments))


def fix_options_of(arguments: argparse.Namespace) -> FixOptions:
    """The arguments of `fix` as a value."""
    values = given(arguments)
    values.pop("diff", None)
    return FixOptions(**{**values, "findings": tuple(values.get("findings", ()))})


def demo_options_of(arguments: argparse.Namespace, data: Path) -> Options:
    """The scan that `demo` is: of sample data in a folder, whatever the current folder configures."""
    return replace(
        options_of(arguments),
        traces=(data / "traces",),
        iam=data / "iam.json",
        functions=data / "functions.json",
        config=data / "least-privilege.yml",
        compare=True,
    )


def report_parser() -> Parser:
    """The parser of `xray-privilege-scan report`."""
    parser = _parser(
        "report", "Show the report.json of an earlier scan, also of version 0.1's first format. Asks nobody."
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the report (default: ./report.json)"
    )
    _add_report(parser)
    parser.add_argument("--format", choices=FORMATS, default="text", help="how it is shown (default: text)")
    add_filters(parser)
    return parser


def explain_parser() -> Parser:
    """The parser of `xray-privilege-scan explain`."""
    parser = _parser(
        "explain",
        "Tell the story of a finding: the smaller policy, the statement, the calls compared with it, what "
        "would remove each doubt. Of a role or function: its findings, and what to change.",
    )
    parser.add_argument(
        "id",
        metavar="ID|ROLE|FUNCTION",
        help="the `id` of a finding in report.json or its start; a role or a function, by name or ARN",
    )
    _add_report(parser)
    parser.add_argument("--all", action="store_true", help="all of it, where that is more than a screen")
    return parser


def fix_parser() -> Parser:
    """The parser of `xray-privilege-scan fix`."""
    parser = _parser(
        "fix",
        "Take away from the templates of a checkout what nobody used: as a patch for `git apply`, or in the "
        "files. Only what is confirmed, checked, and agreed on by all roles that share the lines.",
    )
    parser.add_argument(
        "findings",
        nargs="*",
        metavar="FINDING",
        help="the `id` of a finding in report.json or its start (default: all)",
    )
    _add_report(parser)
    add = parser.add_argument
    add("--checkout", type=Path, default=Path(), metavar="DIR", help="where the templates are (default: .)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--diff", action="store_true", help="print a patch that `git apply` takes (default)")
    how.add_argument("--apply", action="store_true", help="change the files, each whole or not at all")
    add("--unsafe", action="store_true", help="also the edits that need a look")
    add("--outside-git", action="store_true", help="also change files that git has no copy of as they are")
    return parser


def demo_parser() -> Parser:
    """The parser of `xray-privilege-scan demo`."""
    parser = _parser(
        "demo", "Scan the traces and roles of a small application that comes with the program. Needs no AWS."
    )
    add_output(parser.add_argument_group("output"), folder=Path("demo"))
    add_filters(parser)
    return parser


def _parser(command: str, description: str) -> Parser:
    parser = Parser(prog=f"xray-privilege-scan {command}", description=description)
    parser.add_argument("-v", "--verbose", action="store_true", help="more of it; where this program fails")
    return parser


def _add_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", type=Path, default=REPORT, metavar="FILE", help="the report (default: ./report.json)"
    )
