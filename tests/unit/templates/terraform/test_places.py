"""Findings on roles of Terraform -> their lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.templates.cases import placement
from tests.unit.templates.terraform.cases import EXAMPLES, Example, checkout


@pytest.mark.parametrize("its", EXAMPLES.values(), ids=EXAMPLES)
def test_places(its: Example) -> None:
    templates = checkout(its.files)
    for expected in its.expected:
        found = placement(expected.finding, expected.workloads, templates)
        assert found.location is not None, (expected.finding.actions, found.note)
        assert replace(found.location, made_by="") == expected.location


@pytest.mark.parametrize("its", EXAMPLES.values(), ids=EXAMPLES)
def test_nothing_is_placed_for_other_roles_and_actions(its: Example) -> None:
    templates = checkout(its.files)
    for expected in its.expected:
        finding = expected.finding
        other = replace(finding, role="arn:aws:iam::123456789012:role/orders-writer")
        if finding.policy.kind == "inline":
            assert placement(other, ("orders-put",), templates).location is None
        gone = replace(finding, actions=("ec2:RunInstances",))
        found = placement(gone, expected.workloads, templates).location
        assert found is None or found.made_by or finding.policy.arn


def test_two_environments_that_fit_are_both_named() -> None:
    text = EXAMPLES["jsonencode"].files["main.tf"]
    templates = checkout({"dev/main.tf": text, "prod/main.tf": text})
    expected = EXAMPLES["jsonencode"].expected[0]
    found = placement(expected.finding, (), templates)
    assert found.location is None
    assert found.note == "dev/main.tf:18 and prod/main.tf:18 fit equally"
