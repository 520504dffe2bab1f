"""The comment of the pull request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from scanner.action.publish.publication import Publication
from scanner.action.publish.text import comment_text
from scanner.github.comment import CommentDraft, post
from scanner.github.errors import GithubError
from scanner.github.event import Activity, activity_of, judged_by
from scanner.report.recorded import changes_of, line_of, record_of, recorded_in

if TYPE_CHECKING:
    from scanner.github.api import Repository

# docs.github.com/en/rest/issues/comments
MAX_COMMENT = 65_000  # characters, of 65,536: the marker with the key comes on top


def publish_comment(publication: Publication) -> Mapping[str, str]:
    """Bring the comment of the pull request up to date. Where GitHub refuses, that is a warning."""
    workflow = publication.workflow
    activity = activity_of(workflow.event_name, workflow.event, workflow.ref)
    why_not = _why_not(publication, activity)
    if why_not:
        publication.console.log(f"no comment: {why_not}")
        return {}
    draft = _draft(publication)
    try:
        return {"comment-url": _post(publication, activity, draft)}
    except GithubError as error:
        publication.console.annotate("warning", f"no comment: {error}")
        return {}


def _why_not(publication: Publication, activity: Activity) -> str:
    """Why there is no comment; empty where there may be one."""
    if publication.inputs.comment == "never":
        return "comments are switched off (`comment: never`)"
    if not activity.no_comment and publication.result.is_empty:
        return "nothing was compared, so that an earlier comment may still be valid"
    return activity.no_comment


def _draft(publication: Publication) -> CommentDraft:
    return CommentDraft(
        body=_body(publication, ""),
        key=key_of(publication),
        run=publication.workflow.id,
        mode=publication.inputs.comment,
        has_findings=publication.result.needs_attention,
    )


def _body(publication: Publication, before: str) -> str:
    """The comment, and the record of what it is about, after a comment that is there already."""
    report = publication.report
    if report is None:
        return comment_text(publication, MAX_COMMENT)
    record = record_of(report, recorded_in(before, publication.console.masked))
    line = line_of(record)
    text = comment_text(publication, MAX_COMMENT - len(line), changes_of(record))
    return f"{line}\n{text}" if line else text


def key_of(publication: Publication) -> str:
    """The key of comment and suggestions: what is not judged as the pull request is has its own."""
    judged = judged_by(publication.workflow.event_name, publication.workflow.event)
    key = publication.inputs.key
    return f"{key} ({judged})" if judged else key


def _post(publication: Publication, activity: Activity, draft: CommentDraft) -> str:
    """The address of the comment, empty where there is none. Raises GithubError."""
    repository = publication.github()
    number = pull_request_of(repository, activity, publication)
    if number is None:
        publication.console.log("no comment: the pull request is not known")
        return ""
    posted = post(repository, number, draft, partial(_body, publication))
    publication.console.log(f"comment: {posted.kind}. {posted.note}".strip())
    return posted.url or ""


def pull_request_of(repository: Repository, activity: Activity, publication: Publication) -> int | None:
    """The pull request that a run belongs to, None where it is not known. Raises GithubError."""
    if activity.pull_request is not None or not activity.find_by_commit:
        return activity.pull_request
    log = publication.console.log
    return repository.open_pull_request_of_commit(activity.find_by_commit, log, activity.branch)
