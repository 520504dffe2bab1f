"""The action on workloads beside functions, whose spans and configuration stand in the checkout."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.fakes.github import FakeGitHub
from tests.integration.test_action_flow import NUMBER, Ran, Step
from tests.integration.test_other_workloads import API, AUTO, TASKS, details, write
from tests.unit.spans.documents import START, TASK, request, root, span
from tests.unit.workloads.computes import clusters, definition, families, service


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    monkeypatch.setattr(notes, "FIRST_TRACE", START / 1e9)  # the step runs an hour later
    step = Step(github, tmp_path, monkeypatch)
    folder = step.workspace
    write(folder, "spans.json", request(root(), span(), resource={**TASK, **AUTO}))
    write(folder, "iam.json", {"RoleDetailList": [details("task", TASKS)], "Policies": []})
    write(folder / "aws", "tasks.jsonl", definition(), families("api"), service(), *clusters())
    return step


def scan(step: Step, workload_config: str = "aws\n") -> Ran:
    return step.run(traces="spans.json", iam="iam.json", functions="", workload_config=workload_config)


def test_a_task_whose_role_grants_too_much_fails_the_check(step: Step, github: FakeGitHub) -> None:
    ran = scan(step)
    assert ran.code == 1, ran.log
    (body,) = github.bodies(NUMBER)
    assert f"Remove 2 permissions from {API}" in re.sub(r"</?code>", "", html.unescape(body))


def test_what_is_missing_is_named_by_the_input_that_takes_it(step: Step) -> None:
    ran = scan(step, "")
    assert "`workload-config`" in ran.log + ran.summary
    assert not re.search(r"(?<![\w-])--[a-z]", ran.log)


@pytest.mark.parametrize("link", ["aws/more.json", "aws"])
def test_a_link_out_of_the_checkout_is_not_read(step: Step, tmp_path: Path, link: str) -> None:
    outside = write(tmp_path / "outside", "secret.json", definition())
    path = step.workspace / link
    if link == "aws":
        (path / "tasks.jsonl").unlink()
        path.rmdir()
    path.symlink_to(outside if link != "aws" else outside.parent)
    ran = scan(step)
    assert ran.code == 2
    assert f"input `workload-config`: {link} is a link that leads out of the checkout" in ran.log
