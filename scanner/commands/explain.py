"""`explain`: the story of a finding, a role or a function, from a report."""

from __future__ import annotations

import argparse
from typing import IO

from scanner.commands.command import Command
from scanner.commands.saved_report import report_document
from scanner.errors import EXIT_OK
from scanner.options.commands import explain_options_of, explain_parser
from scanner.output.streams import printing


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.explain import explained
    from scanner.text.escape import one_line

    options = explain_options_of(arguments)
    document = report_document(options.report)
    lines = explained(document, options.id, everything=options.all)
    with printing(out):
        for line in lines:
            out.write(one_line(line) + "\n")
    return EXIT_OK


COMMAND = Command("the story of a finding, role or function, and the smaller policy", explain_parser, _run)
