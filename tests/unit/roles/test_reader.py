"""A role as AWS's documents have it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from scanner.errors import Warnings
from scanner.roles.reader import roles_from_file
from tests.unit.cases import ROLE


@pytest.mark.parametrize(
    ("details", "created"),
    [
        ({"CreateDate": "2026-11-23T08:15:00+00:00"}, datetime(2026, 11, 23, 8, 15, tzinfo=UTC)),
        ({"CreateDate": "yesterday"}, None),
        ({}, None),
    ],
)
def test_when_a_role_was_made(details: dict[str, Any], created: datetime | None) -> None:
    (role,) = roles_from_file({"RoleDetailList": [{"Arn": ROLE, **details}]}, [ROLE], Warnings())
    assert role.created == created
