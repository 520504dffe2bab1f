"""Who else reads a part of a YAML text: aliases, merges and `${self:...}`. Pure.

What only roles read is decided by the roles; what anything else may read is not edited.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache

from scanner.templates.edits.yaml_elements import Element
from scanner.templates.written import CannotCutError

_OF_ROLES = frozenset(
    {
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::IAM::RolePolicy",
        "AWS::Serverless::Function",
        "AWS::Serverless::StateMachine",
    }
)
# Sections that nothing reads by itself, and those in which the Serverless Framework declares roles
_READ_BY_NAME = frozenset({"custom", "Metadata", "Mappings"})
_SERVERLESS = frozenset({"provider", "functions"})
# Where policies stand, from the properties of a resource, a provider and a function
_POLICIES = (("Properties", "Policies"), ("Properties", "PolicyDocument"))
_STATEMENTS = (
    ("iam", "role", "statements"),
    ("iamRoleStatements",),
)
_NOT_GRANTED = frozenset({"NotAction", "NotResource", "Condition", "Principal", "NotPrincipal"})
_MERGE = "<<"
_MAX_MERGES = 20
_SELF = "${self:"


def check_users(root: Element, removed: Collection[Element], *, of_roles: bool = False) -> None:
    """Raises CannotCutError where something other than a role reads what is to go.

    With `of_roles` that is checked of these elements too: what is to go stands elsewhere, and they name it.
    """
    for element in removed if of_roles else ():
        _check_section(element)
        _check_grants(root, element)
    readers = _readers(root)
    todo, checked = (list(removed) if readers else []), set[Element]()
    while todo:
        element = todo.pop()
        chain = [above for above in element.chain() if above not in checked]
        checked.update(chain)
        names = {above.anchor for above in chain if above.anchor}
        paths = {".".join(path_of(above)) for above in chain if above.parent}
        for reader in readers:
            if (reader.kind == "alias" and reader.text in names) or not paths.isdisjoint(_named(reader.text)):
                for its in (element, reader):
                    _check_section(its)
                    _check_grants(root, its)
                todo.append(reader)


@lru_cache(maxsize=2)  # of a text it is asked for each edit
def _readers(root: Element) -> tuple[Element, ...]:
    """What names other parts of the text."""
    return tuple(element for element in all_of(root) if element.kind == "alias" or _SELF in element.text)


def _named(text: str) -> Iterator[str]:
    """The paths of its own file that a text names."""
    for part in text.split(_SELF)[1:]:
        yield part.split("}")[0].split(",")[0].strip()


def path_of(element: Element) -> list[str]:
    """The keys, and the indices of lists, to an element."""
    below_root = list(element.chain())[-2::-1]
    return [above.key or str(above.index) for above in below_root]


def _check_section(element: Element) -> None:
    """Raises CannotCutError where an element is a part of something that is not of roles alone."""
    above = list(element.chain())[-2::-1]
    if above and above[0].key == "resources":
        above = above[2 if above[1:] and not above[1].key else 1 :]
    section = above[0].key if above else ""
    if section in _READ_BY_NAME | _SERVERLESS or section.startswith(("x-", ".")):
        return
    if section == "Resources" and len(above) > 1 and _is_of_roles(above[1]):
        return
    reader = ".".join(its.key for its in above[:2]) or "another part of the text"
    raise CannotCutError(f"{reader[:100]} reads it too")


def _check_grants(root: Element, element: Element) -> None:
    """Raises CannotCutError where an element is more than a part of what statements allow.

    Without it, one that denies would deny less, and one that allows all but some actions would allow more.
    """
    keys = [above.key for above in list(element.chain())[-2::-1] if above.key not in ("", _MERGE)]
    keys = keys[1:] if keys[:1] == ["resources"] else keys
    reader = ".".join(keys[:4])[:100]
    places: tuple[tuple[str, ...], ...] = ()
    if keys[:1] == ["Resources"]:
        keys, places = keys[2:], _POLICIES
    elif keys[:1] == ["provider"] or keys[:1] == ["functions"]:
        keys, places = keys[1 if keys[0] == "provider" else 2 :], _STATEMENTS
    if places and not any(keys[: len(place)] == list(place[: len(keys)]) for place in places):
        raise CannotCutError(f"{reader} reads it too")
    if not _NOT_GRANTED.isdisjoint(keys):
        raise CannotCutError("a statement reads it too for what it does not allow")
    for above in element.chain():
        effect = _effect(root, above)
        if effect not in (None, "Allow"):
            raise CannotCutError("a statement that denies, or may, reads it too")


def _effect(root: Element, element: Element) -> str | None:
    """The effect of a statement, with that of what is merged into it, None where an element has none."""
    todo, merges = [element], 0
    while todo:
        values = {entry.key.text: entry.value for entry in todo.pop().entries if entry.key}
        effect, merged = values.get("Effect"), values.get(_MERGE)
        if effect is not None:
            return effect.text if effect.kind == "scalar" and not effect.tag else ""
        parts = [] if merged is None else [merged, *(entry.value for entry in merged.entries)]
        for part in reversed(parts):
            merges += 1
            if merges > _MAX_MERGES:
                return ""
            todo += (
                _anchored(root, part.text) if part.kind == "alias" else [part] if part.kind == "map" else []
            )
    return None


def _anchored(root: Element, name: str) -> list[Element]:
    return [element for element in all_of(root) if element.anchor == name and element.kind == "map"]


def _is_of_roles(resource: Element) -> bool:
    """Whether a resource is a role, or a policy that neither users nor groups have."""
    fields = {its.key.text: its.value for its in resource.entries if its.key}
    properties = fields["Properties"].entries if "Properties" in fields else []
    keys = {its.key.text for its in properties if its.key}
    return "Type" in fields and fields["Type"].text in _OF_ROLES and keys.isdisjoint({"Users", "Groups"})


def all_of(root: Element) -> Iterator[Element]:
    """An element and all that is in it."""
    todo = [root]
    while todo:
        element = todo.pop()
        yield element
        todo += [entry.value for entry in element.entries]
