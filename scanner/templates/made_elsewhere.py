"""Frameworks that make policies of something else than statements: no line, but what makes them.

What makes which policy stands in data/made_elsewhere.csv. `name` finds the name of the service in the file;
`role` is the logical id of the role, or with a `*` a pattern of its name.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache

from scanner.iam.variables import literal
from scanner.templates.framework import Declarations, DeclaredRole, Framework, RoleUse
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.written import Checkout
from scanner.text.tables import rows
from scanner.text.yaml_document import Lines

_AMPLIFY = "/amplify/backend/function/"
_MAX_TEXT = 100_000  # characters that a name is looked for in


@cache
def _table() -> dict[str, list[dict[str, str]]]:
    table: dict[str, list[dict[str, str]]] = {}
    for row in rows("templates", "made_elsewhere"):
        table.setdefault(row["file"], []).append(row)
    return table


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    del checkout
    folder, file = posixpath.split(path)
    its = _table()[file]
    found = re.search(its[0]["name"], text[:_MAX_TEXT]) if its[0]["name"] else None
    if its[0]["name"] and found is None:
        return None
    uses: tuple[RoleUse, ...] = ()
    role = its[0]["role"].replace("${name}", literal(found.group(1)) if found else "")
    if file == "custom-policies.json":
        if _AMPLIFY not in f"/{folder}":
            return None
        uses = (RoleUse(role, Name(f"{literal(posixpath.basename(folder))}-{ANY}")),)
    policies = tuple(
        PolicyPlace(Name(row["policy"]), "inline", Lines(1, 1), (), note=row["note"].replace("{path}", path))
        for row in its
    )
    return Declarations({role: DeclaredRole(Name(role, derived=ANY not in role), policies)}, uses)


MADE_ELSEWHERE = Framework(
    suffixes=("app.arc", "sst.config.ts", "custom-policies.json"),
    is_named=lambda file: False,
    may_be=lambda file, text: file in _table(),
    read=_read,
)
