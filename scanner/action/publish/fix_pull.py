"""The pull request with edits that remove what nobody used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from scanner.action.publish.publication import Publication
from scanner.action.publish.text import location_links
from scanner.fix.choose import choose
from scanner.fix.files import ChangedFile, Planned, planned
from scanner.github.errors import GithubError, NoFileError
from scanner.github.event import why_no_fix
from scanner.github.fix_pull import FixContent, FixDraft, PostedFix, Told, edit_hash, keep_fix
from scanner.report.issue_record import MAX_ISSUE_RECORD, fix_state
from scanner.report.markdown.fix import FixedFile, FixText, fix_body
from scanner.report.recorded import line_of, recorded_in
from scanner.report.records import Finding, Fix, Report
from scanner.text.escape import counted
from scanner.text.redact import NO_REDACTION

if TYPE_CHECKING:
    from scanner.github.api import Repository

MAX_BODY = 64_000  # characters, of 65,536: the markers come on top
MOST_EDITS = 500
MOST_FILES = 100

_SECONDS_A_DAY = 86_400
_MANAGED = ".github/"


def publish_fix(publication: Publication) -> Mapping[str, str]:
    """Bring the pull request up to date. Where GitHub refuses, that is a warning, and the gate stands."""
    if publication.inputs.fix_pull_request == "never":
        return {}
    workflow, console = publication.workflow, publication.console
    why_not = why_no_fix(workflow.event_name, workflow.event, workflow.ref)
    if not why_not and (publication.report is None or publication.result.is_empty):
        why_not = "nothing was compared, so that an earlier one may still be valid"
    if why_not:
        console.log(f"no fix pull request: {why_not}")
        return {}
    try:
        repository = publication.github()
        draft = FixDraft(publication.inputs.key, workflow.id, partial(_content, publication, repository))
        posted = keep_fix(repository, draft)
    except GithubError as error:
        console.annotate("warning", f"no fix pull request: {error}")
        return {}
    _tell(publication, posted)
    return {"fix-pull-request-url": posted.url}


def _tell(publication: Publication, posted: PostedFix) -> None:
    publication.console.log(f"fix pull request: {posted.kind}. {posted.reason}")


def _content(publication: Publication, repository: Repository, head: str, told: Told) -> FixContent:
    """What the pull request is to hold, on top of a commit and after what was told last."""
    report, shown = publication.result.report, publication.report
    if report is None or shown is None:
        return FixContent({}, frozenset(), "")
    choice = choose(report)
    wanted = [fix for fix in choice.fixes if _hash(fix) not in told.declined]
    bounded = _bounded(wanted)
    plan = planned(publication.workflow.workspace, bounded, report.fixes, partial(_file_at, repository, head))
    made = [fix for file in plan.files for fix in file.fixes]
    ids = {id_ for fix in made for id_ in fix.findings}
    left = [
        *_left(plan, publication.console.masked),
        *_not_taken(len(choice.fixes) - len(wanted), len(wanted) - len(bounded)),
        *map(publication.console.masked, choice.left),
    ]
    unknown = _unknown(report, [fix for fix in bounded if fix.path in plan.refused])
    day = int(publication.result.request.now // _SECONDS_A_DAY)
    earlier = recorded_in(told.body, publication.console.masked)
    state = fix_state(shown, earlier, day, ids, unknown)
    record = line_of(state.record, MAX_ISSUE_RECORD)
    text = FixText(
        findings=ids,
        files=_files(plan.files, publication.console.masked),
        left=left,
        report=publication.workflow.url,
        link=location_links(publication),
    )
    hidden = publication.console.redaction is not NO_REDACTION
    return FixContent(
        files={file.path: file.after for file in plan.files},
        edits=frozenset(map(_hash, made)),
        body=fix_body(shown, text, MAX_BODY - len(record), names_hidden=hidden) if made else "",
        record=record,
        unseen=bool(state.unseen),
        why="" if made else "; ".join(left[:3]),
    )


def _hash(fix: Fix) -> str:
    return edit_hash(fix.path, fix.before, fix.replacement, *sorted(fix.findings))


def _bounded(fixes: Sequence[Fix]) -> list[Fix]:
    """As many edits and files as one pull request takes, and somebody can look at."""
    paths = set(list(dict.fromkeys(fix.path for fix in fixes if not _is_managed(fix)))[:MOST_FILES])
    return [fix for fix in fixes if fix.path in paths][:MOST_EDITS]


def _is_managed(fix: Fix) -> bool:
    """Whether a file is GitHub's own: workflows need a right that no token of a job has."""
    return fix.path.lower().startswith(_MANAGED)


def _file_at(repository: Repository, head: str, path: str) -> bytes | None:
    try:
        return repository.file(path, head)
    except NoFileError:
        return None


def _unknown(report: Report, refused: Sequence[Fix]) -> set[str]:
    """The findings of which the scan does not say whether an edit is good: not those with a reason."""
    findings = [finding for role in report.roles for finding in role.findings]
    unplaced = {finding.id for finding in findings if not _is_placed(finding)}
    return unplaced | {id_ for fix in refused for id_ in fix.findings}


def _is_placed(finding: Finding) -> bool:
    return bool(finding.location or finding.location_note or finding.fix_note or finding.fixes)


def _files(files: Sequence[ChangedFile], masked: Callable[[str], str]) -> list[FixedFile]:
    return [FixedFile(masked(file.path), len(file.fixes)) for file in files]


def _left(plan: Planned, masked: Callable[[str], str]) -> list[str]:
    """Why files are left as they are, at the head of the default branch."""
    at_head = "in the default branch"
    return [f"`{masked(path)}` {at_head}: {why}" for path, why in plan.refused.items()]


def _not_taken(declined: int, too_many: int) -> list[str]:
    lines = []
    if declined:
        lines.append(f"{counted(declined, 'edit')} of a pull request that somebody closed without merging it")
    if too_many:
        lines.append(f"{counted(too_many, 'edit')} more than one pull request takes: a later one has them")
    return lines
