"""Grants of constructs (`bucket.grantRead(fn)`) as statements, by the table of bundles. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from scanner.iam.variables import literal
from scanner.templates.cdk.constructs import Constructs
from scanner.templates.code.languages import field, text_of
from scanner.templates.code.program import Call
from scanner.templates.places import ANY, StatementPlace
from scanner.text.yaml_document import Lines
from scanner.verdict.bundle_table import CDK, Part, bundles

_PLAIN = re.compile(r"[A-Za-z_$][\w.$]{0,80}", re.ASCII)
_FACADE = "grants"  # `bucket.grants.read(fn)` is `bucket.grantRead(fn)`


def grant_name(call: Call) -> str | None:
    """The grant that a call makes, None where it makes none."""
    name, receiver = call.name, call.receiver or ()
    if receiver and receiver[-1] == _FACADE:
        name = f"grant{name[:1].upper()}{name[1:]}"
    return name if not call.makes and name in _by_name() else None


def grant_statements(constructs: Constructs, call: Call, name: str) -> tuple[StatementPlace, ...]:
    """The statements that a grant may make: of the construct that it is called on, or of all if unknown."""
    receiver = call.receiver or ()
    if receiver and receiver[-1] == _FACADE:
        receiver = receiver[:-1]
    made = constructs.named(call, receiver)
    kind = constructs.kind_of(made.name) if made is not None and made.makes else None
    lines = lines_of_call(call)
    return tuple(
        _statement(index, part, lines) for index, part in enumerate(dict.fromkeys(_parts(name, kind)))
    )


def lines_of_call(call: Call) -> Lines:
    """The lines of a call, or of the name that is called where it stands behind others."""
    line = call.node.end_point[0] + 1 if call.node.type == "new_expression" else call.node.start_point[0] + 1
    return Lines(line, line)


def shown(call: Call) -> str:
    """What is called as the source spells it, or its name alone."""
    text = text_of(field(call.node, "function"))
    return text if _PLAIN.fullmatch(text) else call.name


def _parts(name: str, kind: str | None) -> Iterator[Part]:
    for of, parts in _by_name()[name].items():
        if kind is None or of.partition(".")[2].partition(".")[0] == kind:
            yield from parts


@cache
def _by_name() -> dict[str, dict[str, tuple[Part, ...]]]:
    """The statements of grants by their names and what they are of."""
    found: dict[str, dict[str, tuple[Part, ...]]] = defaultdict(dict)
    for bundle in bundles():
        if bundle.framework == CDK:
            found[bundle.name][bundle.of] = (*bundle.parts, *bundle.companions)
    return dict(found)


def _statement(index: int, part: Part, lines: Lines) -> StatementPlace:
    return StatementPlace(
        lines=lines,
        index=index,
        sid=None,
        actions=_lines_of(part.actions, lines),
        unknown_actions=False,
        not_actions=False,
        resources=(ANY,),
        not_resources=False,
        condition=bool(part.conditions),
    )


def _lines_of(actions: Iterable[str], lines: Lines) -> dict[str, int]:
    return dict.fromkeys(map(literal, actions), lines.first)
