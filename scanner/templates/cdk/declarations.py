"""What the files of an app declare: roles of constructs, and the policies that calls give them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from scanner.iam.variables import literal
from scanner.templates.cdk.constructs import Constructs, kinds
from scanner.templates.cdk.grants import grant_name, grant_statements, lines_of_call, shown, written_name
from scanner.templates.cdk.ids import Path, logical_id
from scanner.templates.cdk.output import MadeRole, name_seen, notes_of
from scanner.templates.cdk.statements import is_unknown, listed, source_of, statement, tree_of
from scanner.templates.code.program import Call, Program, chain_of
from scanner.templates.code.text import entries
from scanner.templates.framework import Attachment, Declarations, DeclaredRole, RoleUse
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.policies import line_of
from scanner.templates.steps import Steps
from scanner.templates.tree import KEPT_OF_ID
from scanner.templates.written import Written

if TYPE_CHECKING:
    from tree_sitter import Node

_ADDS = {
    "addToRolePolicy": "statement",
    "addToPrincipalPolicy": "statement",
    "addToPolicy": "statement",
    "addToTaskRolePolicy": "statement",
}
_POLICIES = {"Policy": "policyName", "ManagedPolicy": "managedPolicyName"}
_DEFAULT = ("DefaultPolicy", "Resource")
_ANY_DEFAULT = Name("*DefaultPolicy*")
_RECEIVER_UNKNOWN = "the construct that it is given to is not known from the sources"
_SAME_IDS = "stacks of the app have constructs with the same ids"
MAX_UNSURE = 200  # policies that may be any role's: more tell nothing


class _Given(NamedTuple):
    """A policy that a call gives to the roles at some paths; None where it may be any."""

    policy: PolicyPlace
    roles: tuple[Path, ...] | None


class _App:
    """Reads an app."""

    def __init__(self, programs: Sequence[Program], seen: Sequence[MadeRole], steps: Steps) -> None:
        self._steps = steps
        self._seen = seen
        self._constructs = Constructs(programs, steps, seen)

    def declarations(self) -> Declarations:
        """The roles by logical id, with their policies, the functions that use them, and policies apart."""
        made = {path: call for call, paths in self._made() for path in paths}
        given = list(self._given())
        of_role: dict[Path, list[PolicyPlace]] = defaultdict(list)
        for policy, paths in given:
            for path in paths or ():
                of_role[path].append(policy)
        unsure = [policy for policy, paths in given if paths is None][:MAX_UNSURE]
        by_id: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(made):
            by_id[_id(path)].append(path)
        roles, apart = {}, list(self._apart())
        notes = notes_of(self._seen)
        for id_, alike in by_id.items():
            self._steps.spend(1 + len(unsure) // 10)
            more = (*unsure, *notes.pop(id_, ()))
            names = self._names_by_stack(made, alike)
            for path, name in names:
                its = (*_named(of_role[path], path), *more)
                apart.append(Attachment(None, DeclaredRole(name, its)))
            if names:
                continue
            policies = [policy for path in alike for policy in _named(of_role[path], path)]
            if len(alike) > 1:
                policies = [replace(policy, unsure=_SAME_IDS) for policy in policies]
            roles[id_] = DeclaredRole(self._role_name(made[alike[0]], id_), (*policies, *more))
        for id_, its in notes.items():
            self._steps.spend(1 + len(unsure) // 10)
            roles[id_] = DeclaredRole(name_seen(self._seen, id_), (*unsure, *its))
        return Declarations(roles, tuple(self._uses()), tuple(apart))

    def _names_by_stack(self, made: Mapping[Path, Call], alike: Sequence[Path]) -> list[tuple[Path, Name]]:
        """Roles of several stacks with one logical id, by names that tell these; none where unknown."""
        found: list[tuple[Path, Name]] = []
        known: set[str] = set()
        for path in alike if len(alike) > 1 else ():
            call = made[path]
            its = {role.stack for role in self._constructs.seen_roles(call) if role.path == path[1:]}
            if not its or its & {"", *known} or "roleName" in call.named:
                return []
            known |= its
            id_ = _id(path)[:KEPT_OF_ID]
            found += [(path, Name(f"{literal(stack)}-{id_}{ANY}")) for stack in sorted(its)]
        return found

    # --- roles ---

    def _made(self) -> Iterator[tuple[Call, tuple[Path, ...]]]:
        """The constructs that make a role, with its paths."""
        for call in self._constructs.calls:
            kind = kinds().get(self._constructs.kind_of(call.name))
            if call.makes and kind is not None and "role" not in call.named:
                yield call, self._constructs.role_paths(call) or ()

    def _role_name(self, call: Call, id_: str) -> Name:
        given = call.named.get("roleName")
        return Name(id_, derived=True) if given is None else self._pattern(call, given)

    def _pattern(self, call: Call, node: Node) -> Name:
        tree = tree_of(self._constructs, call.code, self._steps)
        return Name(tree.pattern(call.code.literal(self._constructs.at(call, node))))

    def _uses(self) -> Iterator[RoleUse]:
        for call in self._constructs.calls:
            kind = kinds().get(self._constructs.kind_of(call.name))
            if call.makes and kind is not None and kind.is_function:
                given = call.named.get("functionName")
                roles = self._constructs.role_paths(call) or ()
                own = self._constructs.paths(call)
                for place, role in enumerate(roles):
                    id_ = _id(own[place]) if len(own) == len(roles) else ""
                    if given is not None or id_:
                        name = Name(id_, derived=True) if given is None else self._pattern(call, given)
                        yield RoleUse(_id(role), name)

    # --- policies of roles ---

    def _given(self) -> Iterator[_Given]:
        for call in self._constructs.calls:
            if call.name in _ADDS and not call.makes:
                yield from self._added(call)
            elif (name := grant_name(call)) is not None:
                yield from self._granted(call, name)
            elif call.makes:
                yield from self._of_properties(call)

    def _added(self, call: Call) -> Iterator[_Given]:
        roles = self._constructs.roles_named(call, call.receiver)
        argument = call.argument(0, _ADDS[call.name])
        if roles is None or argument is None or self._is_imported(call):
            return
        parent = call.node.parent
        alone = parent is not None and parent.type == "expression_statement"
        yield from self._default(call, argument, parent if alone else None, roles)

    def _is_imported(self, call: Call) -> bool:
        """Whether a call is on something that the app does not make: a role of another's."""
        bound = self._constructs.named(call, call.receiver)
        return bound is not None and not bound.makes and bound.name.startswith("from")

    def _default(
        self, call: Call, node: Node, entry: Node | None, roles: tuple[Path, ...]
    ) -> Iterator[_Given]:
        """A statement of the default policy of roles."""
        place = statement(self._constructs, call, node, self._steps)
        if place is None:
            return
        written = None
        if entry is not None and place.written is not None:
            written = Written(source_of(call.code), call.code.span(entry))
        policy = PolicyPlace(
            Name(""),
            "inline",
            place.lines,
            statements=(place,),
            written=written,
            is_open=True,
            path=call.code.path,
        )
        yield from _to(policy, roles)

    def _granted(self, call: Call, name: str) -> Iterator[_Given]:
        grantee = call.argument(0, "grantee") or call.argument(0, "identity")
        target = None if grantee is None else self._constructs.call_at(call, grantee)
        roles: tuple[Path, ...] | None = ()
        if target is not None:
            roles = self._constructs.role_paths(target) if target.makes else None
        elif grantee is not None:
            roles = self._constructs.roles_named(call, chain_of(grantee))
        places = grant_statements(self._constructs, call, name, self._steps)
        if roles is None or not places:
            return
        policy = PolicyPlace(
            Name(""),
            "inline",
            lines_of_call(call),
            places,
            made_by=shown(call),
            written=written_name(call),
            is_open=True,
            path=call.code.path,
        )
        yield from _to(policy, roles)

    def _of_properties(self, call: Call) -> Iterator[_Given]:
        roles = self._constructs.role_paths(call)
        if roles is None:
            return
        for item in listed(self._constructs, call, call.named.get("initialPolicy")):
            yield from self._default(call, item, item, roles)
        inline = self._constructs.at(call, call.named.get("inlinePolicies"))
        if inline is not None and inline.type in ("object", "dictionary"):
            for name, value in entries(inline):
                document = self._constructs.call_at(call, value)
                if name is not None and document is not None:
                    policy = self._policy(document, Name(name), "inline", value)
                    yield from _to(policy, roles)
        for item in listed(self._constructs, call, call.named.get("managedPolicies")):
            mention = self._mention(call, item)
            if mention is not None:
                yield from _to(mention, roles)

    def _mention(self, call: Call, item: Node) -> PolicyPlace | None:
        """A policy of AWS that a role is given by its name."""
        found = self._constructs.call_at(call, item)
        argument = None if found is None else found.argument(0, "managedPolicyName")
        if found is None or found.name != "fromAwsManagedPolicyName" or argument is None:
            return None
        name = found.code.literal(self._constructs.at(found, argument))
        if is_unknown(name) or name is None:
            return None
        pattern = tree_of(self._constructs, call.code, self._steps).pattern(name)
        span = call.code.span(item)
        return PolicyPlace(
            Name(f"arn:*:iam::aws:policy/{pattern}"),
            "managed",
            line_of(call.code.unknown(item)),
            written=Written(source_of(call.code), span),
            path=call.code.path,
        )

    def _policy(self, document: Call, name: Name, kind: str, entry: Node | None) -> PolicyPlace:
        """A policy of the statements that a call names."""
        places = [
            statement(self._constructs, document, item, self._steps)
            for item in listed(self._constructs, document, document.named.get("statements"))
        ]
        known = [replace(place, index=index) for index, place in enumerate(places) if place is not None]
        span = None if entry is None else document.code.span(entry)
        return PolicyPlace(
            name,
            "managed" if kind == "managed" else "inline",
            line_of(document.code.unknown(document.node)),
            statements=tuple(known),
            other_statements=len(places) - len(known),
            written=None if span is None else Written(source_of(document.code), span),
            is_open=True,
            path=document.code.path,
        )

    # --- policies apart ---

    def _apart(self) -> Iterator[Attachment]:
        """The policies that are constructs of their own, known by their names."""
        for call in self._constructs.calls:
            if not call.makes or call.name not in _POLICIES:
                continue
            kind = "managed" if call.name == "ManagedPolicy" else "inline"
            document = self._constructs.call_at(call, call.named.get("document")) or call
            for path in self._constructs.paths(call):
                id_, given = _id(path), call.named.get(_POLICIES[call.name])
                name = Name(id_, derived=kind == "managed") if given is None else self._pattern(call, given)
                policy = self._policy(document, name, kind, None)
                yield Attachment(None, DeclaredRole(None, (policy,)))


def _id(path: Path) -> str:
    """The logical id of the resource that a construct at a path is made for; paths begin with the stack."""
    return logical_id((*path[1:], "Resource"))


def _to(policy: PolicyPlace, roles: tuple[Path, ...]) -> Iterator[_Given]:
    """A policy for roles; for any where they are unknown."""
    if roles:
        yield _Given(policy, roles)
    else:
        name = _ANY_DEFAULT if policy.name == Name("") else policy.name
        yield _Given(replace(policy, name=name, unsure=_RECEIVER_UNKNOWN), None)


def _named(policies: Sequence[PolicyPlace], path: Path) -> Iterator[PolicyPlace]:
    """Policies of a role; those that have no name of their own are its default policy."""
    name = Name(logical_id((*path[1:], *_DEFAULT)))
    for policy in policies:
        yield replace(policy, name=name) if policy.name == Name("") else policy


def declarations(
    programs: Sequence[Program], steps: Steps, seen: Sequence[MadeRole] = ()
) -> Declarations | None:
    """What an app's files and its output (`seen`) declare, None where there are none."""
    return _App(programs, seen, steps).declarations() if programs or seen else None
