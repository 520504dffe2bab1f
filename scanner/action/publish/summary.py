"""The step's summary."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.action.publish.outputs import MARKDOWN
from scanner.action.publish.publication import Publication
from scanner.action.publish.text import summary_text
from scanner.github import commands
from scanner.report.files import REPORT

# docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
MAX_SUMMARY = 1_000_000  # bytes, of 1,024 KiB


def publish_summary(publication: Publication) -> Mapping[str, str]:
    """Append the result to the step's summary."""
    more = f"all of it is in {MARKDOWN} and {REPORT}, in the folder of `output-dir`"
    text = summary_text(publication, MAX_SUMMARY, more)
    commands.write_summary(publication.workflow.summary, text)
    return {}
