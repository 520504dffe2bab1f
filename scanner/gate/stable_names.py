"""Names that survive a deployment: without account ids, random endings and physical names. Pure.

Where it is unclear whether two names are one, they stay apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scanner.model.arn import Arn, account_of

ACCOUNT = "ACCOUNT"
RANDOM = "{random}"  # no `*`: a policy may grant that, and it would be more


def logical_names(logical_ids: Mapping[str, str]) -> dict[str, str]:
    """What stands in place of the names of stacks' resources: `{Stack/LogicalId}` by name, where it is clear.

    `logical_ids` maps physical names, ARNs and URLs of queues to "Stack/LogicalId".
    """
    replacements: dict[str, set[str]] = {}
    for physical, logical in logical_ids.items():
        if "://" in physical:
            name = physical.rpartition("/")[2]  # a queue's URL
        else:
            name = re.split("[/:]", physical)[-1] if physical.startswith("arn:") else physical
        stack, slash, logical_id = logical.rpartition("/")
        replacements.setdefault(name, set()).add(f"{{{_generated(stack)}{slash}{logical_id}}}")
    return {name: values.pop() for name, values in replacements.items() if name and len(values) == 1}


def without_account(account: str, text: str) -> str:
    """A text with an account id replaced by `ACCOUNT`."""
    # docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html: every account id has twelve digits
    if not re.fullmatch(r"[0-9]{12}", account):
        return text
    return re.sub(rf"(?<![0-9]){account}(?![0-9])", ACCOUNT, text)


def stable_name(name: str, names: Mapping[str, str], *, has_stack: bool = True) -> str:
    """A name by its logical id where `names` (`logical_names`) has it, else without its random ending.

    `has_stack` is False for a resource whose generated name does not begin with that of its stack.
    """
    return names.get(name) or _generated(name, has_stack=has_stack)


def stable_role(arn: str, names: Mapping[str, str]) -> str:
    """A role's path and name."""
    path, slash, name = arn.partition(":role/")[2].rpartition("/")
    return without_account(account_of(arn), f"{path}{slash}{stable_name(name or arn, names)}")


def stable_resource(resource: str, account: str, names: Mapping[str, str]) -> str:
    """An ARN (pattern) with stable names; of anything else only the account id is replaced."""
    arn = Arn.parse(resource)
    return without_account(account, str(arn.with_resource(_last_field(arn, names))) if arn else resource)


def _last_field(arn: Arn, names: Mapping[str, str]) -> str:
    if arn.service == "secretsmanager":
        return _secret(arn.resource, names)
    return re.sub(
        r"[^/:]+",
        lambda match: stable_name(match.group(), names, has_stack=arn.service != "states"),
        arn.resource,
        count=1 if arn.service == "s3" else 0,  # keys of objects are no names of resources
    )


# Six random characters follow a secret's name in its ARN:
# docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_SECRET = re.compile(r"secret:([^*?:]+)-([A-Za-z0-9]{6}|\?{6}|\*)")


def _secret(rest: str, names: Mapping[str, str]) -> str:
    match = _SECRET.fullmatch(rest)
    if match is None:
        return rest
    whole = names.get(rest.removeprefix("secret:"))
    if whole is not None:
        return f"secret:{whole}"
    name, ending = match.groups()
    base = _generated(name, has_stack=False)
    if base == name:
        return rest
    return f"secret:{base}-{RANDOM if ending.isalnum() else ending}"


# --- names that CloudFormation generates ---------------------------------------------------------

# `STACK-LOGICALID-RANDOM`, a nested stack's own name `PARENT-LOGICALID-RANDOM`; stacks and logical ids are
# alphanumeric, stacks with hyphens. Secrets and state machines: `LOGICALID-RANDOM`.
# docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
_GENERATED = re.compile(r"[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]")
# How the ending looks is not documented, only seen: a number in base 36 of 12 digits, or of 13 that begins
# with 1 ("1T2W3H9LZHGGV"), or, in newer ones, 12 letters of both cases and digits ("WAAUK9mx1X1E").
_UPPER = re.compile(r"(?:[A-Z0-9]{12}|1[A-Z0-9]{12})")
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{12}")
_NUMBERED = re.compile(r"[A-Za-z]*[0-9]+|[0-9]+[A-Z]*")  # "PRODUCTION12", "OrdersDb2027": more likely words
_WORDS = re.compile(r"(?=[A-Z]?[a-z]*[aeiouy]|[AEIOUY][a-z])(?:[A-Z][a-z]{2,}|[a-z]{3,})")  # with a vowel
_MOST_IN_WORDS = 7  # characters: "V2NotesTable" has 10; of random endings 19 in 20 have no more


def _generated(name: str, *, has_stack: bool = True) -> str:
    """A name with its random ending, and that of a nested stack in it, replaced by `RANDOM`.

    Names that S3 gives its buckets, all in lower case, may be words: they stay.
    """
    base, dot, ending = name.partition(".")  # "queue.fifo"
    parts = base.split("-")
    least = 3 if has_stack else 2
    if len(parts) < least or not parts[-2] or not _GENERATED.fullmatch(base) or not _is_random(parts[-1]):
        return name
    stack = [RANDOM if at > 1 and _is_random(part) else part for at, part in enumerate(parts[:-2])]
    return "-".join([*stack, parts[-2], RANDOM]) + dot + ending


def _is_random(part: str) -> bool:
    """Whether a part of a name is surely a random ending. Careful: a word of the same length is none."""
    if _NUMBERED.fullmatch(part):
        return False
    if _UPPER.fullmatch(part):
        return any(c.isdigit() for c in part)
    return _MIXED.fullmatch(part) is not None and sum(map(len, _WORDS.findall(part))) <= _MOST_IN_WORDS
