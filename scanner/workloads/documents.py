"""Configurations as the AWS command line prints them, from files or as AWS answers: data/forms.csv. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import orjson

from scanner.model.workloads import WorkloadKindName
from scanner.text.tables import rows

Entry = Mapping[str, Any]

_MORE_PAGES = ("NextToken", "nextToken", "NextMarker", "nextMarker")
_MANY = "[]"


class Form(NamedTuple):
    """What a command of the AWS command line prints: entries at a path, which all have the keys `marks`."""

    name: str
    kind: WorkloadKindName
    path: tuple[str, ...]
    marks: tuple[str, ...]
    command: str


@cache
def forms() -> tuple[Form, ...]:
    """All of them, the ones with more marks before the ones that they contain."""
    kinds: Mapping[str, WorkloadKindName] = {
        "ecs": "ecs",
        "ec2": "ec2",
        "eks": "eks",
        "state-machine": "state-machine",
        "app-runner": "app-runner",
        "lambda": "lambda",
    }
    return tuple(
        Form(
            row["form"],
            kinds[row["kind"]],
            tuple(filter(None, row["path"].split("."))),
            tuple(row["marks"].split()),
            row["command"],
        )
        for row in rows("workloads", "forms")
    )


def command_of(form: str) -> str:
    """The command that prints a form."""
    return next(row.command for row in forms() if row.name == form)


@dataclass(frozen=True)
class Documents:
    """The entries of documents by their form.

    `partial` are the forms of which not all entries were read, `missing` the rights that were lacking.
    """

    entries: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    partial: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()

    @property
    def kinds(self) -> frozenset[WorkloadKindName]:
        """The kinds of which there is any document."""
        return frozenset(form.kind for form in forms() if form.name in self.entries)

    def of(self, form: str) -> tuple[Entry, ...]:
        """The entries of a form that are objects."""
        return tuple(entry for entry in self.entries.get(form, ()) if isinstance(entry, Mapping))

    def texts_of(self, form: str) -> tuple[str, ...]:
        """The entries of a form that are texts."""
        return tuple(entry for entry in self.entries.get(form, ()) if isinstance(entry, str))

    def has_all(self, form: str) -> bool:
        """Whether the entries of a form are all there are."""
        return form in self.entries and form not in self.partial


def joined(parts: Iterable[Documents]) -> Documents:
    """The entries of several documents, each once."""
    parts = tuple(parts)
    entries: dict[str, list[Any]] = {}
    seen: set[tuple[str, bytes]] = set()
    for part in parts:
        for form, more in part.entries.items():
            held = entries.setdefault(form, [])
            for entry in more:
                content = _content(entry)
                if content is None or (form, content) not in seen:
                    held.append(entry)
                    seen.add((form, content or b""))
    return Documents(
        {form: tuple(held) for form, held in entries.items()},
        frozenset().union(*(part.partial for part in parts)),
        tuple(dict.fromkeys(right for part in parts for right in part.missing)),
    )


def _content(entry: Any) -> bytes | None:
    """What tells an entry from others, None of one that is nested too deeply to tell."""
    try:
        return orjson.dumps(entry, default=str, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:
        return None


def recognised(value: Any) -> Documents | None:
    """What a JSON value holds of configurations, or those of a list; None where it holds none."""
    if isinstance(value, list):
        found = [_recognised(one) for one in value]
        return joined([one for one in found if one]) if found and all(found) else None
    return _recognised(value)


def _recognised(value: Any) -> Documents | None:
    if not isinstance(value, Mapping):
        return None
    found = [(form, entries) for form, entries in _found(value) if entries is not None]
    if not found:
        return None
    cut_off = any(value.get(key) for key in _MORE_PAGES)
    entries = {form.name: tuple(of_form) for form, of_form in found if of_form is not None}
    alone = (form.name for form, of_form in found if of_form == [value] and _is_many(form))
    return Documents(entries, frozenset(entries) if cut_off else frozenset(alone))


def _found(value: Entry) -> Iterator[tuple[Form, list[Any] | None]]:
    """The entries of each form; of an object that is an entry itself only the first form that it has."""
    for form in forms():
        if form.path:
            yield form, _at(value, form)
    bare = (form for form in forms() if len(form.marks) > 1 and _has(value, form.marks))
    first = next(bare, None)
    if first is not None:
        yield first, [value]


def _at(value: Entry, form: Form) -> list[Any] | None:
    """The entries at the path of a form, None where there are none of this form."""
    entries: list[Any] = [value]
    for step in form.path:
        key = step.removesuffix(_MANY)
        if not all(isinstance(entry, Mapping) and key in entry for entry in entries):
            return None
        inner = [entry[key] for entry in entries]
        if step.endswith(_MANY):
            if not all(isinstance(part, list) for part in inner):
                return None
            inner = [entry for part in inner for entry in part]
        entries = inner
    kind = Mapping if form.marks else str
    fits = all(isinstance(entry, kind) and _has(entry, form.marks) for entry in entries)
    return entries if fits else None


def _is_many(form: Form) -> bool:
    """Whether its command prints a list: an entry on its own is not all of one."""
    return any(step.endswith(_MANY) for step in form.path)


def _has(entry: Any, marks: Iterable[str]) -> bool:
    return all(mark in entry for mark in marks)


# --- parts of entries, whatever stands there -----------------------------------------------------


def text(entry: Entry, key: str) -> str:
    """A text of an entry, empty where it is none."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def part(entry: Entry, *keys: str) -> Entry:
    """An object inside of an entry, empty where it is none."""
    for key in keys:
        value = entry.get(key)
        entry = value if isinstance(value, Mapping) else {}
    return entry


def texts(entry: Entry, key: str) -> tuple[str, ...]:
    """The texts of a list of an entry."""
    value = entry.get(key)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def parts(entry: Entry, key: str) -> tuple[Entry, ...]:
    """The objects of a list of an entry."""
    value = entry.get(key)
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()
