"""What a scan reads of workloads, whatever their kinds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from scanner import read_workloads as read
from scanner.aws.api import Aws
from scanner.errors import ScanError, Warnings
from scanner.model import Evidence, Workload
from scanner.model.workloads import Hints
from scanner.request import ScanRequest
from scanner.workloads.kinds import LAMBDA
from scanner.workloads.listing import Listing, Workloads
from tests.unit.cases import ROLE, function_arn, usage

ECS = "ecs:shop/api@123456789012/us-east-1"
NOBODY = cast(Aws, None)


@dataclass(frozen=True)
class Tasks:
    """A listing of one task definition."""

    workload: Workload

    @property
    def roles(self) -> Mapping[str, str | None]:
        return {self.workload.key: self.workload.role}

    @property
    def roles_of_versions(self) -> frozenset[tuple[str, str]]:
        return frozenset({(self.workload.role, self.workload.key)} if self.workload.role else ())

    @property
    def renamed(self) -> Mapping[str, str]:
        return {}

    @property
    def companions(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def workloads(self, traced: Collection[str]) -> Workloads:
        return Workloads({self.workload.key: self.workload}, self.roles_of_versions)

    def with_configuration(self, aws: Aws, arns: Iterable[str], warnings: Warnings) -> Listing:
        return self


def read_tasks(
    workload: Workload, monkeypatch: pytest.MonkeyPatch, *globs: str
) -> tuple[Workloads, list[tuple[str, str]]]:
    """The workloads of a scan that saw the task, and the warnings."""
    tasks = replace(
        LAMBDA,
        name="ecs",
        always_listed=False,
        noun="task",
        from_file=lambda document, warnings: Tasks(workload),
    )
    monkeypatch.setattr(read, "KINDS", {"ecs": tasks})
    warnings = Warnings()
    seen = replace(usage(), workload=ECS)
    request = ScanRequest(compare=True, documents={"ecs": {}}, workloads=globs)
    found = read.read_workloads(request, NOBODY, [seen], warnings)
    read.check_names(request, [seen], [found.names], warnings)
    return found, [(warning.code, warning.message) for warning in warnings.all()]


def test_a_role_that_could_not_be_told_is_a_warning_with_its_candidates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = Workload(ECS, "ecs", "shop/api", candidates=("role/a", "role/b"))
    found, warnings = read_tasks(task, monkeypatch)
    assert warnings == [("role-unknown", "ecs:shop/api: its role could not be told: role/a or role/b")]
    assert found.compared_roles == ()


def test_what_is_true_of_many_workloads_is_one_warning() -> None:
    seen = [replace(usage(), workload=f"other:job{number}@/") for number in range(6)]
    warnings = Warnings()
    request = ScanRequest(compare=True, documents={"lambda": {"Functions": []}})
    read.read_workloads(request, NOBODY, seen, warnings)
    (warning,) = [warning for warning in warnings.all() if warning.code == "kind-not-compared"]
    assert warning.message.startswith(
        "other:job0, other:job1, other:job2, other:job3 and 2 more: nothing tells"
    )


def test_a_workload_without_a_role_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    _, warnings = read_tasks(Workload(ECS, "ecs", "shop/api"), monkeypatch)
    assert warnings == [("task-without-role", "ecs:shop/api names no role")]


@pytest.mark.parametrize("glob", ["ecs:shop/*", "shop/api", ECS])
def test_workloads_are_asked_for_by_their_ids(glob: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Workload(ECS, "ecs", "shop/api", role=ROLE)
    found, warnings = read_tasks(task, monkeypatch, glob)
    assert (found.compared_roles, warnings) == ((ROLE,), [])


def test_a_glob_that_matches_nothing_names_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Workload(ECS, "ecs", "shop/api", role=ROLE)
    with pytest.raises(ScanError, match="did you mean ecs:shop/api"):
        read_tasks(task, monkeypatch, "ecs:shop/app")


def test_what_runs_on_nothing_that_is_known_has_the_role_that_a_refusal_names_inferred() -> None:
    cron = "other:cron@123456789012/us-east-1"
    iam = {"RoleDetailList": [{"Arn": ROLE, "RoleName": "f"}, {"Arn": f"{ROLE}2", "RoleName": "f2"}]}
    request = ScanRequest(compare=True, iam=iam, traces=(Path("x"),))
    hints = Hints(denied_role="f")
    for denied, role, candidates in (
        ((hints,), ROLE, ()),
        ((hints, Hints(denied_role="f2")), None, (ROLE, f"{ROLE}2")),
        ((Hints(denied_role="gone"),), None, ()),
    ):
        seen = replace(usage(), workload=cron, hints=denied)
        found = read.read_workloads(request, NOBODY, [seen], Warnings())
        workload = found.known[cron]
        assert (workload.role, workload.candidates, workload.inferred) == (role, candidates, role is not None)
        assert found.compared_roles == ((role,) if role else ())


@pytest.mark.parametrize(
    ("ran", "listed", "said"),
    [
        (["5"], ["$LATEST"], "5"),
        (["5", "7"], ["$LATEST", "7"], "5"),
        (["5"], ["$LATEST", "5"], ""),
        (["$LATEST", "live"], ["$LATEST"], ""),  # an alias is no version
        ([], ["$LATEST"], ""),
    ],
)
def test_a_version_that_ran_and_is_not_listed_confirms_nothing_and_a_warning_says_so(
    ran: list[str], listed: list[str], said: str
) -> None:
    arn = function_arn("f")
    function = {"FunctionName": "f", "Role": ROLE, "LastModified": "2026-01-01T00:00:00.000+0000"}
    functions = [
        {**function, "Version": name, "FunctionArn": arn if name == "$LATEST" else f"{arn}:{name}"}
        for name in listed
    ]
    seen = replace(usage(), evidence=Evidence(traces=1, of_versions={name: Evidence() for name in ran}))
    warnings = Warnings()
    request = ScanRequest(compare=True, documents={"lambda": {"Functions": functions}})
    read.read_workloads(request, NOBODY, [seen], warnings)
    messages = [warning.message for warning in warnings.all() if warning.code == "version-unlisted"]
    assert [message.split(", which")[0] for message in messages] == [f"{arn} ran as version {said}"] * bool(
        said
    )
