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
_SELF = "${self:"


def check_users(root: Element, removed: Collection[Element]) -> None:
    """Raises CannotCutError where something other than a role reads what is to go."""
    readers = _readers(root)
    todo, checked = (list(removed) if readers else []), set[Element]()
    while todo:
        element = todo.pop()
        chain = [above for above in element.chain() if above not in checked]
        checked.update(chain)
        names = {above.anchor for above in chain if above.anchor}
        paths = {".".join(_path(above)) for above in chain if above.parent}
        for reader in readers:
            if (reader.kind == "alias" and reader.text in names) or not paths.isdisjoint(_named(reader.text)):
                _check_section(element)
                _check_section(reader)
                todo.append(reader)


@lru_cache(maxsize=2)  # of a text it is asked for each edit
def _readers(root: Element) -> tuple[Element, ...]:
    """What names other parts of the text."""
    return tuple(element for element in _all(root) if element.kind == "alias" or _SELF in element.text)


def _named(text: str) -> Iterator[str]:
    """The paths of its own file that a text names."""
    for part in text.split(_SELF)[1:]:
        yield part.split("}")[0].split(",")[0].strip()


def _path(element: Element) -> list[str]:
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
    if section == "Resources" and len(above) > 1 and _type_of(above[1]) in _OF_ROLES:
        return
    reader = ".".join(its.key for its in above[:2]) or "another part of the text"
    raise CannotCutError(f"{reader[:100]} reads it too")


def _type_of(resource: Element) -> str:
    return next((its.value.text for its in resource.entries if its.key and its.key.text == "Type"), "")


def _all(root: Element) -> Iterator[Element]:
    todo = [root]
    while todo:
        element = todo.pop()
        yield element
        todo += [entry.value for entry in element.entries]
