"""Matching, containment and overlap of IAM patterns, against each other and against brute force."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.patterns import contains, matches, overlaps

patterns = st.text(alphabet="ab:*?", max_size=6)
texts = st.text(alphabet="ab:", max_size=6)
SHORT_TEXTS = ["".join(t) for n in range(6) for t in itertools.product("ab:", repeat=n)]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:GetObj?ct", "s3:GetObject", True),
        ("s3:Get[ON]*", "s3:GetObject", False),  # brackets are no class in IAM
        ("s*:GetObject", "s3:GetObject", True),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/a/b", True),  # crosses /
        ("arn:aws:dynamodb:*", "arn:aws:dynamodb:us-east-1:1:table/t", True),  # crosses :
        ("arn:aws:lambda:r:1:function:f", "arn:aws:lambda:r:1:function:f:PROD", False),
        ("arn:aws:dynamodb:r:1:table/T", "arn:aws:dynamodb:r:1:table/T/index/I", False),
        ("a.c", "abc", False),
        ("a*", "a\nb", True),
    ],
)
def test_matching(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("?*", "*?", True),  # the same language, written differently
        ("*", "", True),
        ("?", "*", False),
        ("a*", "a?b*", True),
        ("a?b*", "a*", False),
        ("*a*", "ba*", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/in/*", True),
        ("arn:aws:s3:::b/in/*", "arn:aws:s3:::b/*", False),
    ],
)
def test_containment(outer: str, inner: str, expected: bool) -> None:
    assert contains(outer, inner) is expected


@given(patterns, patterns)
def test_what_is_contained_has_no_counterexample(outer: str, inner: str) -> None:
    if contains(outer, inner):
        assert all(matches(outer, text) for text in SHORT_TEXTS if matches(inner, text))


@given(st.text(alphabet="a*?", max_size=3), st.text(alphabet="a*?", max_size=3))
def test_what_is_not_contained_has_a_counterexample(outer: str, inner: str) -> None:
    texts_tried = ["".join(t) for n in range(7) for t in itertools.product("ab", repeat=n)]
    counterexample = [t for t in texts_tried if matches(inner, t) and not matches(outer, t)]
    assert contains(outer, inner) is (not counterexample)


@given(patterns, patterns)
def test_overlap_is_symmetric_and_found_by_brute_force(one: str, other: str) -> None:
    assert overlaps(one, other) is overlaps(other, one)
    shared = [t for t in SHORT_TEXTS if matches(one, t) and matches(other, t)]
    if shared:
        assert overlaps(one, other)


@given(st.text(alphabet="ab*?", max_size=4), st.text(alphabet="ab*?", max_size=4))
def test_what_overlaps_shares_a_text(one: str, other: str) -> None:
    texts_tried = ["".join(t) for n in range(9) for t in itertools.product("ab", repeat=n)]
    assert overlaps(one, other) is any(matches(one, t) and matches(other, t) for t in texts_tried)


@given(patterns, texts)
def test_a_text_is_contained_and_overlaps_exactly_where_it_matches(pattern: str, text: str) -> None:
    assert contains(pattern, text) is matches(pattern, text)
    assert overlaps(pattern, text) is matches(pattern, text)


@given(patterns, patterns, patterns)
def test_containment_is_an_order_and_implies_overlap(a: str, b: str, c: str) -> None:
    assert contains(a, a)
    if contains(a, b) and contains(b, c):
        assert contains(a, c)
    if contains(a, b):
        assert overlaps(a, b)  # no pattern is empty


@given(patterns, texts)
def test_matching_is_what_a_regular_expression_says(pattern: str, text: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    assert matches(pattern, text) is (re.fullmatch(expression, text, re.DOTALL) is not None)
