"""What the action does with its inputs, from the scan to the exit code."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from scanner.action.checkout import check_named_files
from scanner.action.console import Console
from scanner.action.inputs import ActionInputs, effective_config, inputs_of
from scanner.action.publish import publish
from scanner.action.publish.outputs import MARKDOWN
from scanner.action.publish.sarif import sarif_file
from scanner.action.result import ActionResult
from scanner.action.trusted_files import TrustedFiles, files_to_trust, read_trusted_files
from scanner.action.wording import by_inputs, changes_by_inputs, scan_by_inputs, view_by_inputs
from scanner.action.workflow_run import WorkflowRun
from scanner.aws.api import Aws
from scanner.errors import EXIT_GATE, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, ScanError, WrongRegionError
from scanner.gate.decide import decide
from scanner.github.event import is_public, trusted_source_of
from scanner.github.trusted_run import why_read_only
from scanner.kept_ledger import KeptLedger, ledger_of_workflow, with_runs
from scanner.options.files import check_apart
from scanner.options.request import gate_of, request_of, without_documents
from scanner.output.destination import Destination
from scanner.output.ticking import ticking
from scanner.places import with_places
from scanner.report.build import report as report_record
from scanner.report.files import HTML, REPORTS, check_folder, write_reports
from scanner.report.html import html
from scanner.report.markdown import markdown
from scanner.report.view import view_of
from scanner.request import ScanRequest, with_stacks
from scanner.result import ScanResult, missing_evidence
from scanner.scan import scan
from scanner.text.redact import NO_REDACTION, PUBLIC_REDACTION, Redaction

if TYPE_CHECKING:
    from scanner.aws.clients import Clients
    from scanner.github.api import Repository

Place = Callable[[ScanResult, ScanRequest, Aws], ScanResult]
"""Adds the lines of the checkout that grant findings."""


def run(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    """Scan and publish; the exit code. Raises ScanError on wrong use; whatever else fails is a warning."""
    try:
        return _run(environ, out, now)
    except ScanError as error:
        raise ScanError(by_inputs(str(error)), error.exit_code) from error


def _run(environ: Mapping[str, str], out: TextIO, now: float) -> int:
    inputs, workflow = inputs_of(environ), WorkflowRun.of(environ)
    _check(inputs, workflow, now)
    console = Console(out, _redaction(inputs, workflow))
    github = _connection(inputs, workflow)
    reports = Destination(inputs.output_dir, "input `output-dir`", console.log, root=workflow.workspace)
    try:
        check_folder(reports, MARKDOWN)
        if inputs.options.sarif:
            sarif_file(inputs.options.sarif, workflow.workspace, console.log).check()
        trusted = read_trusted_files(
            files_to_trust(inputs.options.config, inputs.options.baseline),
            trusted_source_of(workflow.event_name, workflow.event),
            workflow.workspace,
            lambda path, ref: github().file(path, ref),
            console.log,
        )
        aws = _clients(inputs)
        ledger = _ledger(inputs, workflow, aws, console)
        means = _Means(aws, reports, partial(_placed, workflow.workspace, console), ledger)
        result = _scan(inputs, trusted, means, now)
        _keep(result, ledger, console)
        _check_whole(result, reports)
        publish(inputs, workflow, result, console, github)
    finally:
        for path in filter(None, (inputs.output_dir, inputs.options.sarif, _ledger_file(inputs))):
            _restore_owner(workflow.workspace, path)
    return EXIT_OK if result.decision.passed else EXIT_GATE


def _check(inputs: ActionInputs, workflow: WorkflowRun, now: float) -> None:
    """Raise ScanError on wrong use, before anybody is asked anything; large files are left for later."""
    check_named_files(inputs.options, workflow.workspace)
    check_apart(inputs.options, inputs.output_dir, REPORTS | {MARKDOWN}, workflow.workspace)
    request_of(without_documents(inputs.options), now)


def _check_whole(result: ActionResult, reports: Destination) -> None:
    """Raise ScanError for a run that was cancelled: what it read in part is no result to publish.

    It stands in the output folder. The gate says nothing of it, and an earlier comment stays as it is.
    """
    if result.scan is not None and result.scan.traced.interrupted:
        raise ScanError(
            f"interrupted while traces were read: what was read until then is in {reports.folder}, confirms "
            "nothing that is missing, and is not published; run the job again",
            EXIT_INTERRUPTED,
        )


def _redaction(inputs: ActionInputs, workflow: WorkflowRun) -> Redaction:
    hidden = inputs.redact == "always" or (inputs.redact == "auto" and is_public(workflow.event))
    return PUBLIC_REDACTION if hidden else NO_REDACTION


def _connection(inputs: ActionInputs, workflow: WorkflowRun) -> Callable[[], Repository]:
    """The repository, connected once, so that one budget bounds all waiting. Raises GithubError."""

    @cache
    def connected() -> Repository:
        from scanner.github import api

        return api.repository(inputs.token, workflow.api_url, workflow.repository, workflow.graphql_url)

    return connected


class _Means(NamedTuple):
    """What a scan needs: clients, the folder of the reports, what adds lines of the checkout, a ledger."""

    aws: Clients
    reports: Destination
    place: Place
    ledger: KeptLedger | None


def _clients(inputs: ActionInputs) -> Clients:
    from scanner.aws.clients import Clients

    return Clients(next(iter(inputs.options.region), None), None)


def _ledger(inputs: ActionInputs, workflow: WorkflowRun, aws: Aws, console: Console) -> KeptLedger | None:
    """The ledger that the input names, and whether this run may add to it. Raises ScanError on wrong use."""
    why = why_read_only(workflow.event_name, workflow.event, workflow.ref)
    kept = ledger_of_workflow(inputs.options.ledger, aws, console.log, workflow.workspace, why)
    if kept and why and not kept.unbelieved:
        console.log(f"the ledger {kept.store.name} is only read: {why}")
    return kept


def _ledger_file(inputs: ActionInputs) -> Path | None:
    place = inputs.options.ledger
    return Path(place) if place and "://" not in place else None


def _keep(result: ActionResult, ledger: KeptLedger | None, console: Console) -> None:
    """Add what was read to the ledger; where that fails, it is an annotation, and nothing else."""
    warning = ledger.add(result.addition) if ledger and result.addition else None
    if warning:
        console.annotate("warning", by_inputs(warning.message))


def _scan(inputs: ActionInputs, trusted: TrustedFiles, means: _Means, now: float) -> ActionResult:
    """Scan, decide and write the reports. Raises ScanError on wrong use only."""
    config = effective_config(inputs, trusted.config)
    request = request_of(inputs.options, now, config, trusted.baseline)
    gate = gate_of(inputs.options, config)
    try:
        request = means.ledger.read_for(request) if means.ledger else request
        request = with_stacks(request, means.aws)
        with ticking(means.reports.say) as progress:
            scanned = scan(request, means.aws, progress)
        scanned = scan_by_inputs(means.place(scanned, request, means.aws))
    except ScanError as error:
        if error.exit_code == EXIT_USAGE or isinstance(error, WrongRegionError):
            raise
        # no credentials, as in a pull request from a fork: the configuration decides
        return ActionResult(
            scan=None,
            request=request,
            gate=gate,
            decision=decide([], [by_inputs(str(error))], gate),
            changes=changes_by_inputs(trusted.changes),
        )
    missing = [by_inputs(line) for line in missing_evidence(scanned, request)]
    expired = scanned.rules.failures(request.config_name)
    result = ActionResult(
        scan=scanned,
        request=request,
        gate=gate,
        decision=decide(scanned.findings, missing, gate, expired),
        changes=changes_by_inputs(trusted.changes),
    )
    return _reported(result, scanned, means.reports)


def _placed(
    workspace: Path, console: Console, scanned: ScanResult, request: ScanRequest, aws: Aws
) -> ScanResult:
    """The result with the lines of the checkout that grant; without them where that fails."""
    try:
        return with_places(scanned, request, aws, workspace)
    except Exception as error:
        console.annotate("warning", f"lines of templates were not found: {type(error).__name__}: {error}")
        return scanned


def _reported(result: ActionResult, scanned: ScanResult, reports: Destination) -> ActionResult:
    """The result with its report, which is written to the output folder."""
    report = report_record(scanned, result.request, result.gate, result.decision)
    report, addition = with_runs(report, scanned, result.request)
    view = view_by_inputs(view_of(report))
    more = {HTML: html(report, view).encode("utf-8"), MARKDOWN: markdown(view).encode("utf-8")}
    written = write_reports(report, scanned, result.request, reports, more)
    for line in written.described(reports.folder):
        reports.say(f"written: {line}")
    return replace(
        result, report=report, addition=addition, files=[reports.folder / name for name in written.names]
    )


def _restore_owner(workspace: Path, folder: Path) -> None:
    """Give what was written to the owner of the workspace: a self-hosted runner must be able to delete it."""
    try:
        owner, root = workspace.stat(), workspace.resolve()
        written = (workspace / folder).resolve()
        inside = [path for path in (written, *written.parents) if root in path.parents]
        for path in (*inside, *written.rglob("*")) if inside else ():
            status = path.lstat()
            if not stat.S_ISLNK(status.st_mode) and status.st_uid == os.geteuid():
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return  # not root, or a file system without owners: nothing to restore
