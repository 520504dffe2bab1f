"""Condition blocks against what is known of a request. Pure.

Operators: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
Several keys and values (AND over operators and keys, OR over values, NOR for negated operators):
.../reference_policies_condition-logic-multiple-context-keys-or-values.html
Set operators: .../reference_policies_condition-single-vs-multi-valued-context-keys.html
and .../reference_policies_condition_examples-multi-valued-context-keys.html

Whatever these pages leave open is left open here: an unknown operator, a malformed value, several values
of a key without a set operator, `ForAnyValue:...IfExists` of an absent key, an empty value as null.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from scanner.iam.patterns import matches
from scanner.iam.ternary import NO, YES, Answer, all_of, any_of, negated, unsure
from scanner.iam.variables import Meaning, literal, meaning_of

_T = TypeVar("_T")
_ARN_FIELDS = 6
_FOR_ALL, _FOR_ANY, _IF_EXISTS, _NULL = "ForAllValues", "ForAnyValue", "IfExists", "Null"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
# www.w3.org/TR/NOTE-datetime: a time has a time zone
_DATE = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(?:Z|([+-])(\d\d):([0-5]\d)))?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def holds(
    condition: Mapping[str, Any],
    context: Mapping[str, tuple[str, ...]],
    absent: frozenset[str],
    variables: bool,
) -> bool | None:
    """Whether a Condition block holds for a request; None where that cannot be decided.

    `context` holds the values of known keys, `absent` the keys known not to be in the request (both in
    lower case); every other key is unknown. A key without values is absent. `variables` tells whether the
    policy has the version that knows policy variables. A binary value of the context is in base64, as
    iam:SimulateCustomPolicy takes it. Never raises.
    """
    return answer_of(condition, context, absent, variables).holds


def answer_of(
    condition: Mapping[str, Any],
    context: Mapping[str, tuple[str, ...]],
    absent: frozenset[str],
    variables: bool,
) -> Answer:
    """As `holds`, with what could not be decided."""
    known = _Known(context, absent, variables)
    return all_of(_block_holds(name, block, known) for name, block in condition.items())


def values_of(raw: Any) -> tuple[str, ...] | None:
    """The values of a condition key as text: one or a list of strings, numbers, booleans. None for others.

    An empty list has no documented meaning: None.
    """
    listed = raw if isinstance(raw, list | tuple) else [raw]
    values = [_text(value) for value in listed]
    return None if not values or None in values else tuple(v for v in values if v is not None)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


class _Known(NamedTuple):
    context: Mapping[str, tuple[str, ...]]
    absent: frozenset[str]
    variables: bool

    def meaning(self, text: str, *, wildcards: bool) -> Meaning:
        return meaning_of(text, self.variables, self.context, self.absent, wildcards=wildcards)


# (value of the policy, value of the request, what is known) -> do they match
_Match = Callable[[str, str, _Known], Answer]


class _Operator(NamedTuple):
    match: _Match
    negative: bool
    quantifier: str
    if_exists: bool


def _block_holds(name: str, block: Any, known: _Known) -> Answer:
    if not isinstance(block, Mapping):
        return unsure(f"operator {name}")
    if name == _NULL:
        return all_of(_is_null(str(key).lower(), raw, known) for key, raw in block.items())
    parsed = _operator(name)
    if parsed is None:
        return unsure(f"operator {name}")
    return all_of(_key_holds(parsed, str(key).lower(), raw, known) for key, raw in block.items())


@lru_cache(maxsize=1 << 10)
def _operator(name: str) -> _Operator | None:
    quantifier, colon, rest = name.rpartition(":")
    base = rest.removesuffix(_IF_EXISTS)
    if base not in _MATCHES or (colon and quantifier not in (_FOR_ALL, _FOR_ANY)):
        return None
    match, negative = _MATCHES[base]
    return _Operator(match=match, negative=negative, quantifier=quantifier, if_exists=base != rest)


def _key_holds(op: _Operator, key: str, raw: Any, known: _Known) -> Answer:
    expected, given = values_of(raw), known.context.get(key)
    if expected is None or (given is None and key not in known.absent):
        return unsure(key)
    if not given:
        return _holds_for_absent(op, key)
    if not op.quantifier:
        return _value_holds(op, key, expected, given[0], known) if len(given) == 1 else unsure(key)
    each = [_value_holds(op, key, expected, value, known) for value in given]
    answer = all_of(each) if op.quantifier == _FOR_ALL else any_of(each)
    if not any(given):
        # Empty values were once documented to count as none, and no longer are.
        return answer if answer.holds == _holds_for_absent(op, key).holds else unsure(key)
    return answer


def _value_holds(op: _Operator, key: str, expected: tuple[str, ...], given: str, known: _Known) -> Answer:
    """Whether one value of the request fulfils the operator: it matches any of the policy's, or none."""
    answer = any_of(op.match(value, given, known) for value in expected)
    if answer.holds is None and not answer.questions:
        return unsure(key)
    return negated(answer) if op.negative else answer


def _holds_for_absent(op: _Operator, key: str) -> Answer:
    if op.quantifier == _FOR_ANY:
        return unsure(key) if op.if_exists else NO
    return YES if op.quantifier == _FOR_ALL or op.if_exists or op.negative else NO


def _is_null(key: str, raw: Any, known: _Known) -> Answer:
    expected, given = values_of(raw), known.context.get(key)
    if expected is None or not set(expected) <= {"true", "false"}:
        return unsure(key)
    if (given is None and key not in known.absent) or (given and not any(given)):
        return unsure(key)
    return Answer(("false" if given else "true") in expected)


# --- operators -----------------------------------------------------------------------------------


def _string(*, wildcards: bool, ignore_case: bool = False) -> _Match:
    def match(expected: str, given: str, known: _Known) -> Answer:
        meaning = known.meaning(expected, wildcards=wildcards)
        pattern, text = meaning.pattern, literal(given)
        if ignore_case:
            pattern, text = pattern.lower(), text.lower()
        return meaning.reached() if matches(pattern, text) else NO

    return match


def _arn(expected: str, given: str, known: _Known) -> Answer:
    """Field by field. A value that is no whole ARN has no documented meaning."""
    meaning = known.meaning(expected, wildcards=True)
    text = literal(given)
    fields = text.split(":", _ARN_FIELDS - 1)
    if len(fields) < _ARN_FIELDS:
        return unsure()
    if not matches(meaning.pattern, text):
        return NO
    if meaning.unknown or meaning.missing:
        return meaning.reached()
    patterns = meaning.pattern.split(":", _ARN_FIELDS - 1)
    if len(patterns) < _ARN_FIELDS:
        return unsure()
    return Answer(all(matches(pattern, field) for pattern, field in zip(patterns, fields, strict=True)))


def _parsed(parse: Callable[[str], _T | None], relation: Callable[[_T, _T], bool]) -> _Match:
    """Both values parsed, the request's one first in the relation. Knows no policy variables."""

    def match(expected: str, given: str, _known: _Known) -> Answer:
        left, right = parse(given), parse(expected)
        return unsure() if left is None or right is None else Answer(relation(left, right))

    return match


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _instant(text: str) -> Decimal | None:
    """Seconds since 1970. A date without a time is its midnight in UTC; four digits may be a year or not."""
    if text.isascii() and text.isdigit():
        return Decimal(text) if len(text) != len("2026") else None
    date = _DATE.fullmatch(text)
    if date is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = date.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        when = datetime(
            int(year),
            int(month),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            tzinfo=timezone(offset),
        )
    except ValueError:
        return None
    since = when - _EPOCH
    return since.days * 86_400 + since.seconds + Decimal(f"0{fraction or '.0'}")


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _binary(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(expected: str, given: str, _known: _Known) -> Answer:
    address, network = _ip_address(given), _ip_network(expected)
    return unsure() if address is None or network is None else Answer(address in network)


def _ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@lru_cache(maxsize=1 << 12)
def _ip_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A range in CIDR form; a single IPv4 address is its own. For IPv6 the documented /32 makes no sense."""
    address, slash, prefix = text.partition("/")
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    if slash:
        return network if prefix.isascii() and prefix.isdigit() else None
    return network if ":" not in address else None


_EQUALS = _string(wildcards=False)
_EQUALS_IGNORE_CASE = _string(wildcards=False, ignore_case=True)
_LIKE = _string(wildcards=True)

# operator -> (match, whether it is negated)
_MATCHES: Mapping[str, tuple[_Match, bool]] = {
    "StringEquals": (_EQUALS, False),
    "StringNotEquals": (_EQUALS, True),
    "StringEqualsIgnoreCase": (_EQUALS_IGNORE_CASE, False),
    "StringNotEqualsIgnoreCase": (_EQUALS_IGNORE_CASE, True),
    "StringLike": (_LIKE, False),
    "StringNotLike": (_LIKE, True),
    "NumericEquals": (_parsed(_number, operator.eq), False),
    "NumericNotEquals": (_parsed(_number, operator.eq), True),
    "NumericLessThan": (_parsed(_number, operator.lt), False),
    "NumericLessThanEquals": (_parsed(_number, operator.le), False),
    "NumericGreaterThan": (_parsed(_number, operator.gt), False),
    "NumericGreaterThanEquals": (_parsed(_number, operator.ge), False),
    "DateEquals": (_parsed(_instant, operator.eq), False),
    "DateNotEquals": (_parsed(_instant, operator.eq), True),
    "DateLessThan": (_parsed(_instant, operator.lt), False),
    "DateLessThanEquals": (_parsed(_instant, operator.le), False),
    "DateGreaterThan": (_parsed(_instant, operator.gt), False),
    "DateGreaterThanEquals": (_parsed(_instant, operator.ge), False),
    "Bool": (_parsed(_boolean, operator.eq), False),
    "BinaryEquals": (_parsed(_binary, operator.eq), False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "ArnEquals": (_arn, False),
    "ArnLike": (_arn, False),
    "ArnNotEquals": (_arn, True),
    "ArnNotLike": (_arn, True),
}
