"""Backends of Amplify Gen 2: no line of a statement, but the function whose role has a policy.

The id of a function's construct is its name and `-lambda`, in a stack of its own group: so its role is known.
Source: aws-amplify/amplify-backend packages/backend-function/src/factory.ts;
docs.amplify.aws/react/build-a-backend/functions/grant-access-to-other-resources
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from scanner.templates.cdk.ids import logical_id
from scanner.templates.framework import Declarations, DeclaredRole, Framework
from scanner.templates.places import ANY, Name, PolicyPlace
from scanner.templates.written import Checkout
from scanner.text.yaml_document import Lines

_MAX_FILES = 100
_MAX_TEXT = 100_000  # characters of a file
_MAX_PROPERTIES = 1_000  # characters of a function's, from the first
_IMPORT = re.compile(r"""\bfrom\s{1,9}["'](\.[\w./-]{1,200})["']""")
_NAME = re.compile(r"""\bname\s*:\s*["']([\w-]{1,64})["']""")
_ENTRY = re.compile(r"""\bentry\s*:\s*["']([\w./-]{1,200})["']""")
_DEFINES = "defineFunction("


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    folder = posixpath.dirname(path)
    if posixpath.basename(folder) != "amplify":
        return None
    imported = dict.fromkeys(_IMPORT.findall(text[:_MAX_TEXT]))
    places = [posixpath.normpath(posixpath.join(folder, name)) for name in list(imported)[:_MAX_FILES]]
    roles: dict[str, DeclaredRole] = {}
    for place in (f"{name.removesuffix('.js').removesuffix('.ts')}.ts" for name in places):
        code = (checkout.text(place) or "")[:_MAX_TEXT]
        checkout.steps.spend(1 + len(code) // 100)
        for name in _functions(place, code):
            note = (
                f"Amplify makes it of what gives the function of {place} access: `allow.resource` of another "
                f"resource, or a call on its `resources.lambda` in {path}"
            )
            id_ = logical_id((f"{name}-lambda", "ServiceRole", "Resource"))
            policy = PolicyPlace(Name(ANY), "inline", Lines(1, 1), (), note=note)
            roles[id_] = DeclaredRole(Name(id_, derived=True), (policy,))
    return Declarations(roles) if roles else None


def _functions(path: str, code: str) -> Iterator[str]:
    """The names of the functions that a file defines: given, or of the entry, or of the folder."""
    for properties in code.split(_DEFINES)[1:]:
        given = properties[:_MAX_PROPERTIES]
        name, entry = _NAME.search(given), _ENTRY.search(given)
        if name is not None:
            yield name[1]
        elif entry is not None:
            yield posixpath.splitext(posixpath.basename(entry[1]))[0]
        else:
            yield posixpath.basename(posixpath.dirname(path))


AMPLIFY = Framework(
    suffixes=("backend.ts",),
    is_named=lambda file: False,
    may_be=lambda file, text: file == "backend.ts" and "defineBackend" in text,
    read=_read,
)
