"""From the event that started the workflow to what is done. Pure.

Payloads: docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Activity:
    """What is done beside the report, the summary and the gate.

    `pull_request` is the number to comment on. Where only a commit is known, `find_by_commit` is the commit
    whose open pull request is looked up. `read_only` tells that the token cannot write, and why.
    """

    pull_request: int | None = None
    find_by_commit: str | None = None
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
_DEPENDABOT = (
    "Dependabot started this run: its token is read-only, unless the workflow's `permissions:` say "
    "`pull-requests: write`"
)


def activity_of(event_name: str, event: Mapping[str, Any], actor: str = "") -> Activity:
    """What an event asks for. Events that are not known report, and comment on nothing."""
    if event_name in ("pull_request", "pull_request_target"):
        return _of_pull_request(event_name, event, actor)
    if event_name == "push":
        deleted = event.get("deleted") is True or not str(event.get("ref", "")).startswith("refs/heads/")
        return REPORT_ONLY if deleted else _of_commit(event.get("after"))
    if event_name == "workflow_run":
        return _of_workflow_run(event)
    # merge_group has no pull request in its payload; schedule, workflow_dispatch and others have none at all
    return REPORT_ONLY


def _of_pull_request(event_name: str, event: Mapping[str, Any], actor: str) -> Activity:
    pull_request = _mapping(event.get("pull_request"))
    number = pull_request.get("number", event.get("number"))
    if not isinstance(number, int):
        return REPORT_ONLY
    return Activity(number, read_only=_read_only(event_name, pull_request, actor))


def _read_only(event_name: str, pull_request: Mapping[str, Any], actor: str) -> str | None:
    if event_name == "pull_request_target":
        return None  # runs in the base repository, with its token
    head = _mapping(_mapping(pull_request.get("head")).get("repo")).get("full_name")
    base = _mapping(_mapping(pull_request.get("base")).get("repo")).get("full_name")
    if head != base:  # a deleted fork has no repository at all
        return _FORK
    return _DEPENDABOT if actor == "dependabot[bot]" else None


def _of_workflow_run(event: Mapping[str, Any]) -> Activity:
    run = _mapping(event.get("workflow_run"))
    pull_requests = run.get("pull_requests")
    if isinstance(pull_requests, list) and len(pull_requests) == 1:
        number = _mapping(pull_requests[0]).get("number")
        if isinstance(number, int):
            return Activity(number)
    return _of_commit(run.get("head_sha"))  # for a fork the list is empty


def _of_commit(sha: Any) -> Activity:
    return Activity(find_by_commit=sha) if isinstance(sha, str) and sha.strip("0") else REPORT_ONLY


def is_public(event: Mapping[str, Any]) -> bool:
    """Whether everybody can read the repository; True where the event does not say, to be careful."""
    repository = _mapping(event.get("repository"))
    visibility = repository.get("visibility")
    if isinstance(visibility, str):
        return visibility == "public"
    return repository.get("private") is not True


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
