"""The report on a terminal, and as plain lines."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import msgspec
import pytest
from rich.cells import cell_len

from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import Denied, Verdict
from scanner.options import filters
from scanner.report.build import report
from scanner.report.filters import Filters, filtered
from scanner.report.records import Gate, Report
from scanner.report.text import DEFAULT_TOP, Shown, print_text
from scanner.report.text.plain import COLUMNS
from scanner.report.text.terminal import STYLES
from scanner.report.view import View, view_of
from scanner.report.view.values import NeverTraced
from scanner.result import ScanResult
from tests.unit.cases import allow, compared, function, policy, table, usage, used
from tests.unit.report.examples import (
    COMPARE,
    EVIL,
    GET,
    SCAN,
    crud_scan,
    doubtful_crud_scan,
    scan_result,
    unused_scan,
)
from tests.unit.report.views import viewed

_STYLE = re.compile(r"\x1b\[[0-9;]*m")
LONG_NAME = "orders-service-production-eu-west-1-create-order-handler-function"
NAMES = [LONG_NAME, *(f"shop-{number}-create-order" for number in range(15))]

NAMES_OF_ACTIONS = (
    "BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable DescribeTable ExportTableToPointInTime "
    "ListTagsOfResource PutItem PutResourcePolicy Query Scan TagResource UntagResource UpdateItem UpdateTable"
)
ACTIONS = [f"dynamodb:{name}" for name in NAMES_OF_ACTIONS.split()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@cache
def many() -> ScanResult:
    """Functions that share a role of 30 different grants, none of them used."""
    reads = usage(used((GET, table("t"))), name=NAMES[0])
    tables = [table(f"a-table-of-{'long-' * (number % 12)}name-{number}") for number in range(30)]
    grants = [allow(ACTIONS[at % len(ACTIONS)], name) for at, name in enumerate(tables)]
    functions = [function(name) for name in NAMES]
    return scan_result(
        [compared([policy(*grants, allow("iam:PassRole", "*"))], [reads], functions)], [reads], functions
    )


def on_terminal(view: View, width: int, monkeypatch: pytest.MonkeyPatch, shown: Shown | None = None) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    out = Terminal()
    print_text(view, out, shown)
    return out.getvalue()


def piped(view: View, shown: Shown | None = None) -> list[str]:
    out = io.StringIO()
    print_text(view, out, shown)
    return out.getvalue().splitlines()


def findings(lines: list[str]) -> list[list[str]]:
    """The plain lines that are findings, by column."""
    return [line.split("\t") for line in lines if "\t" in line]


# --- plain lines ---------------------------------------------------------------------------------


def test_a_finding_is_a_line_of_columns() -> None:
    (cells,) = findings(piped(viewed(unused_scan(), COMPARE)))
    assert dict(zip(COLUMNS, cells, strict=True)) == {
        "kind": "confirmed",
        "severity": "data-access",
        "verdict": "unused",
        "workloads": "f",
        "actions": "dynamodb:Scan",
        "resources": "table/t",
        "seen": "never used",
        "evidence": "1 trace",
        "place": "-",
        "ids": cells[-3],
        "roles": "f",
        "bundle": "-",
    }
    assert re.fullmatch("[0-9a-f]{12}", cells[-3])


def test_each_finding_of_a_bundle_is_a_line_of_its_own() -> None:
    view = viewed(crud_scan(), COMPARE)
    lines = findings(piped(view))
    (bundle,) = view.confirmed
    assert [cells[-3] for cells in lines] == list(bundle.all_ids)
    assert len(lines) == view.totals.confirmed > 1
    assert {cells[-1] for cells in lines} == {"SAM DynamoDBCrudPolicy"}
    assert findings(piped(view, Shown(everything=True))) == lines


def test_a_part_of_a_bundle_that_is_not_confirmed_says_so() -> None:
    view = viewed(doubtful_crud_scan(), COMPARE)
    kinds = Counter(cells[0] for cells in findings(piped(view)))
    assert kinds == {"confirmed": view.totals.confirmed, "unconfirmed": view.totals.unconfirmed}
    assert kinds["unconfirmed"]


def test_each_line_has_all_that_one_may_look_for() -> None:
    """Roles, functions, actions, resources and ids are found by `grep`, however many there are."""
    seen, functions = [usage(used((GET, table("t"))), name=NAMES[0])], [function(name) for name in NAMES]
    tables = [table(f"t{number}") for number in range(9)]
    scan = scan_result([compared([policy(allow(ACTIONS, tables))], seen, functions)], seen, functions)
    document = report(scan, COMPARE)
    lines = [line for line in piped(view_of(document)) if "\t" in line]
    (role,) = document.roles
    for finding in role.findings:
        (line,) = [line for line in lines if finding.id in line.split("\t")]
        wanted = [role.name, *NAMES, *finding.actions]
        wanted += [resource.rpartition(":")[2] for resource in finding.resources]
        assert [text for text in wanted if text not in line] == []


def test_with_a_number_a_bundle_is_one_line() -> None:
    view = viewed(crud_scan(), COMPARE)
    (cells,) = findings(piped(view, Shown(top=3)))
    assert cells[2:6] == ["broad", "f", "SAM DynamoDBCrudPolicy", "table/t"]
    (bundle,) = view.confirmed
    assert cells[-3].split() == list(bundle.all_ids[:4])


def test_a_bundle_that_one_of_several_roles_used_is_broad() -> None:
    view = viewed(crud_scan(), COMPARE)
    (group,) = view.groups
    (row,) = group.rows
    bundles = tuple(msgspec.structs.replace(bundle, used=()) for bundle in row.role.bundles)
    idle = replace(row, role=msgspec.structs.replace(row.role, bundles=bundles))
    for rows, verdict in (((idle,), "unused"), ((idle, row), "broad"), ((row, idle), "broad")):
        (cells,) = findings(piped(replace(view, groups=[replace(group, rows=rows)]), Shown(top=10)))
        assert cells[2] == verdict


def test_without_a_terminal_every_finding_is_printed_with_all_who_hold_it() -> None:
    view = viewed(many(), COMPARE)
    lines = findings(piped(view))
    assert len(lines) == len(view.confirmed) + len(view.unconfirmed) > DEFAULT_TOP
    assert all(set(cells[3].split(", ")) == set(NAMES) for cells in lines)


def test_no_colour_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in "".join(piped(viewed(many(), COMPARE)))


def test_so_many_as_are_asked_for() -> None:
    assert len(findings(piped(viewed(many(), COMPARE), Shown(top=4)))) <= 4 + 3


def test_the_same_grant_of_many_roles_is_a_short_line() -> None:
    view = viewed(unused_scan(), COMPARE)
    (group,) = view.groups
    rows = tuple(
        replace(row, finding=msgspec.structs.replace(row.finding, id=f"{number:012x}"))
        for row in group.rows
        for number in range(40)
    )
    view = replace(view, groups=[replace(group, rows=rows, functions=tuple(NAMES))])
    (cells,) = findings(piped(view, Shown(top=1)))
    assert cells[3].endswith("and 12 more")
    assert len(cells[-3].split()) < 10


def test_what_is_no_finding_is_short_where_a_number_is_asked_for() -> None:
    view = viewed(many(), COMPARE)
    assert len(piped(view, Shown(top=3))) < len(piped(view))


def denied(kinds: int) -> View:
    """Two workloads that were denied the same calls."""
    denials = tuple(
        Denied(f"sqs:{at}", f"queue-{at}", 1 + at, "no", "no-identity-policy") for at in range(kinds)
    )
    seen = [replace(usage(name=name), denied=denials) for name in ("f", "g")]
    return viewed(scan_result([], seen), COMPARE)


def test_plain_lines_have_each_denial_of_each_workload() -> None:
    lines = [line for line in piped(denied(3)) if "allow it if the call is meant" in line]
    assert len(lines) == 6
    assert (
        "  g: sqs:1 on queue-1 (2): no policy of the role allows it: allow it if the call is meant" in lines
    )


def test_denials_are_short_where_a_number_is_asked_for() -> None:
    lines = piped(denied(5), Shown(top=2))
    at = lines.index("Denied by AWS (no policy of the role allows it: allow it if the call is meant):")
    assert lines[at + 1 : at + 3] == ["  sqs:4 on queue-4 (10): f, g", "  sqs:3 on queue-3 (8): f, g"]
    assert "  3 more kinds of calls that AWS denied" in lines


@pytest.mark.parametrize(("shown", "kinds"), [(Shown(), 4), (Shown(top=6), 6), (Shown(everything=True), 9)])
def test_a_terminal_names_a_cause_of_denials_once(
    shown: Shown, kinds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = _STYLE.sub("", on_terminal(denied(9), 120, monkeypatch, shown))
    assert text.count("allow it if the call is meant") == 1
    assert len(re.findall(r"^  sqs:\d on ", text, re.MULTILINE)) == kinds
    assert ("more kinds of calls that AWS denied" in text) == (kinds < 9)


# --- on a terminal -------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("everything", [False, True])
def test_no_line_is_longer_than_the_terminal(
    width: int, everything: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Shown(
        everything=everything, explain=lambda id_: f"explain {id_} --report {'folder/' * 20}report.json"
    )
    text = _STYLE.sub("", on_terminal(viewed(many(), COMPARE), width, monkeypatch, shown))
    assert [line for line in text.splitlines() if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [80, 120])
def test_no_name_is_broken(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    view = viewed(many(), COMPARE)
    lines = _STYLE.sub("", on_terminal(view, width, monkeypatch)).splitlines()
    for group in view.groups[:DEFAULT_TOP]:
        for name in (*group.actions.split(", "), *group.functions[:4]):
            assert any(name in line for line in lines), name


def test_a_name_longer_than_the_line_keeps_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _STYLE.sub("", on_terminal(viewed(many(), COMPARE), 50, monkeypatch))
    assert LONG_NAME not in text
    assert re.search(r"orders-service-\S*…\S*-function", text)


def test_a_terminal_shows_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    view = viewed(many(), COMPARE)
    total = len(view.groups) + len(view.doubts)
    shown = _numbers(on_terminal(view, 100, monkeypatch))
    assert shown == list(range(1, len(shown) + 1))
    assert DEFAULT_TOP <= len(shown) <= DEFAULT_TOP + 3 < total
    assert len(_numbers(on_terminal(view, 100, monkeypatch, Shown(everything=True)))) >= total
    assert len(_numbers(on_terminal(view, 100, monkeypatch, Shown(top=total)))) == total


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^ {0,2}([0-9]+)  \S", _STYLE.sub("", text), re.MULTILINE)]


def test_severities_have_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    view = viewed(many(), COMPARE)
    assert "\x1b[33mdata-access" in on_terminal(view, 100, monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", on_terminal(view, 100, monkeypatch))
    assert set(SEVERITY_LEVELS) == set(STYLES)


def test_what_to_do_next(monkeypatch: pytest.MonkeyPatch) -> None:
    view = viewed(unused_scan(), COMPARE)
    options = filters.FilterOptions()
    report_json, html = "my reports/report.json", "my reports/report.html"
    shown = filters.shown_of(options, details=False, report=report_json, html=html)
    text = on_terminal(view, 120, monkeypatch, shown)
    (group,) = view.groups
    assert f"xray-privilege-scan explain {group.ids[0]} --report 'my reports/report.json'" in text
    assert html in text
    assert "--all" not in text, "nothing is left out"
    here = filters.shown_of(options, details=False, report="report.json")
    assert "--report" not in on_terminal(view, 120, monkeypatch, here)
    assert "xray-privilege-scan report --all" in on_terminal(viewed(many(), COMPARE), 120, monkeypatch, here)


def test_the_numbers_of_the_help_are_those_of_the_text() -> None:
    assert filters._DEFAULT_TOP == DEFAULT_TOP


# --- both ----------------------------------------------------------------------------------------


def hostile() -> Report:
    """A report whose texts hold what terminals, tables and rich's markup may take for theirs."""
    reads = usage(used((GET, table("t"))), name=EVIL)
    grants = [allow([GET, SCAN], table(f"{EVIL}[red]\t")), allow("s3:DeleteBucket", f"arn:aws:s3:::{EVIL}")]
    role = compared([policy(*grants)], [reads], [function(EVIL)])
    return report(scan_result([role], [reads], [function(EVIL)]), COMPARE)


@pytest.mark.parametrize("everything", [False, True])
def test_hostile_names_are_inert(everything: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(hostile())
    text = _STYLE.sub("", on_terminal(view, 80, monkeypatch, Shown(everything=everything)))
    lines = piped(view, Shown(everything=everything))
    for character in "\x1b\u202e\t":
        assert character not in text
    assert all(len(cells) == len(COLUMNS) for cells in findings(lines))
    assert not any(line.startswith("::") for line in (*text.splitlines(), *lines))
    assert "[red]" in text


FILTERED = [
    (Filters(severity="privilege-escalation"), "--severity privilege-escalation"),
    (Filters(verdicts=("unobservable",)), "--verdict unobservable"),
]


@pytest.mark.parametrize(("chosen", "told"), FILTERED)
def test_a_filtered_report_says_so_first(chosen: Filters, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(filtered(report(many(), COMPARE), chosen))
    shown = Shown(verdicts=chosen.verdicts)
    assert piped(view, shown)[0].endswith(f"findings shown: {told}")
    assert told in on_terminal(view, 100, monkeypatch, shown)


def test_findings_that_traces_cannot_show_are_shown_on_request() -> None:
    view = view_of(filtered(report(many(), COMPARE), Filters(verdicts=("unobservable",))))
    (cells,) = findings(piped(view, Shown(verdicts=("unobservable",))))
    assert (cells[0], cells[4]) == ("unobservable", "iam:PassRole")
    assert not findings(piped(view))


def test_functions_that_were_never_traced_stand_with_the_totals(monkeypatch: pytest.MonkeyPatch) -> None:
    never = NeverTraced(("admin", "a", "b"), 40, (("admin", "administrator"),))
    view = replace(viewed(unused_scan(), COMPARE), never_traced=never)
    assert "Never traced: 3 (of 40 functions; 1 with administrator's rights: admin)" in piped(view)
    text = _STYLE.sub("", on_terminal(view, 100, monkeypatch))
    assert "Never traced  3  of 40 functions; 1 with administrator's rights: admin" in text


def test_where_it_is_unknown_which_were_never_traced_the_totals_say_why() -> None:
    view = replace(
        viewed(unused_scan(), COMPARE),
        never_traced=NeverTraced(text="Not told: a filter chose", why_unknown="a filter chose"),
    )
    assert "Never traced: unknown (a filter chose)" in piped(view)


def test_the_gate_stands_with_the_totals() -> None:
    gate = Gate(
        conclusion="failure",
        fail_on=(Verdict.UNUSED,),
        at_least="data-access",
        failing=("0a",),
        missing=(),
        expired=(),
        notes=(),
    )
    view = replace(viewed(unused_scan(), COMPARE), gate=gate)
    assert "Gate: failed (1 finding matches fail-on unused, at least data-access)" in piped(view)
    assert not [line for line in piped(viewed(unused_scan(), COMPARE)) if line.startswith("Gate")]
    nothing = replace(view, totals=replace(view.totals, functions=0))
    assert "Gate: not judged (nothing could be compared)" in piped(nothing)
