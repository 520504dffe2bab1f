"""Condition blocks. Each row is one rule, with the page of AWS's documentation that states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scanner.iam.conditions import answer_of, holds

GUIDE = "docs.aws.amazon.com/IAM/latest/UserGuide/"
OPERATORS = "reference_policies_elements_condition_operators.html"
SEVERAL = "reference_policies_condition-logic-multiple-context-keys-or-values.html"
SETS = "reference_policies_condition-single-vs-multi-valued-context-keys.html"
SET_EXAMPLES = "reference_policies_condition_examples-multi-valued-context-keys.html"
VARIABLES = "reference_policies_variables.html"
CONDITION = "reference_policies_elements_condition.html"
UNCLEAR = "no page says"

ABSENT = frozenset({"k", "aws:tagkeys", "aws:username", "aws:tokenissuetime"})

Context = Mapping[str, tuple[str, ...]]
TAGS = "aws:TagKeys"


def key(*values: str) -> Context:
    """A context in which the key `k` has these values."""
    return {"k": values}


def tags(*values: str) -> Context:
    return {"aws:tagkeys": values}


@pytest.mark.parametrize(
    ("page", "condition", "context", "expected"),
    [
        # strings
        (OPERATORS, {"StringEquals": {"k": "a"}}, key("a"), True),
        (OPERATORS, {"StringEquals": {"k": "a"}}, key("A"), False),
        (OPERATORS, {"StringEquals": {"k": "a*"}}, key("ab"), False),
        (OPERATORS, {"StringEquals": {"k": "a*"}}, key("a*"), True),
        (OPERATORS, {"StringNotEquals": {"k": "a"}}, key("b"), True),
        (OPERATORS, {"StringNotEquals": {"k": "a"}}, key("a"), False),
        (OPERATORS, {"StringEqualsIgnoreCase": {"k": "JoHn"}}, key("john"), True),
        (OPERATORS, {"StringNotEqualsIgnoreCase": {"k": "JoHn"}}, key("john"), False),
        (OPERATORS, {"StringLike": {"k": "t2.*"}}, key("t2.micro"), True),
        (OPERATORS, {"StringLike": {"k": "t?.micro"}}, key("t2.micro"), True),
        (OPERATORS, {"StringLike": {"k": "T2.*"}}, key("t2.micro"), False),
        (OPERATORS, {"StringLike": {"k": "t[23].*"}}, key("t2.micro"), False),
        (OPERATORS, {"StringNotLike": {"k": "t2.*"}}, key("t3.micro"), True),
        (OPERATORS, {"StringNotLike": {"k": "t2.*"}}, key("t2.micro"), False),
        (CONDITION, {"StringEquals": {"K": "a"}}, key("a"), True),  # key names in any case
        # numbers
        (OPERATORS, {"NumericEquals": {"k": "10"}}, key("10.0"), True),
        (OPERATORS, {"NumericEquals": {"k": 10}}, key("10"), True),
        (OPERATORS, {"NumericNotEquals": {"k": "10"}}, key("11"), True),
        (OPERATORS, {"NumericLessThan": {"k": "10"}}, key("9"), True),
        (OPERATORS, {"NumericLessThan": {"k": "10"}}, key("10"), False),
        (OPERATORS, {"NumericLessThanEquals": {"k": "10"}}, key("10"), True),
        (OPERATORS, {"NumericGreaterThan": {"k": "-1.5"}}, key("-1.4"), True),
        (OPERATORS, {"NumericGreaterThanEquals": {"k": "10"}}, key("9"), False),
        # dates
        (
            OPERATORS,
            {"DateGreaterThan": {"k": "2020-01-01T00:00:01Z"}},
            key("2020-01-01T00:00:02Z"),
            True,
        ),
        (OPERATORS, {"DateGreaterThan": {"k": "2020-01-01T00:00:01Z"}}, key("1577836801"), False),
        (OPERATORS, {"DateEquals": {"k": "2020-01-01T00:00:01Z"}}, key("1577836801"), True),
        (OPERATORS, {"DateEquals": {"k": "2020-01-01T00:00:00Z"}}, key("2020-01-01T02:00:00+02:00"), True),
        (OPERATORS, {"DateNotEquals": {"k": "2020-01-01T00:00:00Z"}}, key("2020-01-01"), False),
        (
            OPERATORS,
            {"DateLessThan": {"k": "2020-01-01T00:00:00.5Z"}},
            key("2020-01-01T00:00:00.25Z"),
            True,
        ),
        (OPERATORS, {"DateLessThanEquals": {"k": "2020-06"}}, key("2020-06-01T00:00:00Z"), True),
        (OPERATORS, {"DateGreaterThanEquals": {"k": "2020-06-02"}}, key("2020-06-01T23:59:59Z"), False),
        # booleans, binary values
        (OPERATORS, {"Bool": {"k": "false"}}, key("false"), True),
        (OPERATORS, {"Bool": {"k": "false"}}, key("true"), False),
        (OPERATORS, {"Bool": {"k": False}}, key("false"), True),
        (OPERATORS, {"BinaryEquals": {"k": "QmluYXJ5"}}, key("QmluYXJ5"), True),
        (OPERATORS, {"BinaryEquals": {"k": "QmluYXJ5"}}, key("QQ=="), False),
        # addresses
        (OPERATORS, {"IpAddress": {"k": "203.0.113.0/24"}}, key("203.0.113.255"), True),
        (OPERATORS, {"IpAddress": {"k": "203.0.113.0/24"}}, key("203.0.114.0"), False),
        (OPERATORS, {"IpAddress": {"k": "203.0.113.7"}}, key("203.0.113.7"), True),
        (OPERATORS, {"NotIpAddress": {"k": "203.0.113.0/24"}}, key("203.0.113.7"), False),
        (
            OPERATORS,
            {"IpAddress": {"k": ["203.0.113.0/24", "2001:DB8:1234:5678::/64"]}},
            key("2001:db8:1234:5678::1"),
            True,
        ),
        (OPERATORS, {"IpAddress": {"k": "203.0.113.0/24"}}, key("2001:db8::1"), False),
        # ARNs, field by field
        (
            OPERATORS,
            {"ArnLike": {"k": "arn:aws:someservice:*:111122223333:finance/*"}},
            key("arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"),
            False,
        ),
        (
            OPERATORS,
            {"StringLike": {"k": "arn:aws:someservice:*:111122223333:finance/*"}},
            key("arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"),
            True,
        ),
        (OPERATORS, {"ArnEquals": {"k": "arn:aws:sns:*:1:t*"}}, key("arn:aws:sns:r:1:topic"), True),
        (OPERATORS, {"ArnEquals": {"k": "arn:aws:sns:*:1:t*"}}, key("arn:aws:sns:r:1:Topic"), False),
        (OPERATORS, {"ArnNotEquals": {"k": "arn:aws:sns:*:1:t*"}}, key("arn:aws:sns:r:1:topic"), False),
        (OPERATORS, {"ArnNotLike": {"k": "arn:aws:sns:*:1:t*"}}, key("arn:aws:sns:r:2:topic"), True),
        # is there a key?
        (OPERATORS, {"Null": {"aws:TokenIssueTime": "true"}}, {}, True),
        (OPERATORS, {"Null": {"aws:TokenIssueTime": "false"}}, {}, False),
        (OPERATORS, {"Null": {"k": "false"}}, key("a"), True),
        (OPERATORS, {"Null": {"k": True}}, key("a"), False),
        # keys that are known to be absent
        (OPERATORS, {"StringEquals": {"k": "a"}}, {}, False),
        (OPERATORS, {"StringNotEquals": {"k": "a"}}, {}, True),
        (OPERATORS, {"StringNotLike": {"k": "a"}}, {}, True),
        (OPERATORS, {"ArnNotLike": {"k": "a"}}, {}, True),
        (OPERATORS, {"NotIpAddress": {"k": "203.0.113.0/24"}}, {}, True),
        (OPERATORS, {"NumericNotEquals": {"k": "1"}}, {}, True),
        (OPERATORS, {"Bool": {"k": "true"}}, {}, False),
        (OPERATORS, {"BoolIfExists": {"k": "true"}}, {}, True),
        (OPERATORS, {"StringNotEqualsIfExists": {"k": "a"}}, {}, True),
        (OPERATORS, {"StringLikeIfExists": {"k": "t2.*"}}, key("t2.micro"), True),
        (OPERATORS, {"StringLikeIfExists": {"k": "t2.*"}}, key("c5.large"), False),
        # several operators, keys and values
        (SEVERAL, {"StringEquals": {"k": ["a", "b"]}}, key("b"), True),
        (SEVERAL, {"StringNotEquals": {"k": ["a", "b"]}}, key("b"), False),
        (SEVERAL, {"StringNotEquals": {"k": ["a", "b"]}}, key("c"), True),
        (SEVERAL, {"StringEquals": {"k": "a", "l": "b"}}, {"k": ("a",), "l": ("c",)}, False),
        (SEVERAL, {"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": ("a",), "l": ("true",)}, True),
        (SEVERAL, {"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": ("a",), "l": ("false",)}, False),
        # set operators
        (SETS, {"ForAllValues:StringLike": {TAGS: ["key1*", "key2*"]}}, tags("key1:a", "key2:b"), True),
        (SETS, {"ForAllValues:StringLike": {TAGS: ["key1*", "key2*"]}}, tags("key1:a", "key3"), False),
        (SETS, {"ForAllValues:StringLike": {TAGS: "key1*"}}, {}, True),
        (SETS, {"ForAllValues:StringLike": {TAGS: "key1*"}}, tags(), True),
        (
            SETS,
            {"ForAnyValue:StringEquals": {TAGS: ["environment", "webserver"]}},
            tags("x", "webserver"),
            True,
        ),
        (SETS, {"ForAnyValue:StringEquals": {TAGS: ["environment", "webserver"]}}, tags("x", "y"), False),
        (SETS, {"ForAnyValue:StringEquals": {TAGS: "environment"}}, {}, False),
        (SET_EXAMPLES, {"ForAllValues:StringNotLike": {TAGS: "key1*"}}, tags("key1:legal"), False),
        (SET_EXAMPLES, {"ForAllValues:StringNotLike": {TAGS: "key1*"}}, tags("key1:hr", "key2:x"), False),
        (SET_EXAMPLES, {"ForAllValues:StringNotLike": {TAGS: "key1*"}}, tags("key2:audit"), True),
        (SET_EXAMPLES, {"ForAllValues:StringNotLike": {TAGS: "key1*"}}, {}, True),
        (
            SET_EXAMPLES,
            {"Null": {TAGS: "false"}, "ForAllValues:StringLike": {TAGS: "key1*"}},
            {},
            False,
        ),
        (SETS, {"ForAnyValue:StringNotEquals": {TAGS: "a"}}, tags("a", "b"), True),
        (SETS, {"ForAnyValue:StringNotEquals": {TAGS: "a"}}, tags("a"), False),
        (SETS, {"ForAllValues:StringEqualsIfExists": {TAGS: "a"}}, {}, True),
        # policy variables
        (VARIABLES, {"StringLike": {"k": "${aws:userid}/*"}}, {"k": ("me/x",), "aws:userid": ("me",)}, True),
        (VARIABLES, {"StringLike": {"k": "${AWS:UserId}/*"}}, {"k": ("me/x",), "aws:userid": ("me",)}, True),
        (VARIABLES, {"StringLike": {"k": "${aws:userid}/*"}}, {"k": ("me/x",), "aws:userid": ("*",)}, False),
        (VARIABLES, {"StringEquals": {"k": "${aws:userid}"}}, {"k": ("*",), "aws:userid": ("*",)}, True),
        (VARIABLES, {"StringEquals": {"k": "${aws:username}"}}, key("me"), False),
        (VARIABLES, {"StringEquals": {"k": "${aws:username, 'anonymous'}"}}, key("anonymous"), True),
        (
            VARIABLES,
            {"ArnLike": {"k": "arn:aws:iam::1:user/${aws:userid}"}},
            {"k": ("arn:aws:iam::1:user/me",), "aws:userid": ("me",)},
            True,
        ),
        (VARIABLES, {"StringLike": {"k": "a${*}"}}, key("ab"), False),
        (VARIABLES, {"StringLike": {"k": "a${*}"}}, key("a*"), True),
        (VARIABLES, {"StringEquals": {"k": "${$}{x}"}}, key("${x}"), True),
        # what is not known
        (CONDITION, {"StringEquals": {"unknown": "a"}}, {}, None),
        (CONDITION, {"StringNotEqualsIfExists": {"unknown": "a"}}, {}, None),
        (CONDITION, {"Null": {"unknown": "true"}}, {}, None),
        (CONDITION, {"ForAllValues:StringEquals": {"unknown": "a"}}, {}, None),
        (SEVERAL, {"StringEquals": {"unknown": "a", "k": "a"}}, key("a"), None),
        (SEVERAL, {"StringEquals": {"unknown": "a", "k": "a"}}, key("b"), False),
        (VARIABLES, {"StringEquals": {"k": "${unknown}"}}, key("a"), None),
        (VARIABLES, {"StringEquals": {"k": "x/${unknown}"}}, key("a"), False),
        (VARIABLES, {"StringEquals": {"k": ["a", "${unknown}"]}}, key("a"), True),
        (VARIABLES, {"StringNotEquals": {"k": "${unknown}"}}, key("a"), None),
        # "Inverted condition operators ... do match against a null value"
        (VARIABLES, {"StringNotEquals": {"k": "${aws:username}"}}, key("a"), True),
        (VARIABLES, {"StringNotLike": {"k": "x/${aws:username}"}}, key("x/"), True),
        (VARIABLES, {"ArnNotLike": {"k": "arn:aws:s3:::${aws:username}"}}, key("arn:aws:s3:::b"), True),
        (SETS, {"StringEquals": {"k": "${multi}"}}, {"k": ("a",), "multi": ("a", "b")}, None),
        # what no page says
        (SETS, {"StringEquals": {"k": "a"}}, key("a", "b"), None),
        (UNCLEAR, {"StringRoughly": {"k": "a"}}, key("a"), None),
        (UNCLEAR, {"stringequals": {"k": "a"}}, key("a"), None),
        (UNCLEAR, {"ForSomeValues:StringEquals": {"k": "a"}}, key("a"), None),
        (OPERATORS, {"NullIfExists": {"k": "true"}}, key("a"), None),
        (UNCLEAR, {"Null": {"k": "maybe"}}, key("a"), None),
        (UNCLEAR, {"Null": {TAGS: "true"}}, tags(""), None),
        (UNCLEAR, {"ForAllValues:StringEquals": {TAGS: "a"}}, tags(""), None),
        (UNCLEAR, {"ForAnyValue:StringEquals": {TAGS: "a"}}, tags(""), False),
        (UNCLEAR, {"ForAnyValue:StringEqualsIfExists": {TAGS: "a"}}, {}, None),
        (UNCLEAR, {"NumericEquals": {"k": "ten"}}, key("10"), None),
        (UNCLEAR, {"NumericEquals": {"k": "10"}}, key("NaN"), None),
        (OPERATORS, {"NumericEquals": {"k": "${aws:userid}"}}, {"k": ("1",), "aws:userid": ("1",)}, None),
        (UNCLEAR, {"DateEquals": {"k": "yesterday"}}, key("2020-01-01"), None),
        (UNCLEAR, {"DateEquals": {"k": "2020-13-01"}}, key("2020-01-01"), None),
        (UNCLEAR, {"DateEquals": {"k": "2020"}}, key("2020-01-01"), None),  # a year, or seconds
        (UNCLEAR, {"DateEquals": {"k": "2020-01-01T00:00:00"}}, key("2020-01-01"), None),  # no time zone
        (UNCLEAR, {"Bool": {"k": "yes"}}, key("true"), None),
        (UNCLEAR, {"BinaryEquals": {"k": "!"}}, key("QQ=="), None),
        (UNCLEAR, {"IpAddress": {"k": "203.0.113.7/24"}}, key("203.0.113.7"), None),
        (UNCLEAR, {"IpAddress": {"k": "2001:db8::1"}}, key("2001:db8::1"), None),
        (UNCLEAR, {"NotIpAddress": {"k": "203.0.113.0/24"}}, key("here"), None),
        (UNCLEAR, {"ArnLike": {"k": "*"}}, key("arn:aws:sns:r:1:t"), None),
        (UNCLEAR, {"ArnLike": {"k": "arn:aws:sns:r:1:t"}}, key("t"), None),
        (UNCLEAR, {"StringEquals": {"k": []}}, key("a"), None),
        (UNCLEAR, {"StringEquals": {"k": {"a": "b"}}}, key("a"), None),
        (UNCLEAR, {"StringEquals": {"k": [None]}}, key("a"), None),
        (UNCLEAR, {"StringEquals": "a"}, key("a"), None),
        # a sure no stands against what is not clear
        (SEVERAL, {"StringRoughly": {"k": "a"}, "StringEquals": {"k": "b"}}, key("a"), False),
    ],
)
def test_a_condition(page: str, condition: dict[str, Any], context: Context, expected: bool | None) -> None:
    assert holds(condition, context, ABSENT, variables=True) is expected, GUIDE + page


def test_an_older_policy_version_knows_no_variables() -> None:
    condition = {"StringEquals": {"k": "${aws:userid}"}}
    assert holds(condition, {"k": ("${aws:userid}",)}, frozenset(), variables=False) is True
    assert holds(condition, {"k": ("me",), "aws:userid": ("me",)}, frozenset(), variables=False) is False


def test_no_test_holds() -> None:
    assert holds({}, {}, frozenset(), variables=True) is True


@pytest.mark.parametrize(
    ("condition", "context", "questions"),
    [
        ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, {}, {"aws:sourcevpc"}),
        (
            {"StringEquals": {"aws:SourceVpc": "vpc-1"}, "Bool": {"aws:SecureTransport": "true"}},
            {},
            {"aws:sourcevpc", "aws:securetransport"},
        ),
        ({"StringEquals": {"k": "${aws:userid}"}}, key("a"), {"${aws:userid}"}),
        ({"StringRoughly": {"k": "a"}}, key("a"), {"operator StringRoughly"}),
        ({"NumericEquals": {"k": "ten"}}, key("1"), {"k"}),
        ({"StringEquals": {"aws:SourceVpc": "vpc-1", "k": "b"}}, key("a"), set()),  # a no, whatever the VPC
    ],
)
def test_what_is_missing_is_named(condition: dict[str, Any], context: Context, questions: set[str]) -> None:
    assert answer_of(condition, context, frozenset(), variables=True).questions == questions
