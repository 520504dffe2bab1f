"""The file of a baseline: how it is written, and how a wrong one is refused."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.baseline import Baseline, Entry
from scanner.gate.load_baseline import BaselineError, dump_baseline, entries_without_extent, load_baseline
from scanner.iam.severity import SEVERITY_LEVELS
from scanner.model import Verdict

ENTRY = Entry("notes", "own", "", "unused", "s3:GetObject", "arn:aws:s3:::b/*")
VERDICTS = [str(verdict) for verdict in Verdict]


def test_the_file_holds_a_finding_a_line_sorted() -> None:
    second = ENTRY._replace(
        action="s3:PutObject", condition="c", severity="write", denied=("s3:* on b", "s3:* on c")
    )
    texts = {dump_baseline(Baseline(tuple(order))) for order in itertools.permutations([ENTRY, second])}
    assert texts == {
        """\
{
  "version": 1,
  "findings": [
    {"role": "notes", "policy": "own", "statement": "", "verdict": "unused", "action": "s3:GetObject", "resource": "arn:aws:s3:::b/*"},
    {"role": "notes", "policy": "own", "statement": "", "verdict": "unused", "action": "s3:PutObject", "resource": "arn:aws:s3:::b/*", "condition": "c", "severity": "write", "denied": ["s3:* on b", "s3:* on c"]}
  ]
}
"""  # noqa: E501  # as it stands in the file
    }


def test_an_empty_baseline() -> None:
    assert dump_baseline(Baseline()) == '{\n  "version": 1,\n  "findings": []\n}\n'
    assert load_baseline(dump_baseline(Baseline()), "b.json") == Baseline()


TEXTS = st.text(max_size=60)
LISTS = st.lists(TEXTS, max_size=3).map(tuple)
ENTRIES = st.builds(
    Entry,
    *[TEXTS] * 3,
    st.sampled_from(VERDICTS),
    *[TEXTS] * 3,
    st.sampled_from(["", *SEVERITY_LEVELS]),
    LISTS,
    LISTS,
)


@given(ENTRIES)
def test_whatever_an_entry_holds_it_can_be_written_and_read(entry: Entry) -> None:
    assert load_baseline(dump_baseline(Baseline((entry,))), "b.json").entries == (entry,)


def file_of(**changes: Any) -> str:
    row = {name: getattr(ENTRY, name) for name in ENTRY._fields[:6]} | changes
    return json.dumps({"version": 1, "findings": [{k: v for k, v in row.items() if v is not None}]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "b.json:1: not valid JSON"),
        ('{\n"version": 1,\n', "b.json:3: not valid JSON"),
        (
            '{\n<<<<<<< HEAD\n"version": 1}',
            "b.json:2: not valid JSON (Expecting property name enclosed in ",
        ),
        ("[]", "b.json: not a baseline: it has no list `findings`"),
        ('{"findings": {}}', "b.json: not a baseline: it has no list `findings`"),
        ('{"findings": []}', "b.json: was written by another version (`version` must be 1)"),
        ('{"version": true, "findings": []}', "b.json: was written by another version"),
        ('{"version": 1, "findings": [1]}', "b.json: `findings`, entry 1: must be an object"),
        ("[" * 100_000, "b.json: not a baseline: it nests too deeply"),
        (
            "9" * 10_000,
            "b.json: not a baseline: it nests too deeply, or has a number that is too long",
        ),
        (file_of(role=None), "b.json: `findings`, entry 1: missing key `role`"),
        (file_of(action=1), "b.json: `findings`, entry 1: `action` must be a string"),
        (file_of(verdict="bad\n"), "b.json: `findings`, entry 1: unknown verdict `bad\\n`"),
        (file_of(extra="x"), "b.json: `findings`, entry 1: unknown key `extra`"),
        (file_of(condition=1), "b.json: `findings`, entry 1: `condition` must be a string"),
        (file_of(severity="bad"), "b.json: `findings`, entry 1: unknown severity `bad`"),
        (file_of(severity=[]), "b.json: `findings`, entry 1: `severity` must be a string"),
        (file_of(denied="s3:* on *"), "b.json: `findings`, entry 1: `denied` must be a list of strings"),
        (file_of(boundary=[1]), "b.json: `findings`, entry 1: `boundary` must be a list of strings"),
        (
            '{"version": 1, "findings": [], "more": 1}',
            "b.json: unknown key `more`: must be one of version, fin",
        ),
        ('{"version": 1, "findings": [1], "findings": []}', "b.json: duplicate key `findings`: remove one"),
        (
            file_of().replace('"role":', '"role": "other", "role":'),
            "b.json: duplicate key `role`: remove one",
        ),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, expected: str) -> None:
    with pytest.raises(BaselineError) as caught:
        load_baseline(text, "b.json")
    (problem,) = caught.value.problems
    assert problem.startswith(expected)


def test_of_very_many_problems_some_are_named() -> None:
    with pytest.raises(BaselineError) as caught:
        load_baseline(json.dumps({"version": 1, "findings": [1] * 1_000}), "b.json")
    assert caught.value.problems[-1] == "b.json: and 980 more"


def test_entries_of_an_older_version_are_named_once() -> None:
    told = ENTRY._replace(severity="read")
    assert entries_without_extent(Baseline((told,)), "b.json") == ""
    assert entries_without_extent(Baseline((ENTRY, told)), "b.json").startswith(
        "b.json: 1 entry does not say"
    )
    assert entries_without_extent(Baseline((ENTRY, ENTRY)), "b.json").startswith(
        "b.json: 2 entries do not say"
    )
