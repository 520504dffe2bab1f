"""The JSON schemas of both reports, and validation against them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

import orjson

Name = Literal["report", "excessive_permissions"]

# A report of a large account holds 100,000 findings that differ in their texts only. jsonschema takes
# 90 microseconds for each, so items of arrays are checked once for each distinct shape. Of texts the schemas
# say only that they are texts, or list the allowed ones, of numbers only their sign: `_shape` keeps these.
_LONG_ARRAY = 50


def schema(name: Name) -> dict[str, Any]:
    """A report's JSON schema (draft 2020-12)."""
    return dict(orjson.loads(resources.files("scanner.report").joinpath(f"{name}.schema.json").read_bytes()))


def validate(name: Name, document: Any) -> None:
    """Check a report against its schema. Raises jsonschema.ValidationError, naming the place."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(name).iter_errors(document))
    if error is not None:
        raise error


@cache
def _validator(name: Name) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    described = schema(name)
    allowed = frozenset(_allowed_texts(described))

    checked: set[tuple[int, Any]] = set()

    def items(validator: Any, item_schema: Any, instance: Any, _: Any) -> Iterator[Any]:
        if not validator.is_type(instance, "array"):
            return
        for at, item in enumerate(instance):
            key = (id(item_schema), _shape(item, allowed))
            if key in checked:
                continue
            errors = list(validator.descend(item, item_schema, path=at))
            yield from errors
            if not errors:
                checked.add(key)

    return extend(Draft202012Validator, {"items": items})(described)  # type: ignore[no-untyped-call]  # so in its stubs


def _allowed_texts(value: Any) -> Iterator[str]:
    """All texts that the schema asks for by name."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in ("enum", "const"):
                yield from (
                    text for text in (part if isinstance(part, list) else [part]) if isinstance(text, str)
                )
            else:
                yield from _allowed_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _allowed_texts(part)


def _shape(value: Any, allowed: frozenset[str]) -> Any:
    """All of a value that the schema can tell apart, hashable."""
    kind = type(value)
    if kind is dict:
        # texts are most of what there is: they are looked at here, without a call for each
        return tuple(
            [
                (key, part if part in allowed else "") if type(part) is str else (key, _shape(part, allowed))
                for key, part in value.items()
            ]
        )
    if kind is list:
        if len(value) > _LONG_ARRAY:
            return object()  # like no other: its own items are looked at when it is checked
        return frozenset([_shape(part, allowed) for part in value])
    if isinstance(value, str):
        return value if value in allowed else ""
    if kind is int:
        return value < 0
    return (kind, value)
