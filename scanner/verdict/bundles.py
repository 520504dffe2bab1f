"""Which bundles of a framework a policy grants, and which smaller ones there are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

from scanner.iam import arns
from scanner.model import Policy, Statement
from scanner.verdict.bundle_table import (
    CDK,
    SAM,
    SAM_CONNECTOR,
    SERVERLESS,
    SST,
    Bundle,
    Part,
    Shape,
    bundles_by_service,
    parts_by_actions,
)

_VARIABLE = re.compile(r"\$\{(\w+)\}")
# What a variable may stand for. A wildcard in a name is the author's, and no part of the bundle.
_VALUES = {"Keys": ".+", "Partition": "[^:]*", "Region": "[^:]*", "Account": "[^:]*", "Bucket": "[^/*?$]+"}
_ANY_NAME, _ANY_ARN = "[^*?$]+", "arn:.+"
# CDK: the logical id of a role's default policy. SAM: model/role_utils/role_constructor.py; connectors have
# managed policies `STACK-CONNECTORIDPolicy-RANDOM` (model/sam_resources.py). Serverless Framework:
# `SERVICE-STAGE-lambda` (aws/lib/naming.js). SST: components/aws/function.ts.
_NAMES_OF_POLICIES = {
    CDK: re.compile(r".*DefaultPolicy[0-9A-F]{8}"),
    SAM: re.compile(r".*RolePolicy\d+"),
    SAM_CONNECTOR: re.compile(r".+Policy(Destination\d+)?-[0-9A-Za-z]{8,}"),
    SERVERLESS: re.compile(".+-.+-lambda"),
    SST: re.compile("inline"),
}
_KNOWN_BY_NAME = (SAM_CONNECTOR, SST)  # their policies have no other names
# What a smaller bundle is looked for among: a connector of SAM can give way to a policy template.
_SMALLER_OF = {SAM_CONNECTOR: SAM}

_Binding = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GrantedBundle:
    """A bundle that a policy grants on one target.

    `framework` and `name` tell of all bundles that look the same. `resources` are those of each statement, by
    its index, `companions` those of the statements that come with it. `binding` is what the variables of the
    resources stand for.
    """

    framework: str
    name: str
    bundle: Bundle
    resources: Mapping[int, Shape]
    binding: Mapping[str, str]
    companions: Mapping[int, Shape] = field(default_factory=dict)

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
    named = (_named(alike, policy) for alike in by_place.values())
    return _with_companions(_whole([granted for granted in named if granted is not None]), policy)


def _whole(granted: Sequence[GrantedBundle]) -> list[GrantedBundle]:
    """The bundles that are no part of a larger one."""
    places = [{(index, r) for index, its in bundle.resources.items() for r in its} for bundle in granted]
    return [
        bundle
        for bundle, its in zip(granted, places, strict=True)
        if not any(its < others for others in places)
    ]


class SmallerBundle(NamedTuple):
    """Another bundle as it would stand on the target of one: its parts, each with its resources."""

    bundle: Bundle
    parts: list[tuple[Part, Shape]]


def smaller_bundles(granted: GrantedBundle) -> Iterator[SmallerBundle]:
    """The other bundles of its framework for its service, as they would stand on the same target.

    None where a condition restricts what is granted: whether it held, nobody knows.
    """
    framework = _SMALLER_OF.get(granted.bundle.framework, granted.bundle.framework)
    for other in bundles_by_service().get((framework, granted.bundle.service), ()):
        if other.name == granted.bundle.name or other.has_conditions or granted.bundle.has_conditions:
            continue
        for shapes in product(*(part.shapes for part in _widest_first(other))):
            placed = [_instance(shape, granted.binding) for shape in shapes]
            if None not in placed:
                yield SmallerBundle(
                    other, [(part, shape or ()) for part, shape in zip(other.parts, placed, strict=True)]
                )


def _widest_first(bundle: Bundle) -> list[Part]:
    """The parts of a bundle with the widest alternative of their resources first."""
    return [part._replace(shapes=part.shapes[::-1]) for part in bundle.parts]


# --- which bundles a policy holds ----------------------------------------------------------------


class _Placed(NamedTuple):
    """A part of a bundle that a statement grants on one target."""

    statement: int
    resources: Shape
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
    """The parts of bundles that have a statement's actions and conditions."""
    if not statement.allow or statement.not_actions or statement.not_resources:
        return ()
    parts = parts_by_actions().get(_actions(statement), ())
    return [found for found in parts if found[2].conditions == _conditions(statement)]


def _actions(statement: Statement) -> frozenset[str]:
    return frozenset(action.lower() for action in statement.actions)


def _conditions(statement: Statement) -> frozenset[str]:
    """The keys of a statement's Condition block; an odd block has one that no bundle has."""
    keys = [block if isinstance(block, dict) else {"": ""} for block in (statement.condition or {}).values()]
    return frozenset(str(key).lower() for block in keys for key in block)


def _joined(places: Sequence[_Placed]) -> dict[str, str] | None:
    """What the variables of all parts stand for; None where two parts differ about one."""
    binding: dict[str, str] = {}
    for place in places:
        for name, value in place.binding:
            if binding.setdefault(name, value) != value:
                return None
    return binding


def _named(alike: Sequence[GrantedBundle], policy: Policy) -> GrantedBundle | None:
    """Bundles that look the same as one: by the policy's name the framework's, else with all their names.

    What others often write too (`dynamodb:*`) does not tell that a framework wrote it, but the policy's
    name may.
    """
    of_framework = [granted for granted in alike if _has_name_of(granted.framework, policy)]
    others = [granted for granted in alike if granted.framework not in _KNOWN_BY_NAME]
    if not of_framework and not others:
        return None
    first, *more = of_framework or others
    telling_name = bool(of_framework) and first.framework != SAM_CONNECTOR  # others end a name so too
    if not first.bundle.is_telling and not telling_name:
        return None
    names = dict.fromkeys(
        f"{granted.framework} {granted.name}" for granted in more if granted.name != first.name
    )
    return replace(first, name=" or ".join([first.name, *names]))


def _has_name_of(framework: str, policy: Policy) -> bool:
    """Whether a policy has a name that a framework gives."""
    pattern = _NAMES_OF_POLICIES.get(framework)
    kind = "managed" if framework == SAM_CONNECTOR else "inline"
    return pattern is not None and policy.kind == kind and pattern.fullmatch(policy.name) is not None


@lru_cache(maxsize=1 << 12)
def _bindings(shape: Shape, resources: Shape) -> tuple[tuple[_Binding, Shape], ...]:
    """What a statement's resources stand for if all of them are of a shape, target by target; else none."""
    bindings: dict[_Binding, Shape] = {}
    for binding in _bound(shape, resources, {}):
        placed = _instance(shape, binding)
        if placed and set(placed).issubset(resources) and not arns.is_wide(binding.get("Arn", "")):
            bindings[tuple(sorted(binding.items()))] = placed
    covered = {resource for placed in bindings.values() for resource in placed}
    return tuple(bindings.items()) if covered == set(resources) else ()


def _bound(shape: Shape, resources: Shape, binding: dict[str, str]) -> Iterator[dict[str, str]]:
    """What the variables of a shape may stand for, so that each pattern matches a resource."""
    unbound = {pattern: len(set(_VARIABLE.findall(pattern)).difference(binding)) for pattern in shape}
    pattern = max(shape, key=lambda pattern: unbound[pattern])
    if not unbound[pattern] and binding:
        yield binding
        return
    for resource in resources:
        match = _matcher(pattern).fullmatch(resource)
        values = match.groupdict() if match else {}
        if match and all(binding.get(name, value) == value for name, value in values.items()):
            if unbound[pattern]:
                yield from _bound(shape, resources, {**binding, **values})
            else:
                yield binding


def _with_companions(granted: Sequence[GrantedBundle], policy: Policy) -> list[GrantedBundle]:
    """Bundles with the statements that come with them, where these can belong to one alone.

    Such a statement is no bundle of its own.
    """
    places: dict[int, list[tuple[int, str]]] = {}
    for statement in policy.statements:
        takers = [place for place, g in enumerate(granted) if _has_companion(g, statement, policy)]
        if len(takers) == 1:
            places.setdefault(takers[0], []).extend((statement.index, key) for key in statement.resources)
    taken = {
        place: keys[0] for place, keys in places.items() if len(keys) == 1 and not arns.is_wide(keys[0][1])
    }
    return [
        replace(g, companions={taken[place][0]: (taken[place][1],)}) if place in taken else g
        for place, g in enumerate(granted)
        if not any((index, key) in taken.values() for index, keys in g.resources.items() for key in keys)
    ]


def _has_companion(granted: GrantedBundle, statement: Statement, policy: Policy) -> bool:
    """Whether a statement may be one that comes with a bundle."""
    is_plain = statement.allow and not (
        statement.not_actions or statement.not_resources or statement.condition
    )
    actions = _actions(statement)
    return (
        is_plain
        and any(part.actions == actions for part in granted.bundle.companions)
        and _has_name_of(granted.bundle.framework, policy)
    )


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


def _instance(shape: Shape, binding: Mapping[str, str]) -> Shape | None:
    """A shape with values for its variables; None where one has no value."""
    if any(name not in binding for pattern in shape for name in _VARIABLE.findall(pattern)):
        return None
    return tuple(_VARIABLE.sub(lambda match: binding[match[1]], pattern) for pattern in shape)
