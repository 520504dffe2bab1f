"""The command line: xray-privilege-scan."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from scanner.errors import EXIT_FAULT, EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, ScanError
from scanner.options import parser, request_of

if TYPE_CHECKING:
    from scanner.report.view import View
    from scanner.scan import Request, Scanned


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code."""
    # A scan makes many small objects and hardly a cycle: looking for cycles less often saves CPU.
    gc.set_threshold(50_000, 20, 100)
    arguments = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no such character
    try:
        return run(arguments, sys.stdout, sys.stderr, time.time())
    except ScanError as error:
        return _fail(error, error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # whoever read the output has gone: nothing is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except Exception as error:
        if arguments.verbose:
            raise
        return _fail(
            f"a fault of this program ({type(error).__name__}: {error}): please report what -v prints",
            EXIT_FAULT,
        )


def run(arguments: argparse.Namespace, out: IO[str], err: IO[str], now: float) -> int:
    """Scan as the arguments say, write the reports. Raises ScanError."""
    request = request_of(arguments, now)
    from scanner.aws import Clients
    from scanner.gate import GatePolicy, failing
    from scanner.model import Verdict
    from scanner.report.clean import counted
    from scanner.report.files import write_markdown, write_reports
    from scanner.report.view import view_of
    from scanner.scan import nothing_read, scan, with_stacks

    clients = Clients(arguments.region, arguments.profile)
    request = with_stacks(request, clients)
    with _progress(err) as progress:
        scanned = scan(request, clients, progress)
    write_reports(scanned, request, arguments.output_dir)
    view = view_of(scanned, request)
    if arguments.markdown:
        write_markdown(view, arguments.markdown)
    _show(scanned, request, view, arguments, out)
    error = nothing_read(scanned, request.compare)
    if error:
        raise error
    failed = failing(scanned.findings, GatePolicy(frozenset(map(Verdict, arguments.fail_on))))
    if failed:
        err.write(f"xray-privilege-scan: {counted(len(failed), 'confirmed finding')}: --fail-on\n")
    return EXIT_GATE if failed else EXIT_OK


def _fail(message: object, exit_code: int) -> int:
    from scanner.redact import redacted
    from scanner.report.clean import one_line

    sys.stderr.write(f"xray-privilege-scan: {one_line(redacted(str(message)))}\n")
    return exit_code


# --- output --------------------------------------------------------------------------------------


def _show(
    scanned: Scanned, request: Request, view: View, arguments: argparse.Namespace, out: IO[str]
) -> None:
    if arguments.format == "json":
        import orjson

        from scanner.report.document import report

        out.write(orjson.dumps(report(scanned, request), option=orjson.OPT_INDENT_2).decode() + "\n")
    elif arguments.format == "markdown":
        from scanner.report.markdown import markdown

        out.write(markdown(view))
    else:
        from scanner.report.text import print_text

        print_text(view, out, verbose=arguments.verbose)


@contextlib.contextmanager
def _progress(err: IO[str]) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal that shows after a moment; nothing elsewhere."""
    if not err.isatty():
        yield lambda traces: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} traces read"), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=err), transient=True) as bar:
        task = bar.add_task("traces", total=None)
        yield lambda traces: bar.update(task, completed=traces)
