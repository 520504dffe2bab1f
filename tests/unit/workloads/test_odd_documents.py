"""Configurations that hold anything: none stops a scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import Warnings
from scanner.model.workloads import Hints, WorkloadKindName
from scanner.workloads.asked import Asked
from scanner.workloads.documents import joined, recognised
from scanner.workloads.kinds import KINDS
from tests.unit.workloads import test_app_runner, test_ec2, test_eks, test_state_machine
from tests.unit.workloads.computes import PLACE, Roles, definition, families, read, service, task, traced

STATE = test_state_machine.call("arn:aws:states:::ecs:runTask.sync", Parameters={"TaskDefinition": "x"})
PRINTED: dict[WorkloadKindName, tuple[str, list[Any]]] = {
    "ecs": (f"ecs:shop/api@{PLACE}", [definition(), service(), task(), families("api")]),
    "ec2": (test_ec2.WEB, [test_ec2.instances(a="web"), test_ec2.profiles("web")]),
    "eks": (test_eks.API, [test_eks.association(), test_eks.cluster()]),
    "state-machine": (
        test_state_machine.MACHINE,
        [test_state_machine.machine(definition=test_state_machine.states(a=STATE))],
    ),
    "app-runner": (test_app_runner.WEB, [test_app_runner.service()]),
}
JUNK = st.sampled_from([None, True, 0, -1.5, "", "arn:aws:", "{", [], [1], {}, {"a": None}, [["x"]]])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the parts of a document stand."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    """The document with something else in a place."""
    copy = json.loads(json.dumps(value))
    if not path:
        return junk
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = junk
    return copy


@pytest.mark.parametrize("kind", PRINTED)
@given(data=st.data())
def test_whatever_stands_in_a_document_a_workload_comes_of_it(kind: WorkloadKindName, data: Any) -> None:
    workload, documents = PRINTED[kind]
    at = data.draw(st.integers(0, len(documents) - 1))
    path = data.draw(st.sampled_from(list(places(documents[at]))))
    odd = [*documents[:at], changed(documents[at], path, data.draw(JUNK)), *documents[at + 1 :]]
    found = joined([part for part in map(recognised, odd) if part])
    roles = Roles(pod=data.draw(JUNK), other=test_eks.irsa(data.draw(JUNK)))
    asked = Asked({workload: traced(workload, Hints(instance="i-a", denied_role="other"))}, roles=roles)
    listing = KINDS[kind].from_documents(found, asked, Warnings())
    assert {workload, *listing.renamed.values()} & listing.roles.keys()


DEFINITION = json.loads(
    test_state_machine.states(
        a=STATE,
        b={"Type": "Parallel", "Branches": [{"States": {"c": STATE}}]},
        d={
            "Type": "Map",
            "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "States": {"e": STATE}},
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Arguments": {"Bucket": "b"}},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}},
            "Credentials": {"RoleArn": "arn:aws:iam::123456789012:role/r"},
        },
    )
)


@given(path=st.sampled_from(list(places(DEFINITION))), junk=JUNK)
def test_whatever_stands_in_a_definition_it_is_read_or_said_to_be_unread(path: Any, junk: Any) -> None:
    printed = test_state_machine.machine(definition=json.dumps(changed(DEFINITION, path, junk)))
    found, _, _ = read("state-machine", [], printed)
    assert found.known[test_state_machine.MACHINE].platform.unknown
