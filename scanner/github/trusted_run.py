"""Whether a run is one of the default branch, whose results later runs may stand on. Pure.

docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scanner.text.escape import one_line

_OF_A_BRANCH = ("push", "workflow_dispatch")
_OF_THE_DEFAULT_BRANCH = ("schedule",)


def why_read_only(event_name: str, event: Mapping[str, Any], ref: str) -> str:
    """Why a run must not add to what later runs believe; empty where it may. `ref` is GITHUB_REF."""
    if event_name in _OF_THE_DEFAULT_BRANCH:
        return ""
    if event_name not in _OF_A_BRANCH:
        return (
            f"`{one_line(event_name)}` is no run of the default branch" if event_name else "no event is named"
        )
    repository = event.get("repository")
    default = repository.get("default_branch") if isinstance(repository, Mapping) else None
    if not isinstance(default, str) or not default:
        return "the event does not tell the default branch"
    if ref != f"refs/heads/{default}":
        return f"{one_line(ref)} is not the default branch"
    return ""
