"""What a report keeps where names are hidden, and what it does not."""

from __future__ import annotations

from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.load import report_of
from scanner.report.schema import plain
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.report.examples import COMPARE, unused_scan


def test_ids_stay_as_they_are_though_one_of_digits_looks_like_an_account() -> None:
    document = plain(report(unused_scan(), COMPARE))
    (finding,) = [f for f in document["roles"][0]["findings"] if f["verdict"] == "unused"]
    finding |= {"id": "123456789012", "grant_ids": ["123456789012", "210987654321"]}
    masked = plain(hidden(report_of(document), PUBLIC_REDACTION))
    (shown,) = [f for f in masked["roles"][0]["findings"] if f["verdict"] == "unused"]
    assert (shown["id"], shown["grant_ids"]) == (finding["id"], finding["grant_ids"])
    assert masked["roles"][0]["arn"].startswith("arn:aws:iam::ACCOUNT_ID:role/")


def test_values_of_conditions_are_hidden() -> None:
    document = plain(report(unused_scan(), COMPARE))
    used = document["workloads"][0]["used"][0]
    used["condition_values"] = {"states:StateMachineQualifier": ["live"], "s3:DataAccessPointArn": []}
    masked = plain(hidden(report_of(document), PUBLIC_REDACTION))
    assert masked["workloads"][0]["used"][0]["condition_values"] == {
        "states:StateMachineQualifier": ["HIDDEN"],
        "s3:DataAccessPointArn": [],
    }
