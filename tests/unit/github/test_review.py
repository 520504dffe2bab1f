"""Suggestions on lines of a pull request: each once, whatever GitHub refuses and people do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from scanner.github.diff import DiffFile, hunks_of
from scanner.github.errors import GithubError
from scanner.github.review import MOST_SUGGESTIONS, PostedReview, Proposed, ReviewDraft, Suggestion, suggest
from tests.fakes.github import NOT_ACCESSIBLE, SECONDARY, FakeGitHub, Script
from tests.fakes.github_reviews import (
    FILES,
    MINIMIZE,
    PULL,
    REVIEW,
    REVIEWS,
    THREADS,
    Content,
    ReviewedPull,
)
from tests.unit.github.tools import NUMBER, repository

HEAD, NEXT = "a" * 40, "b" * 40
PATH = "serverless.yml"
AFTER = b"".join(b"<%d>\n" % number for number in range(1, 41))
CONTENT = Content(b"", AFTER, status="added")


def suggestion(line: int, last: int = 0, path: str = PATH) -> Suggestion:
    return Suggestion(path, line, last or line, ("new",), "Unused.", f"{line:016x}")


def draft(
    *suggestions: Suggestion, run: int = 1, key: str = "k", head: str = HEAD, unsure: Sequence[str] = ()
) -> ReviewDraft:
    def proposed(at: str, diff: Mapping[str, DiffFile]) -> Proposed:
        return Proposed(suggestions, frozenset(unsure))

    return ReviewDraft(key, (run, 1), head, frozenset({PATH}) if suggestions else frozenset(), proposed)


@pytest.fixture
def pull(github: FakeGitHub) -> ReviewedPull:
    return github.reviewed_pull(NUMBER, HEAD, {PATH: CONTENT})


def review(github: FakeGitHub, *suggestions: Suggestion, **more: Any) -> PostedReview:
    return suggest(repository(github), NUMBER, draft(*suggestions, **more))


def lines(pull: ReviewedPull) -> list[tuple[int, int]]:
    """The lines that a reviewer sees suggestions for."""
    return [(thread.first, thread.last) for thread in pull.open_threads]


# --- the lines of a diff -------------------------------------------------------------------------


def test_the_lines_of_hunks() -> None:
    patch = "@@ -1,3 +1,3 @@ name\n one\n-two\n+2\n three\n@@ -9 +9,2 @@\n+nine\n ten\n\\ No newline at end"
    first, second = hunks_of(patch)
    assert first.lines == {1: "one", 2: "2", 3: "three"}
    assert second.lines == {9: "nine", 10: "ten"}
    assert (set(first.added), set(second.added)) == ({2}, {9})
    assert first.contains(2, ["2", "three"])
    assert first.contains(1, ["one\r"])
    assert not first.contains(3, ["three", "nine"])
    assert not first.contains(2, ["two"])


@pytest.mark.parametrize("patch", ["", "Binary files differ", "+no header", "@@ @@\n+a"])
def test_what_is_no_patch_has_no_lines(patch: str) -> None:
    assert hunks_of(patch) == ()


# --- one review, each suggestion once ------------------------------------------------------------


def test_one_review_makes_all_suggestions(github: FakeGitHub, pull: ReviewedPull) -> None:
    posted = review(github, suggestion(3), suggestion(5, 7))
    assert (posted.made, posted.hidden, posted.notes) == (2, 0, ())
    assert posted.url.endswith(f"/pull/{NUMBER}#pullrequestreview-{pull.reviews[0].id}")
    assert lines(pull) == [(3, 3), (5, 7)]
    assert [thread.suggested for thread in pull.threads] == ["new", "new"]
    (request,) = [r for r in github.requests if r.operation == REVIEW]
    assert (request.body["event"], request.body["commit_id"]) == ("COMMENT", HEAD)
    assert "start_line" not in request.body["comments"][0]


def test_another_run_makes_none_again(github: FakeGitHub, pull: ReviewedPull) -> None:
    for run in (1, 2, 2):
        review(github, suggestion(3), suggestion(5), run=run)
    assert len(pull.reviews) == 1
    assert review(github, suggestion(3), suggestion(5), suggestion(9), run=3).made == 1
    assert lines(pull) == [(3, 3), (5, 5), (9, 9)]


def test_another_job_makes_none_again_and_hides_none(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3), suggestion(5))
    assert review(github, suggestion(3), key="another").made == 0
    assert lines(pull) == [(3, 3), (5, 5)]


def test_what_was_resolved_deleted_or_hidden_is_not_made_again(
    github: FakeGitHub, pull: ReviewedPull
) -> None:
    ours = [suggestion(3), suggestion(5), suggestion(7)]
    review(github, *ours)
    pull.threads[0].is_resolved = pull.threads[1].is_minimized = True
    del pull.threads[2]
    assert review(github, *ours, run=2).made == 0
    pull.threads[0].is_outdated = True
    assert review(github, *ours, run=3).made == 0


def test_what_was_fixed_is_hidden(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3), suggestion(5))
    assert review(github, suggestion(5), run=2).hidden == 1
    assert lines(pull) == [(5, 5)]
    assert review(github, run=3).hidden == 1
    assert lines(pull) == []
    assert review(github, run=4).hidden == 0
    assert github.count(MINIMIZE) == 2


def test_what_lost_its_lines_is_made_again_and_hidden_there(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3))
    pull.push(NEXT, {PATH: Content(b"", AFTER.replace(b"<3>", b"other"))})
    posted = review(github, suggestion(3), run=2, head=NEXT)
    assert (posted.made, posted.hidden) == (1, 1)
    assert len(pull.open_threads) == 1
    assert review(github, suggestion(3), run=3, head=NEXT) == PostedReview(
        notes=(f"1 more were made before, or are beyond the first {MOST_SUGGESTIONS}",)
    )


def test_where_nothing_is_known_of_a_file_nothing_is_hidden(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3), suggestion(5))
    assert review(github, suggestion(5), run=2, unsure=[PATH]).hidden == 0


def test_others_texts_count_for_nothing(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3))
    pull.reviews[0].author = pull.threads[0].author = "somebody"
    pull.reviews[0].kind = pull.threads[0].kind = "User"
    assert review(github, suggestion(3), run=2).made == 1
    assert review(github, run=3).hidden == 1
    assert not pull.threads[0].is_minimized


def test_without_the_token_s_own_name_an_app_s_texts_are_its_own(
    github: FakeGitHub, pull: ReviewedPull
) -> None:
    github.viewer = None
    github.script.rights = (PULL, FILES, REVIEWS, REVIEW, THREADS, MINIMIZE)
    assert review(github, suggestion(3)).made == 1
    assert review(github, suggestion(3), run=2).made == 0


def test_at_most_so_many_and_always_the_same(github: FakeGitHub, pull: ReviewedPull) -> None:
    every = [suggestion(line) for line in range(1, 31)]
    assert review(github, *every).made == MOST_SUGGESTIONS
    assert review(github, *every, run=2).made == 0
    assert review(github, *every[5:], run=3).made == 5
    assert len(pull.reviews) == 2


def test_an_older_run_makes_none(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3), run=5)
    assert review(github, suggestion(5), run=4).notes == ("a newer run made suggestions",)
    assert lines(pull) == [(3, 3)]


def test_a_fence_is_longer_than_those_in_the_text() -> None:
    text = Suggestion(PATH, 1, 1, ("```", "````yaml"), "Unused.", "0").comment("k")["body"]
    assert re.search(r"^(`{5})suggestion\n```\n````yaml\n\1$", text, re.MULTILINE)


# --- what GitHub refuses -------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [{3}, {7}, {3, 5}, {1, 3, 5, 7}])
def test_a_refused_line_loses_no_other(github: FakeGitHub, pull: ReviewedPull, refused: set[int]) -> None:
    every = [1, 3, 5, 7, 9]
    pull.refused = {(PATH, line) for line in refused}
    posted = review(github, *map(suggestion, every))
    assert [first for first, _ in lines(pull)] == [line for line in every if line not in refused]
    assert posted.made == len(every) - len(refused)
    assert "GitHub refused" in posted.notes[0]
    assert github.count(REVIEW) <= 2 * len(every)
    pull.refused = set()
    assert review(github, *map(suggestion, every), run=2).made == len(refused)


@pytest.mark.parametrize("suggested", [suggestion(90), suggestion(3, path="other.yml"), suggestion(39, 90)])
def test_what_is_outside_of_the_diff_loses_no_other(
    github: FakeGitHub, pull: ReviewedPull, suggested: Suggestion
) -> None:
    assert review(github, suggested, suggestion(5)).made == 1
    assert lines(pull) == [(5, 5)]


def test_a_head_that_moved_before_makes_none(github: FakeGitHub, pull: ReviewedPull) -> None:
    pull.head = NEXT
    assert "newer commit" in review(github, suggestion(3)).notes[0]
    assert github.count(REVIEW) == 0


def test_a_head_that_moves_meanwhile_makes_none(github: FakeGitHub, pull: ReviewedPull) -> None:
    github.script.meanwhile = {FILES: [lambda: pull.push(NEXT, {PATH: CONTENT})]}
    with pytest.raises(GithubError, match="changed meanwhile"):
        review(github, suggestion(3), suggestion(5))
    assert (github.count(REVIEW), pull.reviews) == (1, [])


@pytest.mark.parametrize("is_draft", [False, True])
@pytest.mark.parametrize("state", ["open", "closed"])
def test_drafts_are_reviewed_and_closed_ones_not(
    github: FakeGitHub, pull: ReviewedPull, state: str, is_draft: bool
) -> None:
    pull.state, pull.is_draft = state, is_draft
    assert review(github, suggestion(3)).made == (state == "open")


def test_a_locked_conversation(github: FakeGitHub, pull: ReviewedPull) -> None:
    github.script.locked = (NUMBER,)
    with pytest.raises(GithubError, match="the conversation is locked"):
        review(github, suggestion(3))


@pytest.mark.parametrize("rights", [(PULL, FILES, REVIEWS, THREADS), (PULL,), ()])
def test_a_read_only_token_is_told_which_right_is_missing(
    github: FakeGitHub, pull: ReviewedPull, rights: tuple[str, ...]
) -> None:
    github.script = Script(rights=rights, denial=(403, NOT_ACCESSIBLE))
    with pytest.raises(GithubError, match=r"needs `pull-requests: write`\. In a pull request") as caught:
        review(github, suggestion(3))
    assert caught.value.needed == "pull-requests: write"
    assert "issues: write" not in str(caught.value)


def test_without_graphql_nothing_is_hidden_and_none_made_again(
    github: FakeGitHub, pull: ReviewedPull
) -> None:
    review(github, suggestion(3))
    github.script.rights = [right for right in github.script.rights if right != THREADS]
    posted = review(github, suggestion(3), suggestion(5), run=2)
    assert posted.made == 1
    assert any(note.startswith("nothing is hidden") for note in posted.notes)


def test_a_right_to_hide_that_is_missing_is_a_note(github: FakeGitHub, pull: ReviewedPull) -> None:
    review(github, suggestion(3), suggestion(5))
    github.script.rights = [right for right in github.script.rights if right != MINIMIZE]
    posted = review(github, suggestion(7), run=2)
    assert (posted.made, posted.hidden) == (1, 0)
    assert "hide a comment" in posted.notes[-1]


@pytest.mark.parametrize("operation", [PULL, REVIEWS, FILES, THREADS, REVIEW])
@pytest.mark.parametrize("failure", [502, 0])
def test_a_fault_of_github_s_is_tried_again(
    github: FakeGitHub, pull: ReviewedPull, operation: str, failure: int
) -> None:
    review(github, suggestion(1))
    github.script = Script(failure=failure, fail={operation: 1})
    github._asked_of.clear()
    assert review(github, suggestion(1), suggestion(3), run=2).made in (0, 1)
    assert lines(pull) == [(1, 1), (3, 3)]


@pytest.mark.parametrize("failure", [502, 0])
def test_a_review_that_was_made_all_the_same_is_not_made_again(
    github: FakeGitHub, pull: ReviewedPull, failure: int
) -> None:
    github.script = Script(failure=failure, fail_after={REVIEW: 1})
    review(github, suggestion(3), suggestion(5))
    assert lines(pull) == [(3, 3), (5, 5)]
    assert len(pull.reviews) == 1


def test_a_secondary_rate_limit_is_waited_for(github: FakeGitHub, pull: ReviewedPull) -> None:
    github.script = Script(limit_first=2, limited=(403, SECONDARY, {}))
    assert review(github, suggestion(3)).made == 1


def test_files_on_later_pages_are_found(github: FakeGitHub, pull: ReviewedPull) -> None:
    many = {f"file{number}": CONTENT for number in range(240)}
    gone = {"gone.yml": Content(b"a\n", b"", status="removed")}
    pull.files = {**many, **gone, PATH: CONTENT, "last": CONTENT._replace(has_patch=False)}
    diff = repository(github).reviews_of(NUMBER).diff({PATH, "gone.yml", "last"})
    assert {path: len(file.hunks) for path, file in diff.items()} == {PATH: 1, "last": 0}
    assert github.count(FILES) == 3
