"""The life of the issue under faults, races and people: what must hold after every run, whatever happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from scanner.github.comment import run_of
from scanner.github.errors import GithubError
from scanner.github.issue import keep_issue
from tests.examples import examples
from tests.fakes.github import CREATE, LIST, FakeGitHub, Script
from tests.fakes.github_issues import CREATE_ISSUE, LIST_ISSUES, UPDATE_ISSUE
from tests.unit.github.test_issue import PATIENT, draft, events, open_issues, told_findings
from tests.unit.github.tools import repository

WRITES = (CREATE, CREATE_ISSUE, UPDATE_ISSUE)
OPERATIONS = (*WRITES, LIST, LIST_ISSUES)


class Night(NamedTuple):
    """What a run finds, what goes wrong meanwhile, and what a person does before it."""

    findings: str
    fault: str = ""
    operation: str = CREATE
    times: int = 1
    status: int = 502
    person: str = ""


nights = st.builds(
    Night,
    findings=st.sampled_from(["", "", "a", "ab", "abc", "bd"]),
    fault=st.sampled_from(["", "", "", "before", "after"]),
    operation=st.sampled_from(OPERATIONS),
    times=st.sampled_from([1, 2, 99]),
    status=st.sampled_from([502, 0, 500]),
    person=st.sampled_from(["", "", "", "", "not_planned", "completed", "delete", "reopen"]),
)


@settings(examples(8), phases=[Phase.explicit, Phase.generate])  # to shrink takes minutes
@given(st.lists(nights, min_size=20, max_size=20))
def test_twenty_nights_with_faults_and_people(run_nights: Sequence[Night]) -> None:
    with FakeGitHub() as github:
        told: list[str] | None = None
        for run, night in enumerate(run_nights, 1):
            if acted_on(github, night.person):
                told = None
            before = len(events(github))
            was_open = bool(open_issues(github))
            is_whole = ran(github, night, run)
            happened = events(github)[before:]
            assert len(happened) <= 1, "at most one notification a run"
            assert len(open_issues(github)) <= 1
            now_told = last_told(github)
            if not happened and told is not None and was_open:
                assert told == now_told, "nothing is taken for told that nobody was told"
            if is_whole:
                body = newest_body(github)
                assert body in (None, sorted(night.findings))
                assert body is not None or not night.findings
                if not night.person and told is not None and was_open:
                    assert bool(happened) == (told != sorted(night.findings))
                assert not (open_issues(github) and not night.findings), "closed when clean"
            told = now_told


def acted_on(github: FakeGitHub, person: str) -> bool:
    """A person closes, deletes or reopens the issue; whether there was one."""
    for number in list(github.issues.stored):
        if person == "delete":
            github.issues.delete(number)
        elif person == "reopen":
            github.issues.stored[number].state = "open"
        elif person:
            github.issues.close(number, person)
    return bool(person)


def ran(github: FakeGitHub, night: Night, run: int) -> bool:
    """A run; whether it came to its end."""
    faults = {night.operation: night.times} if night.fault else {}
    github.script = Script(
        failure=night.status,
        fail=faults if night.fault == "before" else {},
        fail_after=faults if night.fault == "after" else {},
    )
    github._asked_of.clear()  # faults count from here
    github._failed_after.clear()
    try:
        keep_issue(repository(github, PATIENT), draft(night.findings, run))
    except GithubError:
        return False
    return True


def newest_body(github: FakeGitHub) -> list[str] | None:
    bodies = [told_findings(issue.body) for issue in github.issues.stored.values()]
    return bodies[-1] if bodies else None


def last_told(github: FakeGitHub) -> list[str] | None:
    """What the newest run told, in the text or in a comment."""
    texts = [issue.body for issue in github.issues.stored.values()]
    texts += [body for number in github.issues.stored for body in github.bodies(number)]
    newest = max(texts, key=lambda body: run_of(body) or (0, 0), default=None)
    return told_findings(newest) if newest else None
