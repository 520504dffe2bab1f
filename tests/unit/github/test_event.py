"""Event payloads, as GitHub documents them, and what is done for them.

docs.github.com/en/webhooks/webhook-events-and-payloads
docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from typing import Any

import pytest

from scanner.github.event import (
    Activity,
    TrustedSource,
    activity_of,
    head_of,
    is_public,
    judged_by,
    ref_name,
    suggestion_target,
    trusted_source_of,
    why_no_fix,
    why_no_issue,
)

Json = dict[str, Any]

HEAD, BASE, ZERO = (
    "ec26c3e57ca3a959ca5aad62de7213c562f8c821",
    "95790bf891e76fee5e1747ab589903a6a1f80f22",
    "0" * 40,
)
REPOSITORY: Json = {
    "id": 186853002,
    "name": "notes-app",
    "full_name": "octocat/notes-app",
    "private": False,
    "visibility": "public",
    "owner": {"login": "octocat", "type": "User"},
    "default_branch": "main",
}
FORK: Json = {
    **REPOSITORY,
    "id": 1868,
    "full_name": "contributor/notes-app",
    "fork": True,
    "owner": {"login": "contributor"},
}
SENDER: Json = {"login": "octocat", "type": "User"}


def pull_request(head: Json | None = REPOSITORY, user: str = "octocat", action: str = "synchronize") -> Json:
    return {
        "action": action,
        "number": 7,
        "pull_request": {
            "url": "https://api.github.com/repos/octocat/notes-app/pulls/7",
            "number": 7,
            "state": "open",
            "draft": False,
            "user": {"login": user},
            "head": {"label": "octocat:change", "ref": "change", "sha": HEAD, "repo": head},
            "base": {"label": "octocat:main", "ref": "main", "sha": BASE, "repo": REPOSITORY},
            "author_association": "CONTRIBUTOR",
        },
        "repository": REPOSITORY,
        "sender": SENDER,
    }


def push(ref: str = "refs/heads/change", after: str = HEAD, **more: Any) -> Json:
    return {
        "ref": ref,
        "before": BASE,
        "after": after,
        "created": False,
        "deleted": False,
        "forced": False,
        "head_commit": {"id": after},
        "repository": REPOSITORY,
        "sender": SENDER,
    } | more


def workflow_run(pull_requests: Any, event: str = "pull_request", head: Json = REPOSITORY) -> Json:
    return {
        "action": "completed",
        "workflow": {"id": 1, "name": "CI", "path": ".github/workflows/ci.yml"},
        "workflow_run": {
            "id": 30433642,
            "name": "CI",
            "run_attempt": 1,
            "event": event,
            "status": "completed",
            "conclusion": "success",
            "head_branch": "change",
            "head_sha": HEAD,
            "head_repository": head,
            "repository": REPOSITORY,
            "pull_requests": pull_requests,
        },
        "repository": REPOSITORY,
        "sender": SENDER,
    }


def _of_run(number: int, base: str = BASE) -> Json:
    repo = {"id": 186853002, "url": "https://api.github.com/repos/octocat/notes-app", "name": "notes-app"}
    return {
        "id": 1934,
        "number": number,
        "url": f"https://api.github.com/repos/octocat/notes-app/pulls/{number}",
        "head": {"ref": "change", "sha": HEAD, "repo": repo},
        "base": {"ref": "main", "sha": base, "repo": repo},
    }


MERGE_GROUP: Json = {
    "action": "checks_requested",
    "merge_group": {
        "head_sha": HEAD,
        "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{BASE}",
        "base_sha": BASE,
        "base_ref": "refs/heads/main",
        "head_commit": {"id": HEAD},
    },
    "repository": REPOSITORY,
    "sender": SENDER,
}
SCHEDULE: Json = {
    "schedule": "30 5 * * 1",
    "repository": REPOSITORY,
    "workflow": ".github/workflows/scan.yml",
}
DISPATCH: Json = {
    "inputs": {"minutes": "60"},
    "ref": "refs/heads/main",
    "repository": REPOSITORY,
    "sender": SENDER,
}
RELEASE: Json = {
    "action": "published",
    "release": {"tag_name": "v1", "target_commitish": "main"},
    "repository": REPOSITORY,
}
COMMENTED: Json = {
    "action": "created",
    "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/repos/octocat/notes-app/pulls/7"}},
    "comment": {"id": 1, "body": "/scan"},
    "repository": REPOSITORY,
}


@pytest.mark.parametrize(
    ("name", "event", "activity"),
    [
        *(
            pytest.param(
                "pull_request", pull_request(action=action), Activity(7), id=f"pull_request {action}"
            )
            for action in ("opened", "synchronize", "reopened", "labeled")
        ),
        pytest.param("pull_request_target", pull_request(), Activity(7), id="pull_request_target"),
        pytest.param(
            "pull_request_target", pull_request(FORK), Activity(7), id="pull_request_target from a fork"
        ),
        pytest.param(
            "pull_request_target",
            pull_request(None),
            Activity(7),
            id="pull_request_target from a deleted fork",
        ),
        pytest.param(
            "merge_group",
            MERGE_GROUP,
            "a merge queue's run stands for no single pull request",
            id="merge_group",
        ),
        pytest.param("push", push(), Activity(find_by_commit=HEAD), id="push to a branch"),
        pytest.param(
            "push",
            push("refs/heads/new", created=True, before=ZERO),
            Activity(find_by_commit=HEAD),
            id="new branch",
        ),
        pytest.param("push", push("refs/tags/v1"), "what was pushed is no branch", id="push of a tag"),
        pytest.param(
            "push",
            push(after=ZERO, deleted=True, head_commit=None),
            "what was pushed is a deletion",
            id="deleted branch",
        ),
        pytest.param("push", push(after=ZERO), "the event's payload tells no commit", id="no commit"),
        pytest.param("workflow_run", workflow_run([_of_run(7)]), Activity(7), id="workflow_run"),
        pytest.param(
            "workflow_run",
            workflow_run([], head=FORK),
            Activity(find_by_commit=HEAD, branch="contributor:change"),
            id="workflow_run of a fork",
        ),
        pytest.param(
            "workflow_run",
            workflow_run(None),
            Activity(find_by_commit=HEAD, branch="octocat:change"),
            id="workflow_run without a list",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([], "push"),
            Activity(find_by_commit=HEAD, branch="octocat:change"),
            id="workflow_run of a push",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([_of_run(7), _of_run(8)]),
            Activity(find_by_commit=HEAD, branch="octocat:change"),
            id="workflow_run of several",
        ),
        pytest.param("schedule", SCHEDULE, "`schedule` belongs to no pull request", id="schedule"),
        pytest.param(
            "workflow_dispatch",
            DISPATCH,
            "`workflow_dispatch` belongs to no pull request",
            id="workflow_dispatch",
        ),
        pytest.param("issue_comment", COMMENTED, Activity(7), id="issue_comment on a pull request"),
        pytest.param(
            "issue_comment",
            {"issue": {"number": 7}},
            "the comment is one on an issue that is no pull request",
            id="issue_comment on an issue",
        ),
        pytest.param(
            "issue_comment",
            {"issue": {**COMMENTED["issue"], "state": "closed"}},
            "the pull request is closed",
            id="issue_comment on a closed pull request",
        ),
        pytest.param("pull_request_review", pull_request(), Activity(7), id="pull_request_review"),
        pytest.param(
            "pull_request", pull_request(action="closed"), "the pull request is closed", id="closed"
        ),
        pytest.param(
            "repository_dispatch",
            {"action": "x", "client_payload": {}},
            "`repository_dispatch` belongs to no pull request",
            id="repository_dispatch",
        ),
        pytest.param(
            "something_new", pull_request(), "`something_new` belongs to no pull request", id="unknown"
        ),
        pytest.param("", {}, "no event started this run: GITHUB_EVENT_NAME is not set", id="no event"),
        pytest.param(
            "workflow_dispatch",
            {},
            "the file with the event's payload (GITHUB_EVENT_PATH) is missing, empty or not JSON",
            id="no event file",
        ),
    ],
)
def test_what_is_done(name: str, event: Json, activity: Activity | str) -> None:
    expected = Activity(no_comment=activity) if isinstance(activity, str) else activity
    assert activity_of(name, event) == expected


@pytest.mark.parametrize("ref", ["refs/pull/12/merge", "refs/pull/12/head"])
@pytest.mark.parametrize(
    ("name", "event", "number"),
    [
        ("pull_request", {}, 12),
        ("pull_request", {"pull_request": {"number": "7"}}, 12),
        ("pull_request", pull_request(), 7),
        ("pull_request", pull_request(action="closed"), None),
        ("pull_request", pull_request(FORK), 7),
        ("workflow_dispatch", DISPATCH, 12),
        ("repository_dispatch", {}, 12),
        ("push", push(after=ZERO, deleted=True), None),
        ("", {}, None),
    ],
)
def test_the_ref_of_a_pull_request_tells_its_number_where_the_payload_does_not(
    ref: str, name: str, event: Json, number: int | None
) -> None:
    assert activity_of(name, event, ref).pull_request == number


@pytest.mark.parametrize(
    "ref", ["refs/heads/main", "refs/pull/x/merge", "refs/pull/0/merge", "refs/pull/7", ""]
)
def test_another_ref_tells_no_number(ref: str) -> None:
    assert activity_of("schedule", SCHEDULE, ref).pull_request is None


@pytest.mark.parametrize("head", [FORK, None])
def test_a_fork_s_pull_request_is_read_only(head: Json | None) -> None:
    activity = activity_of("pull_request", pull_request(head, "contributor"))
    assert "fork" in activity.no_comment


def test_dependabot_s_token_may_have_been_raised_so_that_it_is_tried() -> None:
    assert activity_of("pull_request", pull_request(user="dependabot[bot]")) == Activity(7)


def test_a_pull_request_of_another_repository_is_not_commented_on() -> None:
    run = {"pull_requests": [{"number": 5, "base": {"repo": {"id": 1}}}], "head_sha": "a" * 40}
    event = {"workflow_run": run, "repository": {"id": 2}}
    assert activity_of("workflow_run", event).pull_request is None


def test_the_pull_request_of_a_fork_s_run_is_found_by_its_branch() -> None:
    run = {
        "pull_requests": [],
        "head_sha": "a" * 40,
        "head_branch": "fix",
        "head_repository": {"owner": {"login": "someone"}},
    }
    assert activity_of("workflow_run", {"workflow_run": run}).branch == "someone:fix"


@pytest.mark.parametrize("name", ["pull_request", "push", "workflow_run", "merge_group", "schedule"])
@pytest.mark.parametrize(
    "event",
    [
        {},
        {"pull_request": None, "workflow_run": None, "ref": None, "after": None},
        {"pull_request": [], "workflow_run": "x", "ref": 1, "after": 2, "deleted": "x"},
        {"pull_request": {"number": "7"}, "number": None, "ref": "refs/heads/x"},
        {"workflow_run": {"pull_requests": [None], "head_sha": ""}},
        {"workflow_run": {"pull_requests": [{"number": "7"}]}},
    ],
)
def test_a_payload_without_what_it_should_hold_reports(name: str, event: Json) -> None:
    activity = activity_of(name, event)
    assert activity == Activity(no_comment=activity.no_comment) and activity.no_comment


CHECKOUT, DEFAULT_BRANCH = None, ""


@pytest.mark.parametrize(
    ("name", "event", "trusted"),
    [
        pytest.param("pull_request", pull_request(), TrustedSource(BASE), id="pull_request"),
        pytest.param("pull_request", pull_request(FORK), TrustedSource(BASE), id="pull_request from a fork"),
        pytest.param(
            "pull_request",
            pull_request(action="closed"),
            TrustedSource(BASE),
            id="pull_request that is closed",
        ),
        pytest.param(
            "pull_request_target", pull_request(FORK), TrustedSource(BASE, HEAD), id="pull_request_target"
        ),
        pytest.param("pull_request_review", pull_request(), TrustedSource(BASE), id="pull_request_review"),
        pytest.param("pull_request", {}, TrustedSource(DEFAULT_BRANCH), id="pull_request without its base"),
        pytest.param(
            "pull_request",
            {"pull_request": {"base": {"sha": ZERO}}},
            TrustedSource(DEFAULT_BRANCH),
            id="pull_request without a commit",
        ),
        pytest.param("merge_group", MERGE_GROUP, TrustedSource("refs/heads/main"), id="merge_group"),
        pytest.param(
            "merge_group",
            MERGE_GROUP | {"merge_group": {"head_sha": HEAD, "base_sha": HEAD, "base_ref": "refs/heads/a/b"}},
            TrustedSource("refs/heads/a/b"),
            id="merge_group on top of another entry of the queue",
        ),
        *(
            pytest.param(
                "merge_group",
                {"merge_group": {"head_sha": HEAD, "base_sha": BASE, "base_ref": ref}},
                TrustedSource(DEFAULT_BRANCH),
                id=f"merge_group into {ref!r}",
            )
            for ref in (None, 7, "", "refs/heads/", "refs/tags/main")
        ),
        pytest.param(
            "workflow_run", workflow_run([_of_run(7)]), TrustedSource(BASE, HEAD), id="workflow_run"
        ),
        pytest.param(
            "workflow_run",
            workflow_run([_of_run(7), _of_run(8)]),
            TrustedSource(BASE, HEAD),
            id="workflow_run of two into the same",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([_of_run(7), _of_run(8, "a" * 40)]),
            TrustedSource(DEFAULT_BRANCH, HEAD),
            id="workflow_run of two into others",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([{**_of_run(7), "base": {"sha": HEAD, "repo": {"id": 1868}}}], head=FORK),
            TrustedSource(DEFAULT_BRANCH, HEAD),
            id="workflow_run of a pull request into the fork",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([], head=FORK),
            TrustedSource(DEFAULT_BRANCH, HEAD),
            id="workflow_run of a fork",
        ),
        pytest.param(
            "workflow_run",
            {"workflow_run": None},
            TrustedSource(DEFAULT_BRANCH, ""),
            id="workflow_run of nothing",
        ),
        pytest.param(
            "issue_comment",
            COMMENTED,
            TrustedSource(DEFAULT_BRANCH, ""),
            id="issue_comment on a pull request",
        ),
        pytest.param(
            "workflow_run",
            workflow_run([_of_run(7)], "push"),
            TrustedSource(DEFAULT_BRANCH, ""),
            id="workflow_run of a push",
        ),
        *(
            pytest.param(name, event, TrustedSource(DEFAULT_BRANCH, ""), id=name)
            for name, event in {
                "issue_comment": {"issue": {"number": 1}},
                "push": push(),
                "push to the default branch": push("refs/heads/main"),
                "schedule": SCHEDULE,
                "workflow_dispatch": DISPATCH,
                "release": RELEASE,
                "repository_dispatch": {"action": "x", "client_payload": {}},
                "something_new": {},
            }.items()
        ),
        pytest.param("", {}, TrustedSource(CHECKOUT), id="no event"),
    ],
)
def test_where_configuration_and_baseline_are_believed(
    name: str, event: Json, trusted: TrustedSource
) -> None:
    assert trusted_source_of(name, event) == trusted


@pytest.mark.parametrize(
    ("name", "event", "judged"),
    [
        ("pull_request", pull_request(), ""),
        ("pull_request_target", pull_request(FORK), ""),
        ("workflow_run", workflow_run([_of_run(7)]), ""),
        ("workflow_run", workflow_run([_of_run(7)], "push"), "push"),
        ("workflow_run", {}, "workflow_run"),
        ("issue_comment", COMMENTED, ""),
        ("push", push(), "push"),
        ("workflow_dispatch", DISPATCH, "workflow_dispatch"),
        ("schedule", SCHEDULE, "schedule"),
        ("release", RELEASE, "release"),
    ],
)
def test_only_a_pull_request_s_own_runs_speak_in_its_comment(name: str, event: Json, judged: str) -> None:
    assert judged_by(name, event) == judged


@pytest.mark.parametrize(
    ("repository", "public"),
    [
        ({"visibility": "public", "private": False}, True),
        ({"visibility": "private", "private": True}, False),
        ({"visibility": "internal", "private": True}, False),
        ({"private": True}, False),
        ({"private": False}, True),
        ({}, True),
    ],
)
def test_who_can_read_it(repository: Json, public: bool) -> None:
    assert is_public({"repository": repository}) == public


def test_an_event_that_does_not_say_who_can_read_it_is_taken_for_public() -> None:
    assert is_public({}) and is_public({"repository": None})


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("", "the default branch"),
        (BASE, BASE[:10]),
        ("refs/heads/main", "the tip of main"),
        ("refs/heads/a\n::error::", "the tip of a\\n::error::"),
    ],
)
def test_a_ref_has_a_name_in_messages(ref: str, name: str) -> None:
    assert ref_name(ref) == name


# --- the issue -----------------------------------------------------------------------------------

_PUSH: Json = {"ref": "refs/heads/main", "after": HEAD, "repository": REPOSITORY}


@pytest.mark.parametrize(
    ("name", "event", "ref", "why"),
    [
        ("schedule", {"schedule": "17 5 * * *", "repository": REPOSITORY}, "refs/heads/main", ""),
        ("schedule", {}, "", ""),
        ("workflow_dispatch", {"ref": "refs/heads/try", "repository": REPOSITORY}, "refs/heads/try", ""),
        ("repository_dispatch", {"action": "deployed", "repository": REPOSITORY}, "refs/heads/main", ""),
        ("deployment_status", {"repository": REPOSITORY}, "refs/heads/main", ""),
        ("push", _PUSH, "refs/heads/main", ""),
        ("push", {**_PUSH, "ref": "refs/heads/try"}, "refs/heads/try", "not the default branch"),
        ("push", {**_PUSH, "ref": "refs/tags/main"}, "refs/tags/main", "not the default branch"),
        ("push", {}, "refs/heads/main", "not the default branch"),
        ("pull_request", {"number": 7}, "refs/pull/7/merge", "no pull request"),
        ("pull_request_target", {}, "refs/heads/main", "no pull request"),
        ("pull_request_review", {}, "refs/heads/main", "no pull request"),
        ("merge_group", {}, "refs/heads/gh-readonly-queue/main/pr-7", "no merge queue"),
        ("issue_comment", {}, "refs/heads/main", "started by the issue itself"),
        ("issues", {}, "refs/heads/main", "started by the issue itself"),
        ("workflow_run", {"workflow_run": {"event": "schedule", "head_branch": "main"}}, "", ""),
        ("workflow_run", {"workflow_run": {"event": "pull_request"}}, "refs/heads/main", "no pull request"),
        ("workflow_run", {"workflow_run": {"event": "merge_group"}}, "", "no merge queue"),
        (
            "workflow_run",
            {"workflow_run": {"event": "push", "head_branch": "main"}, "repository": REPOSITORY},
            "refs/heads/main",
            "",
        ),
        (
            "workflow_run",
            {"workflow_run": {"event": "push", "head_branch": "try"}, "repository": REPOSITORY},
            "refs/heads/main",
            "not the default branch",
        ),
        ("workflow_dispatch", {}, "refs/pull/7/head", "no pull request"),
        ("", {}, "", "no event"),
    ],
)
def test_which_runs_keep_an_issue(name: str, event: Json, ref: str, why: str) -> None:
    said = why_no_issue(name, event, ref)
    assert why in said and bool(why) == bool(said)


MAIN, MINE = "refs/heads/main", "refs/heads/mine"


@pytest.mark.parametrize(
    ("name", "event", "ref", "why"),
    [
        ("schedule", {"repository": REPOSITORY}, MAIN, ""),
        ("schedule", {}, "", ""),
        ("workflow_dispatch", {"repository": REPOSITORY}, MAIN, ""),
        ("workflow_dispatch", {"repository": REPOSITORY}, MINE, "not of the default branch"),
        ("workflow_dispatch", {}, MAIN, "not of the default branch"),
        ("repository_dispatch", {"repository": REPOSITORY}, MAIN, ""),
        ("push", {"repository": REPOSITORY, "ref": MAIN}, MAIN, ""),
        ("push", {"repository": REPOSITORY, "ref": MINE}, MINE, "not of the default branch"),
        ("push", {"repository": REPOSITORY, "ref": "refs/tags/main"}, "refs/tags/main", "not of the default"),
        ("pull_request", {**pull_request(), "repository": REPOSITORY}, "refs/pull/7/merge", "kept by push"),
        ("pull_request_target", {**pull_request(), "repository": REPOSITORY}, MAIN, "kept by push"),
        ("workflow_run", {"repository": REPOSITORY}, MAIN, "kept by push"),
        ("merge_group", {"repository": REPOSITORY}, MAIN, "kept by push"),
        ("issue_comment", {"repository": REPOSITORY}, MAIN, "kept by push"),
        ("", {}, "", "without an event"),
    ],
)
def test_which_runs_keep_a_fix_pull_request(name: str, event: Json, ref: str, why: str) -> None:
    said = why_no_fix(name, event, ref)
    assert why in said and bool(why) == bool(said)


@pytest.mark.parametrize(
    ("name", "commit"), [("schedule", HEAD), ("workflow_dispatch", HEAD), ("pull_request", ""), ("", "")]
)
def test_the_commit_of_a_run_of_no_pull_request_is_that_of_the_run(name: str, commit: str) -> None:
    assert head_of(name, {}, HEAD) == commit


@pytest.mark.parametrize(
    ("name", "payload", "number", "head", "is_merge"),
    [
        ("pull_request", pull_request(), 7, HEAD, True),
        ("pull_request_review", pull_request(), 7, HEAD, True),
        ("pull_request_target", pull_request(), 7, HEAD, False),
        ("pull_request_target", pull_request(FORK), 7, HEAD, False),
        ("issue_comment", {"issue": {"number": 7, "pull_request": {}}}, None, "", False),
        ("issue_comment", {"issue": {"number": 7, "pull_request": {"url": "u"}}}, 7, "", False),
        ("push", {"ref": "refs/heads/change", "after": HEAD}, None, HEAD, False),
        ("workflow_run", {"workflow_run": {"head_sha": HEAD, "event": "pull_request"}}, None, HEAD, False),
    ],
)
def test_what_lines_are_suggested_for(
    name: str, payload: Json, number: int | None, head: str, is_merge: bool
) -> None:
    target = suggestion_target(name, payload)
    assert (target.activity.pull_request, target.head, target.is_merge) == (number, head, is_merge)


@pytest.mark.parametrize(
    ("name", "payload", "why"),
    [
        ("pull_request", pull_request(FORK), "the pull request comes from a fork"),
        ("pull_request", pull_request(None), "the pull request comes from a fork"),
        ("pull_request", pull_request(action="closed"), "the pull request is closed"),
        ("merge_group", {"merge_group": {"head_sha": HEAD}}, "a merge queue's run"),
        ("schedule", {"schedule": "0 3 * * *"}, "`schedule` belongs to no pull request"),
        ("", {}, "no event started this run"),
    ],
)
def test_why_no_lines_are_suggested(name: str, payload: Json, why: str) -> None:
    assert suggestion_target(name, payload).why_not.startswith(why)
