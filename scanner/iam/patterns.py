"""Patterns of IAM: `*` stands for any characters, `?` for one; nothing else is special.

Matching, containment and overlap, all exact. Source: IAM JSON policy elements: Resource
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html). `*` crosses `/`
and `:`. Actions are compared in lower case by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_ANY = "*"
_ONE = "?"
_MOST_STATES = 2000
_MOST_FOR_AN_EXPRESSION = 2
_OTHER = "\0"  # stands in no pattern


def is_pattern(text: str) -> bool:
    """Whether the text holds a wildcard."""
    return _ANY in text or _ONE in text


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern matches the text, taken literally."""
    if _ONE in pattern:
        if pattern.count(_ANY) > _MOST_FOR_AN_EXPRESSION:
            return _matches_greedily(pattern, text)
        return _compiled(pattern).fullmatch(text) is not None
    if _ANY not in pattern:
        return pattern == text
    # Compiling an expression costs more than all matches of most patterns: texts between `*` are looked for.
    first, *between, last = pattern.split(_ANY)
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in between:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def matching(pattern: str, texts: Iterable[str]) -> Iterable[str]:
    """Those of the texts that the pattern matches."""
    start = pattern[:-1]
    if pattern.endswith(_ANY) and not is_pattern(start):  # most patterns of actions
        return (text for text in texts if text.startswith(start))
    return (text for text in texts if matches(pattern, text))


def _matches_greedily(pattern: str, text: str) -> bool:
    """The same in a time that no pattern can blow up: each `*` takes as little as it can."""
    at, place, star, resume = 0, 0, -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == _ANY:
            star, resume, at = at, place, at + 1
        elif at < len(pattern) and pattern[at] in (_ONE, text[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            at, resume = star + 1, resume + 1
            place = resume
        else:
            return False
    return not pattern[at:].strip(_ANY)


@lru_cache(maxsize=1 << 16)  # re's own cache holds 512, an account has more
def _compiled(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(escaped, re.DOTALL)


def contains(outer: str, inner: str) -> bool:
    """Whether every text that `inner` matches is matched by `outer` too."""
    if outer in (_ANY, inner):
        return True
    if not is_pattern(inner):
        return matches(outer, inner)
    # A text of `inner` in which every wildcard stands for a character that `outer` does not name: only
    # wildcards of `outer` can match that, so that without `?` in `outer` it speaks for all texts.
    if not is_pattern(outer) or not matches(outer, inner.replace(_ANY, _OTHER).replace(_ONE, _OTHER)):
        return False
    return _ONE not in outer or _contains(outer, inner)


def overlaps(one: str, other: str) -> bool:
    """Whether some text is matched by both."""
    if one == other or _ANY in (one, other):
        return True
    one_varies = is_pattern(one)
    if not is_pattern(other):
        return one_varies and matches(one, other)
    if not one_varies:
        return matches(other, one)
    return _prefixes_agree(one, other) and _overlaps(one, other)


def _prefixes_agree(one: str, other: str) -> bool:
    """A cheap no for most pairs: the literal beginnings differ."""
    start, other_start = _literal_start(one), _literal_start(other)
    return start.startswith(other_start) or other_start.startswith(start)


def _literal_start(pattern: str) -> str:
    start = pattern.partition(_ANY)[0]
    return start.partition(_ONE)[0] if _ONE in start else start


@lru_cache(maxsize=1 << 16)
def _contains(outer: str, inner: str) -> bool:
    # Inclusion of two automata: walk `inner` with the set of places where `outer` can be. Characters
    # that stand in neither pattern all behave alike.
    alphabet = (set(outer) | set(inner) | {_OTHER}) - {_ANY, _ONE}
    start = (0, _closure(outer, {0}))
    todo, done = [start], {start}
    while todo:
        if len(done) > _MOST_STATES:
            return False  # an odd pattern of many `?` and `*`: "not surely" is the careful answer
        at, places = todo.pop()
        if _closure(inner, {at}) >= {len(inner)} and len(outer) not in places:
            return False
        for char in alphabet:
            for following in _step(inner, {at}, char):
                state = (following, _closure(outer, _step(outer, places, char)))
                if state not in done:
                    done.add(state)
                    todo.append(state)
    return True


@lru_cache(maxsize=1 << 16)
def _overlaps(one: str, other: str) -> bool:
    todo, done = [(0, 0)], {(0, 0)}
    while todo:
        i, j = todo.pop()
        if i == len(one) and j == len(other):
            return True
        for state in _advance_both(one, i, other, j):
            if state not in done:
                done.add(state)
                todo.append(state)
    return False


def _advance_both(one: str, i: int, other: str, j: int) -> list[tuple[int, int]]:
    a = one[i] if i < len(one) else ""
    b = other[j] if j < len(other) else ""
    states = []
    if a == _ANY:
        states.append((i + 1, j))
        if b and b != _ANY:
            states.append((i, j + 1))
    if b == _ANY:
        states.append((i, j + 1))
        if a and a != _ANY:
            states.append((i + 1, j))
    if a and b and _ANY not in (a, b) and (a == b or _ONE in (a, b)):
        states.append((i + 1, j + 1))
    return states


def _closure(pattern: str, places: set[int] | frozenset[int]) -> frozenset[int]:
    """The places reachable without reading a character: past every `*`."""
    reached = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] == _ANY:
            place += 1
            reached.add(place)
    return frozenset(reached)


def _step(pattern: str, places: set[int] | frozenset[int], char: str) -> set[int]:
    """The places after reading one character."""
    following = set()
    for place in _closure(pattern, places):
        if place == len(pattern):
            continue
        if pattern[place] == _ANY:
            following.add(place)
        elif pattern[place] in (_ONE, char):
            following.add(place + 1)
    return following
