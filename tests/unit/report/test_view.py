"""What is shown of a scan, in which order, and what is masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scanner.model import Denied, Verdict
from scanner.report.markdown import markdown
from scanner.report.view import Row
from scanner.report.view.denials import denials_of, first_denials, number_of_kinds
from scanner.report.view.merged import merged_calls
from scanner.report.view.values import Denials, DeniedCalls, DeniedKind, TracedShare
from scanner.report.view.viewed import json_text, listed, short
from scanner.result import ScanResult
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.cases import (
    allow,
    arn,
    compared,
    deny,
    function,
    function_arn,
    of_aws,
    policy,
    table,
    usage,
    used,
)
from tests.unit.report.examples import COMPARE, CRUD, GET, SCAN, bundle_scan, scan_result, unused_scan
from tests.unit.report.views import viewed

READS = usage(used((GET, table("t"))))


def claims(rows: Sequence[Row]) -> list[str]:
    """What rows say: actions, and what was seen of them."""
    return [f"{row.actions}: {row.claim}" for row in rows]


def test_an_unused_permission_is_confirmed_and_says_so_first() -> None:
    view = viewed(unused_scan(), COMPARE)
    assert view.headline == "Remove 1 permission from f"
    assert claims(view.confirmed) == [f"{SCAN}: never used"]
    assert view.confirmed[0].evidence == "1 trace"
    assert not (view.unconfirmed or view.reasons or view.others)


def test_what_is_not_confirmed_names_its_reasons_once_in_the_order_of_the_table() -> None:
    grants = policy(allow("ssm:GetParameter"), allow("sqs:SendMessage"), allow(GET, table("t")))
    view = viewed(scan_result([compared([grants], [READS])], [READS], [function()]), COMPARE)
    assert view.headline == "Nothing confirmed in 1 function: 2 doubts"
    assert [reason.code for reason in view.reasons] == ["service-not-traced", "may-run-untraced"]


def test_the_most_severe_stands_first() -> None:
    grants = policy(allow("dynamodb:ListTables"), allow("dynamodb:DeleteTable", table("t")))
    view = viewed(scan_result([compared([grants], [READS])], [READS], [function()]), COMPARE)
    assert [row.severity for row in view.confirmed] == ["destruction", "list"]


@pytest.mark.parametrize("fails", [False, True])
def test_what_cannot_be_seen_stands_with_the_others_where_it_fails_the_gate(fails: bool) -> None:
    grants = policy(allow(GET, table("t")), allow("iam:PassRole"), allow("sqs:SendMessage"), deny("sqs:*"))
    scan = scan_result([compared([grants], [READS])], [READS], [function()])
    hidden = {finding.id for finding in scan.findings if finding.verdict is Verdict.UNOBSERVABLE}
    view = viewed(scan, COMPARE, failing_ids=hidden if fails else ())
    rows = [[row.actions for row in rows] for rows in (view.others, view.unobservable)]
    assert rows == ([["iam:PassRole"], []] if fails else [[], ["iam:PassRole"]])


def test_what_has_no_effect_is_one_line_a_role() -> None:
    crud = allow(["dynamodb:PutItem", GET, "dynamodb:DeleteItem"], table("t/index/*"))
    result = compared([policy(allow(GET, table("t")), crud, allow("sqs:*"), deny("sqs:*"))], [READS])
    view = viewed(scan_result([result], [READS], [function()]), COMPARE)
    (line,) = view.ineffective
    assert (line.who, line.count) == ("f", "4 grants")
    assert "dynamodb:PutItem, dynamodb:GetItem, dynamodb:DeleteItem on table/t/index/*" in line.examples
    assert "always denied" in line.examples
    assert not (view.confirmed or view.unconfirmed or view.suggestions)


def test_a_broad_grant_says_what_was_used_and_by_whom_where_several_use_the_role() -> None:
    usages = [usage(used((GET, table("t"))), name=name) for name in "fg"]
    functions = [function(name) for name in "fg"]
    roles = [compared([policy(allow("dynamodb:*", table("t")))], usages, functions=functions)]
    view = viewed(scan_result(roles, usages, functions), COMPARE)
    assert claims(view.confirmed) == [f"dynamodb:*: only used: {GET} on table/t by f, g"]
    assert view.confirmed[0].who == "f, g"


def test_the_edit_of_a_statement_shows_all_of_its_lines() -> None:
    (suggestion,) = viewed(unused_scan(), COMPARE).suggestions
    (edit,) = suggestion.edits
    assert [line for line in edit.difference.splitlines() if line[0] in "+-"] == [
        '-    "dynamodb:Scan"',
    ]
    assert f'   "Resource": "{table("t")}"' in edit.difference.splitlines()
    assert not edit.managed_by_aws


def test_a_policy_of_aws_is_to_be_replaced() -> None:
    role = compared([of_aws("Wide", allow("dynamodb:*", table("t")))], [READS])
    view = viewed(scan_result([role], [READS], [function()]), COMPARE)
    (row,) = view.confirmed
    assert (row.actions, row.claim) == ("AWS Wide", "only GetItem was used; replace by the suggested policy")
    (below,) = row.below
    assert below.claim.endswith("; Wide is AWS's own: replace it")
    assert [edit.managed_by_aws for edit in view.suggestions[0].edits] == [True]


def test_a_grant_that_another_makes_redundant_is_named_with_both_places() -> None:
    grants = policy(allow("dynamodb:*", table("t"), Sid="All"), allow(GET, table("t")))
    view = viewed(scan_result([compared([grants], [READS])], [READS], [function()]), COMPARE)
    assert [(grant.place, grant.also_granted_by) for grant in view.redundant_grants] == [
        ("own, statement All", "own, statement 1")
    ]


def test_denied_calls_have_their_meaning() -> None:
    denials = (Denied(SCAN, table("u"), 2, "no", "no-identity-policy"),)
    seen = replace(READS, denied=denials)
    view = viewed(scan_result([], [seen]), COMPARE)
    meaning = "no policy of the role allows it: allow it if the call is meant"
    assert view.denied == [DeniedCalls("f", SCAN, table("u"), 2, meaning)]


def test_denials_of_many_workloads_are_once_below_their_cause() -> None:
    why, other = "allow it", "look for the Deny"
    calls = [
        DeniedCalls("a", GET, table("t"), 1, why),
        DeniedCalls("b", GET, table("t"), 3, why),
        DeniedCalls("a", SCAN, table("t"), 2, why),
        DeniedCalls("a", GET, table("t"), 5, other),
    ]
    denials = denials_of(calls)
    assert denials == [
        Denials(why, [DeniedKind(GET, table("t"), 4, who="b, a"), DeniedKind(SCAN, table("t"), 2, who="a")]),
        Denials(other, [DeniedKind(GET, table("t"), 5, who="a")]),
    ]
    assert first_denials(denials, 1) == denials[1:]
    assert [number_of_kinds(first_denials(denials, most)) for most in range(5)] == [0, 1, 2, 3, 3]


def test_of_many_workloads_that_were_denied_the_first_are_named() -> None:
    (cause,) = denials_of(DeniedCalls(f"f{at}", GET, table("t"), 1, "why") for at in range(9))
    assert [kind.who for kind in cause.kinds] == ["f0, f1, f2, f3 and 5 more"]


def test_the_share_of_invocations_that_were_traced() -> None:
    scan = replace(unused_scan(), invocations={function_arn("f"): 1, function_arn("g"): 1200})
    assert viewed(scan, COMPARE).traced_shares == [
        TracedShare("f", "1 trace", "1 invocation"),
        TracedShare("g", "0 traces", "1,200 invocations"),
    ]


def test_in_public_neither_accounts_nor_names_of_secrets_are_shown() -> None:
    seen = replace(READS, denied=(Denied(SCAN, table("u"), 2, "no", "no-identity-policy"),))
    grants = policy(allow("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-1")))
    view = viewed(scan_result([compared([grants], [seen])], [seen], [function()]), COMPARE, PUBLIC_REDACTION)
    assert [row.resources for row in view.unconfirmed] == ["secret:SECRET_NAME"]
    assert [calls.resource for calls in view.denied] == ["arn:aws:dynamodb:us-east-1:ACCOUNT_ID:table/u"]
    assert "ACCOUNT_ID" in view.policies_for_denied[0].policy
    assert "123456789012" not in view.policies_for_denied[0].policy


def test_without_a_comparison_workloads_are_counted() -> None:
    view = viewed(scan_result([], [READS]), replace(COMPARE, compare=False))
    assert view.headline == "1 workload seen; no role was compared"
    assert [(counts.name, counts.permissions) for counts in view.workloads] == [("f", 1)]


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        ([], ""),
        (["a", "b", "a"], "a, b"),
        (["a", "b", "c", "d", "e"], "a, b, c, d, e"),
        (["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"),
    ],
)
def test_a_list_is_cut_where_that_saves_more_than_one(texts: list[str], text: str) -> None:
    assert listed(texts) == text


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (table("notes"), "table/notes"),
        ("*", "*"),
        ("arn:aws:s3:::b/*", "b/*"),
        ("arn:aws:s3:::*", "arn:aws:s3:::*"),
    ],
)
def test_an_arn_is_shown_without_what_all_have(resource: str, text: str) -> None:
    assert short(resource) == text


def test_a_policy_as_text_holds_no_tag() -> None:
    assert "<" not in json_text({"Sid": "<b>"})


# --- bundles of frameworks -------------------------------------------------------------------------


def rows_of_crud(*seen: tuple[str, str]) -> list[Row]:
    """The rows of a role with SAM's DynamoDBCrudPolicy on the table `t`."""
    grants = policy(allow(CRUD, [table("t"), f"{table('t')}/index/*"]))
    usages = [usage(used(*seen))]
    view = viewed(scan_result([compared([grants], usages)], usages, [function()]), COMPARE)
    return [*view.confirmed, *view.unconfirmed, *(row for group in view.remainders for row in group.rows)]


@pytest.mark.parametrize(
    ("seen", "claim"),
    [
        ([(GET, "t")], "only GetItem was used; DynamoDBReadPolicy fits"),
        (
            [(GET, "t"), ("dynamodb:PutItem", "t")],
            "only GetItem, PutItem were used; no smaller one fits",
        ),
        ([(GET, "other")], "never used"),
    ],
)
def test_a_bundle_is_one_row_with_its_grants_below(seen: list[tuple[str, str]], claim: str) -> None:
    (row,) = rows_of_crud(*((action, table(name)) for action, name in seen))
    assert (row.actions, row.resources, row.claim) == ("SAM DynamoDBCrudPolicy", "table/t", claim)
    assert row.below
    assert not any("SAM" in grant.actions for grant in row.below)


def test_what_a_fitting_bundle_leaves_is_shown_and_is_nothing_to_act_on() -> None:
    view = viewed(bundle_scan(), COMPARE)
    (group,) = view.remainders
    assert group.actions == "CDK grantReadData"
    assert not (view.groups or view.doubts or view.suggestions or view.reasons or view.dangers)
    assert view.totals.confirmed == view.totals.unconfirmed == view.totals.excessive == 0
    assert view.headline == "1 function: no excessive permission found"


def test_what_a_smaller_bundle_may_lack_is_said() -> None:
    grants = policy(allow(CRUD, [table("t"), f"{table('t')}/index/*"]))
    possible = used(("dynamodb:DeleteItem", table("t")), required=False)
    usages = [usage({**used((GET, table("t"))), **possible})]
    view = viewed(scan_result([compared([grants], usages)], usages, [function()]), COMPARE)
    (row,) = view.confirmed
    assert row.claim.endswith("; DynamoDBReadPolicy fits unless DeleteItem is needed unseen")
    assert not all(grant.confirmed for grant in row.below)
    assert not view.unconfirmed


# --- what hiding makes equal -----------------------------------------------------------------------


def secrets_scan() -> ScanResult:
    """Two secrets under two Sids, and a table, none of which was used."""
    secrets = [arn("secretsmanager", f"secret:{name}-AbCdEf") for name in ("db", "mail")]
    statements = [allow("secretsmanager:PutSecretValue", secret, Sid=secret[-8:-6]) for secret in secrets]
    seen = usage(services=["secretsmanager", "dynamodb"])
    role = compared([policy(*statements, allow(SCAN, table("t")))], [seen])
    return scan_result([role], [seen], [function()])


def test_rows_that_hiding_makes_equal_are_one_with_their_count_and_all_ids() -> None:
    scan = secrets_scan()
    open_view, hidden = viewed(scan, COMPARE), viewed(scan, COMPARE, PUBLIC_REDACTION)
    assert len(open_view.confirmed) == 3
    (row,) = [row for row in hidden.confirmed if row.alike]
    assert len(hidden.confirmed) == 2
    assert row.resources == "secret:SECRET_NAME (2 findings that look the same)"
    expected = {r.finding.id for r in open_view.confirmed if "Secret" in r.actions}
    assert set(row.ids) == expected and len(expected) == 2
    assert " ".join(row.ids) in markdown(hidden)


def test_what_gates_is_counted_by_findings_not_by_rows() -> None:
    scan = secrets_scan()
    failing = {finding.id for finding in scan.findings}
    hidden = viewed(scan, COMPARE, PUBLIC_REDACTION, failing)
    assert sum(1 + len(row.alike) for row in hidden.confirmed) == len(failing)


def test_denied_calls_that_look_the_same_are_counted_together() -> None:
    calls = [DeniedCalls("f", GET, "secret:SECRET_NAME", count, "why") for count in (2, 3)]
    assert merged_calls(calls) == [DeniedCalls("f", GET, "secret:SECRET_NAME", 5, "why")]
