"""Where the findings of a scan are granted in a checkout: by its templates, and the stacks made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from scanner.accounts import merged
from scanner.aws.api import Aws
from scanner.conclude import effectively_needed
from scanner.errors import ScanError, Warnings
from scanner.model import Finding, Role, StackResource, Verdict, account_of
from scanner.model.workloads import workload_kind, workload_name
from scanner.request import ScanRequest
from scanner.result import RoleResult, ScanResult
from scanner.roles.stacks import UNKNOWN_STACKS, read_stack_resources
from scanner.suggest.reduced import objections_without
from scanner.suggest.wildcards import kept_actions, kept_resources
from scanner.templates.edits.deployed_role import DeployedRole
from scanner.templates.edits.offer import Offer, offer
from scanner.templates.locate import Locator, Placement
from scanner.templates.read import MAX_TEMPLATES, files_of, read_templates

_NOTHING_TO_CHANGE = (Verdict.USED, Verdict.PLATFORM)


def with_places(result: ScanResult, request: ScanRequest, aws: Aws, root: Path) -> ScanResult:
    """The result with the lines of a checkout's templates that grant its findings.

    CloudFormation is asked where IAM was, and a template declares a role. Raises ScanError where AWS refuses
    the credentials.
    """
    roles = [role_result for role_result in result.roles if any(map(_is_placed, role_result.findings))]
    templates = read_templates(root) if roles else None
    warnings = Warnings(result.warnings)
    for sentence in templates.not_installed if templates else ():
        warnings.add("templates-unread", sentence)
    if templates is None or not templates.roles:
        return replace(result, warnings=warnings.all())
    if templates.truncated:
        warnings.add(
            "templates-unread",
            f"the checkout holds more than is read of its templates ({MAX_TEMPLATES:,} at the most): only "
            "findings of roles that a template names in full, or that a stack was made of, are placed",
        )
    stacks: Mapping[str, StackResource] = {}
    if request.iam is None:
        stacks = _stacks(request, aws, [r.role for r in roles], warnings)
    locator = Locator(templates, stacks, request.terraform_roles)
    placed = [_placed(role_result, locator) for role_result in result.roles]
    offered = offer(templates, files_of(root), [deployed for _, deployed in placed])
    return replace(
        result,
        roles=[_with_notes(role_result, offered) for role_result, _ in placed],
        fixes=offered.fixes,
        warnings=warnings.all(),
    )


def _stacks(
    request: ScanRequest, aws: Aws, roles: Sequence[Role], warnings: Warnings
) -> Mapping[str, StackResource]:
    """The stacks that made roles, asked with the credentials of each role's account."""
    if not request.assumed_roles:
        return read_stack_resources(aws.cloudformation, roles, warnings)
    stacks: dict[str, StackResource] = {}
    for assumed in request.assumed_roles:
        of_account = [role for role in roles if account_of(role.arn) == assumed.account]
        if not of_account:
            continue
        said = Warnings()
        try:
            stacks |= read_stack_resources(aws.assuming(assumed).cloudformation, of_account, said)
        except ScanError as error:  # of the other accounts stacks can be read
            said.add("stacks-unread", f"stacks could not be read: {error}; {UNKNOWN_STACKS}")
        for warning in merged({assumed.account: said.all()}):
            warnings.add(warning.code, warning.message, warning.count)
    return stacks


def _is_placed(finding: Finding) -> bool:
    return finding.verdict not in _NOTHING_TO_CHANGE


def _placed(role_result: RoleResult, locator: Locator) -> tuple[RoleResult, DeployedRole]:
    role = role_result.role
    names = [workload_name(key) for key in role.workloads if workload_kind(key) == "lambda"]
    placements = {f.id: locator.place(f, names) for f in role_result.findings if _is_placed(f)}
    findings = [_located(finding, placements.get(finding.id)) for finding in role_result.findings]
    return (
        replace(role_result, findings=findings, template=locator.template(role.arn, names)),
        DeployedRole(
            role,
            findings,
            placements,
            locator.roles(role.arn, names),
            partial(_objections, role_result),
            kept_actions(findings, role_result.assessments),
            kept_resources(findings, role_result.assessments),
        ),
    )


def _located(finding: Finding, placement: Placement | None) -> Finding:
    if placement is None:
        return finding
    return replace(finding, location=placement.location, location_note=placement.note)


def _objections(role_result: RoleResult, findings: Sequence[Finding]) -> Sequence[str]:
    """What the evaluator has against taking findings away."""
    return objections_without(role_result.role, findings, effectively_needed(role_result.assessed))


def _with_notes(role_result: RoleResult, offered: Offer) -> RoleResult:
    findings = [
        replace(finding, fix_note=offered.notes[finding.id]) if finding.id in offered.notes else finding
        for finding in role_result.findings
    ]
    return replace(role_result, findings=findings)
