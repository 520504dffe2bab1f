"""The suggested changes on lines of the pull request's diff that grant what nobody used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from scanner.action.publish.comment import key_of, pull_request_of
from scanner.action.publish.publication import Publication
from scanner.action.suggested_lines import SuggestedLines
from scanner.fix.choose import choose
from scanner.fix.files import planned
from scanner.github.errors import GithubError
from scanner.github.event import SuggestionTarget, suggestion_target
from scanner.github.review import CHANGED, PostedReview, ReviewDraft, suggest
from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.report.records import Finding, Fix, Report
from scanner.report.view.viewed import is_to_act_on
from scanner.templates.edits.recheck import grants_less
from scanner.templates.places import Templates
from scanner.templates.read import files_of, read_templates
from scanner.text.escape import counted, markdown_code

_ELSEWHERE = "the comment and the summary have the edits"
_MOST_ACTIONS = 5


def publish_suggestions(publication: Publication) -> Mapping[str, str]:
    """Review the pull request. Where the token may not, that is a line of the log: nobody has to let it."""
    console, workflow = publication.console, publication.workflow
    target = suggestion_target(workflow.event_name, workflow.event, workflow.ref, workflow.sha)
    report = publication.result.report
    why_not = _why_not(publication, target)
    if why_not or report is None:
        console.log(f"no suggestions: {why_not}")
        return {}
    try:
        posted = _suggested(publication, target, report)
    except GithubError as error:
        line = f"no suggestions: {error}; {_ELSEWHERE}"
        if error.needed or error.status == CHANGED or "locked" in error.message:
            console.log(line)
        else:
            console.annotate("warning", line)
        return {}
    if posted:
        made = f"{counted(posted.made, 'suggestion')} made, {posted.hidden} hidden as outdated"
        console.log("; ".join((f"suggestions: {made}", *posted.notes)))
    return {}


def _why_not(publication: Publication, target: SuggestionTarget) -> str:
    """Why nothing is suggested; empty where something may be."""
    if publication.inputs.suggest == "never":
        return "they are switched off (`suggest: never`)"
    if target.why_not:
        return target.why_not
    if publication.report is None or publication.result.is_empty:
        return "nothing was compared, so that earlier ones may still be valid"
    return ""


def _suggested(publication: Publication, target: SuggestionTarget, report: Report) -> PostedReview | None:
    """What became of the suggestions, None where the pull request is not known. Raises GithubError."""
    repository = publication.github()
    number = pull_request_of(repository, target.activity, publication)
    if number is None:
        publication.console.log("no suggestions: the pull request is not known")
        return None
    root = publication.workflow.workspace
    removed = _Removed(publication, report)
    plan = planned(root, removed.fixes, report.fixes)
    lines = SuggestedLines(
        files=plan.files,
        is_merge=target.is_merge,
        content_at=repository.file,
        is_less=partial(_is_less, root, cache(partial(read_templates, root))),
        rank=removed.rank,
        why=removed.why,
    )
    more = f"The [run]({publication.workflow.url}) has the whole result."
    draft = ReviewDraft(
        key=key_of(publication),
        run=publication.workflow.id,
        head=target.head,
        paths=lines.paths,
        proposed=lines.proposed,
        more=more,
    )
    return suggest(repository, number, draft)


def _is_less(root: Path, templates: Callable[[], Templates], path: str, before: bytes, after: bytes) -> bool:
    return grants_less(path, before, after, files_of(root), templates())


class _Removed:
    """What edits remove: those that may be suggested, and what is said of them."""

    def __init__(self, publication: Publication, report: Report) -> None:
        self._masked = publication.console.masked
        every = [(role, finding) for role in report.roles for finding in role.findings]
        self._findings = {finding.id: finding for _, finding in every}
        kept = {f.id for role, f in every if not (f.confirmed and is_to_act_on(role, f))}
        self.fixes = [fix for fix in choose(report).fixes if not kept.intersection(fix.findings)]

    def rank(self, fixes: Sequence[Fix]) -> int:
        """The place of the most severe of their findings."""
        levels = (*SEVERITY_LEVELS, NONE)
        return min((levels.index(finding.severity) for finding in self._of(fixes)), default=len(levels))

    def why(self, fixes: Sequence[Fix]) -> str:
        """What is said of a suggestion, in Markdown."""
        findings = self._of(fixes)
        actions = list(dict.fromkeys(action for finding in findings for action in finding.actions))
        named = ", ".join(markdown_code(self._masked(action)) for action in actions[:_MOST_ACTIONS])
        more = f" and {len(actions) - _MOST_ACTIONS} more" if len(actions) > _MOST_ACTIONS else ""
        severity = (*SEVERITY_LEVELS, NONE)[self.rank(fixes)]
        return (
            f"Unused: {named}{more} [{severity}]. Every call that was seen is still allowed without it. "
            "If it is needed, resolve this conversation: it is not suggested again."
        )

    def _of(self, fixes: Sequence[Fix]) -> list[Finding]:
        ids = dict.fromkeys(id_ for fix in fixes for id_ in fix.findings)
        return [self._findings[id_] for id_ in ids if id_ in self._findings]
