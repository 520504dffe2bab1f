"""What changes in a statement, line by line."""

from __future__ import annotations

from typing import Any

import pytest

from scanner.report.view.statement_diff import statement_diff

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
CRUD = {
    "Effect": "Allow",
    "Action": ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
    "Resource": [TABLE, f"{TABLE}/index/*"],
}
ON_TABLE = {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": TABLE}
ON_INDEX = {"Effect": "Allow", "Action": ["dynamodb:Query"], "Resource": [TABLE, f"{TABLE}/index/*"]}


def test_removed_elements_are_a_line_each() -> None:
    after = {**CRUD, "Action": ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query"]}
    diff = statement_diff(CRUD, [after], as_yaml=False)
    assert [line for line in diff if line[0] != " "] == ['-    "dynamodb:Scan"']


@pytest.mark.parametrize("as_yaml", [False, True])
@pytest.mark.parametrize("after", [[ON_TABLE, ON_INDEX], [ON_INDEX, ON_TABLE]])
def test_a_statement_that_becomes_several_is_one_that_changes_and_new_ones(
    after: list[dict[str, Any]], as_yaml: bool
) -> None:
    diff = statement_diff(CRUD, after, as_yaml=as_yaml)
    new = [line for line in diff if line.startswith("+")]
    first = diff.index(new[0])
    assert diff[first : first + len(new)] == new
    gone = [line.strip(' -",') for line in diff if line.startswith("-")]
    assert gone == ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Scan"]


def test_statements_of_yaml_are_elements_of_a_list_where_there_are_several() -> None:
    several = statement_diff(CRUD, [ON_INDEX, ON_TABLE], as_yaml=True)
    assert [line for line in several if "Effect" in line] == [" - Effect: Allow", "+- Effect: Allow"]
    assert f"+  Resource: {TABLE}" in several
    assert statement_diff(CRUD, [ON_INDEX], as_yaml=True)[0] == " Effect: Allow"


def test_a_statement_that_goes_is_removed_lines() -> None:
    assert {line[0] for line in statement_diff(CRUD, [], as_yaml=False)} == {"-"}
