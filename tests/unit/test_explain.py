"""The story of one finding: what it says, and that it says why it is not confirmed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import EXIT_USAGE, ScanError
from scanner.explain import explained
from scanner.explain.section import SCREEN, Section, joined
from scanner.gate.config import TeamConfig
from scanner.gate.rules import IgnoreRule
from scanner.iam.policies import parse_policy
from scanner.model import Denied, Finding, Policy, Usage
from scanner.records.aws_records import AwsRecords
from scanner.records.last_accessed import LastAccessed
from scanner.report.build import iso, report
from scanner.report.schema import plain
from scanner.request import ScanRequest
from scanner.result import RoleResult
from scanner.verdict.reason_help import REASON_HELP, help_for
from scanner.verdict.reasons import Reason
from scanner.workloads.lambda_function import LambdaFunction
from tests.unit.cases import (
    HOUR,
    NOW,
    ROLE,
    allow,
    arn,
    compared,
    deny,
    function,
    function_arn,
    of_aws,
    policy,
    scan_of,
    table,
    usage,
    used,
)

GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"


def document(result: RoleResult, usages: Iterable[Usage], functions: Iterable[LambdaFunction]) -> Any:
    """report.json of a scan that found one role, as it is read back."""
    return plain(report(scan_of([result], usages, functions), ScanRequest(compare=True)))


def story(
    *statements: dict[str, Any],
    seen: Usage | None = None,
    policies: list[Policy] | None = None,
    functions: list[LambdaFunction] | None = None,
    at: int = 0,
    everything: bool = False,
    **how: Any,
) -> str:
    """The story of the finding at a place, as one text."""
    usages = [seen or usage(used((GET, table("t"))))]
    known = [function()] if functions is None else functions
    result = compared(policies or [policy(*statements)], usages, functions=known, **how)
    made = document(result, usages, known)
    return "\n".join(explained(made, result.findings[at].id, everything=everything))


def test_an_unused_permission() -> None:
    assert story(allow([GET, SCAN], table("t"), Sid="Read"), at=1).splitlines() == [
        f"{_finding().id}: unused, confirmed, severity data-access",
        "  dynamodb:Scan",
        f"  on {table('t')}",
        f"  of role {ROLE}",
        "  dynamodb:Scan: reads items",
        "",
        "Change statement Read of policy own:",
        "   {",
        '     "Sid": "Read",',
        '     "Effect": "Allow",',
        '     "Action": [',
        '       "dynamodb:GetItem"',
        '  -    "dynamodb:Scan"',
        "     ],",
        f'     "Resource": "{table("t")}"',
        "   }",
        "",
        "The smaller policy, in the place of all policies of the role:",
        '  {"Version": "2012-10-17", "Statement": [',
        f'    {{"Effect":"Allow","Action":["dynamodb:GetItem"],"Resource":"{table("t")}"}}',
        "  ]}",
        "",
        "Granted by inline policy own, statement Read",
        "",
        "Verdict: unused. No workload that uses the role was seen to use it.",
        "",
        "Workloads that use the role, and how much was seen of them:",
        f"  {function_arn('f')}: 1 trace, 1 call, last seen never, last changed {iso(NOW - HOUR)}",
        "",
        "Calls that were compared with it:",
        f"  f: dynamodb:GetItem on {table('t')}, 1 call, last {iso(NOW)} (traces)",
    ]


def _finding() -> Finding:
    statement = allow([GET, SCAN], table("t"), Sid="Read")
    return compared([policy(statement)], [usage(used((GET, table("t"))))]).findings[1]


@pytest.mark.parametrize(
    ("statement", "how", "reasons"),
    [
        (allow("s3:DeleteBucket"), {}, ["service-not-traced"]),
        (allow(SCAN, table("t")), {"workloads_complete": False}, ["role-users-unknown"]),
        (allow("ssm:GetParameter"), {}, ["service-not-traced", "may-run-untraced"]),
        (allow(SCAN, table("t")), {"seen": usage(traces=())}, ["not-seen"]),
        (allow(SCAN, table("t")), {"functions": [function("f"), function("g")]}, ["sharer-not-seen"]),
    ],
)
def test_each_reason_says_what_it_means_and_what_would_remove_it(
    statement: dict[str, Any], how: dict[str, Any], reasons: list[str]
) -> None:
    text = story(statement, **how)
    assert "unused, not confirmed" in text
    for reason in reasons:
        meaning, remedy = help_for(Reason(reason), ["lambda"])
        assert f"  {reason}: {meaning}\n    to remove it: {remedy}" in text
    assert text.count("to remove it: ") == len(reasons)


def test_what_would_remove_a_reason_is_never_cut() -> None:
    meaning, remedy = REASON_HELP[Reason.ROLE_USERS_UNKNOWN]
    section = Section([f"  {meaning}", f"    to remove it: {remedy}"], prose=True)
    assert joined([section], everything=False) == list(section.lines)


def test_a_confirmed_finding_gives_no_reason() -> None:
    assert "Not confirmed" not in story(allow("dynamodb:*", table("t")))


@pytest.mark.parametrize(
    ("statements", "how", "lines"),
    [
        # what was used, and by whom
        (
            [allow("dynamodb:*", table("t"))],
            {},
            ["Verdict: broad. ", f"used: {GET} on {table('t')} by {function_arn('f')}"],
        ),
        # what AWS itself needs
        (
            [allow("logs:PutLogEvents")],
            {},
            ["Verdict: platform. ", " by AWS itself"],
        ),
        # why traces cannot show it
        ([allow("iam:PassRole")], {}, ["Verdict: unobservable. ", "never called by itself"]),
        ([allow(GET), deny("*")], {}, ["Verdict: ineffective. "]),
        # exceptions
        (
            [{"Effect": "Allow", "NotAction": ["s3:*", "iam:*"], "Resource": "*"}],
            {},
            ["  all but s3:*, iam:*", '"NotAction": ['],
        ),
        ([{"Effect": "Allow", "Action": GET, "NotResource": "arn:x"}], {}, ["  on all but arn:x"]),
        # a condition
        (
            [allow("dynamodb:*", table("t"), Condition={"Bool": {"aws:SecureTransport": "true"}})],
            {},
            ['"aws:SecureTransport": "true"', "under a condition"],
        ),
        # the same elsewhere
        (
            [allow("dynamodb:*", table("t")), allow(GET, table("t"), Sid="Own")],
            {},
            ["also granted by own, statement Own", "This grant could go"],
        ),
        # a boundary, a published version, other principals
        (
            [allow(SCAN, table("t"))],
            {"boundary": replace(policy(allow("*")), arn="arn:aws:iam::1:policy/bound")},
            ["The role has a permissions boundary: arn:aws:iam::1:policy/bound"],
        ),
        ([allow(SCAN, table("t"))], {"by_version_only": ["f"]}, ["only a published version uses the role"]),
        ([allow(SCAN, table("t"))], {"workloads_complete": False}, ["There may be others"]),
    ],
)
def test_the_story_tells(statements: list[dict[str, Any]], how: dict[str, Any], lines: list[str]) -> None:
    text = story(*statements, **how)
    for line in lines:
        assert line in text


@pytest.mark.parametrize("verdict", ["used", "platform", "unobservable", "ineffective"])
def test_what_claims_no_excess_is_not_said_to_be_confirmed(verdict: str) -> None:
    statements = {
        "used": [allow(GET, table("t"))],
        "platform": [allow("logs:PutLogEvents")],
        "unobservable": [allow("iam:PassRole")],
        "ineffective": [allow(GET), deny("*")],
    }
    text = story(*statements[verdict])
    assert f": {verdict}, severity" in text
    assert "confirmed" not in text


def test_where_a_call_may_have_used_it_the_story_does_not_say_that_none_did() -> None:
    seen = usage(used(("ssm:PutParameter", arn("ssm", "parameter/*")), exact=False))
    resources = [arn("ssm", "parameter/a"), arn("ssm", "parameter/b")]
    text = story(allow("ssm:PutParameter", resources), seen=seen)
    assert "No workload that uses the role was seen to use it" not in text
    assert (
        "ssm:PutParameter on arn:aws:ssm:us-east-1:123456789012:parameter/* (resource not fully known)"
        in text
    )


def test_a_source_beside_the_traces_is_named() -> None:
    records = AwsRecords(LastAccessed({"dynamodb": None}, {}, NOW), recorded_until=NOW)
    old = usage(services=["s3"], traces=[NOW - 5 * HOUR], calls=NOW - 5 * HOUR)
    text = story(
        allow(SCAN, table("t")), seen=old, functions=[function(deployed=NOW - 6 * HOUR)], records=records
    )
    assert "unused, confirmed" in text
    assert "Beside the traces: last-accessed" in text


def test_refused_calls_of_the_service_are_shown_with_their_meaning() -> None:
    denial = Denied(SCAN, table("t"), 2, "no", "no-identity-policy")
    text = story(allow(SCAN, table("u")), seen=replace(usage(services=["dynamodb"]), denied=(denial,)))
    assert f"f: {SCAN} on {table('t')}, 2 calls: no policy of the role allows it" in text


def test_a_policy_of_aws_is_to_be_replaced_and_ones_own_to_be_edited() -> None:
    aws = story(policies=[of_aws("Aws", allow("dynamodb:*", table("t")))])
    assert "managed policy Aws (arn:aws:iam::aws:policy/Aws)" in aws
    assert "Detach Aws: it is AWS's own and cannot be edited" in aws
    assert "The smaller policy, in the place of all policies of the role:" in aws
    own = story(allow("dynamodb:*", table("t")))
    assert "Detach" not in own
    assert '  -  "Action": "dynamodb:*",' in own or '-    "dynamodb:*"' in own


def test_the_bundle_of_a_framework_is_said_in_its_words() -> None:
    reads = [f"dynamodb:{name}" for name in ("BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan")]
    crud = [*reads, *(f"dynamodb:{name}" for name in ("BatchWriteItem", "ConditionCheckItem", "DeleteItem"))]
    crud += ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    text = story(allow(crud, [table("t"), table("t/index/*")]))
    expected = (
        f"Part of SAM DynamoDBCrudPolicy on {table('t')}: only GetItem was used; DynamoDBReadPolicy fits"
    )
    assert expected in text.splitlines()


def test_a_policy_of_aws_is_said_to_be_one() -> None:
    text = story(policies=[of_aws("Aws", allow("dynamodb:*", table("t")))])
    replacement = "replace by the smaller policy of the role"
    assert f"Part of AWS Aws on *: only GetItem was used; {replacement}" in text.splitlines()
    assert "Part of CDK" not in story(allow("dynamodb:*", table("t")))


def test_without_a_suggestion_none_is_promised() -> None:
    text = story(allow(SCAN, table("t")), seen=usage(services=["dynamodb"]))
    assert "smaller policy" not in text
    assert "There is no suggested policy" in text


def test_many_calls_are_cut_and_counted() -> None:
    seen = usage(used(*((GET, table(f"t{n}")) for n in range(40))))
    text = story(allow("dynamodb:*", "*"), seen=seen)
    assert len(text.splitlines()) <= SCREEN
    (rest,) = re.findall(r"… and (\d+) more lines \(--all shows them\)$", text)
    compared_calls = text.partition("Calls that were compared with it:\n")[2].splitlines()
    assert len(compared_calls) - 1 + int(rest) == 40
    whole = story(allow("dynamodb:*", "*"), seen=seen, everything=True)
    assert whole.partition("Calls that were compared with it:\n")[2].count(", 1 call, last ") == 40


def test_what_the_team_accepts_is_reported() -> None:
    rule = IgnoreRule(1, "the yearly report", action="dynamodb:scan")
    text = story(
        allow(SCAN, table("t")), seen=usage(services=["dynamodb"]), config=TeamConfig(ignores=(rule,))
    )
    assert "The team accepts it: the yearly report" in text.splitlines()


# --- which finding -------------------------------------------------------------------------------


def report_of_two_findings() -> Any:
    seen = usage(services=["dynamodb"])
    result = compared([policy(allow(SCAN, table("t")), allow(GET, table("t")))], [seen])
    return document(result, [seen], [function()])


def first_id(report: Any) -> str:
    return str(report["roles"][0]["findings"][0]["id"])


def test_the_beginning_of_an_id_is_enough() -> None:
    report = report_of_two_findings()
    assert explained(report, first_id(report)[:6]) == explained(report, first_id(report))


@pytest.mark.parametrize(
    ("named", "advice"),
    [
        ("ff", r"did you mean f\?$"),
        ("zz zz", "it has f$"),
        ("", "it has f$"),
        ("0123456789ab", r"here are [0-9a-f]{12} \(unused: dynamodb:\w+, f\), "),
    ],
)
def test_what_is_not_there_is_two_lines_with_what_may_be_meant(named: str, advice: str) -> None:
    with pytest.raises(ScanError) as raised:
        explained(report_of_two_findings(), named)
    problem, what_to_do = raised.value.lines
    assert problem.endswith("no role or workload has that name")
    assert re.search(advice, what_to_do)


def test_an_id_with_a_wrong_letter_is_near_another_one() -> None:
    report = report_of_two_findings()
    right = first_id(report)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    with pytest.raises(ScanError, match=rf"did you mean {right} \(unused: "):
        explained(report, wrong)


@pytest.mark.parametrize("finding_id", ["", "zzz", "no such"])
def test_an_id_of_no_finding_is_an_error_of_use(finding_id: str) -> None:
    with pytest.raises(ScanError, match="id"):
        explained(report_of_two_findings(), finding_id)


def test_an_id_of_several_findings_is_an_error_of_use() -> None:
    report = report_of_two_findings()
    for finding in report["roles"][0]["findings"]:
        finding["id"] = "aa" + finding["id"]
    with pytest.raises(
        ScanError, match="2 findings of this report have an id that begins with 'aa'"
    ) as raised:
        explained(report, "aa")
    for finding in report["roles"][0]["findings"]:
        assert f"{finding['id']} (unused: " in raised.value.lines[1]


# --- which report --------------------------------------------------------------------------------


def problem_with(report: Any) -> str:
    """The line with which a document is refused, as an error of use."""
    with pytest.raises(ScanError) as caught:
        explained(report, "abc")
    assert caught.value.exit_code == EXIT_USAGE
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    "broken", [None, [], {}, {"schema_version": 1}, {"schema_version": True}, {"schema_version": "1"}, "text"]
)
def test_what_is_no_report_is_an_error_of_use(broken: Any) -> None:
    assert problem_with(broken).startswith("this is no report.json")


def test_the_place_that_is_not_understood_is_named() -> None:
    report = report_of_two_findings()
    report["scan"]["traces"] = "many"
    assert "`$.scan.traces`" in problem_with(report)


def test_equal_statements_that_share_an_id_are_told_once() -> None:
    report = json.loads((Path(__file__).parents[1] / "cases" / "report-1.json").read_bytes())
    ids = [finding["id"] for role in report["roles"] for finding in role["findings"]]
    shared = next(id_ for id_ in ids if ids.count(id_) > 1)
    assert explained(report, shared)[0].startswith(shared)


def test_a_report_of_another_version_is_an_error_of_use() -> None:
    assert problem_with(report_of_two_findings() | {"schema_version": 3}) == (
        "the report was written by another version: its `schema_version` is 3, and this version reads 1 and 2"
    )


def test_a_value_of_another_version_is_an_error_of_use() -> None:
    report = report_of_two_findings()
    report["roles"][0]["findings"][0]["verdict"] = "reserved"
    assert "was written by another version" in problem_with(report)
    assert "'reserved'" in problem_with(report)


def test_keys_of_a_later_version_change_nothing() -> None:
    report = report_of_two_findings()
    story_of_now = explained(report, first_id(report))
    for part in (report, report["scan"], *report["workloads"], *report["roles"]):
        part["later"] = {"more": True}
    for finding in report["roles"][0]["findings"]:
        finding["fixes"] = []
    assert explained(report, first_id(report)) == story_of_now


def test_a_position_that_names_nothing_is_an_error_of_use() -> None:
    report = report_of_two_findings()
    report["roles"][0]["policies"][0]["statements"] = []
    assert "`statement` names position 0 of 0" in problem_with(report)


def test_the_statement_shown_is_that_of_the_policy_with_the_same_name() -> None:
    """An inline policy and a managed one may share a name."""
    managed = Policy("same", "arn:aws:iam::1:policy/same", "managed", parse_policy({"Statement": allow(GET)}))
    text = story(policies=[managed, policy(allow([SCAN], table("t")), name="same")], at=1)
    assert '  -    "dynamodb:Scan"' in text or '-{"Effect":"Allow","Action":["dynamodb:Scan"]' in text
    assert '-    "dynamodb:GetItem"' not in text


def test_a_report_of_before_a_key_was_added_is_explained() -> None:
    seen = usage(services=["dynamodb"])
    result = compared([policy(allow(SCAN, table("t")))], [seen])
    older = document(result, [seen], [function()])
    (role,) = older["roles"]
    for key in ("policy_for_denied_notes", "not_understood"):
        role.pop(key, None)
    for key in ("bundle", "breadth", "note"):
        role["findings"][0].pop(key, None)
    for key in ("times", "unowned"):
        del older["scan"]["skipped"][key]
    del older["workloads"][0]["evidence"]["all_clients_traced"]
    assert any("never used" in line or "unused" in line for line in explained(older, result.findings[0].id))


def test_a_finding_is_found_by_the_id_of_each_of_its_grants() -> None:
    seen = usage(services=["dynamodb"])
    result = compared([policy(allow([GET, SCAN], table("t")))], [seen])
    report = document(result, [seen], [function()])
    (finding,) = report["roles"][0]["findings"]
    stories = [explained(report, id_) for id_ in finding["grant_ids"]]
    assert len(stories) == 2 and stories[0] == stories[1]


def test_an_id_of_before_they_changed_is_found_in_a_report_of_then_and_is_explained_elsewhere() -> None:
    seen = usage(services=["dynamodb"])
    report = document(compared([policy(allow(SCAN, table("t")))], [seen]), [seen], [function()])
    with pytest.raises(ScanError, match="one of an earlier report is found in that report only"):
        explained(report, "a378c458e172")
    (finding,) = report["roles"][0]["findings"]
    finding["id"] = "a378c458e172"
    finding.pop("grant_ids", None)
    assert explained(report, "a378")[0].startswith("a378c458e172: unused")


# --- a role, a function --------------------------------------------------------------------------


def of_role(*statements: dict[str, Any], named: str = "f", everything: bool = False, **how: Any) -> list[str]:
    """The story of a role by the name of its function."""
    usages = [how.pop("seen", usage(used((GET, table("t")))))]
    policies = how.pop("policies", [policy(*statements)])
    made = document(compared(policies, usages, **how), usages, [function()])
    return explained(made, named, everything=everything)


def test_what_the_smallest_fitting_bundle_grants_beyond_use_is_no_finding_of_its_role() -> None:
    read = allow(["s3:GetObject*", "s3:GetBucket*", "s3:List*"], ["arn:aws:s3:::b", "arn:aws:s3:::b/*"])
    lines = of_role(read, seen=usage(used(("s3:GetObject", "arn:aws:s3:::b/*"))))
    assert "  No excess was found." in lines
    at = lines.index("Nothing to do, a smaller policy is yours to choose:")
    assert lines[at + 1].startswith("  CDK grantRead on b: only GetObject was used; no smaller one fits (")
    finding_id = lines[at + 1].rpartition("(")[2].partition(",")[0].rstrip(")")
    assert re.fullmatch("[0-9a-f]{12}", finding_id)


@pytest.mark.parametrize("named", ["admin", function_arn("admin")])
def test_a_function_that_was_never_traced_has_a_story(named: str) -> None:
    seen = usage(used((GET, table("t"))))
    made = document(compared([policy(allow(GET, table("t")))], [seen]), [seen], [function()])
    unseen = {
        "id": function_arn("admin"),
        "arn": function_arn("admin"),
        "name": "admin",
        "kind": "lambda",
        "role": ROLE + "2",
        "rights": "administrator",
        "used": [],
    }
    evidence = {**made["workloads"][0]["evidence"], "traces": 0, "calls": 0}
    made["workloads"].append({**made["workloads"][0], **unseen, "evidence": evidence})
    text = "\n".join(explained(made, named))
    assert "was never traced in the time of this scan" in text
    assert "administrator's rights" in text
    assert ROLE + "2" in text
    assert "--workloads admin" in text


def test_a_long_line_breaks_no_name() -> None:
    trace = "1-6afd85d0-5dd31d3e0855b3990de5d33b"
    (line,) = joined([Section([f"{'called ' * 26}traces: {trace}, {trace}"])], everything=False)
    assert line.endswith(" …")
    assert all(word in {"called", "traces:", f"{trace},", "…"} for word in line.split())


@pytest.mark.parametrize("named", ["f", ROLE, function_arn("f")])
def test_a_role_or_a_function_is_told_with_all_findings_and_what_to_change(named: str) -> None:
    lines = of_role(allow([GET, SCAN], table("t")), allow(SCAN, table("u"), Sid="Other"), named=named)
    assert lines[0] == f"Role {ROLE}"
    assert "  2 findings: 2 confirmed, 0 not" in lines
    assert any(
        "data-access, unused: dynamodb:Scan on table/t: never used (1 trace)" in line for line in lines
    )
    assert '  -    "dynamodb:Scan"' in lines
    assert any(line.startswith('  -{"Sid":"Other"') for line in lines)


def test_what_goes_though_it_is_not_confirmed_is_said_before_what_to_change() -> None:
    warning = "Not all that goes here is confirmed: look at the reasons before you apply it."
    grants = policy(allow([GET, SCAN], table("t")))
    unsure = of_role(policies=[grants], workloads_complete=False)
    assert unsure.index(warning) < unsure.index("Change statement 0 of policy own:")
    assert warning in story(policies=[grants], at=1, workloads_complete=False)
    assert warning not in of_role(policies=[grants])
    assert warning not in story(policies=[grants], at=1)


def test_what_stays_until_it_is_confirmed_is_said_to_stay() -> None:
    told = "No change is suggested: what is not confirmed stays."
    assert told in of_role(allow(GET, table("t")), allow("sqs:*", "*"))
    assert told in story(allow("sqs:*", "*"))


def test_the_smaller_policy_of_a_role_with_a_policy_of_aws_can_be_copied() -> None:
    lines = of_role(policies=[of_aws("Aws", allow("dynamodb:*", "*"))])
    at = lines.index("The smaller policy, in the place of all policies of the role:")
    document = json.loads("".join(lines[at + 1 :]))
    assert document["Statement"][0]["Action"] == [GET]
    whole = of_role(policies=[of_aws("Aws", allow("dynamodb:*", "*"))], everything=True)
    at = whole.index("The smaller policy, in the place of all policies of the role:")
    assert json.loads("".join(whole[at + 1 :])) == document


SMALLER = "The smaller policy, in the place of all policies of the role"


def smaller_policy(lines: list[str]) -> Any:
    """The policy that can be copied out of a story; None where a line says where it is."""
    at = next(at for at, line in enumerate(lines) if line.startswith(SMALLER))
    if lines[at] != f"{SMALLER}:":
        assert re.fullmatch(rf"{SMALLER}, has \d+ lines: --all prints it, .*report\.json holds it", lines[at])
        return None
    end = lines.index("", at) if "" in lines[at:] else len(lines)
    return json.loads("".join(lines[at + 1 : end]))


@pytest.mark.parametrize("number", [1, 5, 12, 30, 100])
@pytest.mark.parametrize("made", ["inline", "customer-managed", "of AWS"])
@pytest.mark.parametrize("of", ["finding", "role"])
def test_the_smaller_policy_is_printed_whole_or_a_line_says_where_it_is(
    number: int, made: str, of: str
) -> None:
    """For inline policies, those of the customer, and AWS's own; in a screen, and never cut."""
    statements = [allow([GET, SCAN], table(f"t{at}"), Sid=f"Read{at}") for at in range(number)]
    arn_of = {"inline": "", "customer-managed": "arn:aws:iam::1:policy/own"}.get(made)
    inline = policy(*statements)
    granted = of_aws("Aws", *statements) if arn_of is None else replace(inline, arn=arn_of)
    seen = usage(used(*((GET, table(f"t{at}")) for at in range(number))))
    result = compared([granted], [seen])
    report = document(result, [seen], [function()])
    (role,) = report["roles"]
    named = "f" if of == "role" else next(f.id for f in result.findings if f.verdict == "unused")
    lines = explained(report, named)
    assert len(lines) <= SCREEN
    shown = smaller_policy(lines)
    assert (shown is None) == (number >= 30)
    assert shown in (None, role["suggested_policy"])
    assert smaller_policy(explained(report, named, everything=True)) == role["suggested_policy"]


def test_of_a_long_statement_what_changes_is_shown() -> None:
    actions = [f"dynamodb:{name}" for name in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")]
    tables = [table(f"t{at}") for at in range(60)]
    text = story(
        allow([*actions, SCAN], tables), seen=usage(used(*((a, t) for a in actions for t in tables))), at=1
    )
    assert '  -    "dynamodb:Scan"' in text
    assert "lines as they are" in text
    assert "more lines (--all" not in text.partition("Granted by")[0]


def test_a_role_without_excess_says_so() -> None:
    assert of_role(allow(GET, table("t"))) == [f"Role {ROLE}", "  used by f", "  No excess was found."]


def test_what_is_named_and_is_not_there_is_an_error_with_a_near_name() -> None:
    report = document(compared([policy(allow(SCAN))], [usage()]), [usage()], [function("notes-api")])
    with pytest.raises(ScanError, match="did you mean f\\?"):
        explained(report, "ff")


@given(st.lists(st.integers(0, 120), max_size=10), st.booleans())
def test_a_story_is_at_most_a_screen_and_loses_no_section(sizes: list[int], copied: bool) -> None:
    sections = [Section([f"{at}: {n}" for n in range(size)], copied=copied) for at, size in enumerate(sizes)]
    lines = joined(sections, everything=False)
    assert len(lines) <= SCREEN
    for at, size in enumerate(sizes):
        assert (f"{at}: 0" in lines) == (size > 0)
    assert sum(size for size in sizes) == len([x for x in joined(sections, everything=True) if x])
