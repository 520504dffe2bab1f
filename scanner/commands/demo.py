"""`demo`: a scan of sample data that comes with the program."""

from __future__ import annotations

import argparse
import time
from typing import IO

from scanner.commands.command import Command
from scanner.commands.scan import run
from scanner.options.commands import demo_options_of, demo_parser


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from importlib import resources

    with resources.as_file(resources.files("scanner.commands") / "data" / "demo") as data:
        return run(demo_options_of(arguments, data), out, err, time.time())


COMMAND = Command("scan the sample data of a small application: no AWS needed", demo_parser, _run)
