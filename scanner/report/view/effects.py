"""What somebody can do with a grant, in words, by its severity. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.iam.severity import DATA_ACCESS, SEVERITY_LEVELS

EFFECTS: Mapping[str, str] = {
    "privilege-escalation": "escalates privileges",
    "permissions-management": "manages permissions",
    "destruction": "destroys",
    "write": "writes",
    "data-access": "reads data",
    "tagging": "changes tags",
    "read": "reads settings",
    "list": "lists",
    "unknown": "unknown effect",
    "none": "no effect",
}

_MOST_DANGEROUS = SEVERITY_LEVELS[: SEVERITY_LEVELS.index(DATA_ACCESS)]


def is_dangerous(severity: str) -> bool:
    """Whether it is worse than that data is read."""
    return severity in _MOST_DANGEROUS
