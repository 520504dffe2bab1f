"""Small words for tables of cases: a role, what its function used, what is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypedDict, Unpack

from scanner.conclude import conclude
from scanner.gate.accept import Terms, accept
from scanner.gate.baseline import Baseline, Comparison
from scanner.gate.config import TeamConfig
from scanner.iam.policies import parse_policy
from scanner.model import (
    Certainty,
    Evidence,
    Finding,
    GrantName,
    Need,
    Observation,
    Permission,
    Policy,
    Role,
    Unmapped,
    Usage,
    Workload,
)
from scanner.model.usage import DayRuns, day_of
from scanner.records.aws_records import NO_RECORDS, AwsRecords
from scanner.result import RoleResult, ScanResult, Skipped, Traced
from scanner.usage.evidence import EvidenceRequirements
from scanner.usage.of_role import usage_of_role
from scanner.verdict.assess import assess_role
from scanner.verdict.context import RoleContext
from scanner.verdict.reasons import Reason
from scanner.workloads.kinds import workloads_of_role
from scanner.workloads.lambda_function import LambdaFunction
from scanner.workloads.lambda_platform import workload_of

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = 1_795_000_000.0
HOUR = 3600.0
ROLE = f"arn:aws:iam::{ACCOUNT}:role/f"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def arn(service: str, rest: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def table(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def allow(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def policy(*statements: dict[str, Any], name: str = "own", created: datetime | None = None) -> Policy:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Policy(name, None, "inline", parse_policy(document), created)


def of_aws(name: str, *statements: dict[str, Any], version: str = "2012-10-17") -> Policy:
    """A managed policy of AWS's own, which nobody else can edit."""
    document = {"Version": version, "Statement": list(statements)}
    return Policy(name, f"arn:aws:iam::aws:policy/{name}", "managed", parse_policy(document))


def function(name: str = "f", deployed: float = NOW - HOUR, **more: Any) -> LambdaFunction:
    """A function whose configuration was read, with nothing configured unless `more` says so."""
    configuration = {"event_sources": (), "destinations": (), **more}
    changed = datetime.fromtimestamp(deployed, UTC)
    return LambdaFunction(function_arn(name), name, ROLE, changed, **configuration)


def workloads_of(functions: Iterable[LambdaFunction], usages: Iterable[Usage] = ()) -> dict[str, Workload]:
    """The functions as workloads, by ARN. Those that were traced write traces."""
    traced = {usage.workload for usage in usages if usage.evidence.traces}
    return {function.arn: workload_of(function, traced=function.arn in traced) for function in functions}


def used(*permissions: tuple[str, str], exact: bool = True, required: bool = True) -> dict[Need, Observation]:
    certainty = Certainty.REQUIRED if required else Certainty.POSSIBLE
    needs = (Need(Permission(action, resource, exact), certainty) for action, resource in permissions)
    return dict.fromkeys(needs, Observation(1, 1, NOW, NOW))


def days_of(starts: Iterable[float]) -> dict[int, DayRuns]:
    """The days of complete traces that started at these times."""
    days: dict[int, DayRuns] = {}
    for start in starts:
        runs = DayRuns(1, start, start)
        days[day_of(start)] = days[day_of(start)].joined(runs) if day_of(start) in days else runs
    return days


def usage(
    needs: Mapping[Need, Observation] | None = None,
    *,
    name: str = "f",
    traces: Iterable[float] = (NOW,),
    unmapped: Iterable[str | None] = (),
    services: Iterable[str] = (),
    calls: float | None = NOW,
    **more: Any,
) -> Usage:
    """What a function was seen to do: by default well, and just now."""
    needs = needs or {}
    seen = {need.permission.action.partition(":")[0]: NOW for need in needs} | dict.fromkeys(services, NOW)
    starts = tuple(sorted(traces, reverse=True))
    missing = {Unmapped("?", "?", "unknown-operation", prefix): 1 for prefix in unmapped}
    evidence = Evidence(
        traces=len(starts),
        calls=1,
        last_call=calls,
        newest_complete=starts,
        complete_days=days_of(starts),
        services=seen,
        unmapped_services=frozenset(unmapped),
        incomplete_traces=1 if more.get("incomplete") else 0,
        last_incomplete=more.pop("incomplete", None),
        auto_instrumented=more.pop("auto_instrumented", None),
    )
    return Usage(function_arn(name), evidence, needs, unmapped=missing, **more)


class Circumstances(TypedDict, total=False):
    """What is known of a role beside its policies and what was used; what is absent is as it should be.

    `by_version_only` are names of functions that use the role in a published version only, `role_created` is
    when the role was made.
    """

    requirements: EvidenceRequirements
    workloads_complete: bool
    scan_reasons: frozenset[Reason]
    by_version_only: Iterable[str]
    role_created: datetime | None
    boundary: Policy | None
    tags: Mapping[str, str] | None
    readable: bool
    records: AwsRecords
    config: TeamConfig
    today: date
    appeared: Mapping[GrantName, float]


def compared(
    policies: Iterable[Policy],
    usages: Iterable[Usage],
    functions: Iterable[LambdaFunction] | None = None,
    **how: Unpack[Circumstances],
) -> RoleResult:
    """A role with these policies against what its functions used."""
    known = [function()] if functions is None else list(functions)
    by_workload = {u.workload: u for u in usages if u.workload}
    arns = tuple(sorted({*(f.arn for f in known), *by_workload}))
    of_role = tuple(by_workload[arn_] for arn_ in arns if arn_ in by_workload)
    role, workloads = _role(policies, arns, how), workloads_of(known, by_workload.values())
    team, records = how.get("config", TeamConfig()), how.get("records", NO_RECORDS)
    context = RoleContext(
        role,
        workloads,
        of_role,
        usage_of_role(of_role, workloads_of_role(role, workloads), records, team.untraced),
        records,
        how.get("scan_reasons", frozenset()),
        how.get("requirements", EvidenceRequirements()),
        NOW,
        how.get("appeared", {}),
    )
    (accepted,) = accept([assess_role(context)], Terms(team.ignores, today=how.get("today", date.min))).roles
    return conclude(accepted)


def _role(policies: Iterable[Policy], workloads: tuple[str, ...], how: Circumstances) -> Role:
    return Role(
        ROLE,
        "f",
        tuple(_told_apart(policies)),
        workloads,
        workloads_complete=how.get("workloads_complete", True),
        by_version_only=tuple(map(function_arn, how.get("by_version_only", ()))),
        boundary=how.get("boundary"),
        tags=how.get("tags"),
        created=how.get("role_created"),
        readable=how.get("readable", True),
    )


def _told_apart(policies: Iterable[Policy]) -> Iterator[Policy]:
    """Policies of one name, as the reader of roles tells them apart."""
    twins: Counter[str] = Counter()
    for policy_ in policies:
        yield replace(policy_, twin=twins[policy_.key])
        twins[policy_.key] += 1


def with_baseline(result: RoleResult, baseline: Baseline, **terms: Any) -> tuple[RoleResult, Comparison]:
    """A role with what a baseline knows of it, and what is new and what was fixed."""
    accepted = accept([result.assessed], Terms(baseline=baseline, **terms))
    assert accepted.baseline is not None
    return conclude(accepted.roles[0]), accepted.baseline


def scan_of(
    roles: Iterable[RoleResult], usages: Iterable[Usage] = (), functions: Iterable[LambdaFunction] = ()
) -> ScanResult:
    """A scan of the last minute that found these roles."""
    traced = Traced("xray", NOW - 60, NOW, (REGION,), 1, 1, 1, Skipped(), list(usages))
    return ScanResult(traced, workloads_of(functions), list(roles))


class Summary(NamedTuple):
    """What a finding says."""

    verdict: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def outcome(self) -> tuple[str, tuple[str, ...]]:
        """The verdict, and why it is not confirmed."""
        return self.verdict, self.reasons


def summaries(result: RoleResult) -> list[Summary]:
    """What each finding says."""
    return [Summary(f.verdict.value, f.actions, f.resources, f.reasons) for f in result.findings]


def outcomes(result: RoleResult) -> list[tuple[str, tuple[str, ...]]]:
    """The verdict of each finding, and why it is not confirmed."""
    return [summary.outcome for summary in summaries(result)]


def verdicts(result: RoleResult) -> list[str]:
    """The verdict of each finding."""
    return [summary.verdict for summary in summaries(result)]


def only(result: RoleResult) -> Finding:
    """The one finding."""
    (finding,) = result.findings
    return finding


def statements_of(result: RoleResult) -> list[dict[str, Any]]:
    """The statements of the policy that is suggested for a role, none where there is no suggestion."""
    return list(result.suggestion.policy["Statement"]) if result.suggestion else []
