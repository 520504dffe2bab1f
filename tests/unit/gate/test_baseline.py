"""The baseline: what makes two grants the same, which are accepted, new and gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.baseline import (
    Baseline,
    Comparison,
    DeployedGrant,
    Entry,
    compare,
    deployed_grant,
    entries_of,
    stable_role_name,
    updated,
)
from scanner.gate.extent import Extent
from scanner.iam.policies import grants_of
from scanner.model import Role, Verdict
from tests.unit.cases import ACCOUNT, allow, policy

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/notes"
UNUSED = DeployedGrant(
    role=ROLE_ARN,
    policy="own",
    policy_arn=None,
    sid=None,
    verdict=Verdict.UNUSED,
    action="s3:GetObject",
    resource="arn:aws:s3:::b/*",
)


def grant(**changes: Any) -> DeployedGrant:
    return replace(UNUSED, **changes)


def entry_of(**changes: Any) -> Entry:
    (entry,) = entries_of([grant(**changes)])
    return entry


# --- entries -------------------------------------------------------------------------------------


def test_an_entry_says_what_is_granted_where() -> None:
    entry = entry_of(sid="Read", action="s3:getobject", verdict=Verdict.BROAD)
    assert entry == Entry("notes", "own", "Read", "broad", "s3:GetObject", "arn:aws:s3:::b/*")


def test_managed_policies_are_named_by_their_arns() -> None:
    own, aws = f"arn:aws:iam::{ACCOUNT}:policy/app-P-LH5RG0MW4TJT", "arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert entry_of(policy_arn=own).policy == "arn:aws:iam::ACCOUNT:policy/app-P-{random}"
    assert entry_of(policy_arn=aws).policy == aws


def test_an_entry_has_names_that_survive_a_deployment() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/app-Role-LH5RG0MW4TJT"
    resource = f"arn:aws:dynamodb:r:{ACCOUNT}:table/notes-1"
    deployed = grant(role=role, policy="app-P-LH5RG0MW4TJT", resource=resource)
    (entry,) = entries_of([deployed], {"notes-1": "app/Table"})
    assert (entry.role, entry.policy) == ("app-Role-{random}", "app-P-{random}")
    assert entry.resource == "arn:aws:dynamodb:r:ACCOUNT:table/{app/Table}"
    assert stable_role_name(role) == entry.role


def test_the_facts_of_grants_in_a_policy() -> None:
    but = {"Effect": "Allow", "NotAction": ["s3:*", "IAM:*"], "NotResource": f"arn:aws:sqs:r:{ACCOUNT}:q"}
    own = policy(allow("s3:Get*", "*", Sid="S", Condition={"Bool": {"aws:SecureTransport": "true"}}), but)
    first, second = entries_of(
        deployed_grant(Role(ROLE_ARN, "notes"), grant, Verdict.UNUSED) for grant in grants_of(own)
    )
    assert first == Entry("notes", "own", "S", "unused", "s3:Get*", "*", condition=first.condition)
    assert first.condition
    assert second.action == "* except iam:*, s3:*"
    assert second.resource == "* except arn:aws:sqs:r:ACCOUNT:q"


# --- against a baseline ----------------------------------------------------------------------------

ENTRY = Entry("notes", "own", "", "unused", "s3:GetObject", "arn:aws:s3:::b/*")


def counts(
    before: list[Entry], now: list[Entry], compared: tuple[str, ...] = ("notes",)
) -> tuple[int, int, int]:
    """How many entries are known, new and gone."""
    comparison = compare(Baseline(tuple(before)), now, compared)
    return len(comparison.known), len(comparison.new), len(comparison.fixed)


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
def test_which_entries_the_baseline_has(now: Entry, is_known: bool) -> None:
    comparison = compare(Baseline((ENTRY,)), [now], {"notes", "other"})
    assert comparison.is_known == (is_known,)
    assert (comparison.known, comparison.new) == (((now,), ()) if is_known else ((), (now,)))
    assert comparison.fixed == (() if is_known else (ENTRY,))


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
        return entries_of([grant(role=role, resource=f"arn:aws:sqs:r:{account}:app-Q-{ending}")])

    before, now = deployed("1T2W3H9LZHGGV", ACCOUNT), deployed("LH5RG0MW4TJT", "210987654321")
    assert counts(before, now, ()) == (1, 0, 0)


def test_entries_of_roles_that_were_not_compared_are_not_fixed() -> None:
    other = ENTRY._replace(role="other")
    assert counts([ENTRY, other], []) == (0, 0, 1)
    assert counts([ENTRY, other], [], ()) == (0, 0, 0)


def test_an_update_keeps_the_roles_that_were_not_compared() -> None:
    other, gone, new = ENTRY._replace(role="other"), ENTRY._replace(action="s3:PutObject"), ENTRY
    assert updated(Baseline((gone, other)), [new], {"notes"}).entries == (new, other)
    assert updated(Baseline((gone, other)), [], {"notes", "other"}).entries == ()


# --- how far an entry goes -------------------------------------------------------------------------

ACCEPTED = ENTRY._replace(action="s3:*", severity="write", denied=("s3:Put* on *",), boundary=("s3:* on *",))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"severity": "data-access"}, ""),
        ({"severity": "destruction"}, "it is destruction now, write was accepted"),
        ({"severity": "unknown"}, "it is unknown now, write was accepted"),
        ({"denied": ("s3:* on *", "s3:Get* on *")}, ""),
        ({"denied": ()}, "a Deny is gone or narrower: s3:Put* on *"),
        ({"denied": ("s3:PutObject on *",)}, "a Deny is gone or narrower: s3:Put* on *"),
        ({"denied": ("s3:Put* on arn:aws:s3:::b",)}, "a Deny is gone or narrower: s3:Put* on *"),
        ({"denied": ("s3:Put* on * if 0a",)}, "a Deny is gone or narrower: s3:Put* on *"),
        ({"boundary": ("s3:Get* on *",)}, ""),
        ({"boundary": ()}, "the permissions boundary is gone"),
        ({"boundary": ("* on *",)}, "the permissions boundary allows more: * on *"),
        ({"boundary": ("* except iam:* on *",)}, "the permissions boundary allows more: * except iam:* on *"),
    ],
)
def test_what_grew_behind_an_entry_is_new(changes: dict[str, Any], why: str) -> None:
    now = ACCEPTED._replace(**changes)
    comparison = compare(Baseline((ACCEPTED,)), [now], {"notes"})
    assert comparison.is_known == (not why,)
    assert comparison.grown == (((now, why),) if why else ())
    assert comparison.fixed == ()  # it is still there
    assert updated(Baseline((ACCEPTED,)), [now], {"notes"}).entries == (now,)


PATTERNS = st.sampled_from(["*", "s3:*", "s3:Put*", "s3:PutObject", "s3:GetObject"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::b*", "arn:aws:s3:::b/*"])
STATEMENTS = st.builds(
    lambda action, resource, key: {key: action, "Resource": resource},
    PATTERNS,
    RESOURCES,
    st.sampled_from(["Action", "NotAction"]),
)
EXTENTS = st.lists(STATEMENTS, max_size=3)


def extent_of(denied: list[dict[str, Any]], bound: list[dict[str, Any]]) -> Extent:
    """How far `s3:*` on everything goes with these Deny statements, and a boundary that allows this."""
    own = policy(allow("s3:*"), *({"Effect": "Deny", **statement} for statement in denied))
    boundary = policy(*({"Effect": "Allow", **statement} for statement in bound)) if bound else None
    role = Role(ROLE_ARN, "notes", (own,), boundary=boundary)
    (granted,) = grants_of(own)
    (entry,) = entries_of([deployed_grant(role, granted, Verdict.UNUSED, "write")])
    return entry.extent


@given(EXTENTS, EXTENTS, EXTENTS)
def test_another_deny_or_a_first_boundary_is_no_growth(
    denied: list[dict[str, Any]], more: list[dict[str, Any]], bound: list[dict[str, Any]]
) -> None:
    before = extent_of(denied, [])
    assert before.growth(extent_of([*more, *denied], bound)) == ""


@given(EXTENTS, EXTENTS)
def test_all_denies_or_the_boundary_gone_is_growth(
    denied: list[dict[str, Any]], bound: list[dict[str, Any]]
) -> None:
    before, after = extent_of(denied, bound), extent_of([], [])
    assert bool(before.growth(after)) is bool(before.denied or before.boundary)


def test_how_far_a_role_goes_that_was_not_wholly_read_is_not_known() -> None:
    own = policy(allow("s3:*"), {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"})
    (granted,) = grants_of(own)
    role = Role(ROLE_ARN, "notes", (own,), readable=False)
    (entry,) = entries_of([deployed_grant(role, granted, Verdict.UNUSED, "write")])
    assert entry.extent == Extent()
    assert ACCEPTED.extent.growth(Extent()) == ""


def test_an_entry_that_does_not_say_how_far_it_goes_accepts_all() -> None:
    assert counts([ENTRY], [ENTRY._replace(severity="privilege-escalation")]) == (1, 0, 0)


def test_the_narrowest_entry_accepts_so_that_the_widest_is_left() -> None:
    wide, narrow = ENTRY._replace(severity="write"), ENTRY._replace(severity="read")
    for now in ([wide, narrow], [narrow, wide], [ENTRY._replace(severity="list"), wide]):
        assert counts([wide, narrow], now) == (2, 0, 0)
    assert counts([wide, narrow], [wide, wide]) == (1, 1, 0)


def test_what_is_not_looked_for_is_not_fixed() -> None:
    old = ENTRY._replace(verdict="unobservable")
    assert compare(Baseline((ENTRY, old)), [], {"notes"}, {"unused", "broad"}).fixed == (ENTRY,)


def test_an_update_keeps_entries_of_a_role_that_shares_its_name_with_others() -> None:
    """A role that was not compared may stand behind them, though one of the name was seen."""
    gone = ENTRY._replace(action="s3:PutObject")
    assert updated(Baseline((ENTRY, ENTRY, gone)), [ENTRY], ()).entries == (ENTRY, ENTRY, gone)
    assert updated(Baseline((ENTRY,)), [ENTRY, gone], ()).entries == (ENTRY, gone)


entries = st.builds(
    Entry,
    role=st.sampled_from(["a", "b"]),
    policy=st.just("p"),
    statement=st.just(""),
    verdict=st.sampled_from(["unused", "broad", "unobservable"]),
    action=st.sampled_from(["s3:GetObject", "s3:PutObject"]),
    resource=st.just("*"),
    condition=st.sampled_from(["", "c", "d"]),
    severity=st.sampled_from(["", "write", "read"]),
    denied=st.sampled_from([(), ("s3:Put* on *",)]),
    boundary=st.sampled_from([(), ("s3:* on *",)]),
)
lists = st.lists(entries, max_size=6)


@given(lists, lists)
def test_each_entry_is_known_or_new_and_an_update_makes_all_known(
    before: list[Entry], now: list[Entry]
) -> None:
    old = Baseline(tuple(sorted(before)))
    comparison = compare(old, now, {"a", "b"})
    assert sorted([*comparison.known, *comparison.new]) == sorted(now)
    assert len(comparison.known) + len(comparison.fixed) + len(comparison.grown) == len(before)
    after = updated(old, now, {"a", "b"})
    assert compare(after, now, {"a", "b"}) == Comparison((True,) * len(now), tuple(now), (), ())
