"""`explain`: the whole story of a finding, from a report."""

from __future__ import annotations

import argparse
from typing import IO

from scanner.commands.command import Command
from scanner.errors import EXIT_OK
from scanner.options.commands import explain_options_of, explain_parser
from scanner.options.files import json_file
from scanner.output.streams import printing


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.explain import explained
    from scanner.text.escape import one_line

    options = explain_options_of(arguments)
    lines = explained(json_file(options.report, "--report"), options.id)
    with printing(out):
        for line in lines:
            out.write(one_line(line) + "\n")
    return EXIT_OK


COMMAND = Command("the whole story of a finding of report.json", explain_parser, _run)
