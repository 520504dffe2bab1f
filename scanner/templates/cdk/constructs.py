"""The constructs that the files of an app make, with their paths, and the roles that they have. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from scanner.iam.patterns import matches
from scanner.iam.variables import literal
from scanner.templates.cdk.ids import Path, logical_id
from scanner.templates.cdk.output import MadeRole, Site
from scanner.templates.code.program import Call, Chain, Program, chain_of
from scanner.templates.code.text import text_value, unwrapped
from scanner.templates.places import ANY
from scanner.templates.steps import Steps
from scanner.templates.tree import TemplateResource
from scanner.text.tables import rows

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_PATHS = 50  # of one construct: a class that is used more often is as good as unknown
_MAX_DEPTH = 20  # of classes and constructs within each other
_STACKS = ("Stack", "NestedStack")
# The ids of functions that the CDK makes once in a stack for its own use, with the first that asks for it.
# Source: aws-cdk-lib aws-lambda/lib/singleton-lambda.ts (a UUID), core/lib/custom-resource-provider
_SHARED = re.compile("[0-9a-fA-F]{32}$|^Custom::")


class Kind(NamedTuple):
    """A construct with a role: the path of that below it, and whether it is a function of Lambda."""

    role: Path
    is_function: bool


class Constructs:
    """What an app's files make. A place is asked for by the call that makes it."""

    def __init__(self, programs: Sequence[Program], steps: Steps, made: Sequence[MadeRole] = ()) -> None:
        self.calls = [call for program in programs for call in program.calls]
        self._steps = steps
        self._bindings = {
            (program.code.path, owner, chain): nodes
            for program in programs
            for (owner, chain), nodes in program.bindings.items()
        }
        self._made = {_key(call.code.path, call.node): call for call in self.calls}
        self._bases: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for program in programs:
            for name, bases in program.classes:
                self._bases[name].append(bases)
        self._sites: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.makes:
                self._sites[call.name].append(call)
        self.resources: dict[str, TemplateResource] = {}  # that were referred to, by logical id
        self._paths: dict[Call, tuple[Path, ...]] = {}
        self._roles_at: dict[Site, list[MadeRole]] = defaultdict(list)
        for role in made:
            if role.site is not None:
                self._roles_at[role.site].append(role)

    # --- names ---

    def at(self, of: Call, node: Node | None) -> Node | None:
        """What stands in the place of a node: for a name, the only value that it is bound to."""
        for _ in range(_MAX_DEPTH):
            chain = chain_of(node) if node is not None else None
            bound = self._bindings.get((of.code.path, of.owner, chain), []) if chain else []
            if len(bound) != 1:
                break
            node = bound[0]
        return None if node is None else unwrapped(node)

    def call_at(self, of: Call, node: Node | None) -> Call | None:
        """The call that a node is, or that the name in its place is bound to."""
        node = self.at(of, node)
        return None if node is None else self._made.get(_key(of.code.path, node))

    def named(self, of: Call, chain: Chain | None) -> Call | None:
        """The call that a name is bound to, where it is bound once."""
        bound = self._bindings.get((of.code.path, of.owner, chain), []) if chain else []
        return self.call_at(of, bound[0]) if len(bound) == 1 else None

    # --- classes ---

    def kind_of(self, name: str) -> str:
        """The class that a class of the app is of in the end: one of the CDK's, or its own name."""
        for _ in range(_MAX_DEPTH):
            bases = self._bases.get(name, [])
            if len(bases) != 1 or not bases[0]:
                break
            name = bases[0][0]
        return name

    def is_stack(self, name: str) -> bool:
        """Whether a class is a stack: what is in it has ids of its own."""
        return self.kind_of(name) in _STACKS

    def is_certain(self, name: str) -> bool:
        """Whether a name is that of one class at the most."""
        return len(self._bases.get(name, [])) <= 1

    # --- paths ---

    def paths(self, call: Call, depth: int = 0) -> tuple[Path, ...]:
        """The paths of a construct, one for each place where it is made; none if unknown.

        They begin with the class of the stack.
        """
        if call not in self._paths:
            self._steps.spend(1)
            self._paths[call] = ()  # one that stands in itself has none
            self._paths[call] = self._found(call, depth)
        return self._paths[call]

    def _found(self, call: Call, depth: int) -> tuple[Path, ...]:
        scope, given = call.argument(0, "scope"), call.argument(1, "id")
        name = None if given is None else text_value(given)
        if scope is None or not name or "${}" in name or "/" in name or depth > _MAX_DEPTH:
            return ()
        above = self._scopes(call, scope, depth + 1)
        return tuple((*path, name) for path in above) if len(above) <= MAX_PATHS else ()

    def _scopes(self, call: Call, scope: Node, depth: int) -> tuple[Path, ...]:
        chain = chain_of(scope)
        if chain == ("this",):
            return self.within(call.owner, depth)
        of = self.named(call, chain)
        if of is None or not of.makes:
            return ()
        return ((of.name,),) if self.is_stack(of.name) else self.paths(of, depth)

    def within(self, owner: str, depth: int = 0) -> tuple[Path, ...]:
        """The paths of what a class is made as: of a stack the beginning."""
        if not self.is_certain(owner) or depth > _MAX_DEPTH:
            return ()
        if self.is_stack(owner):
            return ((owner,),)
        sites = self._sites.get(owner, ())
        found = [self.paths(site, depth + 1) for site in sites]
        paths = tuple(dict.fromkeys(path for its in found for path in its))
        return paths if len(paths) <= MAX_PATHS and all(found) else ()

    # --- resources ---

    def reference(self, of: Call, node: Node) -> str:
        """The logical id of the resource whose ARN or name an expression is, empty where it is unknown."""
        call = self._made.get(_key(of.code.path, node))
        chain = call.receiver if call is not None and call.name == "arnForObjects" else chain_of(node)
        if call is None and chain and chain[-1].endswith(("Arn", "Name")):
            chain = chain[:-1]
        made = self.named(of, chain) if chain else None
        return "" if made is None else self.resource_id(made)

    def resource_id(self, made: Call) -> str:
        """The logical id of the resource that a construct is made for, empty where it is unknown."""
        row = _resources().get(self.kind_of(made.name))
        paths = self.paths(made) if made.makes and row and not made.is_spread else ()
        if row is None or len(paths) != 1:
            return ""
        id_, code = logical_id((*paths[0][1:], "Resource")), made.code
        kind, key, argument = row
        given = code.literal(self.at(made, made.named.get(argument)))
        properties = None if given is None else code.mapping(made.node, [(key, given)])
        self.resources[id_] = TemplateResource(kind, properties)
        return id_

    # --- roles ---

    def role_paths(self, call: Call) -> tuple[Path, ...] | None:
        """The paths of the role of a construct; none if unknown, None where it can have no role."""
        kind = kinds().get(self.kind_of(call.name))
        if not call.makes or kind is None:
            return None
        given = call.named.get("role")
        if given is not None and kind.role:
            role = self.call_at(call, given)
            return () if role is None or not role.makes else self.role_paths(role)
        # What is spread may name a role.
        known = () if call.is_spread else self.paths(call)
        return tuple((*path, *kind.role) for path in known) or self._seen_paths(call)

    def seen_roles(self, call: Call) -> list[MadeRole]:
        """The roles of a construct that the app's output has, by the place of the call that makes it."""
        kind, given = kinds()[self.kind_of(call.name)], call.argument(1, "id")
        row, column = call.node.start_point
        ids = None if given is None else text_value(given)
        pattern = ANY if ids is None else ANY.join(map(literal, ids.split("${}")))
        found = []
        for role in self._roles_at.get(Site(call.code.path, row + 1, column + 1), ()):
            size = len(role.path) - len(kind.role)
            if size > 0 and role.path[size:] == kind.role and not _SHARED.search(role.path[size - 1]):
                found += [role] if matches(pattern, literal(role.path[size - 1])) else []
        return found

    def _seen_paths(self, call: Call) -> tuple[Path, ...]:
        """The paths of its role by the app's output. They begin with what tells the call from others."""
        paths = dict.fromkeys(role.path for role in self.seen_roles(call))
        begin = f"{call.code.path}:{call.node.start_byte}"
        return tuple((begin, *path) for path in paths) if len(paths) <= MAX_PATHS else ()

    def roles_named(self, of: Call, chain: Chain | None) -> tuple[Path, ...] | None:
        """The paths of the role of what a name means; none if unknown, None where it surely has none."""
        if chain == ("this",):
            kind = kinds().get(self.kind_of(of.owner))
            return () if kind is None else tuple((*path, *kind.role) for path in self.within(of.owner))
        if chain and chain[-1] in ("role", "grantPrincipal") and len(chain) > 1:
            bound = self.named(of, chain)
            return self.roles_named(of, chain[:-1]) if bound is None else self.role_paths(bound)
        bound = self.named(of, chain)
        if bound is None:
            return ()
        return self.role_paths(bound)


@cache
def kinds() -> dict[str, Kind]:
    """The constructs of the CDK that have a role."""
    return {
        row["construct"]: Kind(tuple(row["role"].split("/")) if row["role"] else (), bool(row["function"]))
        for row in rows("templates", "cdk_constructs")
    }


@cache
def grants_of() -> dict[str, str]:
    """Constructs whose grants are those of another one."""
    return {row["construct"]: row["grants_of"] for row in rows("templates", "cdk_resources")}


@cache
def _resources() -> dict[str, tuple[str, str, str]]:
    """The type of a construct's resource, the property that names it, and that of the construct."""
    return {
        row["construct"]: (row["type"], row["property"], _argument(row["construct"], row["property"]))
        for row in rows("templates", "cdk_resources")
    }


def _argument(construct: str, name: str) -> str:
    argument = f"{construct}Name" if name == "Name" else name
    return argument[:1].lower() + argument[1:]


def _key(path: str, node: Node) -> tuple[str, int, int]:
    return path, node.start_byte, node.end_byte
