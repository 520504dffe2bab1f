"""A property: of each resource that a call uses there is a need, whichever parameters were recorded."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import assume, given
from hypothesis import strategies as st

from scanner.iam import catalog
from scanner.iam.arns import overlaps
from scanner.mapping.permissions import required_permissions
from scanner.mapping.resources import snake_case
from scanner.model import Call, Outcome, Unmapped
from tests.examples import examples
from tests.unit.cases import ACCOUNT, REGION, function_arn

_PLACE = {"Partition": "aws", "Region": REGION, "Account": ACCOUNT}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
# Services of which a parameter names one resource only: a bucket or an access point; and those of which
# `names` reads parameters under other names.
_OTHERS = {"s3", "s3-outposts", "s3-object-lambda", "secretsmanager", "ssm", "sqs"}


@cache
def operations(prefix: str) -> list[catalog.Action]:
    """Actions of a service that work on several types of resource, of operations of the same name."""
    actions = (catalog.action(name) for name in sorted(catalog.expand(f"{prefix}:*")))
    with_types = [action for action in actions if action and len(action.resource_types) > 1]
    return [action for action in with_types if needs_of(action, ()) is not None]


def needs_of(action: catalog.Action, parameters: tuple[tuple[str, str], ...]) -> list[str] | None:
    """The resources that a call may have needed the action on; None where the operation needs another."""
    prefix, _, operation = action.name.partition(":")
    call = Call(function_arn("f"), prefix, operation, parameters, REGION, "", Outcome.OK)
    needs = required_permissions(call)
    if isinstance(needs, Unmapped):
        return None
    return [need.permission.resource for need in needs if need.permission.action == action.name] or None


@examples(200)
@given(st.data())
def test_every_resource_that_a_call_touches_is_among_its_needs(data: st.DataObject) -> None:
    actions = operations(data.draw(st.sampled_from(sorted(catalog.prefixes() - _OTHERS))))
    assume(actions)
    action = data.draw(st.sampled_from(actions))
    formats = [form for kind in action.resource_types for form in kind.formats]
    variables = sorted({name for form in formats for name in _VARIABLE.findall(form)} - set(_PLACE))
    names = {name: f"n{place}" for place, name in enumerate(variables)}
    recorded = data.draw(st.sets(st.sampled_from(variables))) if variables else set()
    parameters = tuple(sorted((snake_case(name), names[name]) for name in recorded))
    needed = needs_of(action, parameters) or []
    for form in formats:
        touched = _VARIABLE.sub(lambda match: {**names, **_PLACE}[match.group(1)], form)
        assert any(overlaps(touched, resource) for resource in needed), (action.name, parameters, touched)
