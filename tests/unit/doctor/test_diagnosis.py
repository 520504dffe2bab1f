"""What a diagnosis says, and what it tells to run."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scanner.aws.ask import Failure
from scanner.aws.rights import rights
from scanner.doctor.diagnosis import Diagnosis, lines_of
from scanner.doctor.observe import Functions, Spans, Traces
from scanner.doctor.probes import Answered, not_asked

ALLOWED = {right.action: Answered("allowed") for right in rights()}
DENIED = Failure("AccessDenied", "AccessDenied", "GetTraceSummaries", denied=True)
WELL = Diagnosis(
    rights=ALLOWED,
    functions={"us-east-1": Functions(3, 3, "f", "r")},
    traces={"us-east-1": Traces(40, 6, 20, 18, {"X-Ray for Python": 20}, {"lambda": 3, "ecs": 1})},
    elsewhere={"us-east-1": False},
)


def said(diagnosis: Diagnosis) -> str:
    return "\n".join(lines_of(diagnosis))


def without(*actions: str) -> Diagnosis:
    return replace(WELL, rights=ALLOWED | dict.fromkeys(actions, Answered("denied")))


def test_where_all_is_well_the_command_stands_last() -> None:
    assert lines_of(WELL)[-1] == "Run: xray-privilege-scan -r 6h"
    assert f"{len(ALLOWED)} of {len(ALLOWED)} rights are there" in said(WELL)


def test_what_one_loss_takes_several_rights_is_said_once() -> None:
    text = said(without("iam:GetPolicy", "iam:GetPolicyVersion"))
    assert "missing  iam:GetPolicy, iam:GetPolicyVersion: " in text
    assert "--usage-only" in text.splitlines()[-1]


@pytest.mark.parametrize("action", ["xray:GetTraceSummaries", "xray:BatchGetTraces"])
def test_no_scan_can_run_that_may_not_read_traces(action: str) -> None:
    diagnosis = without(action)
    assert not diagnosis.can_scan
    assert lines_of(diagnosis)[-1].startswith("No scan can run: traces cannot be read")


def test_no_scan_can_run_where_there_are_no_traces() -> None:
    diagnosis = replace(WELL, traces={"us-east-1": Traces()})
    assert not diagnosis.can_scan
    assert "there are no traces yet" in lines_of(diagnosis)[-1]


SINCE = datetime(2026, 11, 20, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("spans", "denied", "line", "last"),
    [
        (Spans(SINCE, 12.34, 24), (), "12.3 GB in aws/spans, of 2026-11-20 and later", "scan -r 24h"),
        (Spans(SINCE, 0.001, 2), (), "1.0 MB in aws/spans", "scan -r 2h"),
        (None, (), "none yet, there is no log group aws/spans", "there are no traces yet"),
        (DENIED, (), "unknown (logs:DescribeLogGroups is denied)", "scan -r 24h"),
        (Spans(SINCE, 1, 24), ("logs:StartQuery",), "1.0 GB in aws/spans", "traces cannot be read"),
    ],
)
def test_spans_of_transaction_search_are_traces_too(
    spans: Any, denied: tuple[str, ...], line: str, last: str
) -> None:
    diagnosis = replace(
        without(*denied),
        traces={"us-east-1": Traces()},
        elsewhere={"us-east-1": True},
        spans={"us-east-1": spans},
    )
    assert f"  Spans: {line}" in said(diagnosis)
    assert last in lines_of(diagnosis)[-1]
    assert "Traces: none in X-Ray" in said(diagnosis)
    assert diagnosis.can_scan is lines_of(diagnosis)[-1].startswith("Run: ")


def test_where_aws_cannot_be_reached_two_lines_say_so() -> None:
    why = "AWS cannot be reached at https://xray.us-east-1.amazonaws.com: check the network"
    failure = Failure("Could not connect ...", "EndpointConnectionError(...)", unreachable=why)
    diagnosis = Diagnosis(not_asked(why), {"us-east-1": failure}, {"us-east-1": failure})
    assert not diagnosis.can_scan
    assert lines_of(diagnosis) == [f"Rights: not asked ({len(ALLOWED)} rights)", f"No scan can run: {why}."]


def test_what_could_not_be_asked_for_one_cause_is_one_line() -> None:
    answers = dict.fromkeys(("iam:GetPolicy", "iam:GetRole"), Answered("not asked", "AWS cannot be reached"))
    text = said(replace(WELL, rights=ALLOWED | answers))
    assert "not asked  iam:GetPolicy, iam:GetRole: AWS cannot be reached" in text
    assert f"{len(ALLOWED) - 2} of {len(ALLOWED)} rights are there" in text


def test_pages_are_named_by_their_address() -> None:
    text = said(without("iam:GetRole")) + said(replace(WELL, traces={"us-east-1": Traces(9, 6, 9, 0)}))
    assert re.findall(r"\S*(?:docs|examples)/\S*", text)
    assert all(
        place.strip("()").startswith("https://") for place in re.findall(r"\S*(?:docs|examples)/\S*", text)
    )


def test_a_scan_can_compare_where_functions_can_be_listed_or_read() -> None:
    assert without("lambda:ListFunctions").can_compare
    assert without("lambda:GetFunctionConfiguration").can_compare
    assert not without("lambda:ListFunctions", "lambda:GetFunctionConfiguration").can_compare


@pytest.mark.parametrize(
    ("diagnosis", "text"),
    [
        (WELL, "SDK or layer: X-Ray for Python (20 documents)"),
        (WELL, "Workloads: lambda (3), ecs (1)"),
        (WELL, "Functions: 3, all with active tracing"),
        (WELL, "Transaction Search: off"),
        (replace(WELL, elsewhere={"us-east-1": True}), "Transaction Search: on."),
        (replace(WELL, functions={"us-east-1": Functions(3, 1)}), "3, of which 1 with active tracing"),
        (replace(WELL, functions={"us-east-1": DENIED}), "lambda:ListFunctions is denied"),
        (replace(WELL, traces={"us-east-1": DENIED}), "xray:GetTraceSummaries is denied"),
        (replace(WELL, traces={"us-east-1": Traces(9, 6, 9, 0)}), "probably not instrumented"),
    ],
)
def test_what_is_seen_of_a_region_is_said(diagnosis: Diagnosis, text: str) -> None:
    assert text in said(diagnosis)


def test_the_command_of_an_option_with_blanks_can_be_pasted() -> None:
    diagnosis = replace(WELL, options=("--profile", "my profile"))
    assert lines_of(diagnosis)[-1] == "Run: xray-privilege-scan -r 6h --profile 'my profile'"
