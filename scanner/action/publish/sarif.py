"""The findings as SARIF, in the file of the input `sarif`: for a step that uploads it to code scanning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from scanner.action.publish.publication import Publication
from scanner.options.parsers import CONFIG
from scanner.output.named_file import NamedFile
from scanner.report.code_file import fallback_file
from scanner.report.sarif import sarif


def publish_sarif(publication: Publication) -> Mapping[str, str]:
    """Write the file, where one is asked for and anything could be scanned. Names are hidden as elsewhere."""
    workflow, options, report = publication.workflow, publication.inputs.options, publication.report
    if options.sarif is None or report is None:
        return {}
    config = options.config or CONFIG
    code_file = fallback_file(workflow.workspace, config, workflow.file, options.files_written)
    file = sarif_file(options.sarif, workflow.workspace, publication.console.log)
    file.write(partial(sarif, report, code_file))
    return {"sarif": str(options.sarif)}


def sarif_file(path: Path, workspace: Path, say: Callable[[str], None]) -> NamedFile:
    """The file, which must not leave the workspace."""
    return NamedFile(path, "input `sarif`", say, root=workspace)
