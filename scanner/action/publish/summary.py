"""The step's summary."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.action.publish.outputs import MARKDOWN
from scanner.action.publish.publication import Publication
from scanner.action.publish.text import text_of
from scanner.github import commands
from scanner.report.files import REPORT

# docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
MAX_SUMMARY = 900_000  # characters, of 1,024 KiB: some take more than one byte


def publish_summary(publication: Publication) -> Mapping[str, str]:
    """Append the result to the step's summary."""
    more = f"all of it is in {MARKDOWN} and {REPORT}, in the folder of `output-dir`"
    text = text_of(publication, MAX_SUMMARY, more)
    commands.write_summary(publication.workflow.summary, text)
    return {}
