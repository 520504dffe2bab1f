"""What the reports hold, and that it is the same from run to run."""

from __future__ import annotations

from dataclasses import replace

from scanner.report.build import excessive_permissions, report, workload_policies
from scanner.report.schema import json_bytes, plain
from scanner.request import ScanRequest
from tests.unit.cases import allow, compared, function, function_arn, policy, table, usage, used
from tests.unit.report.examples import COMPARE, GET, scan_result, unused_scan


def test_an_entry_has_the_format_of_the_forerunner() -> None:
    assert plain(excessive_permissions(unused_scan(), COMPARE)) == [
        {
            "arn": function_arn("f"),
            "role": "arn:aws:iam::123456789012:role/f",
            "excessPermissions": [
                {
                    "Action": ["dynamodb:Scan"],
                    "Resource": table("t"),
                    "Effect": "Allow",
                    "Verdict": "unused",
                    "Confirmed": True,
                    "Reasons": [],
                    "Used": [],
                }
            ],
        }
    ]


def test_an_entry_spells_exceptions_and_conditions_as_the_policy_does() -> None:
    reads = usage(used((GET, table("t"))))
    statement = {
        "Sid": "Most",
        "Effect": "Allow",
        "NotAction": ["iam:*", "sts:*"],
        "NotResource": [table("u"), table("v")],
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    scan = scan_result([compared([policy(statement)], [reads])], [reads], [function()])
    ((entry,),) = (entry["excessPermissions"] for entry in plain(excessive_permissions(scan, COMPARE)))
    assert {key: entry[key] for key in statement} == statement
    assert {"Action", "Resource"}.isdisjoint(entry)


def test_a_glob_limits_the_entries() -> None:
    request = ScanRequest(compare=True, workloads=("other-*",))
    assert not excessive_permissions(unused_scan(), request)


def test_policies_of_functions_with_the_same_name_do_not_overwrite_each_other() -> None:
    names = ["f", "F", "../f", "a/b"]
    files = workload_policies(scan_result(usages=[usage(name=name) for name in names]))
    assert len({name.lower() for name in files}) == len(names)
    assert not any("/" in name or name.startswith(".") for name in files)


def test_two_runs_write_the_same_bytes() -> None:
    first, second = (json_bytes(plain(report(unused_scan(), COMPARE))) for _ in range(2))
    assert first == second


def test_without_a_comparison_no_role_and_no_reason_is_reported() -> None:
    written = report(scan_result(usages=[usage(traces=())]), ScanRequest())
    assert written.roles == ()
    assert [workload.evidence.reasons for workload in written.workloads] == [()]


def test_calls_of_no_workload_stand_apart() -> None:
    lost = replace(usage(used((GET, table("t")))), workload=None)
    written = report(scan_result(usages=[lost]), COMPARE)
    assert written.workloads == ()
    assert [permission.action for permission in written.unattributed.used] == [GET]


def test_the_statements_of_a_role_are_reported_as_they_are() -> None:
    reads = usage(used((GET, table("t"))))
    statement = allow([GET], [table("t")], Sid="Read")
    written = report(scan_result([compared([policy(statement)], [reads])], [reads]), COMPARE)
    assert written.roles[0].policies[0].statements == (
        {"Sid": "Read", "Effect": "Allow", "Action": [GET], "Resource": table("t")},
    )
