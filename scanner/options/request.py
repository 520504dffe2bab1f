"""What the options ask of a scan, and of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scanner.options.checks import check, workload_files, wrong_use
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
    check(options, config)
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
            kind.name: json_file(path, kind.option) for kind, path in workload_files(options).items() if path
        },
        workload_config=configuration.documents,
        terraform_roles=_terraform_roles(options),
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


def _terraform_roles(options: Options) -> Mapping[str, str]:
    """The addresses of roles in Terraform's state, if it is named."""
    from scanner.errors import EXIT_USAGE, ScanError
    from scanner.templates.terraform.state import StateError, role_addresses

    if options.terraform_state is None:
        return {}
    try:
        return role_addresses(json_file(options.terraform_state, "--terraform-state"))
    except StateError as error:
        raise ScanError(f"--terraform-state: {options.terraform_state} {error}", EXIT_USAGE) from error


def without_documents(options: Options) -> Options:
    """The options without the files that stand for the answers of AWS, which may be large."""
    files: dict[str, Any] = dict.fromkeys(kind.argument for kind in workload_files(options))
    return replace(options, iam=None, workload_config=(), **files)


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


def _assumed_roles(options: Options) -> tuple[AssumedRole, ...]:
    """The roles of the accounts to scan, one for each. Raises ScanError on wrong use."""
    if options.assume_role and _asks_nothing(options):
        raise wrong_use("--assume-role does not go with files alone", "files tell their accounts: remove it")
    return assumed_roles(options.assume_role, options.external_id, options.role_session_name)


def assumed_roles(
    arns: Sequence[str], external_id: str | None, session_name: str | None
) -> tuple[AssumedRole, ...]:
    """The roles of these ARNs, one for each account. Raises ScanError on wrong use."""
    from scanner.aws.api import SESSION_NAME, AssumedRole

    if not arns:
        for option, value in (("--external-id", external_id), ("--role-session-name", session_name)):
            if value:
                raise wrong_use(f"{option} requires --assume-role", "name the roles, or remove it")
        return ()
    roles = [AssumedRole(arn, external_id or "", session_name or SESSION_NAME) for arn in dict.fromkeys(arns)]
    twice = {role.account for role in roles if sum(role.account == other.account for other in roles) > 1}
    if twice:
        raise wrong_use(f"--assume-role: two roles of account {min(twice)}", "name one role for each account")
    return tuple(roles)


def _asks_nothing(options: Options) -> bool:
    """Whether all that is read is in files."""
    configured = options.workload_config or any(workload_files(options).values())
    if options.evidence or options.stack or not options.traces:
        return False
    return options.usage_only or bool(options.iam and configured)


def why_credentials(options: Options) -> str:
    """What a scan of files needs credentials for, and what to do; empty where it reads no files."""
    configured = options.workload_config or any(workload_files(options).values())
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
        raise wrong_use(
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
