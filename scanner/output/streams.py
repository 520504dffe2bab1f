"""Standard input, output and error: each may be closed, full, or a pipe whose reader has gone."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from scanner.errors import EXIT_USAGE, ScanError


def prepare_streams() -> None:
    """Open what is closed, so that no file that is written takes its number; accept every character."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # in the order of their numbers: the lowest free one is taken
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115  # until the process ends
            setattr(sys, name, nothing)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no such character


@contextmanager
def printing(out: IO[str]) -> Iterator[None]:
    """Print to standard output, all of it. Raises ScanError where that fails.

    A reader that has gone has seen enough: the rest is dropped, and the exit code is what it would have been.
    """
    try:
        yield
        out.flush()
    except BrokenPipeError:
        _discard(out)
    except OSError as error:
        _discard(out)
        raise ScanError(
            f"standard output cannot be written to: {error.strerror or error}. Make room, or print elsewhere",
            EXIT_USAGE,
        ) from None


def say(err: IO[str], *lines: str) -> None:
    """Write lines to standard error, with what waits to be written there, where that is possible."""
    try:
        err.write("".join(f"{line}\n" for line in lines))
        err.flush()
    except OSError:
        _discard(err)


def _discard(stream: IO[str]) -> None:
    """Drop what waits to be written, and all that follows: else the interpreter fails at its end."""
    with suppress(OSError):  # not a stream of the system
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
