"""`doctor`: what a scan would find, before it runs."""

from __future__ import annotations

import argparse
import time
from typing import IO

from scanner.commands.command import Command
from scanner.errors import EXIT_NOTHING_READ, EXIT_OK
from scanner.options.parser import Parser, Several
from scanner.output.streams import printing

_EPILOG = """\
exit codes:
  0  a scan can run
  3  it cannot: no rights to read traces, no traces, no credentials or no region
"""


def _parser() -> Parser:
    """The parser of `xray-privilege-scan doctor`."""
    parser = Parser(
        prog="xray-privilege-scan doctor",
        description="Tell before a scan which rights are there and what each missing one costs, whether "
        "functions are traced, by which SDK, and what to run. It takes seconds, and changes nothing.",
        epilog=_EPILOG,
    )
    add = parser.add_argument
    add(
        "--region",
        "--regions",
        nargs="+",
        action=Several,
        metavar="REGION",
        help="AWS regions (default: as configured)",
    )
    add("--profile", help="AWS profile (default: as configured)")
    add("-v", "--verbose", action="store_true", help="show where this program fails")
    return parser


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.aws.clients import Clients
    from scanner.doctor.diagnose import diagnose
    from scanner.doctor.diagnosis import lines_of
    from scanner.text.escape import one_line

    named = tuple(arguments.region or ())
    aws = Clients(named[0] if named else None, arguments.profile)
    options = [
        *(["--region", *named] if named else []),
        *(["--profile", arguments.profile] if arguments.profile else []),
    ]
    diagnosis = diagnose(aws, named or (aws.region(),), time.time(), options)
    with printing(out):
        for line in lines_of(diagnosis):
            out.write(one_line(line) + "\n")
    return EXIT_OK if diagnosis.can_scan else EXIT_NOTHING_READ


COMMAND = Command("which rights and traces there are, before a scan", _parser, _run)
