"""The baseline: what makes two grants the same, what is known, new and gone, and the file."""

from __future__ import annotations

import itertools
import json
import random
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.baseline import (
    MAX_SHOWN_LINES,
    Baseline,
    BaselineError,
    Entry,
    Known,
    changed_lines,
    compare,
    dump,
    entries_of,
    known_of,
    load,
    role_name,
    updated,
)
from scanner.iam.policies import grants_of
from scanner.model import Verdict
from tests.unit.cases import ACCOUNT, allow, policy

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/notes"


def known(**facts: Any) -> Known:
    given_facts: dict[str, Any] = {
        "role": ROLE_ARN,
        "policy": "own",
        "policy_arn": None,
        "sid": None,
        "verdict": Verdict.UNUSED,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/*",
    } | facts
    return Known(**given_facts)


def entry_of(logical_ids: dict[str, str] | None = None, **facts: Any) -> Entry:
    (entry,) = entries_of([known(**facts)], logical_ids)
    return entry


def resource_of(resource: str, logical_ids: dict[str, str] | None = None) -> str:
    return entry_of(logical_ids, resource=resource).resource


# --- names ---------------------------------------------------------------------------------------


def test_an_entry_says_what_is_granted_where() -> None:
    entry = entry_of(sid="Read", action="s3:getobject", verdict=Verdict.BROAD)
    assert entry == Entry("notes", "own", "Read", "broad", "s3:GetObject", "arn:aws:s3:::b/*")


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        # as CloudFormation names what has no name of its own
        ("app-NotesFunctionRole-1T2W3H9LZHGGV", "app-NotesFunctionRole-{random}"),
        ("app-NotesFunctionRole-LH5RG0MW4TJT", "app-NotesFunctionRole-{random}"),
        ("my-app-prod-NotesFunctionRole-WAAUK9mx1X1E", "my-app-prod-NotesFunctionRole-{random}"),
        ("app-NotesFunctionRole-t9qpx2Gebxxx", "app-NotesFunctionRole-{random}"),
        # in a nested stack
        ("app-Api-1T2W3H9LZHGGV-Role-LH5RG0MW4TJT", "app-Api-{random}-Role-{random}"),
        # a stack's own name is no nested one
        ("app-1T2W3H9LZHGGV-Role-LH5RG0MW4TJT", "app-1T2W3H9LZHGGV-Role-{random}"),
        # when in doubt the name is kept
        ("app-role", "app-role"),
        ("notes-1T2W3H9LZHGGV", "notes-1T2W3H9LZHGGV"),  # no stack before it
        ("app-Role-2T2W3H9LZHGGV", "app-Role-2T2W3H9LZHGGV"),  # 13 digits begin with 1
        ("app-Role-ABCDEFGHIJKL", "app-Role-ABCDEFGHIJKL"),  # no digit
        ("app-Role-202701311200", "app-Role-202701311200"),  # a date
        ("app-Role-PRODUCTION12", "app-Role-PRODUCTION12"),
        ("app-Role-Production12", "app-Role-Production12"),
        ("app-prod-OrdersDb2027", "app-prod-OrdersDb2027"),
        ("app-prod-V2NotesTable", "app-prod-V2NotesTable"),
        ("app-Role-iobo3sn7tqqq", "app-Role-iobo3sn7tqqq"),  # all in lower case, it may be a word
        ("app-Role-1T2W3H9LZHGG_", "app-Role-1T2W3H9LZHGG_"),
        ("app--1T2W3H9LZHGGV", "app--1T2W3H9LZHGGV"),
    ],
)
def test_the_random_ending_of_a_generated_name_goes(deployed: str, normalised: str) -> None:
    assert entry_of(role=f"arn:aws:iam::{ACCOUNT}:role/{deployed}").role == normalised
    assert role_name(f"arn:aws:iam::{ACCOUNT}:role/path/{deployed}") == f"path/{normalised}"
    assert entry_of(policy=deployed).policy == normalised
    assert resource_of(f"arn:aws:sqs:eu-west-1:1:{deployed}") == f"arn:aws:sqs:eu-west-1:1:{normalised}"


def test_most_random_endings_are_known_as_such() -> None:
    """Of those with a digit and letters of both cases, or in base 36."""
    chance = random.Random(0)

    def share(alphabet: str, length: int, first: str = "") -> float:
        endings = (first + "".join(chance.choices(alphabet, k=length)) for _ in range(2_000))
        return sum(entry_of(policy=f"app-Role-{e}").policy == "app-Role-{random}" for e in endings) / 2_000

    assert share(string.ascii_uppercase + string.digits, 12, "1") > 0.95
    assert share(string.ascii_uppercase + string.digits, 12) > 0.95
    assert share(string.ascii_letters + string.digits, 12) > 0.8


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        # only the role's own account
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q", "arn:aws:sqs:eu-west-1:ACCOUNT:q"),
        ("arn:aws:sqs:eu-west-1:210987654321:q", "arn:aws:sqs:eu-west-1:210987654321:q"),
        (f"arn:aws:s3:::logs-{ACCOUNT}-eu/*", "arn:aws:s3:::logs-ACCOUNT-eu/*"),
        (f"arn:aws:s3:::logs-{ACCOUNT}0/*", f"arn:aws:s3:::logs-{ACCOUNT}0/*"),
        # each name in an ARN
        (
            f"arn:aws:dynamodb:r:{ACCOUNT}:table/app-Notes-LH5RG0MW4TJT/index/*",
            "arn:aws:dynamodb:r:ACCOUNT:table/app-Notes-{random}/index/*",
        ),
        (
            "arn:aws:logs:r:1:log-group:/aws/lambda/app-F-LH5RG0MW4TJT:*",
            "arn:aws:logs:r:1:log-group:/aws/lambda/app-F-{random}:*",
        ),
        ("arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT.fifo", "arn:aws:sqs:r:1:app-Q-{random}.fifo"),
        # a key of an object is no name
        ("arn:aws:s3:::b/app-Key-LH5RG0MW4TJT", "arn:aws:s3:::b/app-Key-LH5RG0MW4TJT"),
        # what is a pattern already stays
        ("arn:aws:sqs:r:1:app-Q-*", "arn:aws:sqs:r:1:app-Q-*"),
        ("arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT*", "arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT*"),
        ("arn:aws:sqs:r:1:*-Q-LH5RG0MW4TJT", "arn:aws:sqs:r:1:*-Q-LH5RG0MW4TJT"),
        ("*", "*"),
    ],
)
def test_resources(deployed: str, normalised: str) -> None:
    assert resource_of(deployed) == normalised


@pytest.mark.parametrize(
    ("kind", "deployed", "normalised"),
    [
        ("states:r:1:stateMachine", "Flow-LH5RG0MW4TJT", "Flow-{random}"),
        # a secret's ARN has an ending of its own
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-x1Y2z3", "Db-{random}-{random}"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-??????", "Db-{random}-??????"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-*", "Db-{random}-*"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT*", "Db-LH5RG0MW4TJT*"),
        ("secretsmanager:r:1:secret", "db-secret", "db-secret"),
    ],
)
def test_state_machines_and_secrets_are_named_without_their_stack(
    kind: str, deployed: str, normalised: str
) -> None:
    assert resource_of(f"arn:aws:{kind}:{deployed}") == f"arn:aws:{kind}:{normalised}"


def test_a_wildcard_in_the_place_of_the_random_ending_is_a_wider_grant() -> None:
    generated, wide = "arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT", "arn:aws:sqs:r:1:app-Q-*"
    assert resource_of(generated) != resource_of(wide)


LOGICAL_IDS = {
    "app-role": "app/NotesRole",
    "notes-1": "app/Table",
    f"arn:aws:sns:r:{ACCOUNT}:news": "app/Topic",
    f"https://sqs.r.amazonaws.com/{ACCOUNT}/jobs": "app-Jobs-LH5RG0MW4TJT/Queue",
    "bucket": "app/Bucket",
    "arn:aws:kinesis:r:1:stream/bucket": "app/Stream",
    f"logs-{ACCOUNT}": "app/Logs",
    "arn:aws:secretsmanager:r:1:secret:Db-x1Y2z3": "app/Db",
}


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        ("arn:aws:dynamodb:r:1:table/notes-1/index/*", "arn:aws:dynamodb:r:1:table/{app/Table}/index/*"),
        ("arn:aws:sns:r:1:news", "arn:aws:sns:r:1:{app/Topic}"),
        ("arn:aws:sqs:r:1:jobs", "arn:aws:sqs:r:1:{app-Jobs-{random}/Queue}"),  # of a nested stack
        (f"arn:aws:s3:::logs-{ACCOUNT}/*", "arn:aws:s3:::{app/Logs}/*"),
        ("arn:aws:secretsmanager:r:1:secret:Db-x1Y2z3", "arn:aws:secretsmanager:r:1:secret:{app/Db}"),
        (
            "arn:aws:s3:::bucket/*",
            "arn:aws:s3:::bucket/*",
        ),  # two resources have the name: it is not clear which
        ("arn:aws:dynamodb:r:1:table/notes-1*", "arn:aws:dynamodb:r:1:table/notes-1*"),
    ],
)
def test_a_logical_id_stands_for_the_name_where_it_is_known(deployed: str, normalised: str) -> None:
    assert resource_of(deployed, LOGICAL_IDS) == normalised


def test_roles_of_two_stacks_stay_apart() -> None:
    ids = {"one-role": "one/Role", "two-role": "two/Role"}
    found = {role_name(f"arn:aws:iam::{ACCOUNT}:role/{name}", ids) for name in ids}
    assert found == {"{one/Role}", "{two/Role}"}


def test_managed_policies_are_named_by_their_arns() -> None:
    own, aws = f"arn:aws:iam::{ACCOUNT}:policy/app-P-LH5RG0MW4TJT", "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert entry_of(policy_arn=own).policy == "arn:aws:iam::ACCOUNT:policy/app-P-{random}"
    assert entry_of(policy_arn=aws).policy == aws


def test_the_facts_of_grants_in_a_policy() -> None:
    but = {"Effect": "Allow", "NotAction": ["s3:*", "IAM:*"], "NotResource": f"arn:aws:sqs:r:{ACCOUNT}:q"}
    own = policy(allow("s3:Get*", "*", Sid="S", Condition={"Bool": {"aws:SecureTransport": "true"}}), but)
    first, second = entries_of(known_of(ROLE_ARN, grant, Verdict.UNUSED) for grant in grants_of(own))
    assert first == Entry("notes", "own", "S", "unused", "s3:Get*", "*", condition=first.condition)
    assert first.condition
    assert second.action == "* except iam:*, s3:*"
    assert second.resource == "* except arn:aws:sqs:r:ACCOUNT:q"


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_name_holds_it_can_be_written_and_read(name: str, resource: str) -> None:
    entries = entries_of([known(policy=name, resource=f"arn:aws:x:::{resource}")], {name: resource})
    assert load(dump(Baseline(tuple(entries))), "b.json").entries == tuple(entries)


# --- known, new, gone ----------------------------------------------------------------------------

ENTRY = Entry("notes", "own", "", "unused", "s3:GetObject", "arn:aws:s3:::b/*")


def counts(
    before: list[Entry], now: list[Entry], compared: tuple[str, ...] = ("notes",)
) -> tuple[int, int, int]:
    """How many entries are known, new and gone."""
    found = compare(Baseline(tuple(before)), now, compared)
    return len(found.known), len(found.new), len(found.fixed)


@pytest.mark.parametrize(
    ("now", "is_known"),
    [
        (ENTRY, True),
        (ENTRY._replace(action="S3:getobject"), True),
        # the excess of the same grant, whatever the evidence of the day calls it
        (ENTRY._replace(verdict="broad"), True),
        # it was accepted as what cannot be seen, or what is denied: not as excess
        (ENTRY._replace(verdict="unobservable"), False),
        (ENTRY._replace(verdict="ineffective"), False),
        (ENTRY._replace(condition="c"), True),  # narrower than what was accepted
        (ENTRY._replace(role="other"), False),
        (ENTRY._replace(policy="other"), False),
        (ENTRY._replace(statement="Other"), False),
        (ENTRY._replace(action="s3:Get*"), False),
        (ENTRY._replace(resource="arn:aws:s3:::b*"), False),
    ],
)
def test_what_is_known(now: Entry, is_known: bool) -> None:
    found = compare(Baseline((ENTRY,)), [now], {"notes", "other"})
    assert found.is_known == (is_known,)
    assert (found.known, found.new) == (((now,), ()) if is_known else ((), (now,)))
    assert found.fixed == (() if is_known else (ENTRY,))


def test_a_grant_that_lost_its_condition_is_new() -> None:
    assert counts([ENTRY._replace(condition="c")], [ENTRY]) == (0, 1, 1)
    assert counts([ENTRY._replace(condition="c")], [ENTRY._replace(condition="d")]) == (0, 1, 1)
    assert counts([ENTRY, ENTRY._replace(condition="c")], [ENTRY._replace(condition="c"), ENTRY]) == (
        2,
        0,
        0,
    )


def test_two_grants_that_look_alike_need_two_entries() -> None:
    assert counts([ENTRY], [ENTRY, ENTRY]) == (1, 1, 0)
    assert counts([ENTRY, ENTRY], [ENTRY, ENTRY]) == (2, 0, 0)
    assert counts([ENTRY, ENTRY], [ENTRY]) == (1, 0, 1)
    assert compare(Baseline((ENTRY,)), [ENTRY, ENTRY], ()).is_known == (True, False)


def test_a_stack_that_is_deployed_anew_is_not_new() -> None:
    def deployed(ending: str, account: str) -> list[Entry]:
        role = f"arn:aws:iam::{account}:role/app-Role-{ending}"
        return entries_of([known(role=role, resource=f"arn:aws:sqs:r:{account}:app-Q-{ending}")])

    before, now = deployed("1T2W3H9LZHGGV", ACCOUNT), deployed("LH5RG0MW4TJT", "210987654321")
    assert counts(before, now, ()) == (1, 0, 0)


def test_of_roles_that_were_not_compared_nothing_is_said() -> None:
    other = ENTRY._replace(role="other")
    assert counts([ENTRY, other], []) == (0, 0, 1)
    assert counts([ENTRY, other], [], ()) == (0, 0, 0)


def test_an_update_keeps_the_roles_that_were_not_compared() -> None:
    other, gone, new = ENTRY._replace(role="other"), ENTRY._replace(action="s3:PutObject"), ENTRY
    assert updated(Baseline((gone, other)), [new], {"notes"}).entries == (new, other)
    assert updated(Baseline((gone, other)), [], {"notes", "other"}).entries == ()


entries = st.builds(
    Entry,
    role=st.sampled_from(["a", "b"]),
    policy=st.just("p"),
    statement=st.just(""),
    verdict=st.sampled_from(["unused", "broad", "unobservable"]),
    action=st.sampled_from(["s3:GetObject", "s3:PutObject"]),
    resource=st.just("*"),
    condition=st.sampled_from(["", "c", "d"]),
)
lists = st.lists(entries, max_size=6)


@given(lists, lists)
def test_each_entry_is_known_or_new_and_an_update_makes_all_known(
    before: list[Entry], now: list[Entry]
) -> None:
    old = Baseline(tuple(sorted(before)))
    found = compare(old, now, {"a", "b"})
    assert sorted([*found.known, *found.new]) == sorted(now)
    assert len(found.known) + len(found.fixed) == len(before)
    written = load(dump(updated(old, now, {"a", "b"})), "b.json")
    assert compare(written, now, {"a", "b"}) == ((True,) * len(now), tuple(now), (), ())


# --- the file ------------------------------------------------------------------------------------


def test_the_file_holds_a_finding_a_line_sorted() -> None:
    second = ENTRY._replace(action="s3:PutObject", condition="c")
    texts = {dump(Baseline(tuple(order))) for order in itertools.permutations([ENTRY, second])}
    assert texts == {
        """\
{
  "version": 1,
  "findings": [
    {"role": "notes", "policy": "own", "statement": "", "verdict": "unused", "action": "s3:GetObject", "resource": "arn:aws:s3:::b/*"},
    {"role": "notes", "policy": "own", "statement": "", "verdict": "unused", "action": "s3:PutObject", "resource": "arn:aws:s3:::b/*", "condition": "c"}
  ]
}
"""  # noqa: E501  # as it stands in the file
    }


def test_an_empty_baseline() -> None:
    assert dump(Baseline()) == '{\n  "version": 1,\n  "findings": []\n}\n'
    assert load(dump(Baseline()), "b.json") == Baseline()


def file_of(**changes: Any) -> str:
    row = {name: getattr(ENTRY, name) for name in ENTRY._fields if name != "condition"} | changes
    return json.dumps({"version": 1, "findings": [{k: v for k, v in row.items() if v is not None}]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "b.json:1: this is not JSON"),
        ('{\n"version": 1,\n', "b.json:3: this is not JSON"),
        (
            '{\n<<<<<<< HEAD\n"version": 1}',
            "b.json:2: this is not JSON (Expecting property name enclosed in ",
        ),
        ("[]", "b.json: this is no baseline: it has no list `findings`"),
        ('{"findings": {}}', "b.json: this is no baseline: it has no list `findings`"),
        ('{"findings": []}', "b.json: its version is not 1, the only one known here"),
        ('{"version": true, "findings": []}', "b.json: its version is not 1"),
        ('{"version": 1, "findings": [1]}', "b.json: `findings`, entry 1: it is no object"),
        ("[" * 100_000, "b.json: this is no baseline: it nests too deeply"),
        (
            "9" * 10_000,
            "b.json: this is no baseline: it nests too deeply, or holds a number that is too long",
        ),
        (file_of(role=None), "b.json: `findings`, entry 1: it has no text `role`"),
        (file_of(action=1), "b.json: `findings`, entry 1: it has no text `action`"),
        (file_of(verdict="bad\n"), "b.json: `findings`, entry 1: the verdict 'bad\\\\n' is not known"),
        (file_of(extra="x"), "b.json: `findings`, entry 1: `extra` is no key here"),
        (file_of(condition=1), "b.json: `findings`, entry 1: `condition` is no text"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, expected: str) -> None:
    with pytest.raises(BaselineError) as caught:
        load(text, "b.json")
    (problem,) = caught.value.problems
    assert problem.startswith(expected)


def test_of_very_many_problems_some_are_told() -> None:
    with pytest.raises(BaselineError) as caught:
        load(json.dumps({"version": 1, "findings": [1] * 1_000}), "b.json")
    assert caught.value.problems[-1] == "b.json: and 980 more"


# --- what a pull request changes -----------------------------------------------------------------


def numbered(count: int, **changed: str) -> str:
    return "".join(f"{changed.get(f'at{n}', f'line {n}')}\n" for n in range(1, count + 1))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\n", "a\n", ""),
        (None, None, ""),
        (None, "a\n", "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n"),
        ("a\n", None, "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"),
        ("a\nb\n", "a\nc\n", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
        ("a\n", "a", "--- a/f\n+++ b/f\n@@ -1 +1,2 @@\n a\n+\\ No newline at end of file\n"),
        ("a\r\n", "a\n", "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\\r\n+a\n"),
        (
            numbered(20),
            numbered(20, at10="changed"),
            "--- a/f\n+++ b/f\n@@ -7,7 +7,7 @@\n line 7\n line 8\n line 9\n-line 10\n+changed\n"
            " line 11\n line 12\n line 13\n",
        ),
    ],
)
def test_the_difference_of_two_versions(before: str | None, after: str | None, expected: str) -> None:
    assert changed_lines(before, after, "f") == expected


def test_a_long_difference_is_cut_and_says_so() -> None:
    shown = changed_lines("", numbered(100), "f").splitlines()
    assert len(shown) == 2 + MAX_SHOWN_LINES + 1
    assert shown[-1] == "and 41 more lines"
    huge = changed_lines(numbered(5), numbered(5) + numbered(5_000, at1="x"), "f")
    assert huge == "--- a/f\n+++ b/f\ntoo much to show: 5,000 lines from line 6 on\n"
    assert len(changed_lines("", "x" * 10_000, "f")) < 400


def test_a_change_in_a_huge_file_is_shown_all_the_same() -> None:
    shown = changed_lines(numbered(100_000), numbered(100_000, at50000="changed"), "f")
    assert "@@ -49997,7 +49997,7 @@" in shown
    assert "+changed" in shown


def test_what_a_change_holds_cannot_hide_lines() -> None:
    shown = changed_lines("", "a\rb\x1b[2K\u202e\n", "f\n+x")
    assert shown.splitlines()[1:] == ["+++ b/f\\n+x", "@@ -0,0 +1 @@", "+a\\rb\\x1b[2K\\u202e"]
