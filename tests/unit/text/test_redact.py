"""Access keys are never shown; in public, neither accounts nor names of secrets and objects."""

from __future__ import annotations

import pytest

from scanner.errors import Warnings
from scanner.text.redact import NO_REDACTION, PUBLIC_REDACTION, keys_masked


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        'aws.auth.account.access_key="ASIAIOSFODNN7EXAMPLE"',
        "secret_access_key: abc/def",
    ],
)
def test_keys_are_never_shown(secret: str) -> None:
    masked = keys_masked(f"refused {secret}")
    assert "EXAMPLE" not in masked
    assert "abc/def" not in masked


def test_a_warning_never_holds_a_key() -> None:
    warnings = Warnings()
    warnings.add("function-unread", "refused: secret_access_key=abc/def")
    assert "abc/def" not in warnings.all()[0].message


def test_a_line_in_public_names_no_account_no_secret_and_no_object() -> None:
    mask = PUBLIC_REDACTION.text
    assert mask("role of account 123456789012") == "role of account ACCOUNT_ID"
    assert mask("see arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf") == (
        "see arn:aws:secretsmanager:us-east-1:ACCOUNT_ID:secret:SECRET_NAME"
    )
    assert mask("see arn:aws:s3:::bucket/a key") == "see arn:aws:s3:::bucket/OBJECT_KEY"
    assert mask("1234567890123 is no account") == "1234567890123 is no account"


@pytest.mark.parametrize(
    ("resource", "masked"),
    [
        ("*", "*"),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/*"),
        ("arn:aws:s3:::bucket/a/b", "arn:aws:s3:::bucket/OBJECT_KEY"),
        ("arn:aws:s3:::*.pdf", "arn:aws:s3:::OBJECT_KEY"),
        (
            "arn:aws:s3:us-east-1:123456789012:accesspoint/name",
            "arn:aws:s3:us-east-1:ACCOUNT_ID:accesspoint/name",
        ),
        (
            "arn:aws:s3:us-east-1:123456789012:accesspoint/name/object/k",
            "arn:aws:s3:us-east-1:ACCOUNT_ID:accesspoint/name/object/OBJECT_KEY",
        ),
        ("arn:aws:secretsmanager:*:*:secret:*", "arn:aws:secretsmanager:*:*:secret:*"),
        ("arn:aws:secretsmanager:*:*:secret:db-??????", "arn:aws:secretsmanager:*:*:secret:SECRET_NAME"),
        (
            "arn:aws:dynamodb:us-east-1:123456789012:table/t",
            "arn:aws:dynamodb:us-east-1:ACCOUNT_ID:table/t",
        ),
    ],
)
def test_a_resource_in_public_keeps_its_kind_and_its_wildcards(resource: str, masked: str) -> None:
    assert PUBLIC_REDACTION.resource(resource) == masked


def test_a_policy_in_public_keeps_its_form() -> None:
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject"],
        "Resource": ["arn:aws:s3:::bucket/secret-plan"],
        "Condition": {"StringLike": {"s3:prefix": ["home/ann"], "aws:PrincipalTag/team": "blue"}},
    }
    assert PUBLIC_REDACTION.policy({"Statement": [statement]}) == {
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": ["arn:aws:s3:::bucket/OBJECT_KEY"],
                "Condition": {"StringLike": {"s3:prefix": ["HIDDEN"], "aws:PrincipalTag/team": "blue"}},
            }
        ]
    }


def test_without_redaction_nothing_changes() -> None:
    resource = "arn:aws:s3:::bucket/key"
    assert (NO_REDACTION.text(resource), NO_REDACTION.resource(resource)) == (resource, resource)
    assert NO_REDACTION.policy({"Resource": resource}) == {"Resource": resource}
