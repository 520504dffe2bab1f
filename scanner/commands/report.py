"""`report`: an earlier scan's report.json, shown again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import IO

from scanner.commands.command import Command
from scanner.commands.saved_report import report_document
from scanner.commands.show import say_unmatched, show
from scanner.errors import EXIT_OK
from scanner.options.commands import report_options_of, report_parser
from scanner.options.filters import INSTALLED, explain_command
from scanner.options.parsers import CONFIG
from scanner.output.streams import printing


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.report.code_file import fallback_file
    from scanner.report.formats import Rendering
    from scanner.report.load import report_of

    options = report_options_of(arguments)
    report = report_of(report_document(options.path))
    say_unmatched(report, options, err)
    how = Rendering(
        code_file=fallback_file(Path(), CONFIG, outputs=(options.path,)),
        explain=explain_command(str(options.path), program=INSTALLED),
        everything=options.all_findings,
        more="`--all` shows all, so does the HTML report",
    )
    with printing(out):
        show(report, options, out, [str(options.path)], how)
    return EXIT_OK


COMMAND = Command("show an earlier scan's report.json, as text or in another format", report_parser, _run)
