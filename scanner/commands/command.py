"""What a command is, and the lines that it says to whoever runs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from scanner.options.parser import Parser
from scanner.output.streams import say


@dataclass(frozen=True)
class Command:
    """A command: what `--help` says of it, its parser (which has `verbose`), and what runs it.

    `run` takes the arguments, standard output and standard error, and returns the exit code.
    """

    summary: str
    parser: Callable[[], Parser]
    run: Callable[[argparse.Namespace, IO[str], IO[str]], int]


def say_line(err: IO[str], line: str) -> None:
    """Say a line in the program's name."""
    from scanner.text.escape import one_line

    say(err, f"xray-privilege-scan: {one_line(line)}")
