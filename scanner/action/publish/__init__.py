"""Where a result is shown: one small publisher a place.

To add a place: write a publisher in its own module and add it to PUBLISHERS,
or to LATER_PUBLISHERS where it sets no output of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from scanner.action.console import Console
from scanner.action.inputs import ActionInputs
from scanner.action.publish.annotations import publish_annotations
from scanner.action.publish.comment import publish_comment
from scanner.action.publish.conclusion import publish_conclusion
from scanner.action.publish.fix_pull import publish_fix
from scanner.action.publish.issue import publish_issue
from scanner.action.publish.log import publish_log
from scanner.action.publish.outputs import OUTPUTS, outputs_of
from scanner.action.publish.publication import Publication, Publisher
from scanner.action.publish.sarif import publish_sarif
from scanner.action.publish.suggestions import publish_suggestions
from scanner.action.publish.summary import publish_summary
from scanner.action.publish.webhook import publish_webhook
from scanner.action.result import ActionResult
from scanner.action.wording import view_by_inputs
from scanner.action.workflow_run import WorkflowRun
from scanner.github import commands
from scanner.report.hide import hidden
from scanner.report.records import Report
from scanner.report.view import View, view_of
from scanner.text.redact import NO_REDACTION, Redaction

if TYPE_CHECKING:
    from scanner.github.api import Repository

PUBLISHERS: Sequence[Publisher] = (
    outputs_of,
    publish_sarif,
    publish_summary,
    publish_log,
    publish_comment,
    publish_issue,
    publish_fix,
)
"""Those whose outputs are set: as soon as they are through, since a step may be killed at any time."""

LATER_PUBLISHERS: Sequence[Publisher] = (
    publish_suggestions,
    publish_conclusion,
    publish_webhook,
    publish_annotations,  # last: they take the room that other annotations leave
)
"""Those that set no outputs."""


def publish(
    inputs: ActionInputs,
    workflow: WorkflowRun,
    result: ActionResult,
    console: Console,
    github: Callable[[], Repository],
) -> None:
    """Show a result everywhere, and set the step's outputs. What fails in one place is a warning there."""
    report = hidden(result.report, console.redaction) if result.report else None
    publication = Publication(
        inputs=inputs,
        workflow=workflow,
        result=result,
        report=report,
        view=_view(report, console.redaction),
        console=console,
        github=github,
    )
    outputs = dict.fromkeys(OUTPUTS, "")
    for publisher in PUBLISHERS:
        outputs |= console.guarded(partial(publisher, publication)) or {}
    console.guarded(partial(commands.set_outputs, workflow.outputs, outputs))
    for publisher in LATER_PUBLISHERS:
        console.guarded(partial(publisher, publication))


def _view(report: Report | None, redaction: Redaction) -> View | None:
    if report is None:
        return None
    return view_by_inputs(view_of(report, names_hidden=redaction is not NO_REDACTION))
