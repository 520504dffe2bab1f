"""Resource patterns as ARNs: do two overlap, is one wide. Pure.

ARN fields: docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html. Patterns are texts here, not
`model.Arn`: a wildcard may stand in each field, the first too, or for several fields.
"""

from __future__ import annotations

import re
from functools import lru_cache

from scanner.iam import catalog, patterns
from scanner.iam.patterns import is_pattern
from scanner.iam.wildcards import ends_with_a_secrets_name, without_needed_wildcard

ALL = "*"
_FIELDS = 6
_NO_ACCOUNT = re.compile(r"[^0-9*?]")
# arn, partition, service, and perhaps region and account, which may have wildcards
_INCOMPLETE = re.compile(r"arn:[a-z*?-]+:[a-z0-9-]+(?::[a-z0-9*?-]*(?::[0-9*?]*)?)?")
_VARIABLE = re.compile(r"\$\{[^}]*\}")
# `*`, `table/*`, `log-group:*`: all resources, or all of a type
_ALL_OF_A_TYPE = re.compile(r"(?:[a-zA-Z-]+[:/])?\*+")


def overlaps(pattern: str, resource: str) -> bool:
    """Whether a resource pattern of a policy and a resource, or a pattern of one, have an ARN in common.

    Where both are patterns of whole ARNs, they are compared field by field: a `*` could otherwise stand for
    half of another ARN.
    """
    if resource == ALL:
        return True
    if pattern == ALL or not (is_pattern(pattern) and is_pattern(resource)):
        return patterns.overlaps(pattern, resource)
    fields, resource_fields = _fields(pattern), _fields(resource)
    if fields is None or resource_fields is None:
        return patterns.overlaps(pattern, resource)
    for field, resource_field in zip(fields, resource_fields, strict=True):
        if field != resource_field and not patterns.overlaps(field, resource_field):
            return False
    return True


# both bench rows: the patterns of a role are compared with each use and each format of the reference
@lru_cache(maxsize=1 << 14)
def _fields(pattern: str) -> tuple[str, ...] | None:
    """The fields of an ARN, the service first, where most differ; None where a `*` may stand for several.

    Such a `*` is before the account, and what is in the account's place is none.
    """
    fields = pattern.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return None
    if _NO_ACCOUNT.search(fields[4]) is not None and any(is_pattern(field) for field in fields[:4]):
        return None
    return (fields[2], fields[5], *fields[:2], *fields[3:5])


def grants_account_wide(pattern: str, prefix: str) -> bool:
    """Whether a resource pattern allows an action that knows no resources, of a service.

    IAM asks for `*` there; a pattern that names no single resource is taken for it, to be careful.
    """
    fields = pattern.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return pattern.endswith(ALL)
    of_a_type = fields[2] != "s3" and _ALL_OF_A_TYPE.fullmatch(fields[5]) is not None
    return patterns.overlaps(fields[2], prefix) and (of_a_type or not fields[5].strip(ALL))


@lru_cache(maxsize=1 << 14)
def is_incomplete(resource: str) -> bool:
    """Whether a resource of a policy is an ARN with fewer fields than one has.

    One with a wildcard is, where what it has can be a service, a region and an account: in
    `arn:aws:sqs:*:q` the `*` may be meant for both of these.
    """
    if not resource.startswith("arn:") or resource.count(":") >= _FIELDS - 1:
        return False
    return not is_pattern(resource) or _INCOMPLETE.fullmatch(resource) is not None


def completed(resource: str) -> str:
    """A resource of a policy with `*` for the fields that are missing: `arn:aws:sqs` -> `arn:aws:sqs:*:*:*`.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: AWS completes an incomplete ARN with
    wildcards. A `*` at the end of a field may also stand for more than the field, as it does in patterns here
    (.../reference_policies_elements_resource.html), so that both readings of `arn:aws:sqs:*` are the same.
    """
    if not is_incomplete(resource):
        return resource
    return resource.rstrip(":") + ":*" * (_FIELDS - 1 - resource.rstrip(":").count(":"))


@lru_cache(maxsize=1 << 14)
def is_wide(resource: str) -> bool:
    """Whether a resource, as a policy spells it, is wider than one resource.

    A wildcard that the resource's type needs, or one for the region or the account, does not count, nor
    does a policy variable: for one role it has one value. Whether a pattern with fewer fields than an ARN
    spans two of them, where it is not completed (`arn:aws:sqs:*:q`), is unclear: only its end is looked at.
    """
    resource = completed(resource)
    if not is_pattern(resource):
        return False
    plain = _VARIABLE.sub("x", resource)
    if resource != ALL and len(plain.split(":", _FIELDS - 1)) < _FIELDS:
        return plain.endswith(ALL)
    return is_pattern(_without_needed_wildcards(plain))


def _without_needed_wildcards(resource: str) -> str:
    """A pattern without the wildcards that are no excess: needed ones, those of region and account."""
    fields = resource.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return resource
    rest = without_needed_wildcard(resource).split(":", _FIELDS - 1)[5]
    return ":".join([*(field.replace("*", "").replace("?", "") for field in fields[:5]), rest])


def is_fully_used(pattern: str, used: str) -> bool:
    """Whether a used resource is all that a pattern stands for, in whatever region and account."""
    fields = used.split(":", _FIELDS - 1)
    if ends_with_a_secrets_name(pattern, used):
        return True
    anywhere = used if len(fields) < _FIELDS else ":".join(["*", "*", fields[2], "*", "*", fields[5]])
    return patterns.contains(anywhere, _without_needed_wildcards(pattern))


def is_a_value_of(resource: str, used: str) -> bool:
    """Whether a resource with policy variables is a used one for some value of them."""
    parts = (re.escape(part) for part in _VARIABLE.split(resource))
    return re.fullmatch("[^*?:]+".join(parts), used) is not None


def of_any_account(resource: str) -> str:
    """The ARN with its account opened to `*`: an inexact resource may be in another account."""
    fields = resource.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS or not fields[4]:
        return resource
    return ":".join([*fields[:4], "*", fields[5]])


@lru_cache(maxsize=1 << 12)
def works_on(action: str, arn: str) -> bool:
    """Whether an ARN (pattern) is of a type that an action works on, by IAM's reference."""
    known = catalog.action(action)
    return known is not None and any(
        overlaps(format_pattern(form), arn) for kind in known.resource_types for form in kind.formats
    )


def format_pattern(arn_format: str) -> str:
    """The pattern of all ARNs of a format of IAM's reference."""
    return _VARIABLE.sub(ALL, arn_format)
