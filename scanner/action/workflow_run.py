"""The workflow run that the action is part of, as the runner describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True)
class WorkflowRun:
    """The workflow run. `id` is its number and that of the attempt.

    `summary` and `outputs` are the files that take the step's summary and outputs, None without a runner.
    `file` is the workflow's file in this repository, empty where it is another one's. `sha` is the commit
    that it was started for.
    """

    repository: str
    url: str
    server: str
    id: tuple[int, int]
    api_url: str
    graphql_url: str
    event_name: str
    event: Mapping[str, Any]
    ref: str
    workspace: Path
    summary: Path | None
    outputs: Path | None
    debug: bool
    file: str = ""
    sha: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> WorkflowRun:
        """Read the runner's variables, and the event's payload, empty where it cannot be read.

        docs.github.com/en/actions/reference/workflows-and-actions/variables
        """
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        repository, run_id = environ.get("GITHUB_REPOSITORY", ""), environ.get("GITHUB_RUN_ID", "0")
        return cls(
            repository=repository,
            server=server.rstrip("/"),
            url=f"{server}/{repository}/actions/runs/{run_id}",
            id=(_number(run_id), _number(environ.get("GITHUB_RUN_ATTEMPT", "1"))),
            api_url=environ.get("GITHUB_API_URL") or "https://api.github.com",
            # a server of one's own that names none (Forgejo, Gitea) is never answered for by github.com
            graphql_url=environ.get("GITHUB_GRAPHQL_URL", ""),
            event_name=environ.get("GITHUB_EVENT_NAME", ""),
            event=_event(environ.get("GITHUB_EVENT_PATH")),
            ref=environ.get("GITHUB_REF", ""),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or "."),
            summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
            outputs=_path(environ.get("GITHUB_OUTPUT")),
            debug=environ.get("RUNNER_DEBUG") == "1",
            sha=environ.get("GITHUB_SHA", ""),
            file=_file(environ.get("GITHUB_WORKFLOW_REF", ""), repository),
        )


def _file(ref: str, repository: str) -> str:
    """The file of `OWNER/NAME/.github/workflows/FILE@REF`."""
    path = ref.partition("@")[0].removeprefix(f"{repository}/")
    return path if path.startswith(".github/") else ""


def _event(path: str | None) -> Mapping[str, Any]:
    if not path:
        return {}
    try:
        event = orjson.loads(Path(path).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return event if isinstance(event, dict) else {}


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
