"""What a report says of workloads that no trace shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from scanner.model import Workload
from scanner.report.view.values import NeverTraced as Viewed
from scanner.request import ScanRequest
from scanner.result import NeverTraced, WhyNotListed
from scanner.verdict.rights import Rights
from tests.unit.cases import allow, compared, function_arn, policy, scan_of, usage
from tests.unit.report.views import viewed

ADMIN: Rights = "administrator"
ESCALATION: Rights = "privilege-escalation"


def never_traced(
    names: Mapping[str, Rights | None], listed: int | None = 300, why_not: WhyNotListed | None = None
) -> Viewed:
    """The view of a scan that saw one function, and never the named ones."""
    used = usage()
    result = scan_of([compared([policy(allow("sqs:SendMessage"))], [used])], [used])
    arns = {function_arn(name): rights for name, rights in names.items()}
    unseen = NeverTraced(
        tuple(arns), listed, why_not, {arn: rights for arn, rights in arns.items() if rights}
    )
    known = {arn: Workload(arn, "lambda", arn.rpartition(":")[2]) for arn in arns}
    result = replace(result, workloads={**result.workloads, **known}, never_traced=unseen)
    return viewed(result, ScanRequest(compare=True)).never_traced


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ({}, ""),
        ({"a": None}, "1 of 300 functions was never traced"),
        ({"a": None, "b": None}, "2 of 300 functions were never traced"),
        ({"a": ADMIN, "b": None}, "2 of 300 functions were never traced: 1 with administrator's rights"),
        (
            {"a": ESCALATION, "b": ADMIN, "c": ESCALATION},
            "3 of 300 functions were never traced: 1 with administrator's rights and 2 with rights that "
            "escalate privileges",
        ),
    ],
)
def test_how_many_were_never_traced_stands_in_a_line(names: Mapping[str, Rights | None], text: str) -> None:
    assert never_traced(names).text == text


def test_the_worst_rights_stand_first() -> None:
    assert never_traced({"a": ESCALATION, "b": ADMIN}).dangerous == (("b", ADMIN), ("a", ESCALATION))


def test_where_not_all_could_be_listed_no_total_is_said() -> None:
    assert never_traced({"a": None}, None, "unread").text == "1 function was never traced"


@pytest.mark.parametrize(("why", "word"), [("filter", "filter"), ("trace-ids", "ids")])
def test_where_only_some_traces_were_read_that_is_said(why: WhyNotListed, word: str) -> None:
    view = never_traced({}, None, why)
    assert word in view.text
    assert word in view.why_unknown
    assert view.why_unknown in view.text
    assert view.names == ()
