"""The workflow run: what the runner's variables say, and what stands where they say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.action.workflow_run import WorkflowRun


def test_the_run_and_its_address() -> None:
    run = WorkflowRun.of(
        {
            "GITHUB_SERVER_URL": "https://git.example.com",
            "GITHUB_REPOSITORY": "octocat/notes",
            "GITHUB_RUN_ID": "900",
            "GITHUB_RUN_ATTEMPT": "2",
            "GITHUB_STEP_SUMMARY": "/tmp/summary",
            "RUNNER_DEBUG": "1",
        }
    )
    assert run.url == "https://git.example.com/octocat/notes/actions/runs/900"
    assert (run.id, run.summary, run.outputs, run.debug) == ((900, 2), Path("/tmp/summary"), None, True)


def test_without_a_runner() -> None:
    run = WorkflowRun.of({})
    assert (run.id, run.event, run.workspace, run.debug) == ((0, 1), {}, Path(), False)
    assert run.api_url == "https://api.github.com"


def test_a_server_of_one_s_own_without_graphql_is_not_answered_for_by_another() -> None:
    run = WorkflowRun.of({"GITHUB_API_URL": "https://git.example.com/api/v1", "GITHUB_GRAPHQL_URL": ""})
    assert (run.api_url, run.graphql_url) == ("https://git.example.com/api/v1", "")
    assert WorkflowRun.of({"GITHUB_API_URL": "https://git.example.com/api/v1"}).graphql_url == ""


@pytest.mark.parametrize(
    ("payload", "event"),
    [(b'{"number": 7}', {"number": 7}), (b"[7]", {}), (b"", {}), (b"\xff", {}), (None, {})],
)
def test_a_payload_that_cannot_be_read_is_empty(
    tmp_path: Path, payload: bytes | None, event: dict[str, int]
) -> None:
    if payload is not None:
        (tmp_path / "event.json").write_bytes(payload)
    assert WorkflowRun.of({"GITHUB_EVENT_PATH": str(tmp_path / "event.json")}).event == event
