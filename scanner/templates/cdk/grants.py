"""Grants of constructs (`bucket.grantRead(fn)`) as statements, by the table of bundles. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache

from scanner.iam.variables import literal
from scanner.templates.cdk.constructs import Constructs, grants_of
from scanner.templates.cdk.statements import source_of, tree_of
from scanner.templates.code.languages import field, text_of
from scanner.templates.code.program import Call
from scanner.templates.places import ANY, StatementPlace
from scanner.templates.steps import Steps
from scanner.templates.written import Written
from scanner.text.yaml_document import Lines
from scanner.verdict.bundle_table import CDK, Bundle, Part, bundles

_PLAIN = re.compile(r"[A-Za-z_$][\w.$]{0,80}", re.ASCII)
_FACADE = "grants"  # `bucket.grants.read(fn)` is `bucket.grantRead(fn)`


def grant_name(call: Call) -> str | None:
    """The grant that a call makes, None where it makes none."""
    name, receiver = call.name, call.receiver or ()
    if receiver and receiver[-1] == _FACADE:
        name = f"grant{name[:1].upper()}{name[1:]}"
    return name if not call.makes and name in _by_name() else None


def grant_statements(
    constructs: Constructs, call: Call, name: str, steps: Steps
) -> tuple[StatementPlace, ...]:
    """The statements that a grant may make: of the construct that it is called on, or of all if unknown."""
    receiver = call.receiver or ()
    if receiver and receiver[-1] == _FACADE:
        receiver = receiver[:-1]
    made = constructs.named(call, receiver)
    kind = constructs.kind_of(made.name) if made is not None and made.makes else None
    id_ = "" if made is None else constructs.resource_id(made)
    resource = ANY
    if id_ and made is not None:
        tree = tree_of(constructs, call.code, steps)
        resource = tree.pattern(made.code.scalar(made.node, f"${{{id_}}}"))
    lines = lines_of_call(call)
    return tuple(
        _statement(index, part, resource if is_on_it else ANY, lines)
        for index, (part, is_on_it) in enumerate(dict.fromkeys(_parts(name, kind)))
    )


def lines_of_call(call: Call) -> Lines:
    """The lines of a call, or of the name that is called where it stands behind others."""
    line = call.node.end_point[0] + 1 if call.node.type == "new_expression" else call.node.start_point[0] + 1
    return Lines(line, line)


def written_name(call: Call) -> Written | None:
    """Where a grant stands, and its name, in whose place that of a smaller one may be put."""
    callee = field(call.node, "function")
    name = field(callee, "property") or field(callee, "attribute") if callee is not None else None
    if name is None:
        return None
    return Written(source_of(call.code), call.code.span(call.node), name=call.code.span(name))


def shown(call: Call) -> str:
    """What is called as the source spells it, or its name alone."""
    text = text_of(field(call.node, "function"))
    return text if _PLAIN.fullmatch(text) else call.name


def _parts(name: str, kind: str | None) -> Iterator[tuple[Part, bool]]:
    """The statements of a grant, and whether they are on the resource that it is called on."""
    known = {_construct(of): bundle for of, bundle in _by_name()[name].items()}
    others = [] if kind is None else [kind, grants_of().get(kind, "")]
    found = [known[other] for other in others if other in known][:1]
    for bundle in found if kind else _by_name()[name].values():
        yield from ((part, "*" not in {r for s in part.shapes for r in s}) for part in bundle.parts)
        yield from ((part, False) for part in bundle.companions)


def _construct(of: str) -> str:
    """The construct of a row of bundles: `s3.Bucket` is Bucket."""
    return of.partition(".")[2].partition(".")[0]


@cache
def _by_name() -> dict[str, dict[str, Bundle]]:
    """Grants by their names and what they are of."""
    found: dict[str, dict[str, Bundle]] = defaultdict(dict)
    for bundle in bundles():
        if bundle.framework == CDK:
            found[bundle.name][bundle.of] = bundle
    return dict(found)


def _statement(index: int, part: Part, resource: str, lines: Lines) -> StatementPlace:
    return StatementPlace(
        lines=lines,
        index=index,
        sid=None,
        actions=_lines_of(part.actions, lines),
        unknown_actions=False,
        not_actions=False,
        resources=(resource,),
        not_resources=False,
        condition=bool(part.conditions),
    )


def _lines_of(actions: Iterable[str], lines: Lines) -> dict[str, int]:
    return dict.fromkeys(map(literal, actions), lines.first)
