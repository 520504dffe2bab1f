"""Access keys are never shown; in public, neither ids and names of others nor values of conditions."""

from __future__ import annotations

import pytest

from scanner.errors import Warnings
from scanner.text.redact import NO_REDACTION, PUBLIC_REDACTION, keys_masked

KEY, MULTI_REGION_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"


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
    assert mask("may read arn:aws:ssm:eu-west-1:1:parameter/*/db") == (
        "may read arn:aws:ssm:eu-west-1:1:parameter/PARAMETER_NAME"
    )
    assert mask(f"key {KEY}, {MULTI_REGION_KEY}") == "key UUID, KEY_ID"
    assert mask("on arn:aws:kms:*:*:key/*, or") == "on arn:aws:kms:*:*:key/*, or"
    assert mask("a Deny is gone: s3:* on * if 0123456789ab") == "a Deny is gone: s3:* on * if HIDDEN"
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
        ("arn:aws:s3:::bucket/*/private", "arn:aws:s3:::bucket/OBJECT_KEY"),
        ("arn:aws:ssm:*:*:parameter/app/db", "arn:aws:ssm:*:*:parameter/PARAMETER_NAME"),
        ("arn:aws:ssm:*:*:parameter/*/db", "arn:aws:ssm:*:*:parameter/PARAMETER_NAME"),
        ("arn:aws:ssm:*:*:parameter/*", "arn:aws:ssm:*:*:parameter/*"),
        ("arn:aws:ssm:*:*:parameter*", "arn:aws:ssm:*:*:parameter*"),
        ("arn:aws:ssm:*:*:*app/db", "arn:aws:ssm:*:*:*PARAMETER_NAME"),
        ("arn:aws:ssm:*:*:document/AWS-RunShellScript", "arn:aws:ssm:*:*:document/AWS-RunShellScript"),
        (f"arn:aws:kms:us-east-1:123456789012:key/{KEY}", "arn:aws:kms:us-east-1:ACCOUNT_ID:key/KEY_ID"),
        ("arn:aws:kms:*:*:key/*", "arn:aws:kms:*:*:key/*"),
        ("arn:aws:kms:*:*:alias/app", "arn:aws:kms:*:*:alias/app"),
        (f"arn:aws:*:*:*:key/{KEY}", "arn:aws:*:*:*:key/KEY_ID"),
        ("arn:aws:secretsmanager:*:*:*prod-db*", "arn:aws:secretsmanager:*:*:*SECRET_NAME"),
        ("arn:aws:secretsmanager*prod-db", "arn:aws:secretsmanager*HIDDEN"),
        (f"arn:aws:lambda:*:*:event-source-mapping:{KEY}", "arn:aws:lambda:*:*:event-source-mapping:UUID"),
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
                "Condition": {"StringLike": {"s3:prefix": ["HIDDEN"], "aws:PrincipalTag/team": "HIDDEN"}},
            }
        ]
    }


def test_without_redaction_nothing_changes() -> None:
    resource = "arn:aws:s3:::bucket/key"
    assert (NO_REDACTION.text(resource), NO_REDACTION.resource(resource)) == (resource, resource)
    assert NO_REDACTION.policy({"Resource": resource}) == {"Resource": resource}
