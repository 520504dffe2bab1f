"""`doctor`: what a scan would find, before it runs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING

from scanner.commands.command import Command
from scanner.errors import EXIT_NOTHING_READ, EXIT_OK
from scanner.options.parser import Parser, Several
from scanner.options.parsers import add_accounts
from scanner.options.request import assumed_roles
from scanner.output.streams import printing
from scanner.side_by_side import side_by_side

if TYPE_CHECKING:
    from scanner.aws.api import AssumedRole, Aws
    from scanner.doctor.diagnosis import Diagnosis

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
    add_accounts(parser)
    add("-v", "--verbose", action="store_true", help="show where this program fails")
    return parser


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.aws.clients import Clients
    from scanner.doctor.accounts import DiagnosedAccounts
    from scanner.doctor.diagnose import diagnose
    from scanner.doctor.diagnosis import lines_of
    from scanner.text.escape import one_line

    named = tuple(arguments.region or ())
    roles = assumed_roles(arguments.assume_role or (), arguments.external_id, arguments.role_session_name)
    aws = Clients(named[0] if named else None, arguments.profile)
    regions, now, options = named or (aws.region(),), time.time(), _options_of(arguments)
    lines: Iterable[str]
    if roles:
        accounts = DiagnosedAccounts(_diagnoses(aws, roles, regions, now), options)
        can_scan, lines = accounts.can_scan, accounts.lines()
    else:
        diagnosis = diagnose(aws, regions, now, options)
        can_scan, lines = diagnosis.can_scan, lines_of(diagnosis)
    with printing(out):
        for line in lines:
            out.write(one_line(line) + "\n")
    return EXIT_OK if can_scan else EXIT_NOTHING_READ


def _diagnoses(
    aws: Aws, roles: Sequence[AssumedRole], regions: Sequence[str], now: float
) -> dict[str, Diagnosis | str]:
    """What is found in each account, or why nothing is. Raises ScanError on wrong use."""
    from scanner.doctor.diagnose import diagnose

    pieces = [partial(lambda role: diagnose(aws.assuming(role), regions, now), role) for role in roles]
    outcomes = side_by_side(pieces, aws.interruption)
    if any(isinstance(outcome.error, KeyboardInterrupt) for outcome in outcomes):
        raise KeyboardInterrupt
    found = zip(roles, outcomes, strict=True)
    return {role.account: outcome.value or str(outcome.error) for role, outcome in found}


def _options_of(arguments: argparse.Namespace) -> list[str]:
    """The options of the scan that are those of this command."""
    named = {
        "--region": arguments.region,
        "--profile": arguments.profile,
        "--assume-role": arguments.assume_role,
        "--external-id": arguments.external_id,
        "--role-session-name": arguments.role_session_name,
    }
    given = {option: [value] if isinstance(value, str) else value for option, value in named.items() if value}
    return [word for option, values in given.items() for word in (option, *values)]


COMMAND = Command("which rights and traces there are, before a scan", _parser, _run)
