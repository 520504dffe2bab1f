"""What `ledger` shows and exports."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given

from scanner.ledger import (
    DAY,
    HOUR,
    Bucket,
    BucketKey,
    Fold,
    GrantName,
    Ledger,
    RoleRead,
    Run,
    Seen,
    Use,
    merged,
)
from scanner.ledger.export import export_of
from scanner.ledger.fold import pruned
from scanner.ledger.lines import lines_of, pruned_line
from scanner.ledger.summary import Span, coverage_of, spans_of
from scanner.model import Call, ObservedCall, Outcome
from scanner.model.readings import TraceReading, WorkloadRun
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import encode
from tests.examples import examples
from tests.unit.ledger.ledgers import ACCOUNT, NEED, REGION, ledgers

_START = 1_767_225_600  # 2026-01-01
_KEY = BucketKey(ACCOUNT, REGION, "xray", "m1", _START)
_FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"


def content(start: float, traces: int = 2, workload: str = _FUNCTION) -> bytes:
    builder = UsageBuilder()
    for number in range(traces):
        at = start + number
        call = Call(workload, "S3", "ListBuckets", (), REGION, ACCOUNT, Outcome.OK)
        builder.add_reading(
            TraceReading(
                f"1-{int(at):08x}-0123456789abcdef01234567",
                1,
                start=at,
                end=at + 1,
                workloads={workload: WorkloadRun(at, ran=True)},
                calls=[ObservedCall(call, at)],
            )
        )
    return encode(builder.state())


def _known(*starts: int) -> Ledger:
    return Ledger(
        buckets={_KEY._replace(start=start): Bucket(True, start + DAY, content(start)) for start in starts},
        uses={Use(_FUNCTION, NEED, sent=True): Seen(_START, _START + 2 * DAY, 3)},
        roles={RoleRead("role", float(_START)): frozenset()},
        runs={"run": Run(_START + 2 * DAY + 60.0, "scope", (), None)},
    )


_LEDGER = _known(_START, _START + HOUR, _START + 4 * HOUR, _START + DAY, _START + DAY + HOUR)


def test_what_is_known_is_shown_by_account_and_region() -> None:
    first, *rest = lines_of("ledger.sqlite", _LEDGER)
    assert first.startswith("ledger.sqlite: ")
    assert first.endswith(" kB, 1 workload, 1 use, 1 role, 1 run")
    assert rest == [
        "",
        "Account       Region     Source  Since       Until       Hours  Missing",
        "111122223333  eu-west-1  xray    2026-01-01  2026-01-02      5       21",
        "Not read in 111122223333 eu-west-1 xray: 2026-01-01 05:00 (19 h), 2026-01-01",
        "  02:00 (2 h)",
        "",
        "Workload  Days  Traces  Uses  Last seen",
        "orders       2      10     1  2026-01-03",
        "Days: those with complete traces of the workload, in the hours above; the fewest",
        "come first",
        "",
        "The grants of 1 role are known since 2026-01-01",
        "The only run was at 2026-01-03 00:01 UTC",
    ]


def test_an_empty_ledger_says_how_it_begins() -> None:
    assert list(lines_of("s3://b/k", Ledger())) == [
        "s3://b/k holds nothing yet: a scan with --ledger begins it"
    ]


def test_hours_that_were_read_by_other_rules_are_told() -> None:
    ledger = merged(
        _known(_START + 9 * HOUR), Ledger(buckets={_KEY._replace(mapping="m0"): Bucket(True, 1.0, b"")})
    )
    assert coverage_of(ledger)[0].outdated == 1
    assert "By other rules only, of another version or other overrides" in "\n".join(lines_of("l", ledger))


@given(ledgers)
@examples(60)
def test_no_line_is_wider_than_a_terminal(ledger: Ledger) -> None:
    assert all(len(line) <= 80 for line in lines_of("s3://bucket/ledger", ledger, everything=True))


def test_long_lists_are_cut_unless_all_is_asked_for() -> None:
    uses = {Use(f"{_FUNCTION}{number:03}", NEED, sent=True): Seen(1.0, 2.0, 1) for number in range(50)}
    some, everything = (
        "\n".join(lines_of("l", Ledger(uses=uses), everything=all_)) for all_ in (False, True)
    )
    assert "and 30 workloads more: `--all` shows all" in some
    assert "orders049" in everything
    assert "more" not in everything
    for shown in (some, everything):
        assert "No hours are known" in shown
        assert "hours above" not in shown


def test_folded_days_are_known_by_their_hours() -> None:
    known = coverage_of(Ledger(days={_KEY: Fold(0b1011, 1.0, b"")}))[0]
    assert known.read == (Span(_START, _START + 2 * HOUR), Span(_START + 3 * HOUR, _START + 4 * HOUR))
    assert known.missing == (Span(_START + 2 * HOUR, _START + 3 * HOUR),)


def test_hours_without_a_break_are_one_span() -> None:
    assert spans_of([0, HOUR, 3 * HOUR]) == (Span(0, 2 * HOUR), Span(3 * HOUR, 4 * HOUR))
    assert spans_of([]) == ()


def test_pruning_tells_what_is_forgotten() -> None:
    before = _START + DAY
    line = pruned_line("ledger.sqlite", _LEDGER, pruned(_LEDGER, before), before)
    assert line.startswith(
        "ledger.sqlite: 3 hours, 0 uses, 1 reading of roles and 0 runs from before 2026-01-02 00:00 UTC are "
    )


def test_the_export_has_all_of_it() -> None:
    document = export_of(
        dataclasses.replace(
            _LEDGER,
            roles={
                RoleRead("role", float(_START)): frozenset(),
                RoleRead("role", float(_START + DAY)): frozenset({GrantName("p", "s3:*", "*")}),
            },
        )
    )
    assert [span.start for span in document.read[0].missing] == [
        "2026-01-01T02:00:00Z",
        "2026-01-01T05:00:00Z",
    ]
    assert [(day.day, day.traces) for day in document.workloads[0].observed] == [
        ("2026-01-01", 6),
        ("2026-01-02", 4),
    ]
    assert document.workloads[0].uses[0].last_seen == "2026-01-03T00:00:00Z"
    assert document.roles[0].grants[0].since == "2026-01-02T00:00:00Z"
    assert document.runs[0].findings is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_export_depends_on_no_order(order: int) -> None:
    turned = Ledger(
        **{f.name: dict(list(getattr(_LEDGER, f.name).items())[::order]) for f in dataclasses.fields(Ledger)}
    )
    assert export_of(turned) == export_of(_LEDGER)
