"""The whole story: traces in, usage, compared with grants, findings out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from scanner.aws.api import Aws
from scanner.errors import Warnings
from scanner.gate import baseline
from scanner.gate.rules import RuleTally, tally_rules
from scanner.mapping.access_denied import DenialCause, is_identity_matter
from scanner.model import Function, Permission, Role, Usage, Verdict
from scanner.read import (
    read_functions,
    read_records,
    read_roles,
    read_traces,
    uncompared,
    warn_of_assumed_roles,
)
from scanner.records.aws_records import NO_RECORDS, AwsRecords
from scanner.request import ScanRequest
from scanner.result import RoleResult, ScanResult
from scanner.suggest.check import PolicyCheck
from scanner.suggest.policy import offered_policy, suggested_policy
from scanner.usage.of_role import usage_of_role
from scanner.verdict.assess import grant_matches, judge_role
from scanner.verdict.findings import Judged, findings_of, with_ignores, with_reasons
from scanner.verdict.reasons import Reason


def scan(request: ScanRequest, aws: Aws, progress: Callable[[int], None] = lambda traces: None) -> ScanResult:
    """Scan. `progress` is told how many traces were read so far. Raises ScanError.

    What could not be read is counted in the result; only where nothing at all can be read, the scan ends.
    """
    warnings = Warnings()
    scanned, scan_reasons = read_traces(request, aws, warnings, progress)
    if request.compare:
        functions = read_functions(request, aws, scanned.usages, warnings)
        roles = read_roles(request, aws, functions, scanned.usages, warnings)
        records = read_records(request, aws, scanned, functions, roles, warnings)
        scanned.functions = functions.known
        scanned.uncompared = uncompared(scanned.usages, roles, request)
        usages = {usage.workload: usage for usage in scanned.usages if usage.workload}
        compared = [
            compare_role(
                role, usages, functions.known, request, scan_reasons, records.get(role.arn, NO_RECORDS)
            )
            for role in roles
        ]
        scanned.roles = against_baseline(scanned, compared, request)
        scanned.rules = _rules(scanned.roles, request)
    warn_of_assumed_roles(scanned.usages, warnings)
    scanned.warnings = warnings.all()
    return scanned


def compare_role(
    role: Role,
    usages: Mapping[str, Usage],
    functions: Mapping[str, Function],
    request: ScanRequest,
    scan_reasons: frozenset[Reason] = frozenset(),
    records: AwsRecords = NO_RECORDS,
) -> RoleResult:
    """The verdicts on a role. `usages` and `functions` are those of the workloads, by ARN."""
    own = [usages[arn] for arn in role.workloads if arn in usages]
    evidence = {usage.workload: usage.evidence for usage in own if usage.workload}
    usage = usage_of_role(own, role.workloads, functions, records, request.config.untraced)
    judged = with_reasons(
        judge_role(role, usage), role, evidence, functions, request.requirements, scan_reasons, records
    )
    judged = with_ignores(judged, role, request.config.ignores, request.today)
    found = RoleResult(role, judged, findings_of(role, judged, usage.by), records=records)
    return _with_suggestion(found, own)


def _with_suggestion(scanned: RoleResult, usages: Sequence[Usage]) -> RoleResult:
    """The same with a suggestion that the evaluator has tested against every call that was seen."""
    role, proof = scanned.role, PolicyCheck(scanned.role)
    seen = {need.permission for usage in usages for need in usage.used if need.required}
    histories = scanned.records.histories.values()
    seen |= {need.permission for history in histories for need in history.used if need.required}
    # what Lambda itself needs stays allowed as well
    needs = {touched for item in scanned.judged for touched in item.judgement.touched if touched.platform}
    seen |= {Permission(need.action, need.resource, need.exact) for need in needs}
    suggestion = suggested_policy(role, scanned.judged)
    objections = proof.objections(suggestion.policy, sorted(seen)) if suggestion else []
    if suggestion and objections:
        # what only ineffective grants name is denied today, though the evaluator may leave that open
        effective = [item.judgement.grant for item in scanned.judged if not _is_ineffective(item)]
        seen = {p for p in seen if any(grant_matches(grant, p) for grant in effective)}
        objections = proof.objections(suggestion.policy, sorted(seen))
    refused = {
        (denied.action, denied.resource)
        for usage in usages
        for denied in usage.denied
        if is_identity_matter(DenialCause(denied.cause))
        and proof.is_not_granted(denied.action, denied.resource)
    }
    return replace(
        scanned,
        suggestion=None if objections else suggestion,
        objections=objections,
        offered=offered_policy(refused),
        elsewhere=proof.allowed_elsewhere(usages),
    )


def _is_ineffective(item: Judged) -> bool:
    return item.judgement.verdict is Verdict.INEFFECTIVE


def against_baseline(
    scanned: ScanResult, roles: Sequence[RoleResult], request: ScanRequest
) -> Sequence[RoleResult]:
    """The roles with what the baseline knows, and in `scanned` what is new and what was fixed."""
    if request.baseline is None:
        return roles
    items = _accountable(roles, request)
    entries = _entries(items, roles, request)
    found = baseline.compare(request.baseline, entries, compared_roles(roles, request))
    # what a rule accepts is not new, nor fixed where the baseline has it too
    new = [
        entry
        for (_, item), entry, is_known in zip(items, entries, found.is_known, strict=True)
        if not is_known and item.ignore is None
    ]
    scanned.against_baseline = found._replace(new=tuple(new))
    known = {id(item) for (_, item), is_known in zip(items, found.is_known, strict=True) if is_known}
    return [_with_known(one, known) for one in roles]


def _with_known(one: RoleResult, known: Collection[int]) -> RoleResult:
    judged = [item._replace(known=id(item) in known) for item in one.judged]
    used_by = {(used.action.lower(), used.resource): used.workloads for f in one.findings for used in f.used}
    return replace(one, judged=judged, findings=findings_of(one.role, judged, used_by))


def baseline_entries(roles: Sequence[RoleResult], request: ScanRequest) -> list[baseline.Entry]:
    """The lines that a baseline would hold of these roles: all that may fail, and no rule accepts."""
    items = [(role, item) for role, item in _accountable(roles, request) if item.ignore is None]
    return _entries(items, roles, request)


def _accountable(roles: Iterable[RoleResult], request: ScanRequest) -> list[tuple[Role, Judged]]:
    return [
        (one.role, item)
        for one in roles
        for item in one.judged
        if item.judgement.verdict in request.baseline_verdicts
    ]


def _entries(
    items: Iterable[tuple[Role, Judged]], roles: Iterable[RoleResult], request: ScanRequest
) -> list[baseline.Entry]:
    known = (
        baseline.known_of(role.arn, item.judgement.grant, item.judgement.verdict) for role, item in items
    )
    return baseline.entries_of(known, logical_ids_of(roles, request))


def compared_roles(roles: Iterable[RoleResult], request: ScanRequest) -> set[str]:
    """The roles that were wholly read, as a baseline names them."""
    names = logical_ids_of(roles, request)
    return {baseline.role_name(one.role.arn, names) for one in roles if one.role.readable}


def logical_ids_of(roles: Iterable[RoleResult], request: ScanRequest) -> dict[str, str]:
    """CloudFormation's logical ids by physical name or ARN: from stacks, and from the tags of roles.

    docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    found = dict(request.logical_ids)
    for one in roles:
        tags = one.role.tags or {}
        stack, logical = tags.get("aws:cloudformation:stack-name"), tags.get("aws:cloudformation:logical-id")
        if stack and logical:
            found[one.role.arn] = f"{stack}/{logical}"
    return found


def _rules(roles: Sequence[RoleResult], request: ScanRequest) -> RuleTally:
    judged = [item for one in roles for item in one.judged]
    hits = [(rule, 1) for item in judged for rule in (item.ignore or item.expired,) if rule is not None]
    found = tally_rules(request.config.ignores, hits, request.today)
    # of roles that were not asked for, nothing tells whether a rule is still of use
    whole = not (request.workloads or request.filter) and all(one.role.readable for one in roles)
    return found if whole else replace(found, idle=())
