"""What a fact is called in spans: names of attributes, the best one first (data/aliases.csv). Pure.

Languages, SDKs and the versions of the conventions name one fact differently. The order of the rows decides
which name is believed; `service` and `when` limit a row to calls of a service or to spans that have an
attribute of a value, `form` to values that look like what is meant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

import orjson

from scanner.spans.span import Span
from scanner.text.tables import rows

Where = Literal["span", "resource", "any", "record"]
PARAMETER = "parameter."
"""How facts begin that name what a call used: after it comes the name of the call's parameter."""

_MOST_ITEMS = 100
_MAX_TEXT = 2048


class Alias(NamedTuple):
    """A name of a fact.

    `where` tells whose attribute it is; of `any`, the span's own comes first. A `record` names what stands
    beside the attributes of a record in a log group. `when` is an attribute and its value, if the row needs
    them. Of a value that matches `form`, the group `value` counts if the form has one.
    """

    attribute: str
    where: Where
    service: str
    when: tuple[str, str] | None
    form: re.Pattern[str] | None


@cache
def aliases() -> Mapping[str, tuple[Alias, ...]]:
    """The aliases of every fact."""
    table: dict[str, list[Alias]] = {}
    for row in rows("spans", "aliases"):
        attribute, _, value = row["when"].partition("=")
        alias = Alias(
            row["attribute"],
            _where(row["where"]),
            service=row["service"],
            when=(attribute, value) if attribute else None,
            form=re.compile(row["form"], re.DOTALL) if row["form"] else None,
        )
        table.setdefault(row["fact"], []).append(alias)
    return {fact: tuple(of_fact) for fact, of_fact in table.items()}


def _where(text: str) -> Where:
    for where in ("span", "resource", "any", "record"):
        if text == where:
            return where
    raise ValueError(f"aliases.csv: unknown place {text!r}")


@cache
def names_of(fact: str) -> tuple[str, ...]:
    """The attributes that a fact may stand in, the best one first."""
    return tuple(dict.fromkeys(alias.attribute for alias in aliases()[fact]))


@cache
def parameter_facts() -> tuple[str, ...]:
    """The facts that are parameters of calls."""
    return tuple(fact for fact in aliases() if fact.startswith(PARAMETER))


def parameter_facts_in(attributes: Mapping[str, Any]) -> list[str]:
    """The facts that are parameters and may stand in some attributes, in the order of the table."""
    names = {name.removesuffix(".0") for name in attributes}
    return [fact for fact in parameter_facts() if not names.isdisjoint(names_of(fact))]


@cache
def span_names() -> frozenset[str]:
    """All names that stand in the attributes of a span; what is not among them is never kept."""
    return _names("span", "any", "record")


@cache
def resource_names() -> frozenset[str]:
    """All names that stand in the attributes of a resource."""
    return _names("resource", "any")


def _names(*places: Where) -> frozenset[str]:
    of_places = [a for of_fact in aliases().values() for a in of_fact if a.where in places]
    conditions = [alias.when[0] for alias in of_places if alias.when]
    return frozenset([*(alias.attribute for alias in of_places), *conditions])


def value_of(fact: str, span: Span, service: str = "") -> Any | None:
    """The value of a fact; None where no attribute tells it. `service` is the IAM prefix of a call."""
    return next(_values(fact, span, service), None)


def text_of(fact: str, span: Span, service: str = "") -> str:
    """The first text of a fact, empty where there is none."""
    return next(iter(texts_of(fact, span, service)), "")


def texts_of(fact: str, span: Span, service: str = "") -> tuple[str, ...]:
    """The texts of a fact: those of the best attribute that has any. Numbers count as texts."""
    for alias in aliases()[fact]:
        texts = [
            text
            for value in _values_of(alias, span, service)
            for item in _items(value)
            if (text := _formed(alias.form, item))
        ]
        if texts:
            return tuple(dict.fromkeys(texts))
    return ()


def _values(fact: str, span: Span, service: str) -> Iterator[Any]:
    for alias in aliases()[fact]:
        for value in _values_of(alias, span, service):
            if alias.form is None or any(_formed(alias.form, item) for item in _items(value)):
                yield value


def _values_of(alias: Alias, span: Span, service: str) -> Iterator[Any]:
    if alias.service and service not in alias.service.split():
        return
    if alias.when and str(span.attributes.get(alias.when[0], "")) != alias.when[1]:
        return
    if alias.where != "resource":
        yield from _known(span.attributes, alias.attribute)
    if alias.where in ("resource", "any"):
        yield from _known(span.resource, alias.attribute)


def _known(attributes: Mapping[str, Any], name: str) -> Iterator[Any]:
    """The value of an attribute; Logs Insights has that of a list by the item's number (`NAME.0`)."""
    value = attributes.get(name)
    if value is None:
        first = attributes.get(f"{name}.0")
        if first is None:
            return
        numbered = (attributes.get(f"{name}.{number}") for number in range(_MOST_ITEMS))
        value = [item for item in numbered if item is not None]
    if value not in ("", []):
        yield value


def _items(value: Any) -> list[str]:
    """The texts in a value: a text, a number, a list of them, or a list that was written as a text."""
    if isinstance(value, str):
        parsed = _list_in(value) if value[:1] == "[" else None
        value = [value] if parsed is None else parsed
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = [str(value)]
    if not isinstance(value, list | tuple):
        return []
    return [item[:_MAX_TEXT] for item in value[:_MOST_ITEMS] if isinstance(item, str) and item]


def _list_in(text: str) -> list[Any] | None:
    """A list that stands in a text, as JSON or as Python writes it."""
    if len(text) > _MAX_TEXT:
        return None
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            parsed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return parsed if isinstance(parsed, list) else None


def _formed(form: re.Pattern[str] | None, text: str) -> str:
    """A text as its form has it, empty where it is something else."""
    if form is None:
        return text
    match = form.fullmatch(text)
    if match is None:
        return ""
    return match["value"] if "value" in form.groupindex else text
