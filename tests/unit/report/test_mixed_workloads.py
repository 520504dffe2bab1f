"""Workloads of several kinds, some without an ARN or a role, in every output."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from scanner.explain import explained
from scanner.model import ScanWarning, Usage, Workload
from scanner.report.build import excessive_permissions, report, workload_policies
from scanner.report.csv import csv_text
from scanner.report.formats import FORMATS, rendered
from scanner.report.hide import hidden
from scanner.report.load import report_of
from scanner.report.markdown import comment
from scanner.report.records import Report
from scanner.report.schema import plain, validate
from scanner.report.text import Shown, print_text
from scanner.report.view import view_of
from scanner.request import ScanRequest, is_selected
from scanner.result import NeverTraced, RoleResult, ScanResult
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.cases import (
    ACCOUNT,
    REGION,
    allow,
    compared,
    function,
    function_arn,
    policy,
    table,
    usage,
    used,
)
from tests.unit.report.examples import COMPARE, EVIL, GET, SCAN, scan_result

ECS = f"ecs:shop/api@{ACCOUNT}/{REGION}"
EC2 = f"ec2:web-role/shop@{ACCOUNT}/{REGION}"
EKS = f"eks:prod/default/worker@{ACCOUNT}/{REGION}"
UNKNOWN = "other:cron@/"
NEVER = f"ecs:shop/never@{ACCOUNT}/{REGION}"
IDS = {ECS: "ecs:shop/api", EC2: "ec2:web-role/shop", EKS: "eks:prod/default/worker", UNKNOWN: "other:cron"}


def of(workload: str, **more: Any) -> Usage:
    return replace(usage(used((GET, table("t"))), **more), workload=workload)


def role_of(usages: Iterable[Usage], name: str) -> RoleResult:
    """A role of these workloads that may scan the table too."""
    found = compared([policy(allow([GET, SCAN], table("t")))], usages, functions=[])
    role = replace(found.role, name=name, arn=f"arn:aws:iam::{ACCOUNT}:role/{name}")
    assessed = replace(found.assessed, context=replace(found.assessed.context, role=role))
    findings = [
        replace(finding, role=role.arn, id=name[:2] + finding.id[2:], grant_ids=(), reasons=())
        for finding in found.findings
    ]
    return replace(found, assessed=assessed, findings=findings)


def mixed() -> ScanResult:
    shared = [of(function_arn("f")), of(ECS)]
    web, pods, cron = of(EC2), of(EKS), of(UNKNOWN)
    roles = [role_of(shared, "shared"), role_of([web], "web-role"), role_of([pods], "pods")]
    result = scan_result(roles, [*shared, web, pods, cron], [function()])
    known = {
        UNKNOWN: Workload(UNKNOWN, "other", "cron", candidates=("role a of its namespace", "role b")),
        NEVER: Workload(NEVER, "ecs", "shop/never", role="arn:aws:iam::123456789012:role/never"),
    }
    return replace(
        result,
        workloads={**result.workloads, **known},
        uncompared=[UNKNOWN],
        never_traced=NeverTraced((NEVER,), 6, None, {NEVER: "administrator"}),
        warnings=[ScanWarning("role-unknown", "other:cron: its role could not be told: role a or role b")],
    )


def document(result: ScanResult | None = None, request: ScanRequest = COMPARE) -> Any:
    return plain(report(result or mixed(), request))


def test_a_workload_without_an_arn_stands_in_the_report_by_its_id() -> None:
    found = document()
    validate("report", found)
    workloads = {workload["id"]: workload for workload in found["workloads"]}
    assert set(workloads) == {function_arn("f"), *IDS.values(), "ecs:shop/never"}
    assert workloads[function_arn("f")]["arn"] == function_arn("f")
    ecs, cron = workloads["ecs:shop/api"], workloads["other:cron"]
    assert (ecs["arn"], ecs["kind"], ecs["name"]) == (None, "ecs", "shop/api")
    assert (ecs["account"], ecs["region"]) == (ACCOUNT, REGION)
    assert "account" not in cron and "role" not in cron
    assert cron["candidates"] == ["role a of its namespace", "role b"]


def test_all_else_names_workloads_by_their_ids() -> None:
    found = document()
    ids = {workload["id"] for workload in found["workloads"]}
    for role in found["roles"]:
        assert ids.issuperset(role["workloads"])
        for permission in role["used"]:
            assert ids.issuperset(permission["workloads"])
    assert found["roles"][0]["workloads"] == [function_arn("f"), "ecs:shop/api"]
    assert f"@{ACCOUNT}" not in json.dumps(found)


def test_of_two_accounts_the_whole_key_stands() -> None:
    other = ECS.replace(ACCOUNT, "210987654321")
    usages = [of(ECS), of(other)]
    found = document(scan_result([role_of(usages, "r")], usages))
    assert [workload["id"] for workload in found["workloads"]] == [ECS, other]
    assert found["roles"][0]["workloads"] == [ECS, other]
    assert [entry.arn for entry in excessive_permissions(scan_result([role_of(usages, "r")]), COMPARE)] == [
        ECS,
        other,
    ]


def test_an_excess_entry_names_the_id_where_there_is_no_arn() -> None:
    entries = plain(excessive_permissions(mixed(), COMPARE))
    validate("excessive_permissions", entries)
    assert {entry["arn"] for entry in entries} == {function_arn("f"), *IDS.values()} - {"other:cron"}


def test_policy_files_have_harmless_names() -> None:
    evil = replace(usage(used((GET, table("t")))), workload=f"other:../../{EVIL}@/")
    result = mixed()
    result = replace(result, traced=replace(result.traced, usages=[*result.traced.usages, evil]))
    names = set(workload_policies(result))
    assert names >= {
        "f.policy.json",
        "ecs_shop_api.policy.json",
        "ec2_web-role_shop.policy.json",
        "eks_prod_default_worker.policy.json",
    }
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        for name in names
    )


@pytest.mark.parametrize("glob", ["ecs:shop/*", "ecs:*", "shop/api", ECS, f"*@{ACCOUNT}/*", "*api*"])
def test_globs_choose_by_id_name_and_whole_key(glob: str) -> None:
    assert is_selected(ECS, (glob,))
    assert not is_selected(function_arn("f"), ("ecs:*",))


def test_a_report_is_read_back_as_it_was() -> None:
    made = report(mixed(), COMPARE)
    assert report_of(plain(made)) == made


def test_a_report_without_ids_has_arns_for_them() -> None:
    result = scan_result([role_of([of(function_arn("f"))], "r")], [of(function_arn("f"))], [function()])
    made = report(result, COMPARE)
    earlier = plain(made)
    for workload in earlier["workloads"]:
        del workload["id"], workload["account"], workload["region"]
    assert report_of(earlier) == made


def outputs(made: Report) -> dict[str, str]:
    """The texts of all outputs by their names."""
    view, text = view_of(made), io.StringIO()
    print_text(view, text, Shown(everything=True))
    texts = {name: rendered(made, name).decode() for name in FORMATS}
    story = "\n".join(explained(plain(made), made.roles[0].findings[-1].id, everything=True))
    return {**texts, "text": text.getvalue(), "comment": comment(view, 65_000), "explain": story}


@pytest.mark.parametrize("name", ["json", "markdown", "html", "csv", "sarif", "text", "comment"])
def test_every_output_names_every_compared_workload(name: str) -> None:
    text = outputs(report(mixed(), COMPARE))[name]
    if name in ("markdown", "comment"):
        text = text.replace("&#58;", ":")
    for workload in ("ecs:shop/api", "ec2:web-role/shop", "eks:prod/default/worker"):
        assert workload in text, workload


def test_where_others_are_among_them_functions_are_called_workloads() -> None:
    view = view_of(report(mixed(), COMPARE))
    assert view.headline == "3 findings in 4 of 4 workloads"
    assert view.never_traced.text == "1 of 6 workloads was never traced: 1 with administrator's rights"
    for name, text in outputs(report(mixed(), COMPARE)).items():
        words = json.loads(text) if name == "json" else text
        assert name in ("json", "html", "explain", "sarif") or "unctions" not in words, name


def test_functions_alone_are_called_functions() -> None:
    result = scan_result([role_of([of(function_arn("f"))], "r")], [of(function_arn("f"))], [function()])
    assert view_of(report(result, COMPARE)).headline == "Remove 1 permission from f"
    assert view_of(report(result, COMPARE)).noun == "function"


def test_a_traced_state_machine_that_is_not_compared_leaves_functions_functions() -> None:
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"
    usages = [of(function_arn("f")), of(machine)]
    result = scan_result([role_of(usages[:1], "r")], usages, [function()])
    assert view_of(report(result, COMPARE)).noun == "function"


def test_hidden_reports_show_no_account_in_any_output() -> None:
    other = ECS.replace(ACCOUNT, "210987654321")
    result = mixed()
    result = replace(
        result, traced=replace(result.traced, usages=[*result.traced.usages, of(other, calls=None)])
    )
    for name, text in outputs(hidden(report(result, COMPARE), PUBLIC_REDACTION)).items():
        assert ACCOUNT not in text, name
        assert "210987654321" not in text, name


def test_names_of_services_are_harmless_everywhere() -> None:
    evil = f"other:{EVIL}@/"
    result = scan_result([role_of([of(evil)], "r")], [of(evil)])
    made = report(result, COMPARE)
    texts = outputs(made)
    assert "<b>" not in texts["html"] + texts["markdown"] + texts["comment"]
    shown = "".join(text for name, text in texts.items() if name != "explain")  # its command escapes
    assert "\x1b" not in shown
    assert "@team" not in texts["comment"]


@pytest.mark.parametrize("named", ["ecs:shop/api", "shop/api", function_arn("f"), "f"])
def test_a_workload_is_explained_by_its_name_and_id(named: str) -> None:
    assert any("role/shared" in line for line in explained(document(), named))


def test_the_names_in_the_csv_are_those_of_all_workloads() -> None:
    assert "f; ecs:shop/api" in csv_text(report(mixed(), COMPARE))
