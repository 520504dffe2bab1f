"""Where findings are granted in the checkout."""

from __future__ import annotations

from pathlib import Path

from scanner.action.result import ActionResult
from scanner.model import Location
from scanner.model.workloads import workload_name
from scanner.templates.locate import Locator
from scanner.templates.read import read_templates


def places_of(result: ActionResult, workspace: Path) -> dict[str, Location]:
    """The places of the findings that are shown, by their ids; those that are not found are left out."""
    if result.scan is None or not result.findings:
        return {}
    locator = Locator(read_templates(workspace))
    workloads = {role_result.role.arn: role_result.role.workloads for role_result in result.scan.roles}
    places = {
        finding.id: locator.place(
            finding, [workload_name(arn) for arn in workloads.get(finding.role, ())]
        ).location
        for finding in result.findings
    }
    return {finding_id: place for finding_id, place in places.items() if place is not None}
