"""The life of suggestions under faults and people: what must hold after every run, whatever happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from scanner.github.errors import GithubError
from scanner.github.review import suggest
from tests.examples import examples
from tests.fakes.github import FakeGitHub, Script
from tests.fakes.github_reviews import FILES, MINIMIZE, PULL, REVIEW, REVIEWS, THREADS, ReviewedPull
from tests.unit.github.test_issue import PATIENT
from tests.unit.github.test_review import CONTENT, HEAD, PATH, draft, suggestion
from tests.unit.github.tools import NUMBER, repository

LINES = (1, 3, 5, 7)


class Day(NamedTuple):
    """What a run would suggest, what goes wrong meanwhile, and what a person does before it."""

    lines: Sequence[int]
    fault: str = ""
    operation: str = REVIEW
    times: int = 1
    status: int = 502
    refused: int = 0
    person: str = ""
    whose: int = 1


days = st.builds(
    Day,
    lines=st.lists(st.sampled_from(LINES), unique=True).map(sorted),
    fault=st.sampled_from(["", "", "before", "after"]),
    operation=st.sampled_from([PULL, FILES, REVIEWS, REVIEW, THREADS, MINIMIZE]),
    times=st.sampled_from([1, 2, 99]),
    status=st.sampled_from([502, 0]),
    refused=st.sampled_from([0, 0, 3, 7]),
    person=st.sampled_from(["", "", "resolve", "delete", "hide", "push"]),
    whose=st.sampled_from(LINES),
)


@settings(examples(8), phases=[Phase.explicit, Phase.generate])  # to shrink takes minutes
@given(st.lists(days, min_size=15, max_size=15))
def test_days_with_faults_and_people(of_days: Sequence[Day]) -> None:
    with FakeGitHub() as github:
        pull = github.reviewed_pull(NUMBER, HEAD, {PATH: CONTENT})
        settled: set[int] = set()
        for run, day in enumerate(of_days, 1):
            settled |= acted_on(pull, day)
            before = len(pull.reviews)
            is_whole = ran(github, pull, day, run)
            seen = sorted(thread.first for thread in pull.open_threads)
            assert len(seen) == len(set(seen)), "none stands there twice"
            assert not settled.intersection(seen), "what a person settled is not made again"
            assert day.refused or len(pull.reviews) - before <= 1, "one review a run"
            assert all(thread.suggested == "new" for thread in pull.threads)
            if is_whole:
                hidden = {thread.first for thread in pull.threads if thread.is_minimized}
                assert set(day.lines) - settled - hidden - {day.refused} <= set(seen)
                assert set(seen) <= set(day.lines)


def acted_on(pull: ReviewedPull, day: Day) -> set[int]:
    """What a person does to the suggestions of a line; the line, if that settles it."""
    its = [thread for thread in pull.open_threads if thread.first == day.whose]
    for thread in its:
        if day.person == "delete":
            pull.threads.remove(thread)
        elif day.person == "push":
            thread.is_outdated = True
        elif day.person:
            thread.is_resolved = day.person == "resolve"
            thread.is_minimized = day.person == "hide"
    return {day.whose} if its and day.person in ("resolve", "delete", "hide") else set()


def ran(github: FakeGitHub, pull: ReviewedPull, day: Day, run: int) -> bool:
    """A run; whether it came to its end without a fault."""
    faults = {day.operation: day.times} if day.fault else {}
    github.script = Script(
        failure=day.status,
        fail=faults if day.fault == "before" else {},
        fail_after=faults if day.fault == "after" else {},
    )
    github._asked_of.clear()  # faults count from here
    github._failed_after.clear()
    pull.refused = {(PATH, day.refused)}
    try:
        suggest(repository(github, PATIENT), NUMBER, draft(*map(suggestion, day.lines), run=run))
    except GithubError:
        return False
    return not (day.fault and day.operation in (THREADS, MINIMIZE))
