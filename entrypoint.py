"""The action: inputs -> the same scan as the command line -> publish -> exit code."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import TextIO

from scanner.errors import EXIT_FAULT, EXIT_USAGE, ScanError
from scanner.github import commands


def main(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    """Run the action. Returns the exit code, which is the gate."""
    out.write("xray-privilege-scan: reading the inputs\n")
    out.flush()
    try:
        from scanner.action import run

        return run(environ, out, now)
    except ScanError as error:
        out.write(commands.annotation("error", str(error), title="xray-privilege-scan") + "\n")
        return error.exit_code or EXIT_USAGE
    except Exception as error:
        if environ.get("RUNNER_DEBUG") == "1":
            out.write(commands.log_lines(traceback.format_exc()) + "\n")
        message = f"a fault of this program ({type(error).__name__}: {error}): please report it"
        out.write(commands.annotation("error", message, title="xray-privilege-scan") + "\n")
        return EXIT_FAULT


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.stdout, time.time()))
