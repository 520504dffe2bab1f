"""Paths of constructs -> logical ids of resources. Pure.

Source: aws/aws-cdk packages/aws-cdk-lib/core/lib/private/uniqueid.ts
"""

from __future__ import annotations

import re
from hashlib import md5

Path = tuple[str, ...]

_HIDDEN = "Default"
_HIDDEN_FROM_PEOPLE = "Resource"
_HASH = 8  # characters
_MOST_FOR_PEOPLE = 240  # characters
_OTHERS = re.compile("[^A-Za-z0-9]")


def logical_id(path: Path) -> str:
    """The logical id of the resource at a path below its stack."""
    parts = [part for part in path if part != _HIDDEN]
    if len(parts) == 1:
        return _OTHERS.sub("", parts[0])
    digest = md5("/".join(parts).encode(), usedforsecurity=False).hexdigest()[:_HASH].upper()
    distinct: list[str] = []
    for part in parts:
        if not distinct or not distinct[-1].endswith(part):
            distinct.append(part)
    shown = "".join(_OTHERS.sub("", part) for part in distinct if part != _HIDDEN_FROM_PEOPLE)
    return shown[:_MOST_FOR_PEOPLE] + digest
