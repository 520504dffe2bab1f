"""The command line: xray-privilege-scan. A command is a file of `commands/` and an entry of COMMANDS."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Mapping, Sequence

from scanner.commands import demo, doctor, explain, fix, ledger, report, scan, watch
from scanner.commands.command import Command, say_line
from scanner.commands.named import named_command
from scanner.errors import EXIT_FAULT, EXIT_INTERRUPTED, ScanError
from scanner.output.streams import prepare_streams, printing, say

DEFAULT_COMMAND = "scan"
COMMANDS: Mapping[str, Command] = {
    DEFAULT_COMMAND: scan.COMMAND,
    "report": report.COMMAND,
    "explain": explain.COMMAND,
    "fix": fix.COMMAND,
    "demo": demo.COMMAND,
    "doctor": doctor.COMMAND,
    "ledger": ledger.COMMAND,
    "watch": watch.COMMAND,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    # A scan makes many small objects and hardly a cycle: looking for cycles less often saves CPU.
    gc.set_threshold(50_000, 20, 100)
    prepare_streams()
    verbose = False
    try:
        command, arguments = _parsed(list(sys.argv[1:] if argv is None else argv))
        verbose = arguments.verbose
        return command.run(arguments, sys.stdout, sys.stderr)
    except ScanError as error:
        return _fail(error.lines, error.exit_code)
    except KeyboardInterrupt:
        return _fail(["interrupted"], EXIT_INTERRUPTED)
    except Exception as error:
        if verbose:
            raise
        line = f"internal error ({type(error).__name__}: {error}): please report what -v prints"
        return _fail(line.splitlines(), EXIT_FAULT)


def _parsed(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command that is called, `scan` if none is named, and its arguments. Exits on wrong use."""
    named, words = named_command(words, COMMANDS)
    command = COMMANDS[named or DEFAULT_COMMAND]
    parser = command.parser()
    if command is COMMANDS[DEFAULT_COMMAND]:
        parser.commands = tuple(COMMANDS)
        parser.epilog = f"{_commands_help()}\n{parser.epilog}"
    try:
        return command, parser.parse_args(words)
    except SystemExit:
        say(sys.stderr)  # argparse has printed already
        with printing(sys.stdout):
            pass
        raise


def _commands_help() -> str:
    rows = "".join(f"  {name:<9}{command.summary}\n" for name, command in COMMANDS.items())
    return f"commands:\n{rows}  help COMMAND, or COMMAND --help, shows its options\n"


def _fail(lines: Sequence[str], exit_code: int) -> int:
    from scanner.text.redact import keys_masked

    for line in lines:
        say_line(sys.stderr, keys_masked(line))
    return exit_code
