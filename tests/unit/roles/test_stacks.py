"""Which stacks made roles, as CloudFormation tells; what may not be read is named once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from scanner.errors import ScanError, Warnings
from scanner.model import Role, StackResource
from scanner.roles import stacks
from scanner.roles.stacks import read_stack_resources
from tests.fakes.evidence import STACK_RESOURCES, TEMPLATE, FakeEvidence, Script
from tests.unit.cases import ACCOUNT

EAST, WEST = "us-east-1", "eu-west-1"


def role(name: str, *regions: str) -> Role:
    workloads = tuple(f"arn:aws:lambda:{region}:{ACCOUNT}:function:{name}" for region in regions)
    return Role(f"arn:aws:iam::{ACCOUNT}:role/path/{name}", name, workloads=workloads)


def arn(name: str) -> str:
    return role(name).arn


def script() -> Script:
    return Script(
        stacks={
            (EAST, "notes-dev"): {"list": "ListRole", "read": "ReadRole"},
            (WEST, "notes-eu"): {"west": "ListRole"},
        },
        templates={"notes-dev": "Resources: {}", "notes-eu": '{"Resources": {}}'},
    )


def read(fake: FakeEvidence, *roles: Role) -> tuple[dict[str, StackResource], list[str]]:
    warnings = Warnings()
    found = read_stack_resources(lambda region: fake.client("cloudformation", region), roles, warnings)
    return found, [f"{w.code}: {w.message} ({w.count})" for w in warnings.all()]


ALL = (role("list", EAST), role("read", EAST), role("west", EAST, WEST), role("by-hand", EAST))


def test_a_role_s_stack_logical_id_and_template() -> None:
    with FakeEvidence(script()) as fake:
        found, warnings = read(fake, *ALL)
    assert found == {
        arn("list"): StackResource("notes-dev", "ListRole", "Resources: {}"),
        arn("read"): StackResource("notes-dev", "ReadRole", "Resources: {}"),
        arn("west"): StackResource("notes-eu", "ListRole", '{"Resources": {}}'),
    }
    assert warnings == []


def test_a_role_that_a_module_made() -> None:
    made = {"ModuleInfo": {"TypeHierarchy": "Our::Notes::MODULE", "LogicalIdHierarchy": "Notes"}}
    with FakeEvidence(replace(script(), modules={"ListRole": made})) as fake:
        found, _ = read(fake, role("list", EAST))
    assert found[arn("list")].module == "Notes"


def test_one_request_serves_the_roles_of_a_stack() -> None:
    with FakeEvidence(script()) as fake:
        read(fake, *ALL)
        assert fake.count(STACK_RESOURCES, EAST) == 2
        assert fake.count(STACK_RESOURCES, WEST) == 1
        assert fake.count(TEMPLATE) == 2


def test_roles_without_a_workload_are_not_asked_for() -> None:
    with FakeEvidence(script()) as fake:
        assert read(fake, role("list")) == ({}, [])
        assert fake.requests == []


def test_a_right_that_is_missing_is_named_once_and_asked_for_once() -> None:
    with FakeEvidence(script()) as fake:
        fake.script.denied = [STACK_RESOURCES]
        found, (warning,) = read(fake, *ALL)
        assert found == {}
        assert warning == (
            "right-missing: cloudformation:DescribeStackResources is denied: which stack made a role is not "
            "known, lines of templates are found by the names of roles alone; allow it (1)"
        )
        assert len(fake.requests) == 1


def test_without_the_right_to_read_templates_the_stack_is_known() -> None:
    with FakeEvidence(script()) as fake:
        fake.script.denied = [TEMPLATE]
        found, (warning,) = read(fake, *ALL)
        assert found[arn("list")] == StackResource("notes-dev", "ListRole")
        assert len(found) == 3
        assert warning.startswith("right-missing: cloudformation:GetTemplate is denied: ")
        assert fake.count(TEMPLATE) == 1


def test_what_is_throttled_is_left_alone() -> None:
    with FakeEvidence(script()) as fake:
        fake.script.throttle = Counter({STACK_RESOURCES: 9})
        found, (warning,) = read(fake, *ALL)
        assert found == {}
        assert warning.startswith("stacks-unread: stacks could not be read to the end: ThrottlingException; ")
        assert len(fake.requests) == 1


def test_requests_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "MAX_REQUESTS", 2)
    with FakeEvidence(script()) as fake:
        found, (warning,) = read(fake, *(role(f"by-hand-{n}", EAST) for n in range(9)))
        assert found == {}
        assert "more than 2 requests would be needed" in warning
        assert len(fake.requests) == 2


def test_refused_credentials_end_it() -> None:
    with FakeEvidence(script()) as fake:
        fake.script.bad_credentials = [EAST]
        with pytest.raises(ScanError, match="credentials"):
            read(fake, *ALL)
