"""Grants that a framework writes as one: grants of CDK, policy templates of SAM, events of Serverless. Pure.

data/bundles.csv has a row for each statement (part) of a bundle. In its resources `${...}` stands for what
the deployment puts there; ` | ` separates alternatives, since CDK names indexes only where a table has some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations, product
from typing import NamedTuple

from scanner.iam import arns
from scanner.model import Policy, Statement
from scanner.text.tables import rows

CDK, SAM = "CDK", "SAM"
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# What a variable may stand for. A wildcard in a name is the author's, and no part of the bundle.
_VALUES = {"Keys": ".+", "Partition": "[^:]*", "Region": "[^:]*", "Account": "[^:]*", "Bucket": "[^/*?$]+"}
_ANY_NAME, _ANY_ARN = "[^*?$]+", "arn:.+"
# CDK: the logical id of a role's default policy. SAM: model/role_utils/role_constructor.py.
_NAMES_OF_POLICIES = {
    CDK: re.compile(r".*DefaultPolicy[0-9A-F]{8}"),
    SAM: re.compile(r".*RolePolicy\d+"),
}

_Binding = tuple[tuple[str, str], ...]
_Shape = tuple[str, ...]


class Part(NamedTuple):
    """One statement of a bundle: its actions in lower case, and alternatives for its resources."""

    actions: frozenset[str]
    shapes: tuple[_Shape, ...]


@dataclass(frozen=True)
class Bundle:
    """Grants that a framework writes as one."""

    framework: str
    name: str
    parts: tuple[Part, ...]

    @property
    def service(self) -> str:
        """The service prefix of its actions."""
        return min(self.parts[0].actions).partition(":")[0]

    @property
    def actions(self) -> frozenset[str]:
        """All its action patterns, in lower case."""
        return frozenset[str]().union(*(part.actions for part in self.parts))


class GrantedBundle(NamedTuple):
    """A bundle that a policy grants on one target.

    `framework` and `name` tell of all bundles that look the same. `resources` are those of each statement, by
    its index. `binding` is what the variables of the resources stand for.
    """

    framework: str
    name: str
    bundle: Bundle
    resources: Mapping[int, _Shape]
    binding: Mapping[str, str]

    @property
    def target(self) -> str:
        """The resource that names it best: the shortest."""
        return min((r for of_statement in self.resources.values() for r in of_statement), key=len)


def bundles_of(policy: Policy) -> list[GrantedBundle]:
    """The bundles that a policy grants, each on one target."""
    by_place: dict[object, list[GrantedBundle]] = {}
    for granted in _granted(policy):
        place = tuple(sorted(granted.resources.items()))
        by_place.setdefault(place, []).append(granted)
    named = (_named(alike, policy.name) for alike in by_place.values())
    return [granted for granted in named if granted is not None]


def smaller_bundles(granted: GrantedBundle) -> Iterator[tuple[Bundle, list[tuple[Part, _Shape]]]]:
    """The other bundles of its framework for its service, as they would stand on the same target."""
    for other in _by_service()[granted.bundle.framework, granted.bundle.service]:
        if other.name == granted.bundle.name:
            continue
        for shapes in product(*(part.shapes for part in _widest_first(other))):
            placed = [_instance(shape, granted.binding) for shape in shapes]
            if None not in placed:
                yield other, [(part, shape or ()) for part, shape in zip(other.parts, placed, strict=True)]


def _widest_first(bundle: Bundle) -> list[Part]:
    """The parts of a bundle with the widest alternative of their resources first."""
    return [part._replace(shapes=part.shapes[::-1]) for part in bundle.parts]


# --- which bundles a policy holds ----------------------------------------------------------------


class _Placed(NamedTuple):
    """A part of a bundle that a statement grants on one target."""

    statement: int
    resources: _Shape
    binding: _Binding


def _granted(policy: Policy) -> Iterator[GrantedBundle]:
    placed: dict[tuple[Bundle, int], list[_Placed]] = {}
    for statement in policy.statements:
        for bundle, index, part in _parts_of(statement):
            places = [
                _Placed(statement.index, resources, binding)
                for shape in part.shapes
                for binding, resources in _bindings(shape, tuple(statement.resources))
            ]
            placed.setdefault((bundle, index), []).extend(places)
    for bundle in dict.fromkeys(bundle for bundle, _ in placed):
        for parts in product(*(placed.get((bundle, index), ()) for index in range(len(bundle.parts)))):
            binding = _joined(parts)
            if binding is not None:
                resources = {place.statement: place.resources for place in parts}
                yield GrantedBundle(
                    framework=bundle.framework,
                    name=bundle.name,
                    bundle=bundle,
                    resources=resources,
                    binding=binding,
                )


def _parts_of(statement: Statement) -> Sequence[tuple[Bundle, int, Part]]:
    """The parts of bundles that have a statement's actions."""
    if not statement.allow or statement.not_actions or statement.not_resources or statement.condition:
        return ()
    return _by_actions().get(frozenset(action.lower() for action in statement.actions), ())


def _joined(places: Sequence[_Placed]) -> dict[str, str] | None:
    """What the variables of all parts stand for; None where two parts differ about one."""
    binding: dict[str, str] = {}
    for place in places:
        for name, value in place.binding:
            if binding.setdefault(name, value) != value:
                return None
    return binding


def _named(alike: Sequence[GrantedBundle], policy: str) -> GrantedBundle | None:
    """Bundles that look the same as one: by the policy's name the framework's, else with all their names.

    One action alone (`dynamodb:*`) does not tell that a framework wrote it, but the policy's name may.
    """
    of_framework = [
        granted
        for granted in alike
        if granted.framework in _NAMES_OF_POLICIES and _NAMES_OF_POLICIES[granted.framework].fullmatch(policy)
    ]
    first, *others = of_framework or alike
    if not of_framework and len(first.bundle.actions) == 1:
        return None
    names = [f"{granted.framework} {granted.name}" for granted in others if granted.name != first.name]
    return first._replace(name=" or ".join([first.name, *names]))


@lru_cache(maxsize=1 << 12)
def _bindings(shape: _Shape, resources: _Shape) -> tuple[tuple[_Binding, _Shape], ...]:
    """What a statement's resources stand for if all of them are of a shape, target by target; else none."""
    key = max(shape, key=lambda pattern: len(_VARIABLE.findall(pattern)))
    bindings: dict[_Binding, _Shape] = {}
    for resource in resources:
        match = _matcher(key).fullmatch(resource)
        if match is None:
            continue
        binding = tuple(sorted(match.groupdict().items()))
        placed = _instance(shape, dict(binding))
        if placed and set(placed).issubset(resources) and not arns.is_wide(dict(binding).get("Arn", "")):
            bindings[binding] = placed
    covered = {resource for placed in bindings.values() for resource in placed}
    return tuple(bindings.items()) if covered == set(resources) else ()


@cache
def _matcher(pattern: str) -> re.Pattern[str]:
    texts = _VARIABLE.split(pattern)  # text, name, text, ...
    seen: set[str] = set()
    parts = []
    for place, text in enumerate(texts):
        if place % 2 == 0:
            parts.append(re.escape(text))
        elif text in seen:
            parts.append(f"(?P={text})")
        else:
            seen.add(text)
            value = _VALUES.get(text, _ANY_ARN if text.endswith("Arn") else _ANY_NAME)
            parts.append(f"(?P<{text}>{value})")
    return re.compile("".join(parts))


def _instance(shape: _Shape, binding: Mapping[str, str]) -> _Shape | None:
    """A shape with values for its variables; None where one has no value."""
    if any(name not in binding for pattern in shape for name in _VARIABLE.findall(pattern)):
        return None
    return tuple(_VARIABLE.sub(lambda match: binding[match[1]], pattern) for pattern in shape)


# --- the table -----------------------------------------------------------------------------------


@cache
def bundles() -> tuple[Bundle, ...]:
    """All bundles of the table."""
    parts: dict[tuple[str, str, str], list[Part]] = {}
    for row in rows("verdict", "bundles"):
        actions = frozenset(row["actions"].lower().split())
        shapes = tuple(tuple(shape.split()) for shape in row["resources"].split("|"))
        service = min(actions).partition(":")[0]
        parts.setdefault((row["framework"], row["name"], service), []).append(Part(actions, shapes))
    return tuple(Bundle(framework, name, tuple(its)) for (framework, name, _), its in parts.items())


@cache
def _by_service() -> dict[tuple[str, str], list[Bundle]]:
    by_service: dict[tuple[str, str], list[Bundle]] = {}
    for bundle in bundles():
        by_service.setdefault((bundle.framework, bundle.service), []).append(bundle)
    return by_service


@cache
def _by_actions() -> dict[frozenset[str], list[tuple[Bundle, int, Part]]]:
    """The parts of bundles by their actions."""
    by_actions: dict[frozenset[str], list[tuple[Bundle, int, Part]]] = {}
    for bundle in (*bundles(), *_unions()):
        for index, part in enumerate(bundle.parts):
            by_actions.setdefault(part.actions, []).append((bundle, index, part))
    return by_actions


def _unions() -> Iterator[Bundle]:
    """Two grants of CDK on one resource, whose statements it merges (`@aws-cdk/aws-iam:minimizePolicies`)."""
    alone = {part.actions for bundle in bundles() for part in bundle.parts}
    unions: dict[frozenset[str], list[Bundle]] = {}
    for first, second in combinations([b for b in bundles() if b.framework == CDK and len(b.parts) == 1], 2):
        shapes, actions = first.parts[0].shapes, first.actions | second.actions
        if first.service != second.service or shapes != second.parts[0].shapes or actions in alone:
            continue
        union = Bundle(CDK, f"{first.name} and {second.name}", (Part(actions, shapes),))
        unions.setdefault(actions, []).append(union)
    return (union for alike in unions.values() if len(alike) == 1 for union in alike)
