"""Policy variables, `${aws:PrincipalTag/team}`, in a Resource or the value of a Condition. Pure.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html

What a variable stands for is taken literally: a `*` in it is no wildcard. Within a pattern such a literal
`*` or `?` is a private-use character, which no ARN holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from scanner.iam.patterns import is_pattern
from scanner.iam.ternary import NO, YES, Answer, unsure

VARIABLE = re.compile(r"\$\{([^}]*)\}")
_WITH_DEFAULT = re.compile(r"([^,']+), '([^']*)'")
_CHARACTERS = ("*", "?", "$")  # ${*}, ${?}, ${$}: the characters themselves
_LITERALS = {ord("*"): "\ue02a", ord("?"): "\ue03f"}


def literal(text: str) -> str:
    """A text as a pattern that stands for just this text: its own `*` and `?` are no wildcards.

    Of use for a request on a resource that has a `*` in its name.
    """
    return text.translate(_LITERALS) if is_pattern(text) else text


@lru_cache(maxsize=1 << 14)
def names_of(text: str, variables: bool) -> tuple[str, ...]:
    """What stands between `${` and `}`, without the characters `*`, `?` and `$`; none in an older policy."""
    if not variables or "${" not in text:
        return ()
    return tuple(name for name in VARIABLE.findall(text) if name not in _CHARACTERS)


class Meaning(NamedTuple):
    """What a text with policy variables stands for in one request.

    `pattern` has a `*` for each variable that has no value. Such a variable is one of `missing` (it is
    known to be absent and has no default) or of `unknown` (all others, also those that are malformed).
    """

    pattern: str
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def reached(self) -> Answer:
        """The answer for a text that `pattern` matches, whatever the variables without a value are.

        A missing one matches nothing: "the resource that includes a policy variable with no value will not
        match any resource", in Resource and in NotResource, which then applies; and inverted condition
        operators "do match against a null value"
        (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-no-value).
        """
        if self.missing:
            return NO
        return unsure(*self.unknown) if self.unknown else YES


def meaning_of(
    text: str,
    variables: bool,
    context: Mapping[str, tuple[str, ...]],
    absent: frozenset[str],
    *,
    wildcards: bool = True,
) -> Meaning:
    """What a text of a policy means in a request with this context (lower-case keys).

    `variables` tells whether the policy has the version that knows them. Without `wildcards` the `*` and
    `?` of the text itself are literal, too. A variable with several values has none: "you cannot use
    multivalued keys as policy variables"
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html).
    """
    plain: Callable[[str], str] = (lambda part: part) if wildcards else literal
    if not variables or "${" not in text:
        return Meaning(plain(text))
    unknown: set[str] = set()
    missing: set[str] = set()

    def value(name: str) -> str:
        known = _value(name, context, absent)
        if isinstance(known, str):
            return literal(known)
        (missing if known else unknown).add(f"${{{name}}}")
        return "*"

    pattern = replaced(text, value, plain)
    return Meaning(pattern, tuple(sorted(unknown)), tuple(sorted(missing)))


def replaced(text: str, value: Callable[[str], str], plain: Callable[[str], str] = str) -> str:
    """The text with `value(name)` for each variable, `plain(part)` for what stands between them."""
    parts = VARIABLE.split(text)  # text, name, text, name, ..., text
    for at, part in enumerate(parts):
        if at % 2 == 0:
            parts[at] = plain(part)
        else:
            parts[at] = literal(part) if part in _CHARACTERS else value(part)
    return "".join(parts)


def _value(name: str, context: Mapping[str, tuple[str, ...]], absent: frozenset[str]) -> str | bool:
    """A variable's value; else True where it is known to be missing, False where that is not known."""
    with_default = _WITH_DEFAULT.fullmatch(name)
    key = (with_default.group(1) if with_default else name).lower()
    values = context.get(key)
    if values and len(values) == 1:
        return values[0]
    if values or (values is None and key not in absent):
        return False
    if with_default is None:
        return True
    # whether a wildcard in a default is one is not documented
    return False if is_pattern(with_default.group(2)) else with_default.group(2)
