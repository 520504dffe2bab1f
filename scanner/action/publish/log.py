"""The report, its worst findings, in the step's log."""

from __future__ import annotations

import io
from collections.abc import Mapping

from scanner.action.publish.publication import Publication
from scanner.github import commands
from scanner.report.text import DEFAULT_TOP, Shown, print_text
from scanner.text.escape import counted


def publish_log(publication: Publication) -> Mapping[str, str]:
    """Write the report into a group of the log that can be folded; in debug logs, how much was seen too."""
    view, console = publication.view, publication.console
    if view is None:
        return {}
    text = io.StringIO()
    print_text(view, text, Shown(top=DEFAULT_TOP))
    with commands.grouped(console.out, "The report"):
        for line in text.getvalue().splitlines():
            console.log(line.replace("\t", "  "))  # columns for programs; the log would escape tabs
    if publication.workflow.debug:
        for workload in view.workloads:
            counts = (
                counted(workload.traces, "trace"),
                counted(workload.calls, "call"),
                counted(workload.permissions, "permission"),
            )
            console.debug(f"{workload.name}: {', '.join(counts)}")
    return {}
