"""Templates like each framework's examples: every finding in its place; after edits less is deployed."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping

import pytest

from tests.placing.corpus import DATA, Checkout, checkouts, deployed_checkout
from tests.placing.verdicts import NONE, RIGHT, WRONG, placed
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered

FRAMEWORKS = ("cloudformation", "serverless", "sam")


def corpus(framework: str) -> tuple[Checkout, ...]:
    if framework == "sam":
        pytest.importorskip("samtranslator", reason="deployed roles of SAM are made by its translator")
    return checkouts(framework)


def test_the_corpus_is_large_enough() -> None:
    assert sum(1 for framework in FRAMEWORKS for _ in (DATA / framework).iterdir()) >= 60


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_finding_has_its_place_and_none_a_wrong_one(framework: str) -> None:
    verdicts = Counter[str]()
    for checkout in corpus(framework):
        found = list(placed(checkout))
        verdicts.update(its.verdict for its in found)
        assert not [its for its in found if its.verdict in (WRONG, NONE)], checkout.name
    assert verdicts[RIGHT] > 40


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_deployed_after_the_edits_lacks_unused_actions_alone(framework: str) -> None:
    edits = 0
    for checkout in corpus(framework):
        files = {path: text.encode() for path, text in checkout.texts.items()}
        roles = [deployed(r.role.name, r.role.policies, unused_of(r), *r.workloads) for r in checkout.roles]
        fixes = offered(files, roles).fixes
        after = {path: content.decode() for path, content in made(files, fixes).items()}
        edits += len(fixes)
        new = deployed_checkout(framework, checkout.name, after) if fixes else checkout
        assert_less(checkout, new)
    assert edits > 10


def unused_of(role: Deployed) -> set[str]:
    return {a for p in role.role.policies for s in p.statements for a in s.actions if is_unused(a)}


def is_unused(action: str) -> bool:
    """Half of all actions, the same in all roles."""
    return zlib.crc32(action.lower().encode()) % 2 == 0


def assert_less(before: Checkout, after: Checkout) -> None:
    """Each role has what it had, without some of what is unused."""
    old, new = grants(before), grants(after)
    assert old.keys() == new.keys(), before.name
    for role, its in old.items():
        assert not new[role] - its, (before.name, role)
        lost = {action for action, *_ in its - new[role]}
        assert all(is_unused(action) for action in lost), (before.name, role, lost)


def grants(checkout: Checkout) -> Mapping[str, Counter[tuple[str, ...]]]:
    return {
        role.role.name: Counter(
            (action, str(statement.allow), *statement.resources)
            for policy in role.role.policies
            for statement in policy.statements
            for action in statement.actions
        )
        for role in checkout.roles
    }
