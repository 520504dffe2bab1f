"""The registry of kinds of workloads: what is true of each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.action.inputs import ONE_VALUE
from scanner.iam import catalog
from scanner.model import PlatformNeeds, Role, Workload
from scanner.model.workloads import workload_arn
from scanner.options.parsers import scan_options
from scanner.options.request import request_of, without_documents
from scanner.text.tables import rows
from scanner.workloads.kinds import KINDS, WorkloadKind, request_context, workloads_of_role
from scanner.workloads.listing import Workloads, union
from scanner.workloads.platform import platform_actions
from tests.unit.cases import REGION, ROLE, arn, function_arn

MACHINE = arn("states", "stateMachine:m")


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_has_a_table_of_actions_that_iam_knows(kind: WorkloadKind) -> None:
    actions = {row["action"] for table in kind.tables for row in rows("workloads", table)}
    assert actions and all(catalog.action(action) for action in actions)
    assert {action.lower() for action in actions} <= platform_actions()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_of_a_workload_that_was_not_read_all_of_its_table_is_unknown(kind: WorkloadKind) -> None:
    needs = kind.unread(function_arn("f")).platform
    assert {need.action for need in needs.unknown} == {
        row["action"].lower() for row in rows("workloads", kind.tables[0])
    }


WITH_FILE = {name: kind for name, kind in KINDS.items() if kind.from_file}


@pytest.mark.parametrize("kind", WITH_FILE.values(), ids=WITH_FILE)
def test_the_file_of_a_kind_is_an_option_and_an_input_that_a_scan_reads(
    kind: WorkloadKind, tmp_path: Path
) -> None:
    (tmp_path / "file.json").write_text("[1]")
    options = scan_options(["-c", kind.option, str(tmp_path / "file.json")])
    assert request_of(options, now=0.0).documents == {kind.name: [1]}
    assert request_of(without_documents(options), now=0.0).documents == {}
    assert kind.option.removeprefix("--") in ONE_VALUE


@pytest.mark.parametrize(
    ("traced", "workload"),
    [
        (function_arn("f"), function_arn("f")),
        (function_arn("f") + ":live", function_arn("f")),
        (MACHINE, MACHINE),
        (MACHINE + ":1", None),
        (arn("lambda", "layer:f"), None),
        (arn("states", "function:f"), None),
    ],
)
def test_the_arns_that_traces_name_workloads_by(traced: str, workload: str | None) -> None:
    assert workload_arn(traced) == workload


def test_a_workload_of_a_kind_without_reader_has_no_known_needs() -> None:
    cron = "other:cron@/"
    role = Role(ROLE, "f", workloads=(cron, function_arn("f")))
    known = {function_arn("f"): Workload(function_arn("f"), "lambda", "f")}
    service, function = workloads_of_role(role, known)
    assert service == Workload(cron, "other", "cron", platform=PlatformNeeds())
    assert function.platform == PlatformNeeds()
    assert request_context(cron) == {}


def test_the_requests_of_functions_alone_name_what_made_them() -> None:
    assert request_context(MACHINE) == {}
    assert request_context(function_arn("f")) == {"lambda:sourcefunctionarn": (function_arn("f"),)}


def test_workloads_of_several_kinds_are_complete_where_each_kind_is() -> None:
    function = Workload(function_arn("f"), "lambda", "f", role=ROLE)
    machine = Workload(MACHINE, "state-machine", "m", role=ROLE)
    functions = Workloads(
        {function.key: function},
        frozenset({(ROLE, function.key)}),
        complete=True,
        regions=frozenset({REGION}),
    )
    machines = Workloads(
        {machine.key: machine},
        frozenset({(ROLE, machine.key)}),
        complete=False,
        missing=("states:ListStateMachines",),
    )
    workloads = union([functions, machines])
    assert set(workloads.known) == {function.key, machine.key}
    assert workloads.roles_of_versions == {(ROLE, function.key), (ROLE, machine.key)}
    assert (workloads.complete, workloads.missing) == (False, ("states:ListStateMachines",))
    assert workloads.regions == {REGION}
