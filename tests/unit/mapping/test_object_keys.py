"""Keys of objects in messages of denials: they are not kept."""

from __future__ import annotations

import pytest

from scanner.mapping.access_denied import object_pattern, without_object_key


@pytest.mark.parametrize(
    ("resource", "kept"),
    [
        ("arn:aws:s3:::uploads/customers/4711.pdf", "arn:aws:s3:::uploads/*"),
        ("arn:aws-cn:s3:::uploads/a\nb", "arn:aws-cn:s3:::uploads/*"),
        ("arn:aws:s3:::uploads", "arn:aws:s3:::uploads"),
        ("arn:aws:s3:::uploads/*", "arn:aws:s3:::uploads/*"),
        (
            "arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/secret.txt",
            "arn:aws:s3:us-east-1:123456789012:accesspoint/ap/object/*",
        ),
        (
            "arn:aws:s3:us-east-1:123456789012:accesspoint/ap",
            "arn:aws:s3:us-east-1:123456789012:accesspoint/ap",
        ),
        ("arn:aws:dynamodb:us-east-1:1:table/t/index/i", "arn:aws:dynamodb:us-east-1:1:table/t/index/i"),
    ],
)
def test_the_key_of_an_object_is_not_kept(resource: str, kept: str) -> None:
    assert object_pattern(resource) == kept
    message = f"not authorized to perform: s3:GetObject on resource: {resource} because"
    assert without_object_key(message, resource) == message.replace(resource, kept)
