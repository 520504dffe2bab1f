"""Which options go together, and which need each other. Nothing is read here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parsers import Options

if TYPE_CHECKING:
    from scanner.gate.config import TeamConfig
    from scanner.workloads.kinds import WorkloadKind


def check(options: Options, config: TeamConfig) -> None:
    """Raise ScanError where options contradict each other, or one is given in vain."""
    _check_comparison(options)
    _check_severity(options, config)
    _check_traces(options)
    _check_source(options)


def workload_files(options: Options) -> dict[WorkloadKind, Path | None]:
    """The files of workloads that stand for AWS, by kind: each has an option of its own."""
    from scanner.workloads.kinds import KINDS

    return {kind: getattr(options, kind.argument) for kind in KINDS.values() if kind.from_file}


def _check_comparison(options: Options) -> None:
    if options.update_baseline and not options.baseline:
        raise wrong_use("--update-baseline requires --baseline", "name the file to write: --baseline FILE")
    given = {
        "--fail-on": options.fail_on,
        "--fail-on-severity": options.fail_on_severity,
        "--iam": options.iam,
        **{kind.option: path for kind, path in workload_files(options).items()},
        "--workload-config": options.workload_config,
        "--update-baseline": options.update_baseline,
    }
    for option, value in given.items():
        if value and options.usage_only:
            raise wrong_use(f"{option} requires a comparison", "remove --usage-only")


def _check_severity(options: Options, config: TeamConfig) -> None:
    """A severity alone fails nothing, though whoever gives it expects a gate."""
    if options.fail_on_severity and not options.fail_on and config.fail_on is None:
        raise wrong_use(
            "--fail-on-severity requires verdicts", "add --fail-on, or `fail-on` in the configuration"
        )


def _check_traces(options: Options) -> None:
    if options.traces and (options.trace_ids or options.filter or options.wait or options.start_time):
        raise wrong_use(
            "--traces: --trace-ids, --filter, --wait and --start-time do not apply to saved traces",
            "remove them, or remove --traces to ask X-Ray",
        )
    if options.trace_ids and options.assume_role:
        raise wrong_use("--trace-ids: traces of one account only", "scan each account by itself")
    if options.trace_ids and len(options.region) > 1:
        raise wrong_use("--trace-ids: traces of one region only", "give one --region")
    if options.trace_ids and (options.filter or options.start_time or options.time_range):
        raise wrong_use(
            "--trace-ids: --filter, --start-time and --time-range do not apply to named traces", "remove them"
        )


def _check_source(options: Options) -> None:
    """Options that only one source knows do not go with another."""
    source = options.source or "auto"
    if source == "files" and not options.traces:
        raise wrong_use("--source files requires files", "name them: --traces PATH")
    if options.traces and source not in ("auto", "files"):
        raise wrong_use(
            f"--source {source} does not go with --traces", "saved traces are files: remove one of the two"
        )
    of_spans = {
        "--log-group": options.log_group,
        "--max-scan-gb": options.max_scan_gb,
        "--gb-price": options.gb_price,
    }
    for option, value in of_spans.items():
        if value and (options.traces or source == "xray"):
            raise wrong_use(f"{option} applies to spans in log groups only", "use --source spans or auto")
    if options.filter and (source == "spans" or options.log_group):
        raise wrong_use("--filter is X-Ray's: it does not apply to spans in log groups", "remove it")
    if options.log_group and options.trace_ids:
        raise wrong_use("--log-group does not apply to --trace-ids", "remove it: X-Ray is asked for them")


def wrong_use(problem: str, advice: str) -> ScanError:
    """The error that says what is wrong, and what to do."""
    return ScanError(problem, EXIT_USAGE, advice)
