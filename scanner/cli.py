"""The command line: xray-privilege-scan."""

from __future__ import annotations

import argparse
import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple

from scanner.errors import EXIT_FAULT, EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, ScanError
from scanner.options.files import baseline_of, check_stdin, config_of, json_file
from scanner.options.filters import filters_of
from scanner.options.parsers import Options, explain_options_of, explain_parser, options_of, scan_parser
from scanner.options.request import gate_of, request_of
from scanner.output.streams import prepare_streams, printing, say

if TYPE_CHECKING:
    from scanner.gate.decide import GateDecision, GatePolicy
    from scanner.options.parser import Parser
    from scanner.output.destination import Destination
    from scanner.output.named_file import NamedFile
    from scanner.report.records import Report
    from scanner.report.view import View
    from scanner.request import ScanRequest
    from scanner.result import ScanResult


@dataclass(frozen=True)
class Command:
    """A command: what `--help` says of it, its parser (which has `verbose`), and what runs it.

    `run` takes the arguments, standard output and standard error, and returns the exit code.
    """

    summary: str
    parser: Callable[[], Parser]
    run: Callable[[argparse.Namespace, IO[str], IO[str]], int]


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
        return _fail(error, error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except Exception as error:
        if verbose:
            raise
        return _fail(
            f"internal error ({type(error).__name__}: {error}): please report what -v prints",
            EXIT_FAULT,
        )


def _parsed(words: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command that is called, `scan` if none is named, and its arguments. Exits on wrong use."""
    named = next((name for name in words[:1] if name in COMMANDS), None)
    command = COMMANDS[named or DEFAULT_COMMAND]
    parser = command.parser()
    if command is COMMANDS[DEFAULT_COMMAND]:
        parser.commands = tuple(COMMANDS)
        parser.epilog = f"{_commands_help()}\n{parser.epilog}"
    try:
        return command, parser.parse_args(words[1:] if named else words)
    except SystemExit:
        say(sys.stderr)  # argparse has printed already
        with printing(sys.stdout):
            pass
        raise


def _commands_help() -> str:
    rows = "".join(f"  {name:<9}{command.summary}\n" for name, command in COMMANDS.items())
    return f"commands:\n{rows}  COMMAND --help shows its options\n"


def _scan(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    return run(options_of(arguments), out, err, time.time())


def run(options: Options, out: IO[str], err: IO[str], now: float) -> int:
    """Scan as the options say, write the reports. Raises ScanError."""
    check_stdin(options)
    config = config_of(options.config)
    known = baseline_of(options.baseline, may_be_missing=options.update_baseline)
    request = request_of(options, now, config, known)
    from scanner.aws.clients import Clients
    from scanner.report.build import report as report_record
    from scanner.report.files import check_folder
    from scanner.report.view import view_of
    from scanner.request import with_stacks
    from scanner.result import nothing_read
    from scanner.scan import as_scanned, scan

    targets = _targets(options, err)
    check_folder(targets.reports)
    for file in (targets.markdown, targets.baseline):
        if file:
            file.check()
    clients = Clients(request.regions[0] if request.regions else None, options.profile)
    request = with_stacks(request, clients)
    with _progress(err) as progress:
        result = scan(request, clients, progress)
    request = as_scanned(request, result)
    gate = gate_of(options, config)
    decision = _decide(result, request, gate)
    report = report_record(result, request, gate, decision)
    view = view_of(report)
    error = nothing_read(result, request.compare)
    written = _write(report, result, request, view, targets)
    with printing(out):
        _show(report, options, out)
        _show_files(written, options, out, err)
    if error:
        raise error
    if targets.baseline:
        _write_baseline(targets.baseline, result, err)
        return EXIT_OK
    for line in _gate_lines(decision):
        _say(err, line)
    return EXIT_OK if decision.passed else EXIT_GATE


class _Targets(NamedTuple):
    """Where the results of a scan are written; None what is not asked for."""

    reports: Destination
    markdown: NamedFile | None
    baseline: NamedFile | None


def _targets(options: Options, err: IO[str]) -> _Targets:
    from scanner.output.destination import Destination
    from scanner.output.named_file import NamedFile

    tell = partial(_say, err)
    return _Targets(
        reports=Destination(options.output_dir, "--output-dir", tell),
        markdown=NamedFile(options.markdown, "--markdown", tell) if options.markdown else None,
        baseline=NamedFile(options.baseline, "--baseline", tell)
        if options.baseline and options.update_baseline
        else None,
    )


def _say(err: IO[str], line: str) -> None:
    from scanner.text.escape import one_line

    say(err, f"xray-privilege-scan: {one_line(line)}")


def _write(
    report: Report, result: ScanResult, request: ScanRequest, view: View, targets: _Targets
) -> list[str]:
    """Write the reports; a line on each for those who open them."""
    from scanner.report.files import write_reports
    from scanner.report.markdown import markdown

    written = write_reports(report, result, request, targets.reports).described(targets.reports.folder)
    if targets.markdown and written:
        targets.markdown.write(lambda: markdown(view).encode("utf-8"))
        written.append(str(targets.markdown.path))
    return written


def _show_files(written: Sequence[str], options: Options, out: IO[str], err: IO[str]) -> None:
    """Name the files that were written: below the report, unless a program reads that."""
    from scanner.text.escape import one_line

    if not written:
        _say(err, f"nothing was written: the reports of an earlier scan are left in {options.output_dir}")
        return
    stream = out if options.format == "text" else err
    if stream is out or err.isatty():
        stream.write(
            "".join(f"{one_line(line)}\n" for line in ["", "Written:", *(f"  {w}" for w in written)])
        )


def _decide(result: ScanResult, request: ScanRequest, policy: GatePolicy) -> GateDecision:
    from scanner.gate.decide import decide
    from scanner.result import missing_evidence

    missing = missing_evidence(result, request)
    return decide(result.findings, missing, policy, result.rules.failures(request.config_name))


def _gate_lines(decision: GateDecision) -> list[str]:
    """What the gate says, a line each, the cause of a failure last."""
    lines = list(decision.expired)
    if decision.failing:
        lines.append(decision.failing_text)
    if not lines and decision.conclusion != "success":
        lines = [f"insufficient evidence: {line}" for line in decision.missing]
    return [*decision.notes, *lines]


def _write_baseline(file: NamedFile, result: ScanResult, err: IO[str]) -> None:
    from scanner.gate.accept import baseline_entries, compared_roles
    from scanner.gate.baseline import Baseline, updated
    from scanner.gate.load_baseline import dump_baseline
    from scanner.text.escape import counted

    roles = [role.assessed for role in result.roles]
    entries = baseline_entries(roles, result.terms)
    compared = compared_roles(roles, result.terms)

    def content() -> bytes:
        # read anew: another run may have updated it since
        known = baseline_of(file.path, may_be_missing=True) or Baseline()
        return dump_baseline(updated(known, entries, compared)).encode("utf-8")

    file.write(content)
    _say(err, f"{file.path} now holds {counted(len(entries), 'grant')} of these roles")


def _explain(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.explain import explained
    from scanner.text.escape import one_line

    options = explain_options_of(arguments)
    lines = explained(json_file(options.report, "--report"), options.id)
    with printing(out):
        for line in lines:
            out.write(one_line(line) + "\n")
    return EXIT_OK


DEFAULT_COMMAND = "scan"
COMMANDS: Mapping[str, Command] = {
    DEFAULT_COMMAND: Command("read traces, compare them with the roles (default)", scan_parser, _scan),
    "explain": Command("the whole story of a finding of report.json", explain_parser, _explain),
}


def _fail(message: object, exit_code: int) -> int:
    from scanner.text.redact import keys_masked

    for line in str(message).splitlines() or [""]:
        _say(sys.stderr, keys_masked(line))
    return exit_code


# --- output --------------------------------------------------------------------------------------


def _show(report: Report, options: Options, out: IO[str]) -> None:
    """Print what the options ask for of the report."""
    from scanner.report.filters import filtered
    from scanner.report.view import view_of

    report = filtered(report, filters_of(options))
    if options.format == "json":
        from scanner.report.schema import plain, report_bytes

        out.write(report_bytes(plain(report)).decode() + "\n")
    elif options.format == "markdown":
        from scanner.report.markdown import markdown

        out.write(markdown(view_of(report)))
    else:
        from scanner.report.text import print_text

        print_text(view_of(report), out, verbose=options.verbose)


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
