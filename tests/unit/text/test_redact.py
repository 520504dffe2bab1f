"""Access keys are never shown."""

from __future__ import annotations

import pytest

from scanner.errors import Warnings
from scanner.text.redact import redacted


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        'aws.auth.account.access_key="ASIAIOSFODNN7EXAMPLE"',
        "secret_access_key: abc/def",
    ],
)
def test_keys_are_never_shown(secret: str) -> None:
    masked = redacted(f"refused {secret}")
    assert "EXAMPLE" not in masked
    assert "abc/def" not in masked


def test_a_warning_never_holds_a_key() -> None:
    warnings = Warnings()
    warnings.add("function-unread", "refused: secret_access_key=abc/def")
    assert "abc/def" not in warnings.all()[0].message
