"""What AWS's "access denied" messages say: which action, on what, and which policy denied it. Pure.

Messages are text for people, and differ from service to service: what they do not say clearly is None or
`DenialCause.UNKNOWN`. Shapes:

- most services: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
- S3, which quotes the resource: docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
- the ARN of the policy, since 2026, within an account or organization:
  aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns
- EC2, with an encoded part: docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
- KMS: repost.aws/knowledge-center/kms-ciphertext-key-error
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from scanner.iam import catalog


class DenialCause(StrEnum):
    """Which kind of policy denied a request.

    AWS names one kind even where several deny. `*_DENY` is an explicit Deny, the name without it the lack
    of an Allow. Kinds that the role's owner cannot change have one name for both.
    """

    NO_IDENTITY_POLICY = "no-identity-policy"
    EXPLICIT_DENY = "explicit-deny"
    BOUNDARY = "boundary"
    BOUNDARY_DENY = "boundary-deny"
    SERVICE_CONTROL_POLICY = "service-control-policy"
    RESOURCE_CONTROL_POLICY = "resource-control-policy"
    RESOURCE_POLICY = "resource-policy"
    RESOURCE_POLICY_DENY = "resource-policy-deny"
    SESSION_POLICY = "session-policy"
    VPC_ENDPOINT_POLICY = "vpc-endpoint-policy"
    KMS_KEY_POLICY = "kms-key-policy"
    KMS = "kms"
    BLOCK_PUBLIC_ACCESS = "block-public-access"
    UNNAMED_DENY = "unnamed-deny"
    UNKNOWN = "unknown"


# What each cause means and what to do, for the reports: one line each.
DENIAL_HELP: Mapping[DenialCause, str] = {
    DenialCause.NO_IDENTITY_POLICY: "no policy of the role allows it: allow it if the call is meant",
    DenialCause.EXPLICIT_DENY: "a policy of the role denies it: an Allow does not help, change that Deny",
    DenialCause.BOUNDARY: (
        "the role's permissions boundary does not allow it: allow it there, and in the role"
    ),
    DenialCause.BOUNDARY_DENY: "the role's permissions boundary denies it: change the Deny in the boundary",
    DenialCause.SERVICE_CONTROL_POLICY: (
        "a service control policy of the organization does not allow it: ask who administers the organization"
    ),
    DenialCause.RESOURCE_CONTROL_POLICY: (
        "a resource control policy of the organization denies it: ask who administers the organization"
    ),
    DenialCause.RESOURCE_POLICY: (
        "the resource's own policy does not allow it, or the resource is not there: allow it in that policy"
    ),
    DenialCause.RESOURCE_POLICY_DENY: "the resource's own policy denies it: change the Deny in that policy",
    DenialCause.SESSION_POLICY: (
        "the session began with a policy that denies it: change what assumes the role"
    ),
    DenialCause.VPC_ENDPOINT_POLICY: "the policy of the VPC endpoint denies it: allow it there",
    DenialCause.KMS_KEY_POLICY: (
        "the policy of the KMS key does not allow it, or the key is not there: allow it in the key's policy"
    ),
    DenialCause.KMS: (
        "the KMS key may not be used, or is not there: check its policy, and the role's kms actions"
    ),
    DenialCause.BLOCK_PUBLIC_ACCESS: (
        "S3 Block Public Access denies what would make the bucket or object public"
    ),
    DenialCause.UNNAMED_DENY: "some policy denies it, and the message does not say which: look for the Deny",
    DenialCause.UNKNOWN: "the message does not say why: check the role's policies, then the resource's",
}

# An Allow in the role (or in the boundary that the role has) may be what is missing.
_IDENTITY_MATTERS = frozenset(
    {DenialCause.NO_IDENTITY_POLICY, DenialCause.BOUNDARY, DenialCause.KMS, DenialCause.UNKNOWN}
)


def is_identity_matter(cause: DenialCause) -> bool:
    """Whether an Allow added to the role, or to its boundary, could help. It need not suffice.

    No after an explicit Deny, which an Allow never outweighs, and where a policy that is not the role's
    denies.
    """
    return cause in _IDENTITY_MATTERS


@dataclass(frozen=True)
class Denial:
    """What a message says of a denial.

    `action` is spelled as in the message ("SNS:Publish", "sqs:sendmessage"), `resource` is an ARN (API
    Gateway masks the account in it with `*`), `policy` the ARN of the policy that denied. None is what the
    message does not say. A message that was cut off may end inside of a name: its last ARN can be too short.
    """

    action: str | None
    resource: str | None
    cause: DenialCause
    policy: str | None


# As the messages name the kind of a policy: the cause when it lacks an Allow, and when it has a Deny. AWS
# long said "explicit deny" of service control policies in either case.
_KINDS: Mapping[str, tuple[DenialCause, DenialCause]] = {
    "identity-based policy": (DenialCause.NO_IDENTITY_POLICY, DenialCause.EXPLICIT_DENY),
    "permissions boundary": (DenialCause.BOUNDARY, DenialCause.BOUNDARY_DENY),
    "resource-based policy": (DenialCause.RESOURCE_POLICY, DenialCause.RESOURCE_POLICY_DENY),
    "role trust policy": (DenialCause.RESOURCE_POLICY, DenialCause.RESOURCE_POLICY_DENY),
    "service control policy": (DenialCause.SERVICE_CONTROL_POLICY, DenialCause.SERVICE_CONTROL_POLICY),
    "resource control policy": (DenialCause.RESOURCE_CONTROL_POLICY, DenialCause.RESOURCE_CONTROL_POLICY),
    "session policy": (DenialCause.SESSION_POLICY, DenialCause.SESSION_POLICY),
    "sessions policy": (DenialCause.SESSION_POLICY, DenialCause.SESSION_POLICY),
    "vpc endpoint policy": (DenialCause.VPC_ENDPOINT_POLICY, DenialCause.VPC_ENDPOINT_POLICY),
}

_LONGEST = 16_384  # characters that are read: an ARN has at most some 2,000, EC2's encoded part comes last
_GAP = r"\s{1,8}"  # messages are wrapped at times
_ACTION_NAME = r"[a-z0-9-]{1,64}:[a-z0-9*]{1,128}"
_KIND = "|".join(re.escape(kind).replace(r"\ ", _GAP) for kind in _KINDS)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", _GAP), re.IGNORECASE | re.ASCII)


_ACTION = _pattern(rf'not authorized to perform:? "?(?P<action>{_ACTION_NAME})(?![a-z0-9_:*-])')
_CONTEXT = _pattern(
    rf"because no (?P<lacks>{_KIND})(?: allows? the (?P<action>{_ACTION_NAME}))?"
    rf"|explicit deny(?: in (?:an?|the) (?P<denies>{_KIND})"
    rf"(?: transitively through an? (?P<through>{_KIND}))?"
    r"(?:(?:, with policy ARN)?:\s{0,8}(?P<policy>arn:[^\s\"]{1,2048}))?)?"
    r"|because (?P<missing>the resource does not exist in this Region)"
    r"|because (?P<public>public (?:ACLs|policies|access control lists))"
)
_VAGUE_KMS = _pattern(
    r"Access to KMS is not allowed|ciphertext refers to a customer master key"
    r"|ciphertext references a key that doesn't exist or that you don't have access to"
)
_ABOUT_KMS = _pattern(r"\bkms:[a-z]|KMS key")
# directly after the action; IAM puts the kind before some ARNs: "on resource: policy arn:..."
_RESOURCE = _pattern(
    r'"? on (?:the )?resource:?\s{0,8}(?:(?:policy|role|user|group) )?(arn:[^\s"]{1,2048})(?![^\s"])'
)
_QUOTED_RESOURCE = _pattern(r'"? on resource:\s{0,8}"(arn:[^"]{1,2048})"[^"]*\Z')


# bench row "1,000,000 spans": a refusal that is not mended comes again and again
@lru_cache(maxsize=1 << 10)
def denial_of(message: str) -> Denial:
    """What a message says of the denial. Never raises, whatever the text.

    A message that names several denied actions says nothing for sure. Of several reasons the last one
    counts: what stands before it may be the key of an object.
    """
    text = message[:_LONGEST]
    named = list(_ACTION.finditer(text))
    if len({match["action"].lower() for match in named}) > 1:
        return Denial(action=None, resource=None, cause=DenialCause.UNKNOWN, policy=None)
    rest = text[named[0].end() :] if named else text
    context = next(iter(deque(_CONTEXT.finditer(rest), maxlen=1)), None)
    action = _action(named[0]["action"], rest) if named else context["action"] if context else None
    return Denial(
        action=action,
        resource=_resource(rest[: context.start()] if context else rest) if named else None,
        cause=_cause(context, text),
        policy=_arn(context["policy"]) if context else None,
    )


def _action(name: str, rest: str) -> str | None:
    """The action, None where the message ends in it and IAM has none of that name: it was cut off."""
    cut_off = not rest.strip(" \n.\"'") and catalog.action(name) is None
    return None if cut_off or rest.startswith(("...", "…")) else name


def _cause(context: re.Match[str] | None, text: str) -> DenialCause:
    if context is None:
        return DenialCause.KMS if _VAGUE_KMS.search(text) else DenialCause.UNKNOWN
    if context["public"]:
        return DenialCause.BLOCK_PUBLIC_ACCESS
    if context["missing"]:
        return DenialCause.KMS_KEY_POLICY if _ABOUT_KMS.search(text) else DenialCause.RESOURCE_POLICY
    if context["lacks"]:
        return _KINDS[_words(context["lacks"])][0]
    denies = context["through"] or context["denies"]
    return _KINDS[_words(denies)][1] if denies else DenialCause.UNNAMED_DENY


def _words(text: str) -> str:
    return " ".join(text.lower().split())


def _resource(head: str) -> str | None:
    match = _RESOURCE.match(head) or _QUOTED_RESOURCE.match(head)
    return _arn(match[1]) if match else None


def _arn(text: str | None) -> str | None:
    """An ARN without the punctuation after it, None where it is not whole."""
    if text is None or text.endswith(("...", "…")):
        return None
    arn = text.rstrip(".,;)'")
    return arn if arn.count(":") >= 5 else None


# --- keys of objects -----------------------------------------------------------------------------

# docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html: an object of a bucket, and
# one behind an access point.
_OBJECT = re.compile(r"(arn:[a-z0-9-]+:s3:::[^/:*?]+|arn:[^/]+:accesspoint/[^/]+/object)/.+", re.DOTALL)


def object_pattern(resource: str) -> str:
    """A resource of a message, with `*` for the key of an S3 object.

    There is no end of keys, and they may hold what is nobody's business.
    """
    match = _OBJECT.fullmatch(resource)
    return f"{match.group(1)}/*" if match else resource


def without_object_key(message: str, resource: str) -> str:
    """A message without the key of the S3 object that it names."""
    pattern = object_pattern(resource)
    return message.replace(resource, pattern) if pattern != resource else message
