"""Answers that may be open: yes, no, or not to be decided from what is known (Kleene's logic). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Answer(NamedTuple):
    """An answer: `holds` is None where it cannot be decided, and `questions` then names what is missing.

    A question is a condition key in lower case ("aws:sourcevpc"), a policy variable as it is spelled
    ("${aws:username}"), or a part of a policy of which it is unclear what it means ("resource arn:aws:*").
    """

    holds: bool | None
    questions: frozenset[str] = frozenset()


YES = Answer(True)
NO = Answer(False)


def unsure(*questions: str) -> Answer:
    """An open answer, with what is missing."""
    return Answer(None, frozenset(questions))


def all_of(answers: Iterable[Answer]) -> Answer:
    """Yes if all say yes, no if one says no. Of no answers: yes."""
    return negated(any_of(negated(answer) for answer in answers))


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes if one says yes, no if all say no. Of no answers: no."""
    questions: set[str] = set()
    is_open = False
    for answer in answers:
        if answer.holds:
            return YES
        if answer.holds is None:
            is_open = True
            questions |= answer.questions
    return unsure(*questions) if is_open else NO


def negated(answer: Answer) -> Answer:
    """The opposite; what is open stays open."""
    return answer if answer.holds is None else Answer(not answer.holds)
