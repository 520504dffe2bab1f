"""The table of what frameworks grant as one: grants of CDK, policy templates of SAM, ... Pure.

data/bundles.csv has a row for each statement of a bundle. `of` is the construct that the grant is made on, or
for a connector of SAM the types of its source and destination. In `resources`, `${...}` stands for what the
deployment puts there; ` | ` separates alternatives, since CDK names indexes only where a table has some. A
statement with a `companion` is written only where the resource has such a thing. `conditions` are the keys
of its Condition block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import NamedTuple

from scanner.text.tables import rows

AWS, CDK, SAM, SAM_CONNECTOR, SST = "AWS", "CDK", "SAM", "SAM connector", "SST"
SERVERLESS = "Serverless Framework"

Shape = tuple[str, ...]


class Part(NamedTuple):
    """One statement of a bundle: its actions as spelled, and alternatives for its resources."""

    spelled: tuple[str, ...]
    shapes: tuple[Shape, ...]
    conditions: frozenset[str] = frozenset()

    @property
    def actions(self) -> frozenset[str]:
        """Its actions in lower case."""
        return frozenset(action.lower() for action in self.spelled)


@dataclass(frozen=True)
class Bundle:
    """Grants that a framework writes as one.

    `parts` are the statements that all of them have, `companions` those that come with them where the
    resource is encrypted. With `is_telling` False many others write the same: only a policy's name tells.
    """

    framework: str
    of: str
    name: str
    parts: tuple[Part, ...]
    companions: tuple[Part, ...] = ()
    is_telling: bool = True

    @property
    def service(self) -> str:
        """The service prefix of its actions."""
        return min(self.parts[0].actions).partition(":")[0]

    @property
    def actions(self) -> frozenset[str]:
        """The action patterns of its parts, in lower case."""
        return frozenset[str]().union(*(part.actions for part in self.parts))

    @property
    def has_conditions(self) -> bool:
        """Whether a part is granted under a condition."""
        return any(part.conditions for part in self.parts)


@cache
def bundles() -> tuple[Bundle, ...]:
    """All bundles of the table."""
    parts: dict[tuple[str, str, str], tuple[list[Part], list[Part]]] = {}
    for row in rows("verdict", "bundles"):
        key = (row["framework"], row["of"], row["name"])
        shapes = tuple(tuple(shape.split()) for shape in row["resources"].split("|"))
        conditions = frozenset(row["conditions"].lower().split())
        part = Part(tuple(row["actions"].split()), shapes, conditions)
        parts.setdefault(key, ([], []))[bool(row["companion"])].append(part)
    return tuple(_bundle(key, *its) for key, its in parts.items())


def _bundle(key: tuple[str, str, str], parts: list[Part], companions: list[Part]) -> Bundle:
    framework, of, name = key
    actions = {action for part in parts for action in part.actions}
    return Bundle(framework, of, name, tuple(parts), tuple(companions), is_telling=len(actions) > 1)


@cache
def bundles_by_service() -> dict[tuple[str, str], list[Bundle]]:
    """The bundles of each framework for each service."""
    by_service: dict[tuple[str, str], list[Bundle]] = {}
    for bundle in bundles():
        by_service.setdefault((bundle.framework, bundle.service), []).append(bundle)
    return by_service


@cache
def parts_by_actions() -> dict[frozenset[str], list[tuple[Bundle, int, Part]]]:
    """The parts of bundles by their actions. What AWS itself manages is known by its ARN, not by these."""
    by_actions: dict[frozenset[str], list[tuple[Bundle, int, Part]]] = {}
    for bundle in (*bundles(), *_unions()):
        if bundle.framework != AWS:
            for index, part in enumerate(bundle.parts):
                by_actions.setdefault(part.actions, []).append((bundle, index, part))
    return by_actions


def _unions() -> Iterator[Bundle]:
    """Two grants of CDK on one resource, whose statements it merges (`@aws-cdk/aws-iam:minimizePolicies`)."""
    single = [b for b in bundles() if b.framework == CDK and len(b.parts) == 1 and not b.has_conditions]
    alone = {part.actions for bundle in bundles() for part in bundle.parts}
    unions: dict[frozenset[str], list[Bundle]] = {}
    for first, second in combinations(single, 2):
        shapes, actions = first.parts[0].shapes, first.actions | second.actions
        if first.of == second.of and shapes == second.parts[0].shapes and actions not in alone:
            unions.setdefault(actions, []).append(_union(first, second))
    return (union for alike in unions.values() if len(alike) == 1 for union in alike)


def _union(first: Bundle, second: Bundle) -> Bundle:
    name, is_telling = f"{first.name} and {second.name}", first.is_telling or second.is_telling
    companions = (*first.companions, *second.companions)
    if len(companions) > 1:
        companions = (_merged(*companions),)
    part = _merged(first.parts[0], second.parts[0])
    return Bundle(CDK, first.of, name, (part,), companions, is_telling)


def _merged(first: Part, second: Part) -> Part:
    return first._replace(spelled=tuple(dict.fromkeys((*first.spelled, *second.spelled))))
