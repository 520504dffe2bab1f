"""The outputs of the step. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from scanner.action.publish.publication import Publication
from scanner.model import Verdict
from scanner.report.files import EXCESSIVE, HTML, REPORT

MARKDOWN = "report.md"

OUTPUTS = (
    "conclusion",
    "report",
    "excessive-permissions",
    "markdown",
    "html",
    "sarif",
    "unused",
    "broad",
    "unconfirmed",
    "failing",
    "new",
    "accepted",
    "fixed",
    "comment-url",
    "issue-url",
    "fix-pull-request-url",
)
"""The names of all outputs, as action.yml has them. Those that no publisher returns are empty."""


def outputs_of(publication: Publication) -> Mapping[str, str]:
    """The outputs that tell the result itself."""
    result, folder = publication.result, publication.inputs.output_dir
    names = {path.name for path in result.files}
    confirmed = Counter(finding.verdict for finding in result.findings if finding.confirmed)

    def path(name: str) -> str:
        return str(folder / name) if name in names else ""

    return {
        "conclusion": result.decision.conclusion,
        "report": path(REPORT),
        "excessive-permissions": path(EXCESSIVE),
        "markdown": path(MARKDOWN),
        "html": path(HTML),
        "unused": str(confirmed[Verdict.UNUSED]),
        "broad": str(confirmed[Verdict.BROAD]),
        "unconfirmed": str(sum(not finding.confirmed for finding in result.findings)),
        "failing": str(len(result.decision.failing)),
        "new": str(result.new),
        "accepted": str(result.accepted),
        "fixed": str(result.fixed),
    }
