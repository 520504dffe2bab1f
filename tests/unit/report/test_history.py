"""What is new, fixed and still open since the last run; what a run did not compare is neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.notify.notice import notice_of
from scanner.report.hide import hidden
from scanner.report.history import scope_of
from scanner.report.html.words import measures
from scanner.report.load import report_of
from scanner.report.markdown.words import title
from scanner.report.schema import plain, validate
from scanner.report.text.totals import totals
from scanner.report.view import view_of
from scanner.report.view.history import bars
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.report.examples import crud_scan, doubtful_crud_scan
from tests.unit.report.nights import PUT, READ, SCAN, Nights, numbers, role


def test_in_the_first_run_nothing_is_new() -> None:
    history = Nights().history(role(READ, SCAN))
    assert history.previous is None
    assert numbers(history) == (0, 1, 0, 0, 0)


def test_what_the_last_run_did_not_have_is_new_once() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    assert numbers(nights.history(role(READ, SCAN), role(READ, PUT, name="g"))) == (1, 1, 0, 0, 0)
    history = nights.history(role(READ, SCAN), role(READ, PUT, name="g"))
    assert numbers(history) == (0, 2, 0, 0, 0)
    assert [run.open for run in history.runs] == [1, 2, 2]


def test_a_grant_that_is_gone_is_fixed_and_named() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    history = nights.history(role(READ))
    assert numbers(history) == (0, 0, 1, 0, 0)
    (fixed,) = history.fixed
    assert (fixed.role, fixed.severity) == ("arn:aws:iam::123456789012:role/f", "data-access")
    assert fixed.label == "dynamodb:Scan on arn:aws:dynamodb:us-east-1:123456789012:table/t"
    assert numbers(nights.history(role(READ))) == (0, 0, 0, 0, 0)


def test_what_is_used_by_now_is_not_fixed() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    assert numbers(nights.history(role(READ, SCAN, uses=(READ, SCAN)))) == (0, 0, 0, 1, 0)


def test_a_night_without_traces_fixes_nothing_and_makes_nothing_new() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    history = nights.history(role(READ, SCAN, seen=False))
    assert numbers(history) == (0, 0, 0, 0, 1)
    assert history.runs[-1].open == 1
    assert numbers(nights.history(role(READ, SCAN))) == (0, 1, 0, 0, 0)


def test_a_role_that_was_not_in_the_run_fixes_nothing() -> None:
    """An account that could not be read, a function without traces in this time."""
    nights = Nights()
    nights.history(role(READ, SCAN), role(READ, PUT, name="g"))
    assert numbers(nights.history(role(READ, SCAN))) == (0, 1, 0, 0, 1)
    assert numbers(nights.history(role(READ, SCAN), role(READ, name="g"))) == (0, 1, 1, 0, 0)


def test_a_role_that_was_not_wholly_read_fixes_nothing() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    assert numbers(nights.history(role(READ, readable=False))) == (0, 0, 0, 0, 1)
    assert numbers(nights.history(role(READ))) == (0, 0, 1, 0, 0)


def test_a_role_that_never_comes_again_is_forgotten() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    for _ in range(30):
        nights.runs[:] = [*(run._replace(findings=None) for run in nights.runs[:-30]), *nights.runs[-30:]]
        last = nights.history()
    assert numbers(last) == (0, 0, 0, 0, 1)
    nights.runs[:] = [*(run._replace(findings=None) for run in nights.runs[:-30]), *nights.runs[-30:]]
    assert numbers(nights.history()) == (0, 0, 0, 0, 0)


def test_only_runs_of_one_scope_are_compared() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    other = nights.history(role(READ), scope="accounts: 210987654321")
    assert (other.previous, numbers(other), len(other.runs)) == (None, (0, 0, 0, 0, 0), 1)
    assert numbers(nights.history(role(READ))) == (0, 0, 1, 0, 0)


def test_a_later_run_that_was_faster_is_not_the_last_one() -> None:
    nights = Nights()
    nights.history(role(READ, SCAN))
    nights.runs.append(nights.runs[0]._replace(at=nights.at + 1e6, findings=()))
    assert numbers(nights.history(role(READ, SCAN))) == (0, 1, 0, 0, 0)


def test_runs_whose_findings_are_not_kept_still_count() -> None:
    nights = Nights()
    for _ in range(40):
        nights.history(role(READ, SCAN))
    nights.runs[:] = [run._replace(findings=None) for run in nights.runs]
    history = nights.history(role(READ, SCAN))
    assert history.previous is None
    assert len(history.runs) == 30


def test_a_scope_is_the_same_whatever_the_order() -> None:
    assert scope_of(["2", "1"], ["b", "a"], {"filter": []}) == scope_of(["1", "2", "1"], ["a", "b"], {})
    assert scope_of(["1"], ["a"], {"workloads": ["x"]}) == "accounts: 1; regions: a; workloads: x"


def test_a_report_is_read_back_with_its_history() -> None:
    nights = Nights()
    nights.report(role(READ, SCAN))
    report = nights.report(role(READ, PUT))
    document = plain(report)
    validate("report", document)
    assert report_of(document) == report
    assert view_of(report_of(document)).since == view_of(report).since


def test_names_are_hidden_in_what_is_fixed() -> None:
    nights = Nights()
    nights.report(role(READ, SCAN))
    shown = hidden(nights.report(role(READ, PUT)), PUBLIC_REDACTION)
    assert "123456789012" not in str(shown)
    since = view_of(shown, names_hidden=True).since
    assert since
    assert [(one.who, one.what) for one in since.fixed] == [("f", "dynamodb:Scan on table/t")]
    assert len(since.new) == 1  # ids stay as they are


ROLES: st.SearchStrategy[dict[str, dict[str, object] | None]] = st.fixed_dictionaries(
    {
        name: st.none()
        | st.builds(
            dict,
            granted=st.sets(st.sampled_from([SCAN, PUT])),
            used=st.sets(st.sampled_from([SCAN, PUT]), max_size=1),
            seen=st.booleans(),
            readable=st.booleans(),
        )
        for name in ("f", "g")
    }
)


@settings(max_examples=40, deadline=None)
@given(nights=st.lists(ROLES, min_size=2, max_size=5))
def test_every_finding_of_the_last_run_becomes_one_thing(
    nights: list[dict[str, dict[str, Any] | None]],
) -> None:
    """Only what was read and is granted no more is fixed; nothing is new that was open and never decided."""
    ledger, before, open_ids = Nights(), 0, set[str]()
    for night in nights:
        roles = {
            name: role(
                READ,
                *sorted(found["granted"]),
                uses=[READ, *found["used"]],
                name=name,
                seen=bool(found["seen"]),
                readable=bool(found["readable"]),
            )
            for name, found in night.items()
            if found
        }
        history = ledger.history(*roles.values())
        still = len([id_ for id_ in history.still_open if id_ in open_ids])
        settled = {one.id for one in (*history.fixed, *history.settled)}
        undecided = {one.id for one in history.undecided}
        assert still + len(settled) + len(undecided) == before
        assert not open_ids.intersection(history.new)
        for one in history.fixed:
            name = one.role.rpartition("/")[2]
            found = night[name]
            assert found and found["readable"]
            assert one.label.partition(" ")[0] not in found["granted"]
        open_ids = {*history.new, *history.still_open, *undecided}
        before = len(open_ids)
        assert history.runs[-1].open == before


# --- as it is shown --------------------------------------------------------------------------------


def test_bars_are_as_high_as_their_numbers() -> None:
    assert bars([0, 1, 4, 8, 100]) == "▁▂▂▂█"
    assert bars([0, 0]) == "▁▁"
    assert bars([3, 3]) == "██"


def test_the_view_says_it_in_a_line() -> None:
    nights = Nights()
    nights.report(role(READ, SCAN))
    since = view_of(nights.report(role(READ, PUT), role(READ, SCAN, name="g"))).since
    assert since
    assert since.previous == "2026-11-19 11:06 UTC"
    assert since.text == "2 new, 1 fixed, 0 still open"
    assert [one.what for one in since.new] == ["dynamodb:PutItem on table/t", "dynamodb:Scan on table/t"]
    assert since.trend
    assert (since.trend.bars, since.trend.text) == ("▅█", "open findings in the last 2 runs: from 1 to 2")


def test_a_new_bundle_is_one_change() -> None:
    nights = Nights()
    nights.report()
    report = nights.report(*crud_scan().roles)
    since = view_of(report).since
    assert since
    assert report.history
    (one,) = since.new
    assert one.what.startswith("SAM DynamoDBCrudPolicy on ")
    assert one.number == len(report.history.new) > 1


def test_every_output_tells_the_same_number_of_new_findings() -> None:
    nights = Nights()
    nights.report()
    report = nights.report(*crud_scan().roles)
    assert report.history
    new, view = len(report.history.new), view_of(report)
    assert new > 1
    assert f"+{new} new, 0 known, 0 fixed" in title(view)
    last_run = f"{new} new, 0 fixed, 0 still open; the last run was 2026-11-19 11:06 UTC"
    assert ("Since last run", f"+{new}", last_run) in totals(view)
    assert [one.number for one in measures(view) if one.name == "new since the last run"] == [f"+{new}"]
    notice = notice_of(report)
    assert notice
    assert [section.number for section in notice.sections] == [new]
    assert notice.summary == last_run


def test_a_new_bundle_is_one_change_of_what_is_confirmed_in_it() -> None:
    nights = Nights()
    nights.report()
    report = nights.report(*doubtful_crud_scan().roles)
    since = view_of(report).since
    assert since
    assert report.history
    (one,) = since.new
    assert one.what.startswith("SAM DynamoDBCrudPolicy on ")
    assert one.number == since.number_new == len(report.history.new)


def test_of_a_bundle_that_was_known_only_the_new_parts_are_told() -> None:
    nights = Nights()
    (known,) = crud_scan().roles
    nights.report(replace(known, findings=known.findings[:-1]))
    report = nights.report(known)
    since = view_of(report).since
    assert since
    assert report.history
    assert [one.id for one in since.new] == list(report.history.new)
    assert [one.number for one in since.new] == [1]
