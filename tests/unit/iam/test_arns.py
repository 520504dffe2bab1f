"""Resource patterns as ARNs."""

from __future__ import annotations

import pytest

from scanner.iam import arns
from scanner.iam.arns import completed, is_wide

ACCOUNT = "123456789012"


def arn(service: str, resource: str, region: str = "eu-west-1") -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        ("*", arn("sqs", "orders")),
        (arn("sqs", "orders"), "*"),
        (arn("sqs", "ord*"), arn("sqs", "orders")),
        (arn("sqs", "orders", region="*"), arn("sqs", "o*")),
        # fewer fields than an ARN: the `*` may stand for all that is missing
        ("arn:aws:sqs:*orders", arn("sqs", "*")),
    ],
)
def test_patterns_that_have_an_arn_in_common_overlap(pattern: str, resource: str) -> None:
    assert arns.overlaps(pattern, resource)


@pytest.mark.parametrize(
    ("pattern", "resource"),
    [
        (arn("sqs", "ord*"), arn("sqs", "invoices")),
        (arn("sqs", "ord*"), arn("sns", "ord*")),
        # a `*` in a field of one does not stand for several fields of the other
        (arn("sqs", "*", region="*"), "arn:*:sns:eu-west-1:123456789012:*"),
    ],
)
def test_patterns_without_an_arn_in_common_do_not_overlap(pattern: str, resource: str) -> None:
    assert not arns.overlaps(pattern, resource)


@pytest.mark.parametrize(
    ("resource", "is_wide"),
    [
        ("*", True),
        (arn("sqs", "orders"), False),
        (arn("sqs", "ord*"), True),
        (arn("sqs", "orders", region="*"), False),
        (arn("dynamodb", "table/${aws:PrincipalTag/team}"), False),
        ("arn:aws:sqs:*", True),
        ("arn:aws:sqs:*:orders", False),
    ],
)
def test_what_is_wider_than_one_resource(resource: str, is_wide: bool) -> None:
    assert arns.is_wide(resource) is is_wide


def test_an_account_is_opened_where_there_is_one() -> None:
    assert arns.of_any_account(arn("sqs", "orders")) == "arn:aws:sqs:eu-west-1:*:orders"
    assert arns.of_any_account("arn:aws:s3:::invoices") == "arn:aws:s3:::invoices"
    assert arns.of_any_account("*") == "*"


@pytest.mark.parametrize(
    ("resource", "meant"),
    [
        ("arn:aws:sqs", "arn:aws:sqs:*:*:*"),
        ("arn:aws:sqs:", "arn:aws:sqs:*:*:*"),
        ("arn:aws:sqs:us-east-1", "arn:aws:sqs:us-east-1:*:*"),
        ("arn:aws:s3:::b", "arn:aws:s3:::b"),
        ("*", "*"),
        ("arn:aws:sqs:*", "arn:aws:sqs:*:*:*"),
        ("arn:aws:sqs:us-*", "arn:aws:sqs:us-*:*:*"),
        ("arn:aws:sqs:*:123456789012", "arn:aws:sqs:*:123456789012:*"),
        ("arn:aws:sqs::1234*", "arn:aws:sqs::1234*:*"),
        ("arn:*:sqs", "arn:*:sqs:*:*:*"),
        # whether the `*` spans fields is unclear, and a service has no wildcard
        ("arn:aws:sqs:*:q", "arn:aws:sqs:*:q"),
        ("arn:aws:dynamodb:table/*", "arn:aws:dynamodb:table/*"),
        ("arn:aws:s3*", "arn:aws:s3*"),
        ("arn:aws:*", "arn:aws:*"),
        ("arn:*", "arn:*"),
    ],
)
def test_an_incomplete_arn_is_completed(resource: str, meant: str) -> None:
    """docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""
    assert completed(resource) == meant
    assert completed(meant) == meant


def test_an_incomplete_arn_is_wide() -> None:
    assert is_wide("arn:aws:sqs")
    assert not is_wide("arn:aws:sqs:us-east-1:123456789012:q")
