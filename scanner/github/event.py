"""From the event that started the workflow to what is done. Pure.

Payloads: docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from scanner.text.escape import one_line


@dataclass(frozen=True)
class Activity:
    """What is done besides the report, the summary and the gate.

    `pull_request` is the number to comment on. Where only a commit is known, `find_by_commit` is the commit
    whose open pull request is looked up, by its branch (`owner:branch`) where that is known: GitHub does not
    find the commits of a fork. `no_comment` says why there is no comment, empty where there may be one.
    """

    pull_request: int | None = None
    find_by_commit: str | None = None
    branch: str | None = None
    no_comment: str = ""


_FORK = "the pull request comes from a fork: GitHub gives its workflows a read-only token and no secrets"
_CLOSED = "the pull request is closed"
_NO_EVENT = "no event started this run: GITHUB_EVENT_NAME is not set"
_NO_PAYLOAD = "the file with the event's payload (GITHUB_EVENT_PATH) is missing, empty or not JSON"
_NO_NUMBER = "the event's payload does not tell the number of the pull request"
_NO_COMMIT = "the event's payload tells no commit"
_MERGE_QUEUE = "a merge queue's run stands for no single pull request"

# Forgejo and Gitea check out the head
_PULL_REQUEST_REF = re.compile(r"refs/pull/([1-9]\d*)/(?:merge|head)")


def activity_of(event_name: str, event: Mapping[str, Any], ref: str = "") -> Activity:
    """What an event asks for. Events of no pull request report, and say why they comment on nothing.

    `ref` is what the run was started for (GITHUB_REF): it names the pull request where the payload does not.
    """
    activity = _of_payload(event_name, event)
    match = _PULL_REQUEST_REF.fullmatch(ref)
    if match and activity.no_comment in (_NO_NUMBER, _NO_PAYLOAD, _of_no_pull_request(event_name)):
        return Activity(int(match[1]))
    return activity


def _of_payload(event_name: str, event: Mapping[str, Any]) -> Activity:
    if not event_name:
        return Activity(no_comment=_NO_EVENT)
    if not event:
        return Activity(no_comment=_NO_PAYLOAD)
    if _is_of_pull_request(event_name):
        return _of_pull_request(event_name, event)
    if event_name == "issue_comment":
        return _of_issue(event)
    if event_name == "push":
        return _of_push(event)
    if event_name == "workflow_run":
        return _of_workflow_run(event)
    if event_name == "merge_group":
        return Activity(no_comment=_MERGE_QUEUE)
    return Activity(no_comment=_of_no_pull_request(event_name))


def _of_no_pull_request(event_name: str) -> str:
    return f"`{event_name}` belongs to no pull request"


def _of_pull_request(event_name: str, event: Mapping[str, Any]) -> Activity:
    pull_request = _mapping(event.get("pull_request"))
    if event.get("action") == "closed" or pull_request.get("state") == "closed":
        return Activity(no_comment=_CLOSED)
    number = pull_request.get("number", event.get("number"))
    if not isinstance(number, int):
        return Activity(no_comment=_NO_NUMBER)
    return Activity(number, no_comment=_read_only(event_name, pull_request))


def _read_only(event_name: str, pull_request: Mapping[str, Any]) -> str:
    if event_name == "pull_request_target":
        return ""  # runs in the base repository, with its token
    head = _mapping(_mapping(pull_request.get("head")).get("repo")).get("full_name")
    base = _mapping(_mapping(pull_request.get("base")).get("repo")).get("full_name")
    return _FORK if head != base else ""  # a deleted fork has no repository at all


def _of_issue(event: Mapping[str, Any]) -> Activity:
    """A comment on a pull request, which is an issue to GitHub, with a token that may write."""
    issue = _mapping(event.get("issue"))
    if not issue.get("pull_request"):
        return Activity(no_comment="the comment is one on an issue that is no pull request")
    if issue.get("state") == "closed":
        return Activity(no_comment=_CLOSED)
    number = issue.get("number")
    return Activity(number) if isinstance(number, int) else Activity(no_comment=_NO_NUMBER)


def _of_push(event: Mapping[str, Any]) -> Activity:
    if event.get("deleted") is True:
        return Activity(no_comment="what was pushed is a deletion")
    if not str(event.get("ref", "")).startswith("refs/heads/"):
        return Activity(no_comment="what was pushed is no branch")
    return _of_commit(event.get("after"))


def _of_workflow_run(event: Mapping[str, Any]) -> Activity:
    run = _mapping(event.get("workflow_run"))
    numbers = [pull.get("number") for pull in _pull_requests_here(event, run)]
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return Activity(numbers[0])
    owner = _mapping(_mapping(run.get("head_repository")).get("owner")).get("login")
    branch = run.get("head_branch")  # for a fork the list is empty
    named = f"{owner}:{branch}" if isinstance(owner, str) and isinstance(branch, str) else None
    return replace(_of_commit(run.get("head_sha")), branch=named)


def _pull_requests_here(event: Mapping[str, Any], run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The pull requests of a workflow's run that are those of this repository."""
    repository_id = _mapping(event.get("repository")).get("id")
    return [
        pull
        for pull in map(_mapping, _list(run.get("pull_requests")))
        if repository_id is None
        or _mapping(_mapping(pull.get("base")).get("repo")).get("id") in (None, repository_id)
    ]


def _of_commit(sha: Any) -> Activity:
    known = isinstance(sha, str) and sha.strip("0")
    return Activity(find_by_commit=sha) if known else Activity(no_comment=_NO_COMMIT)


def why_no_issue(event_name: str, event: Mapping[str, Any], ref: str = "") -> str:
    """Why a run keeps no issue; empty where it does: a schedule, a run by hand, a push to the default branch.

    What a pull request, a merge queue or another branch shows is not yet what is deployed. A run for an issue
    or a comment could be started by the issue itself.
    """
    if not event_name:
        return _NO_EVENT
    if event_name == "workflow_run":
        run = _mapping(event.get("workflow_run"))
        return _why_not_of(str(run.get("event")), f"{_BRANCHES}{run.get('head_branch')}", event)
    if event_name == "push":
        return _why_not_of(event_name, str(event.get("ref")), event)
    return _why_not_of(event_name, ref, event)


_FIXED_BY = ("push", "repository_dispatch", "schedule", "workflow_dispatch")


def why_no_fix(event_name: str, event: Mapping[str, Any], ref: str = "") -> str:
    """Why a run keeps no fix pull request; empty where it does: schedules, runs by hand, pushes.

    All of the default branch: the pull request goes there, and is of what that holds.
    """
    if event_name not in _FIXED_BY:
        return f"it is kept by {', '.join(_FIXED_BY)}, not by {event_name or 'runs without an event'}"
    default = _mapping(event.get("repository")).get("default_branch")
    ref = ref or str(event.get("ref"))
    is_default = event_name == "schedule" or (default and ref == f"{_BRANCHES}{default}")
    return "" if is_default else "the run is not of the default branch"


def _why_not_of(event_name: str, ref: str, event: Mapping[str, Any]) -> str:
    if _is_of_pull_request(event_name) or _PULL_REQUEST_REF.fullmatch(ref):
        return "it is kept by runs of no pull request, as scheduled ones"
    if event_name == "merge_group":
        return "it is kept by runs of no merge queue, as scheduled ones"
    if event_name.startswith("issue"):
        return f"a run for `{event_name}` could be started by the issue itself"
    default = _mapping(event.get("repository")).get("default_branch")
    if event_name == "push" and ref != f"{_BRANCHES}{default}":
        return "what was pushed is not the default branch"
    return ""


class SuggestionTarget(NamedTuple):
    """What lines are suggested for. `why_not` is empty where any may be.

    `head` is the commit that the run is about, empty where the event does not tell it. `is_merge`: the
    checkout is the head merged into the base, so that lines may have other numbers there; else files of the
    checkout that differ from the head's are those of another commit.
    """

    activity: Activity
    head: str = ""
    is_merge: bool = False

    @property
    def why_not(self) -> str:
        """Why nothing is suggested."""
        return self.activity.no_comment


def suggestion_target(
    event_name: str, event: Mapping[str, Any], ref: str = "", sha: str = ""
) -> SuggestionTarget:
    """What an event's run may suggest lines for: the pull request that it comments on.

    pull_request_target and issue_comment check out the base, unless the workflow names another commit.
    """
    activity = activity_of(event_name, event, ref)
    is_merge = _is_of_pull_request(event_name) and event_name != "pull_request_target"
    return SuggestionTarget(activity, head_of(event_name, event, sha), is_merge)


class TrustedSource(NamedTuple):
    """Where configuration and baseline may be believed: not where the author of a change writes them.

    `ref` is the commit to read them at, or the whole name of a branch (`refs/heads/main`), which no tag
    shares; empty for the default branch; None where the checkout is trusted. `head` is the commit that the
    checkout must be at to show what the pull request changes in them, empty where no checkout shows that;
    None where the checkout of the event does so by itself.
    """

    ref: str | None = None
    head: str | None = None


def ref_name(ref: str) -> str:
    """A ref in a message; a commit in so many digits that it is never taken for an account id."""
    if ref.startswith(_BRANCHES):
        return f"the tip of {one_line(ref.removeprefix(_BRANCHES))}"
    return ref[:10] or "the default branch"


_BRANCHES = "refs/heads/"
_CHECKOUT = TrustedSource()
_DEFAULT_BRANCH = TrustedSource("", "")


def trusted_source_of(event_name: str, event: Mapping[str, Any]) -> TrustedSource:
    """Where configuration and baseline are read for an event; what a payload does not say is not believed.

    Pull requests read their base, merge groups the tip of the branch that they go into (their base commit may
    be an entry of the queue, not yet merged), all other events the default branch: the branch that was
    pushed, or that a run was started on, may be the author's. Only outside of GitHub, without an event, the
    checkout counts. What each event checks out by itself: docs.github.com/en/actions/reference/
    workflows-and-actions/events-that-trigger-workflows.
    """
    if not event_name:
        return _CHECKOUT
    if event_name == "merge_group":
        return TrustedSource(_branch(_mapping(event.get("merge_group")).get("base_ref")))
    if event_name == "workflow_run":
        run = _mapping(event.get("workflow_run"))
        if not _is_of_pull_request(str(run.get("event"))):
            return _DEFAULT_BRANCH
        return TrustedSource(_base_of_run(event, run), _sha(run.get("head_sha")))
    if _is_of_pull_request(event_name):
        pull_request = _mapping(event.get("pull_request"))
        base, head = (_sha(_mapping(pull_request.get(side)).get("sha")) for side in ("base", "head"))
        # pull_request_target checks out the base, unless the workflow names another commit
        return TrustedSource(base, head if event_name == "pull_request_target" else None)
    return _DEFAULT_BRANCH


def head_of(event_name: str, event: Mapping[str, Any], sha: str = "") -> str:
    """The commit that a run is about: the head of the pull request, not its merge; empty where unknown.

    `sha` is what the run was started for (GITHUB_SHA): it counts where there can be no pull request.
    """
    if event_name == "workflow_run":
        return _commit(_mapping(event.get("workflow_run")).get("head_sha"))
    if event_name == "merge_group":
        return _commit(_mapping(event.get("merge_group")).get("head_sha"))
    head = _mapping(_mapping(event.get("pull_request")).get("head")).get("sha")
    is_of_no_other = event_name and not why_no_issue(event_name, event)
    return _commit(head or event.get("after") or (sha if is_of_no_other else ""))


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _commit(value: Any) -> str:
    return value if isinstance(value, str) and value.strip("0") and _COMMIT.fullmatch(value) else ""


def judged_by(event_name: str, event: Mapping[str, Any]) -> str:
    """What a verdict rests on where that is no pull request: the event; empty for a pull request's own runs.

    A branch may bring another workflow, with weaker inputs, and is not judged by the base of its pull
    request: what a push says must not stand in the place of what the pull request's own run said. A comment
    on a pull request runs the workflow of the default branch.
    """
    if event_name == "workflow_run":
        event_name = str(_mapping(event.get("workflow_run")).get("event") or event_name)
    of_pull_request = _is_of_pull_request(event_name) or event_name == "issue_comment"
    return "" if of_pull_request else event_name


def is_for_pull_request(event_name: str, event: Mapping[str, Any]) -> bool:
    """Whether a run is about a pull request: its own, one after it, or one that a comment on it started."""
    return bool(event_name) and not judged_by(event_name, event)


def _is_of_pull_request(event_name: str) -> bool:
    return event_name.startswith("pull_request")


def _base_of_run(event: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The base of the pull requests of a workflow's run, where they have one; a fork's are not listed."""
    bases = {_sha(_mapping(pull.get("base")).get("sha")) for pull in _pull_requests_here(event, run)}
    return bases.pop() if len(bases) == 1 else ""


def _sha(value: Any) -> str:
    return value if isinstance(value, str) and value.strip("0") else ""


def _branch(value: Any) -> str:
    is_branch = isinstance(value, str) and value.startswith(_BRANCHES) and value != _BRANCHES
    return str(value) if is_branch else ""


def is_public(event: Mapping[str, Any]) -> bool:
    """Whether everybody can read the repository; True where the event does not say, to be careful."""
    repository = _mapping(event.get("repository"))
    visibility = repository.get("visibility")
    if isinstance(visibility, str):
        return visibility == "public"
    return repository.get("private") is not True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
