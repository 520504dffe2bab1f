"""The issue that runs of no pull request keep up to date in the repository."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from scanner.action.publish.publication import Publication
from scanner.action.publish.text import issue_text
from scanner.github.errors import GithubError
from scanner.github.event import why_no_issue
from scanner.github.issue import IssueContent, IssueDraft, PostedIssue, keep_issue
from scanner.report.issue_record import MAX_ISSUE_RECORD, issue_state
from scanner.report.recorded import line_of, recorded_in
from scanner.report.records import Report

# docs.github.com/en/rest/issues/issues
MAX_BODY = 65_000  # characters, of 65,536: the marker with the key comes on top

_SECONDS_A_DAY = 86_400


def publish_issue(publication: Publication) -> Mapping[str, str]:
    """Bring the issue up to date. Where GitHub refuses, that is a warning, and the gate stands."""
    if publication.inputs.issue.mode == "never":
        return {}
    workflow, console = publication.workflow, publication.console
    report = publication.report
    why_not = why_no_issue(workflow.event_name, workflow.event, workflow.ref)
    if not why_not and (report is None or publication.result.is_empty):
        why_not = "nothing was compared, so that an earlier issue may still be valid"
    if why_not or report is None:
        console.log(f"no issue: {why_not}")
        return {}
    try:
        posted = keep_issue(publication.github(), _draft(publication, report))
    except GithubError as error:
        console.annotate("warning", f"no issue: {error}")
        return {}
    _tell(publication, posted)
    return {"issue-url": posted.url}


def _tell(publication: Publication, posted: PostedIssue) -> None:
    """What became of it in the log; what GitHub refused is a warning."""
    reason, *notes = posted.notes
    publication.console.log(f"issue: {posted.kind}. {reason}")
    for note in notes:
        publication.console.annotate("warning", f"issue: {note}")


def _draft(publication: Publication, report: Report) -> IssueDraft:
    inputs = publication.inputs
    return IssueDraft(
        key=inputs.key,
        run=publication.workflow.id,
        title=inputs.issue.title or f"Excessive AWS permissions ({inputs.key})",
        content_after=partial(_content, publication, report),
        labels=inputs.issue.labels,
        assignees=inputs.issue.assignees,
    )


def _content(publication: Publication, report: Report, told: str) -> IssueContent:
    """What the issue is to say, after what was told last."""
    earlier = recorded_in(told, publication.console.masked)
    state = issue_state(report, earlier, int(publication.result.request.now // _SECONDS_A_DAY))
    line = line_of(state.record, MAX_ISSUE_RECORD)
    body, news = issue_text(publication, MAX_BODY - len(line), state)
    nothing_left = not state.record.open
    return IssueContent(
        body=f"{line}\n{body}" if line else body,
        news=f"{line}\n{news}" if news else "",
        has_new=bool(state.new),
        is_open=bool(state.seen),
        # without a record nothing tells whether the scan could see what the issue was about
        is_clean=nothing_left and (state.is_known or not publication.result.decision.missing),
    )
