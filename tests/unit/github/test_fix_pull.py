"""The fix pull request: one a key, replaced in place, left to people once they take it up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.github.errors import GithubError
from scanner.github.failures import FIX
from scanner.github.fix_pull import (
    TRAILER,
    FixContent,
    FixDraft,
    PostedFix,
    Told,
    edit_hash,
    keep_fix,
    safe_name,
    state_of,
)
from tests.examples import examples
from tests.fakes.github import BASE, FakeGitHub, Script
from tests.fakes.github_branches import (
    BRANCH_OPERATIONS,
    COMMIT,
    CREATE_PULL,
    CREATE_REF,
    DELETE_REF,
    MOVE,
    UPDATE_PULL,
    Branches,
    StoredPull,
)
from tests.unit.github.tools import repository

KEY = "ci"
BRANCH = "xray-privilege-scan/fix/ci"
TEMPLATE = "template.yml"
WRITES = (COMMIT, MOVE, CREATE_REF, DELETE_REF, CREATE_PULL, UPDATE_PULL, "create")


def content_of(edits: str, text: str = "x", *, unseen: bool = False) -> FixContent:
    """What a run offers: each letter an edit of one template."""
    files = {TEMPLATE: f"{text} without {edits}".encode()} if edits else {}
    return FixContent(files, frozenset(map(edit_hash, edits)), f"Removes {edits}.", unseen=unseen)


def fix(
    github: FakeGitHub, edits: str, run: int = 1, *, key: str = KEY, text: str = "x", unseen: bool = False
) -> PostedFix:
    """A run that found these edits, and offers those that nobody declined."""

    def content(head: str, told: Told) -> FixContent:
        assert head == github.branches.refs[github.branches.default]
        left = "".join(edit for edit in edits if edit_hash(edit) not in told.declined)
        return content_of(left, text, unseen=unseen)

    return keep_fix(repository(github), FixDraft(key, (run, 1), content))


def open_text(github: FakeGitHub, branch: str = BRANCH) -> str:
    pull = github.branches.pull_of(branch)
    return pull.body if pull else ""


def branches_of_ours(github: FakeGitHub) -> list[str]:
    return [branch for branch in github.branches.refs if branch.startswith("xray-privilege-scan/")]


# --- its life --------------------------------------------------------------------------------------


@dataclass
class Night:
    """A run, what stands before it, and what must come of it."""

    edits: str
    kind: str
    before: str = ""
    text: str = "x"
    unseen: bool = False


LIVES: Mapping[str, list[Night]] = {
    "nothing to offer": [Night("", "skip"), Night("", "skip")],
    "the same each night": [Night("a", "create"), Night("a", "update"), Night("a", "update")],
    "more, less, nothing": [
        *(Night("a", "create"), Night("ab", "renew"), Night("b", "renew"), Night("", "close")),
        *(Night("", "skip"), Night("b", "create")),
    ],
    "the file changed in the default branch": [
        Night("a", "create"),
        Night("a", "renew", text="y"),
        Night("a", "update", text="y"),
    ],
    "the default branch moved, not the file": [Night("a", "create"), Night("a", "update", "push main")],
    "a run that saw less": [
        Night("ab", "create"),
        Night("a", "wait", unseen=True),
        Night("", "wait", unseen=True),
        Night("abc", "renew", unseen=True),
    ],
    "merged": [Night("a", "create"), Night("", "skip", "merge"), Night("ab", "create")],
    "merged with a merge commit": [Night("a", "create"), Night("b", "create", "merge commit")],
    "closed by a person": [
        *(Night("a", "create"), Night("a", "skip", "close"), Night("ab", "create"), Night("a", "close")),
        *(Night("ab", "create"),),
    ],
    "closed by a person, then both": [
        *(Night("a", "create"), Night("ab", "create", "close"), Night("ab", "skip", "close")),
    ],
    "somebody commits to it": [
        *(Night("a", "create"), Night("ab", "leave", "commit"), Night("", "leave"), Night("ab", "leave")),
        *(Night("b", "leave", "close"), Night("b", "create", "delete branch")),
    ],
    "its branch is deleted": [
        Night("a", "create"),
        Night("a", "skip", "delete branch"),
        Night("b", "create"),
    ],
    "reopened by a person": [
        *(Night("a", "create"), Night("", "close"), Night("b", "create"), Night("b", "skip", "close")),
        *(Night("b", "update", "reopen"),),
    ],
    "the default branch is renamed": [Night("a", "create"), Night("a", "update", "rename")],
    "another branch is the default": [Night("a", "create"), Night("a", "update", "other default")],
    "its text was changed": [Night("a", "create"), Night("a", "renew", "wreck"), Night("a", "update")],
}


def act(github: FakeGitHub, what: str) -> None:
    """What a person does between runs."""
    branches, pull = github.branches, github.branches.pull_of(BRANCH)
    if what in ("rename", "other default"):
        another_default(branches, "trunk", renamed=what == "rename")
    elif pull:
        act_on_pull(branches, pull, what)
    if what == "push main":
        branches.push("main", {"other.txt": "more"})
    elif what == "commit":
        branches.push(BRANCH, {TEMPLATE: "by hand"})
    elif what == "delete branch":
        branches.delete_ref(BRANCH)
    elif what == "reopen":
        max(branches.pulls.values(), key=lambda one: one.number).state = "open"


def another_default(branches: Branches, name: str, *, renamed: bool) -> None:
    branches.refs[name] = branches.refs[branches.default]
    branches.default = name
    if renamed:
        del branches.refs["main"]
        for pull in branches.pulls.values():
            pull.base = name


def act_on_pull(branches: Branches, pull: StoredPull, what: str) -> None:
    if what in ("merge", "merge commit"):
        branches.merge(pull.number, squash=what == "merge")
    elif what == "close":
        branches.close(pull.number)
    elif what == "wreck":
        first, _, _ = pull.body.partition("\n")
        pull.body = f"{first}\nmine"


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_a_life(github: FakeGitHub, life: list[Night]) -> None:
    for run, night in enumerate(life, 1):
        act(github, night.before)
        posted = fix(github, night.edits, run, text=night.text, unseen=night.unseen)
        assert posted.kind == night.kind, (run, posted)
        pull = github.branches.pull_of(BRANCH)
        assert bool(posted.url) == bool(pull)
        assert "making" not in "".join(github.branches.refs)
        if night.kind in ("create", "renew") and pull:
            (commit,) = github.branches.ahead(github.branches.refs[pull.base], github.branches.refs[BRANCH])
            assert commit.files[TEMPLATE].startswith(f"{night.text} without".encode())
            assert f"{TRAILER}: {KEY}" in commit.message
        if night.kind == "close":
            assert branches_of_ours(github) == []


def test_what_is_the_same_writes_nothing(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.requests.clear()
    fix(github, "a", 2)
    assert not [r.operation for r in github.requests if r.operation in WRITES]


def test_what_is_closed_says_so_once(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    (number,) = github.branches.pulls
    for run in (2, 3):
        fix(github, "", run)
    assert len(github.bodies(number)) == 1
    assert state_of(github.branches.pulls[number].body).state == "obsolete"


def test_what_is_left_alone_says_so_once(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    act(github, "commit")
    by_hand = github.branches.refs[BRANCH]
    for run in (2, 3, 4):
        fix(github, "ab", run)
    (pull,) = github.branches.pulls.values()
    assert pull.body.count("Somebody else committed") == pull.edits == 1
    assert "Removes a." in pull.body
    assert github.branches.refs[BRANCH] == by_hand


def test_an_older_run_changes_nothing(github: FakeGitHub) -> None:
    fix(github, "ab", 5)
    assert fix(github, "a", 4).kind == "keep"
    assert "Removes ab." in open_text(github)


def test_keys_have_pull_requests_of_their_own(github: FakeGitHub) -> None:
    for key in ("ci", "CI", "stage/dev"):
        assert fix(github, "a", key=key).kind == "create"
    assert len({pull.branch for pull in github.branches.pulls.values()}) == 3


@given(st.lists(st.text(max_size=80), min_size=2, max_size=6, unique=True))
@examples(50)
def test_names_of_branches_are_safe_and_differ(keys: list[str]) -> None:
    names = [safe_name(key) for key in keys]
    assert len({name.lower() for name in names}) == len(names)
    assert all(name.isascii() and 0 < len(name) < 80 for name in names)
    assert all(name.replace("-", "").replace("_", "").isalnum() or set(name) <= set("-_") for name in names)


def test_somebody_elses_pull_request_of_the_branch_is_not_ours(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    (pull,) = github.branches.pulls.values()
    pull.author, pull.kind = "someone", "User"
    with pytest.raises(GithubError, match="already exists"):
        fix(github, "b", 2)
    assert "Removes a." in pull.body


def test_a_commit_of_the_same_account_without_our_line_is_somebody_elses(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.branches.push(BRANCH, {TEMPLATE: "formatted"}, github.viewer or "", "Bot")
    assert fix(github, "b", 2).kind == "leave"


def test_where_the_account_is_not_known_an_app_counts(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.script.rights = tuple(right for right in github.script.rights if right != "graphql")
    assert fix(github, "b", 2).kind == "renew"
    github.branches.push(BRANCH, {TEMPLATE: "x"}, message=f"x\n\n{TRAILER}: {KEY}")
    assert fix(github, "c", 3).kind == "leave"


# --- faults ----------------------------------------------------------------------------------------


def test_a_pull_request_never_stands_without_a_commit(github: FakeGitHub) -> None:
    """GitHub closes one whose branch has no commit of its own, be it for a moment."""
    for run, (edits, text) in enumerate([("a", "x"), ("ab", "x"), ("ab", "y"), ("b", "y")], 1):
        act(github, "push main")
        assert fix(github, edits, run, text=text).kind == ("create" if run == 1 else "renew")
    assert [pull.state for pull in github.branches.pulls.values()] == ["open"]


@pytest.mark.parametrize("operation", [COMMIT, MOVE, CREATE_REF, CREATE_PULL, UPDATE_PULL, DELETE_REF])
@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("status", [502, 0])
def test_a_fault_is_made_good(github: FakeGitHub, operation: str, carried_out: bool, status: int) -> None:
    fix(github, "a", 1)
    faults = {operation: 1}
    github.script = Script(
        failure=status, fail_after=faults if carried_out else {}, fail={} if carried_out else faults
    )
    github._asked_of.clear()
    github._failed_after.clear()
    for run, edits in enumerate(["ab", "", "c"], 2):
        fix(github, edits, run)
    assert "Removes c." in open_text(github)
    assert branches_of_ours(github) == [BRANCH]


def test_a_push_between_look_and_move_is_never_lost(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.script.meanwhile = {COMMIT: [lambda: act(github, "commit")]}
    assert fix(github, "ab", 2).kind == "leave"
    assert github.branches.files(BRANCH)[TEMPLATE] == b"by hand"


def test_a_push_between_look_and_deletion_is_never_lost(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.script.meanwhile = {UPDATE_PULL: [lambda: act(github, "commit")]}
    assert fix(github, "", 2).kind == "skip"
    assert github.branches.files(BRANCH)[TEMPLATE] == b"by hand"


def test_two_first_runs_at_once_make_one(github: FakeGitHub) -> None:
    github.script.meanwhile = {COMMIT: [lambda: fix(github, "a", 1)]}
    assert fix(github, "ab", 2).kind == "renew"
    (pull,) = github.branches.pulls.values()
    assert "Removes ab." in pull.body and pull.state == "open"
    assert branches_of_ours(github) == [BRANCH]


def test_two_runs_at_once_and_the_newer_one_stays(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    github.script.meanwhile = {COMMIT: [lambda: fix(github, "abc", 3)]}
    assert fix(github, "ab", 2).kind == "keep"
    assert "Removes abc." in open_text(github)


def test_a_branch_that_never_stands_still_ends_the_run(github: FakeGitHub) -> None:
    fix(github, "a", 1)
    push = lambda: github.branches._set(BRANCH, next_of_ours(github))  # noqa: E731
    github.script.meanwhile = {COMMIT: [push] * 3}
    with pytest.raises(GithubError, match="changed at the same time"):
        fix(github, "ab", 2)
    assert branches_of_ours(github) == [BRANCH]


def next_of_ours(github: FakeGitHub) -> str:
    message = f"x\n\n{TRAILER}: {KEY}"
    return github.branches.push(BRANCH, {TEMPLATE: "z"}, github.viewer or "", "Bot", message)


REFUSALS = {
    "the setting": ("", "Allow GitHub Actions to create and approve pull requests"),
    "a locked branch": (BRANCH, "a rule protects or locks the branch"),
    "an archived repository": ("archived", "the repository is archived"),
}


@pytest.mark.parametrize(("locked", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_named_and_leaves_nothing(github: FakeGitHub, locked: str, words: str) -> None:
    github.branches.pulls_allowed = bool(locked)
    github.branches.is_archived = locked == "archived"
    github.branches.locked = {locked}
    with pytest.raises(GithubError, match=words):
        fix(github, "a")
    assert branches_of_ours(github) == []
    assert not github.branches.pulls


@pytest.mark.parametrize("missing", [COMMIT, CREATE_REF, CREATE_PULL, MOVE, UPDATE_PULL, "repository"])
@pytest.mark.parametrize("denial", [(403, "Resource not accessible by integration"), (404, "Not Found")])
def test_a_missing_right_is_named(github: FakeGitHub, missing: str, denial: tuple[int, str]) -> None:
    if missing in (MOVE, UPDATE_PULL):
        fix(github, "a", 1)
    github.script = Script(
        denial=denial, rights=[right for right in github.script.rights if right != missing]
    )
    with pytest.raises(GithubError, match="the job needs") as caught:
        fix(github, "b", 2)
    assert caught.value.needed == FIX


def test_nothing_but_reading_is_asked_where_there_is_nothing_to_do(github: FakeGitHub) -> None:
    github.script.rights = [r for r in github.script.rights if r not in WRITES]
    assert fix(github, "").kind == "skip"


# --- a life under everything -----------------------------------------------------------------------

people = st.sampled_from(
    ["", "", "", "push main", "commit", "close", "merge", "delete branch", "reopen", "wreck"]
)
faults = st.one_of(
    st.just(("", 0, True)), st.tuples(st.sampled_from(WRITES), st.integers(1, 9), st.booleans())
)


@given(st.lists(st.tuples(people, st.sampled_from(["", "a", "ab", "b"]), faults), min_size=6, max_size=12))
@examples(12)
def test_whatever_happens(nights: list[tuple[str, str, tuple[str, int, bool]]]) -> None:
    """At most one is open, nobody's commit is lost, and nothing that a person closed comes back."""
    with FakeGitHub() as github:
        for run, (person, edits, fault) in enumerate(nights, 1):
            if person not in ("delete branch", "commit") or BRANCH in github.branches.refs:
                act(github, person if github.branches.pulls or person == "push main" else "")
            theirs = by_people(github)
            declined = closed_by_people(github)
            ran(github, edits, run, fault)
            assert theirs <= by_people(github) | merged(github)
            assert sum(pull.state == "open" for pull in github.branches.pulls.values()) <= 1
            new = [p for p in github.branches.pulls.values() if p.state == "open" and p.edits == 0]
            for pull in new:
                assert not state_of(pull.body).edits & declined
            assert all(a.number < b.number for a, b in pairwise(github.branches.pulls.values()))


def ran(github: FakeGitHub, edits: str, run: int, fault: tuple[str, int, bool]) -> None:
    operation, times, after = fault
    github.script = Script(**{"fail_after" if after else "fail": {operation: times}})  # type: ignore[arg-type]  # as named
    github._asked_of.clear()
    github._failed_after.clear()
    try:
        fix(github, edits, run)
    except GithubError:
        return


def by_people(github: FakeGitHub) -> set[str]:
    """The commits on the branch that people made."""
    head = github.branches.refs.get(BRANCH)
    return {c.sha for c in github.branches.ahead(BASE, head) if c.author == "someone"} if head else set()


def merged(github: FakeGitHub) -> set[str]:
    return {commit.sha for commit in github.branches._history(github.branches.refs["main"])}


def closed_by_people(github: FakeGitHub) -> frozenset[str]:
    closed = [p for p in github.branches.pulls.values() if p.state == "closed" and not p.merged]
    states = [state_of(pull.body) for pull in closed]
    return frozenset(edit for state in states if state.state == "open" for edit in state.edits)


assert set(WRITES) - {"create"} <= set(BRANCH_OPERATIONS)
