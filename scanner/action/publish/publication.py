"""What publishers are given, and what they give back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.action.console import Console
from scanner.action.inputs import ActionInputs
from scanner.action.result import ActionResult
from scanner.action.workflow_run import WorkflowRun
from scanner.report.records import Report
from scanner.report.view import View

if TYPE_CHECKING:
    from scanner.github.api import Repository


@dataclass(frozen=True)
class Publication:
    """A result, and all that it takes to show it.

    `report` is the result as it may be shown, `view` arranges it: None where nothing could be scanned.
    `github` connects on its first call and raises GithubError.
    """

    inputs: ActionInputs
    workflow: WorkflowRun
    result: ActionResult
    report: Report | None
    view: View | None
    console: Console
    github: Callable[[], Repository]


Publisher = Callable[[Publication], Mapping[str, str]]
"""Shows a result in one place; returns the outputs of the step that come of it."""
