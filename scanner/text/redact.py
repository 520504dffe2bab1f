"""Masking: access keys always, and names that identify an account where anybody may read. Pure.

What is masked may still hold markup: `escape` makes it harmless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_SECRET_NAME = r"(?:access_?key(?:_?id)?|secret(?:_?access)?_?key|session_?token)"  # noqa: S105  # a pattern
_SECRET = re.compile(rf"({_SECRET_NAME}[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+", re.IGNORECASE)
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
_KEY_ID = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")

# docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: every account id has twelve digits
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
# docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-id: a UUID, or `mrk-` and 32 digits
_MULTI_REGION_KEY = re.compile(r"\bmrk-[0-9a-f]{32}\b", re.IGNORECASE)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
# In running text an ARN may hold blanks and quotes: everything up to the end of the line is taken for it.
_ONLY_WILDCARDS = r"(?![*?]+(?:[\s\"'`,;)\]]|$))"
_NAME_IN_TEXT = re.compile(rf"(secret:|:parameter/|:key/){_ONLY_WILDCARDS}.*")
_OBJECT_IN_TEXT = re.compile(rf"(arn:[^:\s]*:(?:s3[a-z-]*|\*):[^:\s]*:[^:\s]*:[^/\s]*/){_ONLY_WILDCARDS}.*")
# A wildcard may stand for what comes before a name: `arn:aws:ssm:*:*:*db`.
_PATTERN_IN_TEXT = re.compile(
    r"(arn:[^:\s]*:(?:secretsmanager|ssm|kms|[^:\s]*\*[^:\s]*):[^:\s]*:[^:\s]*:[^:*?\s]*[*?])[^\s\"'`,;]*\w.*"
)
# A baseline names a Condition by a digest, from which short values can be found.
_DIGEST_IN_TEXT = re.compile(r"( if |\"condition\": \")[0-9a-f]{12}\b")


class _HiddenName(NamedTuple):
    """A type of resource whose names are hidden: those of a service that begin so."""

    service: str
    before: str
    placeholder: str


_HIDDEN_NAMES = (
    _HiddenName("secretsmanager", "secret:", "SECRET_NAME"),
    _HiddenName("ssm", "parameter/", "PARAMETER_NAME"),
    _HiddenName("kms", "key/", "KEY_ID"),
)
_PLACEHOLDERS = {hidden.before: hidden.placeholder for hidden in _HIDDEN_NAMES}


def keys_masked(text: str) -> str:
    """Text with access keys masked."""
    return _KEY_ID.sub("[access key]", _SECRET.sub(r"\1[redacted]", text))


# docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html: E.164, a plus and up to fifteen digits
_PHONE = re.compile(r"(?<![\w/])\+\d{7,15}\b")
_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"'<>]+")


def private_masked(text: str) -> str:
    """Text with access keys, phone numbers and addresses of requests masked."""
    return keys_masked(_PHONE.sub("[phone number]", _URL.sub("[URL]", text)))


def accounts_masked(text: str) -> str:
    """Text with account ids masked."""
    return _ACCOUNT.sub("ACCOUNT_ID", text)


@dataclass(frozen=True)
class Redaction:
    """How a line of text, a resource ARN and a policy are masked before they are shown."""

    text: Callable[[str], str]
    resource: Callable[[str], str]
    policy: Callable[[Any], Any]


def _public_text(text: str) -> str:
    """A line with account ids, and names of secrets, parameters, keys and objects masked."""
    text = _PATTERN_IN_TEXT.sub(r"\1HIDDEN", _NAME_IN_TEXT.sub(_placeholder, text))
    text = _DIGEST_IN_TEXT.sub(r"\1HIDDEN", _OBJECT_IN_TEXT.sub(r"\1OBJECT_KEY", text))
    return _without_ids(text)


def _placeholder(match: re.Match[str]) -> str:
    return match[1] + _PLACEHOLDERS[match[1].removeprefix(":")]


def _without_ids(text: str) -> str:
    text = _UUID.sub("UUID", _MULTI_REGION_KEY.sub("KEY_ID", text))
    return accounts_masked(text)


def _public_resource(resource: str) -> str:
    """A resource pattern with the same masked. It may be an ARN, or only a part or a pattern of one."""
    before, secret, name = resource.partition("secret:")
    if secret and name.strip("*?"):
        resource = f"{before}{secret}SECRET_NAME"
    fields = resource.split(":", 5)
    if len(fields) == 6:
        fields[5] = _public_rest(fields[2], fields[5])
        return _without_ids(":".join(fields))
    return _without_ids(_after_wildcard(resource, "HIDDEN") if "*" in resource else resource)


def _public_rest(service: str, rest: str) -> str:
    """The last field of an ARN."""
    is_pattern = "*" in service or "?" in service
    for hidden in _HIDDEN_NAMES:
        masked = _public_name(rest, hidden) if is_pattern or service == hidden.service else rest
        if masked != rest:
            return masked
    return _public_object(rest) if is_pattern or service.startswith("s3") else rest


def _public_name(rest: str, hidden: _HiddenName) -> str:
    before, placeholder = hidden.before, hidden.placeholder
    if rest.startswith(before):
        return before + placeholder if rest.removeprefix(before).strip("*?") else rest
    literal = re.split(r"[*?]", rest, maxsplit=1)[0]
    # the wildcard may stand for what comes before the name
    return _after_wildcard(rest, placeholder) if literal != rest and before.startswith(literal) else rest


def _after_wildcard(pattern: str, placeholder: str) -> str:
    """A pattern whose text after the first wildcard is masked; what is only wildcards stays."""
    literal = re.split(r"[*?]", pattern, maxsplit=1)[0]
    is_open = not re.search(r"\w", pattern.removeprefix(literal))
    return pattern if is_open else f"{literal}*{placeholder}"


def _public_object(rest: str) -> str:
    """The last field of an ARN of S3: `bucket/key`, `accesspoint/name/object/key`, `*key`."""
    for mark in ("/object/", "/"):
        before, separator, key = rest.partition(mark)
        if separator and not (mark == "/" and before == "accesspoint"):
            return f"{before}{mark}OBJECT_KEY" if key.strip("*") else rest
    return "OBJECT_KEY" if rest.startswith("*") and rest.strip("*") else rest


def _public_policy(value: Any, in_condition: bool = False) -> Any:
    """A policy, or a part of one, with the same masked, and all values of conditions."""
    if isinstance(value, Mapping):
        return {
            _public_text(str(key)): _public_policy(part, in_condition or str(key).lower() == "condition")
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_public_policy(part, in_condition) for part in value]
    if in_condition:
        return "HIDDEN"
    return _public_resource(value) if isinstance(value, str) else value


def _unchanged(value: Any) -> Any:
    return value


NO_REDACTION = Redaction(_unchanged, _unchanged, _unchanged)
PUBLIC_REDACTION = Redaction(_public_text, _public_resource, _public_policy)
