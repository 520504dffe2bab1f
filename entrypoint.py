"""The action: inputs -> the same scan as the command line -> publish -> exit code."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import TextIO

from scanner.errors import EXIT_FAULT, EXIT_INTERRUPTED, EXIT_USAGE, ScanError
from scanner.github import commands
from scanner.text.redact import PUBLIC_REDACTION, keys_masked


def main(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    """Run the action. Returns the exit code, which is the gate."""
    out.write("xray-privilege-scan: reading the inputs\n")
    out.flush()
    try:
        with _silent_libraries():
            from scanner.action.run import run

            return run(environ, out, now)
    except ScanError as error:
        out.write(_error(str(error)))
        return error.exit_code or EXIT_USAGE
    except KeyboardInterrupt:  # a run that is cancelled
        out.write(_error("interrupted: no result is published any more"))
        return EXIT_INTERRUPTED
    except Exception as error:
        if environ.get("RUNNER_DEBUG") == "1":
            out.write(commands.log_lines(_masked(traceback.format_exc())) + "\n")
        out.write(_error(f"internal error ({type(error).__name__}: {error}): please report it"))
        return EXIT_FAULT


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """No line of a library reaches standard error, where the runner looks for commands.

    What libraries quote is not escaped, and may be an address or a token. Loggers are switched off whole:
    PyGithub's has a handler of its own. Warnings, and the tracebacks of threads, go the same way.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
            yield
    finally:
        logging.disable(before)


def _error(text: str) -> str:
    """The command that ends the step with an error."""
    annotation = commands.Annotation("error", _masked(text), title="xray-privilege-scan")
    return commands.annotation(annotation) + "\n"


def _masked(text: str) -> str:
    """An error as it may be shown whatever it quotes, also where everybody reads the log."""
    return "\n".join(PUBLIC_REDACTION.text(keys_masked(line)) for line in text.splitlines())


if __name__ == "__main__":
    if len(sys.argv) > 1:  # the command line, for others than GitHub: `docker run IMAGE watch --every 24h`
        from scanner.cli import main as command_line

        sys.exit(command_line())
    sys.exit(main(os.environ, sys.stdout, time.time()))
