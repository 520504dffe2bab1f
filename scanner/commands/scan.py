"""`scan`: read traces, compare them with the roles, write the reports."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from scanner.commands.command import Command, say_line
from scanner.commands.show import say_unmatched, show
from scanner.errors import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, ScanError
from scanner.options.files import baseline_of, check_apart, check_stdin, config_of
from scanner.options.filters import INSTALLED, explain_command
from scanner.options.parsers import CONFIG, FILE_FORMATS, NOTIFY_URL, Options, options_of, scan_parser
from scanner.options.request import gate_of, request_of, why_credentials
from scanner.output.streams import printing

if TYPE_CHECKING:
    from scanner.aws.api import Aws
    from scanner.aws.clients import Clients
    from scanner.gate.decide import GateDecision, GatePolicy
    from scanner.kept_ledger import KeptLedger
    from scanner.ledger import Ledger, LedgerStore
    from scanner.output.destination import Destination
    from scanner.output.named_file import NamedFile
    from scanner.progress import Progress
    from scanner.report.formats import Rendering
    from scanner.report.records import Report
    from scanner.request import ScanRequest
    from scanner.result import ScanResult


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    return run(options_of(arguments), out, err, time.time(), os.environ)


def run(
    options: Options, out: IO[str], err: IO[str], now: float, environ: Mapping[str, str] | None = None
) -> int:
    """Scan as the options say, write the reports, tell the webhook of the environment. Raises ScanError."""
    done = scanned(ready(options, err, now), err)
    publish(done, out, err)
    keep(done, err)
    notify(done, environ or {}, err)
    return conclude(done, err)


class Ready(NamedTuple):
    """A scan that can begin: all that it reads beside AWS is read, and all that it writes can be written."""

    options: Options
    request: ScanRequest
    gate: GatePolicy
    targets: _Targets
    aws: Clients
    ledger: KeptLedger | None


def ready(options: Options, err: IO[str], now: float, memory: LedgerStore | None = None) -> Ready:
    """Read what the options name, and check what they ask for. Raises ScanError.

    `memory` is where a ledger is kept where the options name none.
    """
    check_stdin(options)
    if options.checkout is not None and not options.checkout.is_dir():
        raise ScanError(f"--checkout: there is no folder {options.checkout}", EXIT_USAGE)
    config = config_of(options.config)
    known = baseline_of(options.baseline, may_be_missing=options.update_baseline)
    request = request_of(options, now, config, known)
    from scanner.aws.clients import Clients
    from scanner.kept_ledger import ledger_of_user
    from scanner.report.files import REPORTS, check_folder

    targets = _targets(options, err)
    check_apart(options, options.output_dir, REPORTS)
    check_folder(targets.reports)
    for file in (*targets.files.values(), *((targets.baseline,) if targets.baseline else ())):
        file.check()
    clients = Clients(
        request.regions[0] if request.regions else None, options.profile, why_credentials(options)
    )
    ledger = ledger_of_user(options.ledger, clients, partial(say_line, err), memory)
    return Ready(options, request, gate_of(options, config), targets, clients, ledger)


class Scanned(NamedTuple):
    """What a scan came to. Nothing of it is written yet."""

    options: Options
    request: ScanRequest
    targets: _Targets
    result: ScanResult
    decision: GateDecision
    report: Report
    ledger: KeptLedger | None
    addition: Ledger | None

    @property
    def interrupted(self) -> bool:
        """Whether it was ended by hand."""
        return self.result.traced.interrupted


def scanned(asked: Ready, err: IO[str]) -> Scanned:
    """Scan. Raises ScanError."""
    from scanner.kept_ledger import with_runs
    from scanner.report.build import report as report_record
    from scanner.request import with_stacks
    from scanner.scan import as_scanned, scan

    options, clients = asked.options, asked.aws
    request = asked.ledger.read_for(asked.request) if asked.ledger else asked.request
    request = with_stacks(request, clients)
    with _progress(err) as progress:
        result = scan(request, clients, progress)
    request = as_scanned(request, result)
    _say_where(result, err)
    if options.checkout or options.sarif or options.format == "sarif":
        result = _placed(result, request, (clients, options.checkout or Path()), err)
    decision = _decide(result, request, asked.gate)
    report = report_record(result, request, asked.gate, decision)
    report, addition = with_runs(report, result, request)
    return Scanned(options, request, asked.targets, result, decision, report, asked.ledger, addition)


def publish(done: Scanned, out: IO[str], err: IO[str]) -> bytes:
    """Write the reports, and print what is asked for. Returns the HTML report. Raises ScanError."""
    from scanner.report.code_file import fallback_file
    from scanner.report.files import REPORT
    from scanner.report.formats import Rendering, rendered

    options, report = done.options, done.report
    how = Rendering(
        code_file=fallback_file(Path(), options.config or CONFIG, outputs=options.files_written),
        explain=explain_command(str(options.output_dir / REPORT), program=INSTALLED),
        everything=options.all_findings,
        more="`--all` shows all, so does the HTML report",
    )
    page = rendered(report, "html", how)
    written = _write(done, page, how)
    say_unmatched(report, options, err)
    with printing(out):
        show(report, options, out, written, how)
        _show_files(written, options, out, err)
    return page


def notify(done: Scanned, environ: Mapping[str, str], err: IO[str]) -> None:
    """Tell the webhook of the environment, where there is one, what is new or fixed. Raises nothing."""
    if NOTIFY_URL not in environ:
        return
    from scanner.notify import Webhook, deliver, run_link

    webhook = Webhook.of(environ, done.options.notify_format)
    if webhook:
        say_line(err, deliver(done.report, webhook, run_link(environ)).line)


def keep(done: Scanned, err: IO[str]) -> None:
    """Add what was read to the ledger. Where that fails, it is said, and the run ends as it would have."""
    warning = done.ledger.add(done.addition) if done.ledger and done.addition else None
    if warning:
        say_line(err, f"warning: {warning.message}")


def conclude(done: Scanned, err: IO[str]) -> int:
    """Say how the scan ends; the exit code. Raises ScanError where nothing could be read."""
    from scanner.result import nothing_read

    if done.interrupted:
        say_line(err, "interrupted: what was read until then is reported")
        return EXIT_INTERRUPTED
    error = nothing_read(done.result, done.request.compare)
    if error:
        raise error
    if done.targets.baseline:
        _write_baseline(done.targets.baseline, done.result, err)
        return EXIT_OK
    for line in _gate_lines(done.decision):
        say_line(err, line)
    return EXIT_OK if done.decision.passed else EXIT_GATE


def _say_where(result: ScanResult, err: IO[str]) -> None:
    """Say where the traces were read and what that cost; of X-Ray's own store there is nothing to say."""
    if result.traced.source in ("spans", "mixed"):
        for note in result.traced.notes:
            say_line(err, note)
    elif result.traced.from_ledger:
        say_line(err, result.traced.from_ledger.note)


def _placed(result: ScanResult, request: ScanRequest, where: tuple[Aws, Path], err: IO[str]) -> ScanResult:
    """The result with the lines of a folder's templates that grant; without them where that fails."""
    from scanner.places import with_places

    try:
        return with_places(result, request, *where)
    except Exception as error:
        say_line(err, f"lines of templates were not found: {type(error).__name__}: {error}")
        return result


class _Targets(NamedTuple):
    """Where the results of a scan are written; None what is not asked for."""

    reports: Destination
    files: Mapping[str, NamedFile]
    baseline: NamedFile | None


def _targets(options: Options, err: IO[str]) -> _Targets:
    from scanner.output.destination import Destination
    from scanner.output.named_file import NamedFile

    tell = partial(say_line, err)
    return _Targets(
        reports=Destination(options.output_dir, "--output-dir", tell),
        files={
            name: NamedFile(path, f"--{name}", tell)
            for name in FILE_FORMATS
            if (path := options.file_of(name))
        },
        baseline=NamedFile(options.baseline, "--baseline", tell)
        if options.baseline and options.update_baseline
        else None,
    )


def _write(done: Scanned, page: bytes, how: Rendering) -> list[str]:
    """Write the reports, all while no other run writes into any of their folders.

    Returns a line on each for those who open them.
    """
    from scanner.output.destination import writing_to
    from scanner.output.lock import all_locked
    from scanner.report.files import HTML, report_files
    from scanner.report.formats import rendered

    report, targets = done.report, done.targets
    reports = report_files(report, done.result, done.request, {HTML: page})
    files = {
        file: page if name == "html" else rendered(report, name, how) for name, file in targets.files.items()
    }
    places = {file: place for file in files if (place := file.destination)}
    with all_locked([targets.reports, *places.values()]) as (folder, *others):
        with writing_to(targets.reports):
            written = reports.write_into(folder).described(targets.reports.folder)
        if not written:
            return []
        folders = dict(zip(places, others, strict=True))
        for file, content in files.items():
            file.write_into(folders.get(file), content)
    return [*written, *(str(file.path) for file in files)]


def _show_files(written: Sequence[str], options: Options, out: IO[str], err: IO[str]) -> None:
    """Name the files that were written: below the report, unless a program reads that."""
    from scanner.text.escape import one_line

    if not written:
        say_line(err, f"nothing was written: the reports of an earlier scan are left in {options.output_dir}")
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
    say_line(err, f"{file.path} now holds {counted(len(entries), 'grant')} of these roles")


@contextlib.contextmanager
def _progress(err: IO[str]) -> Iterator[Progress]:
    """How far the scan is: a bar on a terminal, a line every few seconds elsewhere."""
    from scanner.output.ticking import progress_bar, ticking

    with progress_bar(err) if err.isatty() else ticking(partial(say_line, err)) as progress:
        yield progress


COMMAND = Command("read traces, compare them with the roles (default)", scan_parser, _run)
