"""Edits of files that declare no role themselves: they are held to the templates that these are a part of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.fix.files import planned
from scanner.report.records import Fix
from tests.unit.cases import allow
from tests.unit.templates.cases import inline, write
from tests.unit.templates.edit_cases import deployed, offered

GET, PUT = "s3:GetObject", "s3:PutObject"
FILES = {
    "serverless.yml": "service: notes\nprovider: { name: aws, iamRoleStatements: '${file(iam.yml)}' }\n"
    "functions: { list: { handler: a.b } }\n",
    "iam.yml": f"- Effect: Allow\n  Action: [{GET}, {PUT}]\n  Resource: '*'\n"
    "  Condition: { Bool: { a: b } }\n"
    f"- Effect: Deny\n  Action: [{GET}]\n  Resource: b\n",
}


def fix(tmp_path: Path, **changes: Any) -> Fix:
    """The edit of the part, but for some keys."""
    write(tmp_path, FILES)
    statement = {**allow([GET, PUT], "*"), "Condition": {"Bool": {"a": "b"}}}
    its = deployed("notes-dev-us-east-1-lambdaRole", [inline("notes-dev-lambda", statement)], [GET])
    contents = {path: text.encode() for path, text in FILES.items()}
    (found,) = offered(contents, [its._replace(workloads=("notes-dev-list",))]).fixes
    return msgspec.convert({**asdict(found), **changes}, Fix)


def test_it_is_made_where_the_templates_grant_less(tmp_path: Path) -> None:
    its = fix(tmp_path)
    (file,) = planned(tmp_path, [its], [its]).files
    assert file.after.decode() == FILES["iam.yml"].replace(f"[{GET}, {PUT}]", f"[{PUT}]")
    (tmp_path / "iam.yml").write_bytes(file.after)
    assert planned(tmp_path, [its], [its]).made == 1


GRANTING_MORE = {
    "a condition": "  Condition: { Bool: { a: b } }\n",
    "a statement that denies": FILES["iam.yml"][FILES["iam.yml"].index("- Effect: Deny") :],
}


@pytest.mark.parametrize("gone", GRANTING_MORE.values(), ids=GRANTING_MORE)
def test_it_is_refused_where_a_template_grants_more(tmp_path: Path, gone: str) -> None:
    start = FILES["iam.yml"].index(gone)
    its = fix(tmp_path, before=gone, replacement="", start=start, end=start + len(gone))
    assert list(planned(tmp_path, [its], [its]).refused) == ["iam.yml"]
