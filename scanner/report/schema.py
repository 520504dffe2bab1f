"""The JSON schemas of both reports, validation against them, and the JSON text of a record."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

import msgspec
import orjson

Name = Literal["report", "excessive_permissions"]

# A report of a large account holds 100,000 findings that differ in their texts only. jsonschema takes
# 90 microseconds for each, so items of arrays are checked once for each distinct shape. The schemas ask of a
# text only that it is a text, or one of a list; of a number only its sign: `_shape` keeps these.
_LONG_ARRAY = 50
_EMPTY: frozenset[Any] = frozenset()


def plain(record: Any) -> Any:
    """A record, or several, as the JSON data that is read back from the file."""
    return orjson.loads(msgspec.json.encode(record))


def json_bytes(document: Any) -> bytes:
    """JSON data as the text of a report file, without a last line end."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


# Lists of report.json whose items stand on a line each: two reports can be compared line by line.
_LINE_A_ITEM = frozenset(
    {"workloads", "findings", "policies", "used", "recorded", "denied", "unmapped", "warnings", "changes"}
)


def report_bytes(document: Any) -> bytes:
    """report.json as text: indented, but for what repeats most, which stands on a line an item."""
    return "".join(_lines(document, "", "")).encode()


def _lines(value: Any, key: str, margin: str) -> Iterator[str]:
    inner = margin + " "
    if isinstance(value, dict) and value:
        yield "{"
        for at, (name, part) in enumerate(value.items()):
            yield f"{',' if at else ''}\n{inner}{_compact(name)}: "
            yield from _lines(part, name, inner)
        yield f"\n{margin}}}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield "["
        for at, item in enumerate(value):
            yield f"{',' if at else ''}\n{inner}"
            yield from (_compact(item),) if key in _LINE_A_ITEM else _lines(item, "", inner)
        yield f"\n{margin}]"
    else:
        yield _compact(value)


def _compact(value: Any) -> str:
    return orjson.dumps(value).decode()


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
    # the schema of the items, as text, with a shape that fits it
    valid: set[tuple[bytes, Any]] = set()

    def items(validator: Any, item_schema: Any, instance: Any, _: Any) -> Iterator[Any]:
        if not validator.is_type(instance, "array"):
            return
        expected = orjson.dumps(item_schema)
        for at, item in enumerate(instance):
            key = (expected, _shape(item, allowed))
            if key in valid:
                continue
            errors = list(validator.descend(item, item_schema, path=at))
            yield from errors
            if not errors:
                valid.add(key)

    return extend(Draft202012Validator, {"items": items})(described)  # type: ignore[no-untyped-call]  # so in its stubs


def _allowed_texts(value: Any) -> Iterator[str]:
    """All texts that the schema names as values."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in ("enum", "const"):
                texts = part if isinstance(part, list) else [part]
                yield from (text for text in texts if isinstance(text, str))
            else:
                yield from _allowed_texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _allowed_texts(part)


def _shape(value: Any, allowed: frozenset[str]) -> Any:
    """Everything in a value that the schema can tell apart, hashable.

    Most values are texts: objects and arrays look them up themselves, without a call for each.
    """
    kind = type(value)
    if kind is str:
        return value if value in allowed else ""
    if kind is dict:
        return tuple(
            [
                (key, part if part in allowed else "") if type(part) is str else (key, _shape(part, allowed))
                for key, part in value.items()
            ]
        )
    if kind is list:
        if not value:
            return _EMPTY
        if len(value) > _LONG_ARRAY:
            return object()  # equal to no other: its items are looked up when it is checked
        return frozenset(
            [
                (part if part in allowed else "") if type(part) is str else _shape(part, allowed)
                for part in value
            ]
        )
    if kind is int:
        return value < 0
    return (kind, value)
