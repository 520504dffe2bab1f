"""Whether the place of each finding of a deployed checkout is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scanner.model import Finding, Location
from scanner.templates.locate import Locator
from scanner.templates.places import Templates
from scanner.templates.read import Texts, roles_in, without_parts
from tests.placing.corpus import Checkout
from tests.placing.texts import Line, blocks

RIGHT, NONE, WRONG, ADDED = "right", "none", "wrong", "added by the framework"


class Placed(NamedTuple):
    """A finding, its place, and whether that is right."""

    finding: Finding
    location: Location | None
    verdict: str


def read(checkout: Checkout) -> Templates:
    """The templates of a checkout, as the scanner reads them."""
    roles = [
        role
        for path, text in checkout.texts.items()
        for role in roles_in(path, text, Texts(checkout.texts)) or ()
    ]
    return Templates(without_parts(roles), len(checkout.texts))


def placed(checkout: Checkout) -> Iterator[Placed]:
    """Each finding of a checkout's roles with its place."""
    locator = Locator(read(checkout))
    lines = {(w.role, w.policy, w.statement, w.action): w.line for w in checkout.written}
    for role in checkout.roles:
        for finding in role.findings:
            location = locator.place(finding, role.workloads).location
            key = (role.role.name, finding.policy.name, finding.statement.index, finding.actions[0])
            yield Placed(finding, location, _verdict(checkout, finding, location, lines.get(key)))


def _verdict(checkout: Checkout, finding: Finding, location: Location | None, line: Line | None) -> str:
    if location is None:
        is_added = line is None and (finding.policy.kind == "managed" or checkout.framework == "serverless")
        return ADDED if is_added else NONE
    if line is not None:
        is_there = (location.path, location.line, location.end_line) == (line.path, line.line, line.line)
        return RIGHT if is_there else WRONG
    return RIGHT if _is_of_resource(checkout, finding, location) else WRONG


def _is_of_resource(checkout: Checkout, finding: Finding, location: Location) -> bool:
    """Whether a line is that of a mention, or of what makes a policy of the role's resource."""
    text = checkout.texts[location.path]
    line = text.splitlines()[location.line - 1]
    logical_id = checkout.logical_ids[finding.role.rpartition("/")[2]]
    if location.made_by:
        owners = [id_ for id_ in blocks(text, "Resources") if _stands_in(text, id_, location)]
        shared = "Globals:" in text and location.line < text[: text.index("Resources:")].count("\n")
        return shared or any(o in finding.policy.name or logical_id.startswith(o) for o in owners)
    if finding.policy.kind == "managed":
        owner = logical_id.removesuffix("Role")
        its = any(_stands_in(text, id_, location) for id_ in (owner, logical_id))
        return finding.policy.name in line and (its or checkout.framework == "serverless")
    # A policy template: SAM names its policy by its position.
    function, _, index = finding.policy.name.rpartition("RolePolicy")
    return index.isdigit() and _stands_in(text, function, location) and "Policy" in line


def _stands_in(text: str, resource: str, location: Location) -> bool:
    first, last = blocks(text, "Resources").get(resource, (0, 0))
    return first <= location.line <= last
