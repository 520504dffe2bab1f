"""What the options ask of a scan, and of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.files import json_file, trace_ids_of
from scanner.options.parsers import CONFIG, MAX_SCAN_GB, NEVER, Options
from scanner.options.times import window
from scanner.options.workload_config import workload_config

if TYPE_CHECKING:
    from scanner.aws.api import AssumedRole
    from scanner.gate.baseline import Baseline
    from scanner.gate.config import TeamConfig
    from scanner.gate.decide import GatePolicy
    from scanner.model import ScanWarning
    from scanner.request import ScanRequest
    from scanner.usage.evidence import EvidenceRequirements
    from scanner.workloads.kinds import WorkloadKind

_TRACE_IDS_WAIT = 60.0  # seconds


def request_of(
    options: Options,
    now: float,
    config: TeamConfig | None = None,
    baseline: Baseline | None = None,
) -> ScanRequest:
    """The scan that the options ask for, with the team's configuration. Raises ScanError on wrong use."""
    from scanner.gate.config import TeamConfig
    from scanner.model import EXCESS, Verdict
    from scanner.request import ScanRequest

    config = config or TeamConfig()
    gate = gate_of(options, config)
    _check_comparison(options)
    _check_severity(options, config)
    _check_traces(options)
    _check_source(options)
    start, end = (0.0, 0.0) if options.traces else window(options.start_time, options.time_range, now)
    configuration = workload_config(options.workload_config)
    ids = trace_ids_of(options.trace_ids) if options.trace_ids else ()
    return ScanRequest(
        start=start,
        end=end,
        now=now,
        filter=options.filter,
        compare=not options.usage_only,
        must_compare=options.compare or bool(gate.fail_on) or options.update_baseline,
        traces=options.traces,
        trace_ids=ids,
        source=options.source or "auto",
        log_groups=options.log_group,
        max_scan_gb=options.max_scan_gb or MAX_SCAN_GB,
        gb_price=options.gb_price,
        iam=json_file(options.iam, "--iam"),
        documents={
            kind.name: json_file(path, kind.option) for kind, path in _workload_files(options).items() if path
        },
        workload_config=configuration.documents,
        wait=options.wait if options.wait is not None else _TRACE_IDS_WAIT if ids else 0.0,
        workloads=options.workloads,
        stacks=options.stack,
        regions=tuple(dict.fromkeys(options.region)),
        assumed_roles=_assumed_roles(options),
        evidence=frozenset(options.evidence),
        requirements=_requirements(options, config),
        config=config,
        config_name=_config_name(options),
        baseline=baseline,
        baseline_verdicts=frozenset((*EXCESS, *gate.fail_on)) - {Verdict.INEFFECTIVE},
        today=datetime.fromtimestamp(now, UTC).date(),
        warnings=(*_warnings(options, gate, config, baseline), *configuration.warnings),
    )


def without_documents(options: Options) -> Options:
    """The options without the files that stand for the answers of AWS, which may be large."""
    files: dict[str, Any] = dict.fromkeys(kind.argument for kind in _workload_files(options))
    return replace(options, iam=None, workload_config=(), **files)


def _workload_files(options: Options) -> dict[WorkloadKind, Path | None]:
    """The files of workloads that stand for AWS, by kind: each has an option of its own."""
    from scanner.workloads.kinds import KINDS

    return {kind: getattr(options, kind.argument) for kind in KINDS.values() if kind.from_file}


def _check_comparison(options: Options) -> None:
    if options.update_baseline and not options.baseline:
        raise _usage("--update-baseline requires --baseline", "name the file to write: --baseline FILE")
    given = {
        "--fail-on": options.fail_on,
        "--fail-on-severity": options.fail_on_severity,
        "--iam": options.iam,
        **{kind.option: path for kind, path in _workload_files(options).items()},
        "--workload-config": options.workload_config,
        "--update-baseline": options.update_baseline,
    }
    for option, value in given.items():
        if value and options.usage_only:
            raise _usage(f"{option} requires a comparison", "remove --usage-only")


def _check_severity(options: Options, config: TeamConfig) -> None:
    """A severity alone fails nothing, though whoever gives it expects a gate."""
    if options.fail_on_severity and not options.fail_on and config.fail_on is None:
        raise _usage(
            "--fail-on-severity requires verdicts", "add --fail-on, or `fail-on` in the configuration"
        )


def _warnings(
    options: Options, gate: GatePolicy, config: TeamConfig, baseline: Baseline | None
) -> tuple[ScanWarning, ...]:
    """What is asked for in vain, and what accepts more than it seems to."""
    from scanner.gate.load_baseline import entries_without_extent
    from scanner.gate.rules import open_rules
    from scanner.model import ScanWarning, Verdict

    warnings = [ScanWarning("rule-open", line) for line in open_rules(config.ignores, _config_name(options))]
    if Verdict.INEFFECTIVE in gate.fail_on:
        message = "`fail-on: ineffective` does nothing: what is ineffective allows nothing. Remove it"
        warnings.append(ScanWarning("fail-on-ineffective", message))
    unbounded = entries_without_extent(baseline, str(options.baseline)) if baseline else ""
    if unbounded and not options.update_baseline:
        warnings.append(ScanWarning("baseline-unbounded", unbounded))
    return tuple(warnings)


def _config_name(options: Options) -> str:
    return str(options.config or CONFIG)


def _check_traces(options: Options) -> None:
    if options.traces and (options.trace_ids or options.filter or options.wait or options.start_time):
        raise _usage(
            "--traces: --trace-ids, --filter, --wait and --start-time do not apply to saved traces",
            "remove them, or remove --traces to ask X-Ray",
        )
    if options.trace_ids and options.assume_role:
        raise _usage("--trace-ids: traces of one account only", "scan each account by itself")
    if options.trace_ids and len(options.region) > 1:
        raise _usage("--trace-ids: traces of one region only", "give one --region")
    if options.trace_ids and (options.filter or options.start_time or options.time_range):
        raise _usage(
            "--trace-ids: --filter, --start-time and --time-range do not apply to named traces", "remove them"
        )


def _check_source(options: Options) -> None:
    """Options that only one source knows do not go with another."""
    source = options.source or "auto"
    if source == "files" and not options.traces:
        raise _usage("--source files requires files", "name them: --traces PATH")
    if options.traces and source not in ("auto", "files"):
        raise _usage(
            f"--source {source} does not go with --traces", "saved traces are files: remove one of the two"
        )
    of_spans = {
        "--log-group": options.log_group,
        "--max-scan-gb": options.max_scan_gb,
        "--gb-price": options.gb_price,
    }
    for option, value in of_spans.items():
        if value and (options.traces or source == "xray"):
            raise _usage(f"{option} applies to spans in log groups only", "use --source spans or auto")
    if options.filter and (source == "spans" or options.log_group):
        raise _usage("--filter is X-Ray's: it does not apply to spans in log groups", "remove it")
    if options.log_group and options.trace_ids:
        raise _usage("--log-group does not apply to --trace-ids", "remove it: X-Ray is asked for them")


def _assumed_roles(options: Options) -> tuple[AssumedRole, ...]:
    """The roles of the accounts to scan, one for each. Raises ScanError on wrong use."""
    if options.assume_role and _asks_nothing(options):
        raise _usage("--assume-role does not go with files alone", "files tell their accounts: remove it")
    return assumed_roles(options.assume_role, options.external_id, options.role_session_name)


def assumed_roles(
    arns: Sequence[str], external_id: str | None, session_name: str | None
) -> tuple[AssumedRole, ...]:
    """The roles of these ARNs, one for each account. Raises ScanError on wrong use."""
    from scanner.aws.api import SESSION_NAME, AssumedRole

    if not arns:
        for option, value in (("--external-id", external_id), ("--role-session-name", session_name)):
            if value:
                raise _usage(f"{option} requires --assume-role", "name the roles, or remove it")
        return ()
    roles = [AssumedRole(arn, external_id or "", session_name or SESSION_NAME) for arn in dict.fromkeys(arns)]
    twice = {role.account for role in roles if sum(role.account == other.account for other in roles) > 1}
    if twice:
        raise _usage(f"--assume-role: two roles of account {min(twice)}", "name one role for each account")
    return tuple(roles)


def _asks_nothing(options: Options) -> bool:
    """Whether all that is read is in files."""
    configured = options.workload_config or any(_workload_files(options).values())
    if options.evidence or options.stack or not options.traces:
        return False
    return options.usage_only or bool(options.iam and configured)


def why_credentials(options: Options) -> str:
    """What a scan of files needs credentials for, and what to do; empty where it reads no files."""
    configured = options.workload_config or any(_workload_files(options).values())
    files = {
        "--traces": options.traces,
        "--iam": options.iam or options.usage_only,
        "--functions (or --workload-config)": configured or options.usage_only,
    }
    if not (options.traces or options.iam or configured):
        return ""
    missing = [option for option, given in files.items() if not given]
    if missing:
        return f"which a scan without {' and '.join(missing)} needs: add what is missing"
    of_aws = {"--evidence": options.evidence, "--stack": options.stack}
    asking = [option for option, given in of_aws.items() if given]
    return f"which {' and '.join(asking)} needs: leave it out" if asking else ""


def _requirements(options: Options, config: TeamConfig) -> EvidenceRequirements:
    from scanner.usage.evidence import EvidenceRequirements

    instrumented = options.assume_instrumented
    if instrumented is None:
        instrumented = bool(config.assume_instrumented)
    return EvidenceRequirements(
        min_traces=options.min_traces or config.min_traces or 1,
        assume_instrumented=instrumented,
        min_observed_days=_first_given(options.min_observed_days, config.min_observed_days),
        grace_days=_first_given(options.grace_days, config.grace_days),
    )


def _first_given(*numbers: int | None) -> int:
    """The first number that is given, be it 0; without any 0."""
    return next((number for number in numbers if number is not None), 0)


def gate_of(options: Options, config: TeamConfig) -> GatePolicy:
    """What fails: as the options say, else the configuration, else nothing."""
    from scanner.gate.decide import DEFAULT_SEVERITY, GatePolicy
    from scanner.model import Verdict

    if NEVER in options.fail_on and len(options.fail_on) > 1:
        raise _usage(
            f"--fail-on: `{NEVER}` cannot be combined with other verdicts",
            f"give it alone, or remove `{NEVER}`",
        )
    verdicts = frozenset(Verdict(word) for word in options.fail_on if word != NEVER)
    return GatePolicy(
        verdicts if options.fail_on else config.fail_on or frozenset(),
        at_least=options.fail_on_severity or config.at_least or DEFAULT_SEVERITY,
        include_unconfirmed=bool(config.include_unconfirmed),
        insufficient=config.insufficient or "pass",
    )


def _usage(problem: str, advice: str) -> ScanError:
    return ScanError(problem, EXIT_USAGE, advice)
