"""What every output shows where an edit of the template is known: the template's own lines."""

from __future__ import annotations

from pathlib import Path

from scanner.explain import explained
from scanner.places import with_places
from scanner.report.build import report
from scanner.report.markdown.comment import comment
from scanner.report.schema import plain
from scanner.request import ScanRequest
from scanner.result import ScanResult
from tests.fakes import notes
from tests.unit.action.test_publish import walk_through
from tests.unit.report.views import viewed

# A comment, and a resource that the deployed policy has otherwise
TEMPLATE = notes.SERVERLESS.replace("- dynamodb:GetItem", "- dynamodb:GetItem # read")
LINE = "-          - dynamodb:GetItem # read"


def placed(tmp_path: Path, template: str) -> tuple[ScanResult, ScanRequest]:
    (tmp_path / "serverless.yml").write_text(template)
    request, result = walk_through()
    return with_places(result, request, None, tmp_path), request  # type: ignore[arg-type]  # asks nobody


def test_the_difference_is_that_of_the_template(tmp_path: Path) -> None:
    view = viewed(*placed(tmp_path, TEMPLATE))
    (edit,) = [edit for suggestion in view.suggestions for edit in suggestion.edits]
    assert LINE in edit.difference.splitlines()
    assert "@@" not in edit.difference
    assert edit.template == f"serverless.yml:{notes.SERVERLESS_LINE}"
    assert LINE in comment(view, 60_000)


def test_without_an_edit_of_the_template_it_is_the_policy(tmp_path: Path) -> None:
    action = TEMPLATE.replace("- dynamodb:GetItem # read", "- !Sub dynamodb:GetItem").replace(
        "- Effect", "- Sid: x\n        Effect"
    )
    view = viewed(*placed(tmp_path, action))
    (edit,) = [edit for suggestion in view.suggestions for edit in suggestion.edits]
    assert edit.template == ""
    assert "GetItem" in edit.difference


def test_explain_names_the_template(tmp_path: Path) -> None:
    result, request = placed(tmp_path, TEMPLATE)
    (fix,) = result.fixes
    lines = explained(plain(report(result, request)), fix.findings[0], everything=False)
    assert any(LINE in line for line in lines)
