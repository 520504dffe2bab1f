"""From the event that started the workflow to what is done. Pure.

Payloads: docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Activity:
    """What is done besides the report, the summary and the gate.

    `pull_request` is the number to comment on. Where only a commit is known, `find_by_commit` is the commit
    whose open pull request is looked up, by its branch (`owner:branch`) where that is known: GitHub does not
    find the commits of a fork. `read_only` tells that the token cannot write, and why.
    """

    pull_request: int | None = None
    find_by_commit: str | None = None
    branch: str | None = None
    read_only: str | None = None

    @property
    def comments(self) -> bool:
        """Whether there may be a pull request to comment on."""
        return self.pull_request is not None or self.find_by_commit is not None


REPORT_ONLY = Activity()
_FORK = (
    "the pull request comes from a fork: GitHub gives its workflows a read-only token and no secrets, so "
    "there is no comment"
)


def activity_of(event_name: str, event: Mapping[str, Any]) -> Activity:
    """What an event asks for. Events that are not known report, and comment on nothing."""
    if event_name in ("pull_request", "pull_request_target"):
        return _of_pull_request(event_name, event)
    if event_name == "push":
        deleted = event.get("deleted") is True or not str(event.get("ref", "")).startswith("refs/heads/")
        return REPORT_ONLY if deleted else _of_commit(event.get("after"))
    if event_name == "workflow_run":
        return _of_workflow_run(event)
    # merge_group has no pull request in its payload; schedule, workflow_dispatch and others have none at all
    return REPORT_ONLY


def _of_pull_request(event_name: str, event: Mapping[str, Any]) -> Activity:
    pull_request = _mapping(event.get("pull_request"))
    number = pull_request.get("number", event.get("number"))
    if not isinstance(number, int) or event.get("action") == "closed":
        return REPORT_ONLY
    return Activity(number, read_only=_read_only(event_name, pull_request))


def _read_only(event_name: str, pull_request: Mapping[str, Any]) -> str | None:
    if event_name == "pull_request_target":
        return None  # runs in the base repository, with its token
    head = _mapping(_mapping(pull_request.get("head")).get("repo")).get("full_name")
    base = _mapping(_mapping(pull_request.get("base")).get("repo")).get("full_name")
    return _FORK if head != base else None  # a deleted fork has no repository at all


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
    return Activity(find_by_commit=sha) if isinstance(sha, str) and sha.strip("0") else REPORT_ONLY


class TrustedSource(NamedTuple):
    """Where configuration and baseline may be believed: not where the author of a change writes them.

    `ref` is the commit to read them at, empty for the default branch; None where the checkout is trusted.
    `head` is the commit that the checkout must be at to show what the pull request changes in them, empty
    where no checkout shows that; None where the checkout of the event does so by itself.
    """

    ref: str | None = None
    head: str | None = None


_CHECKOUT = TrustedSource()
_DEFAULT_BRANCH = TrustedSource("", "")


def trusted_source_of(event_name: str, event: Mapping[str, Any]) -> TrustedSource:
    """Where configuration and baseline are read for an event; what a payload does not say is not believed.

    Pull requests and merge groups read their base, all other events the default branch: the branch that was
    pushed, or that a run was started on, may be the author's. Only outside of GitHub, without an event, the
    checkout counts. What each event checks out by itself: docs.github.com/en/actions/reference/
    workflows-and-actions/events-that-trigger-workflows.
    """
    if not event_name:
        return _CHECKOUT
    if event_name == "merge_group":
        return TrustedSource(_sha(_mapping(event.get("merge_group")).get("base_sha")))
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


def _is_of_pull_request(event_name: str) -> bool:
    return event_name.startswith("pull_request")


def _base_of_run(event: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The base of the pull requests of a workflow's run, where they have one; a fork's are not listed."""
    bases = {_sha(_mapping(pull.get("base")).get("sha")) for pull in _pull_requests_here(event, run)}
    return bases.pop() if len(bases) == 1 else ""


def _sha(value: Any) -> str:
    return value if isinstance(value, str) and value.strip("0") else ""


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
