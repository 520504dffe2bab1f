"""The part of CloudWatch Logs Insights' query language that the program uses; anything beyond is refused.

docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html: `filter`, `fields`, `parse` with a
regular expression, `stats ... by`, `dedup`, `sort`, `limit`. What is known of the language only by analogy
(expressions in `by`, `coalesce` of more than ten, patterns that look around) is refused as well, so that
no test passes on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Event = Mapping[str, Any]
"""A log event with its fields by their names with dots, absent ones left out."""

Row = dict[str, str]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<regex>/(?:[^/\\\n]|\\.)+/) | (?P<name>`[^`]+`) | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>\d+(?:\.\d+)?(?![\w.])) | (?P<word>@?[A-Za-z_][\w.]*) | (?P<sign>!=|<=|>=|[=<>(),|*\[\]])
    )""",
    re.VERBOSE,
)
_PERIOD = re.compile(r"(?<=bin\()\d+[smhd]")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST_OF_COALESCE = 10
_MOST_CHARACTERS = 10_000


class MalformedQueryError(Exception):
    """A query that is wrong, or goes beyond the part of the language that the tests hold the program to."""


class _Token(NamedTuple):
    kind: str
    text: str


_Value = Callable[[Event], Any]
Result = list[tuple[Row, int]]
"""Rows, each with the number of its event (that of the first one, where events were aggregated)."""


class Query:
    """A query, ready to be run over the events of a window."""

    def __init__(self, text: str) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise MalformedQueryError(f"longer than {_MOST_CHARACTERS} characters")
        self._tokens = _tokens(text)
        self._at = 0
        self._filters: list[_Value] = []
        self._steps: list[Callable[[list[tuple[dict[str, Any], int]]], list[tuple[dict[str, Any], int]]]] = []
        self._output: list[str] = []
        self.aggregates = False
        self._commands()

    def run(self, events: Iterable[tuple[int, Event]]) -> Result:
        """The rows that the query makes of events, each with its number; in the order of the events."""
        rows = [(dict(event), number) for number, event in events if all(f(event) for f in self._filters)]
        for step in self._steps:
            rows = step(rows)
        return [
            ({name: _shown(row[name]) for name in self._output if row.get(name) is not None}, number)
            for row, number in rows
        ]

    def matched(self, events: Iterable[Event]) -> int:
        """How many events pass the first filters."""
        return sum(all(f(event) for f in self._filters) for event in events)

    # --- commands ---

    def _commands(self) -> None:
        commands: dict[str, Callable[[], None]] = {
            "filter": self._filter,
            "fields": self._fields,
            "parse": self._parse,
            "stats": self._stats,
            "dedup": self._dedup,
            "sort": self._sort,
            "limit": self._limit,
        }
        while True:
            word = self._take("word")
            if word not in commands:
                raise MalformedQueryError(f"unexpected command {word}")
            commands[word]()
            if self._at == len(self._tokens):
                return
            self._sign("|")

    def _filter(self) -> None:
        condition = self._or()
        if self._steps:
            self._steps.append(lambda rows: [row for row in rows if condition(row[0])])
        else:
            self._filters.append(condition)

    def _fields(self) -> None:
        named = self._items()
        self._output += [name for name, _ in named]

        def step(rows: list[tuple[dict[str, Any], int]]) -> list[tuple[dict[str, Any], int]]:
            return [({**row, **{name: value(row) for name, value in named}}, at) for row, at in rows]

        self._steps.append(step)

    def _parse(self) -> None:
        name = self._field()
        pattern = _pattern(self._take("regex"))
        if not pattern.groupindex:
            raise MalformedQueryError("parse without a named group")
        self._output += list(pattern.groupindex)

        def step(rows: list[tuple[dict[str, Any], int]]) -> list[tuple[dict[str, Any], int]]:
            return [({**row, **_groups(pattern, row.get(name))}, at) for row, at in rows]

        self._steps.append(step)

    def _stats(self) -> None:
        aggregates = [self._aggregate()]
        while self._is_sign(","):
            aggregates.append(self._aggregate())
        keys: list[tuple[str, _Value]] = []
        if self._is_word("by"):
            keys = [self._key()]
            while self._is_sign(","):
                keys.append(self._key())
        self.aggregates = True
        self._output = [*(name for name, _ in keys), *(name for name, _ in aggregates)]

        def step(rows: list[tuple[dict[str, Any], int]]) -> list[tuple[dict[str, Any], int]]:
            groups: dict[tuple[Any, ...], list[tuple[dict[str, Any], int]]] = {}
            for row, at in rows:
                groups.setdefault(tuple(value(row) for _, value in keys), []).append((row, at))
            return [
                (
                    {
                        **{name: part for (name, _), part in zip(keys, group, strict=True)},
                        **{name: aggregate([row for row, _ in members]) for name, aggregate in aggregates},
                    },
                    members[0][1],
                )
                for group, members in groups.items()
            ]

        self._steps.append(step)

    def _dedup(self) -> None:
        names = [self._field()]
        while self._is_sign(","):
            names.append(self._field())

        def step(rows: list[tuple[dict[str, Any], int]]) -> list[tuple[dict[str, Any], int]]:
            first: dict[tuple[Any, ...], tuple[dict[str, Any], int]] = {}
            for row, at in rows:
                first.setdefault(tuple(row.get(name) for name in names), (row, at))
            return list(first.values())

        self._steps.append(step)

    def _sort(self) -> None:
        name = self._field()
        down = self._is_word("desc") or not (self._is_word("asc") or True)
        self._steps.append(lambda rows: sorted(rows, key=lambda row: _order(row[0].get(name)), reverse=down))

    def _limit(self) -> None:
        most = int(self._take("number"))
        self._steps.append(lambda rows: rows[:most])

    # --- parts of commands ---

    def _items(self) -> list[tuple[str, _Value]]:
        items = [self._item()]
        while self._is_sign(","):
            items.append(self._item())
        return items

    def _item(self) -> tuple[str, _Value]:
        start = self._at
        value = self._or()
        if self._is_word("as"):
            return self._field(), value
        if self._at - start != 1:
            raise MalformedQueryError("an expression needs a name: `as NAME`")
        return _bare(self._tokens[start].text), value

    def _key(self) -> tuple[str, _Value]:
        """What `stats` groups by: a field, or bin(PERIOD)."""
        if self._peek() != ("word", "bin"):
            name = self._field()
            return name, lambda row: row.get(name)
        self._at += 1
        self._sign("(")
        period = self._take("period")
        self._sign(")")
        name = self._field() if self._is_word("as") else f"bin({period})"
        seconds = int(period[:-1]) * _SECONDS[period[-1]]
        return name, lambda row: str(int(row["@timestamp"]) // (1000 * seconds) * seconds * 1000)

    def _aggregate(self) -> tuple[str, Callable[[list[dict[str, Any]]], Any]]:
        function = self._take("word")
        self._sign("(")
        if function == "count" and self._is_sign("*"):
            made: Callable[[list[dict[str, Any]]], Any] = len
        elif function in _AGGREGATES:
            made = _aggregate_of(_AGGREGATES[function], self._field())
        else:
            raise MalformedQueryError(f"unexpected function {function}")
        self._sign(")")
        if not self._is_word("as"):
            raise MalformedQueryError("an aggregate needs a name: `as NAME`")
        return self._field(), made

    # --- expressions ---

    def _or(self) -> _Value:
        parts = [self._and()]
        while self._is_word("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda event: any(part(event) for part in parts)

    def _and(self) -> _Value:
        parts = [self._not()]
        while self._is_word("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda event: all(part(event) for part in parts)

    def _not(self) -> _Value:
        if self._is_word("not"):
            inner = self._not()
            return lambda event: not inner(event)
        return self._comparison()

    def _comparison(self) -> _Value:
        left = self._operand()
        if self._is_sign("="):
            right = self._operand()
            return lambda event: left(event) is not None and _equal(left(event), right(event))
        if self._is_sign("!="):
            right = self._operand()
            return lambda event: not _equal(left(event), right(event))
        if self._peek() == ("word", "not") and self._tokens[self._at + 1 : self._at + 2] == [
            ("word", "like")
        ]:
            self._at += 2
            unlike = _pattern(self._take("regex"))
            return lambda event: left(event) is not None and not unlike.search(_shown(left(event)))
        if self._is_word("like"):
            pattern = _pattern(self._take("regex"))
            return lambda event: left(event) is not None and bool(pattern.search(_shown(left(event))))
        if self._is_word("in"):
            self._sign("[")
            values = {_literal(self._take("text"))}
            while self._is_sign(","):
                values.add(_literal(self._take("text")))
            self._sign("]")
            return lambda event: left(event) is not None and _shown(left(event)) in values
        return left

    def _operand(self) -> _Value:
        if self._is_sign("("):
            inner = self._or()
            self._sign(")")
            return inner
        token = self._next()
        if token.kind == "text":
            text = _literal(token.text)
            return lambda _: text
        if token.kind == "number":
            return lambda _: token.text
        if token.kind == "word" and self._peek() == ("sign", "("):
            return self._call(token.text)
        if token.kind in ("word", "name"):
            name = _bare(token.text)
            return lambda event: event.get(name)
        raise MalformedQueryError(f"unexpected {token.text}")

    def _call(self, function: str) -> _Value:
        self._sign("(")
        arguments = [self._operand()]
        while self._is_sign(","):
            arguments.append(self._operand())
        self._sign(")")
        if function == "ispresent" and len(arguments) == 1:
            return lambda event: arguments[0](event) is not None
        if function == "coalesce" and len(arguments) <= _MOST_OF_COALESCE:
            return lambda event: next(
                (value for argument in arguments if (value := argument(event)) is not None), None
            )
        if function == "concat":
            return lambda event: "".join(_shown(argument(event) or "") for argument in arguments)
        raise MalformedQueryError(f"unexpected function {function} of {len(arguments)}")

    # --- tokens ---

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        token = self._peek()
        if token is None:
            raise MalformedQueryError("unexpected end")
        self._at += 1
        return token

    def _take(self, kind: str) -> str:
        token = self._next()
        if token.kind != kind:
            raise MalformedQueryError(f"unexpected {token.text}")
        return token.text

    def _field(self) -> str:
        token = self._next()
        if token.kind == "word" and "." in token.text:
            raise MalformedQueryError(f"{token.text} needs backticks")
        if token.kind not in ("word", "name"):
            raise MalformedQueryError(f"unexpected {token.text}")
        return _bare(token.text)

    def _sign(self, text: str) -> None:
        if not self._is_sign(text):
            token = self._peek()
            raise MalformedQueryError(f"expected {text}, not {token.text if token else 'the end'}")

    def _is_sign(self, text: str) -> bool:
        return self._is(_Token("sign", text))

    def _is_word(self, text: str) -> bool:
        return self._is(_Token("word", text))

    def _is(self, token: _Token) -> bool:
        if self._peek() != token:
            return False
        self._at += 1
        return True


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        period = _PERIOD.match(text, at)
        match = period or _TOKEN.match(text, at)
        if match is None or match.end() == at:
            raise MalformedQueryError(f"unexpected {text[at : at + 20]!r}")
        if period:
            tokens.append(_Token("period", match.group()))
        else:
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match.group(kind)))
        at = match.end()
    return tokens


def _bare(name: str) -> str:
    return name.strip("`")


def _literal(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _pattern(text: str) -> re.Pattern[str]:
    inner = text[1:-1].replace("\\/", "/")
    if re.search(r"\(\?<?[=!]", inner):
        raise MalformedQueryError("a pattern that looks around")
    return re.compile(inner.replace("(?<", "(?P<"))


def _groups(pattern: re.Pattern[str], value: Any) -> dict[str, Any]:
    match = pattern.search(_shown(value)) if value is not None else None
    return dict.fromkeys(pattern.groupindex) if match is None else match.groupdict()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _equal(left: Any, right: Any) -> bool:
    return right is not None and _shown(left) == _shown(right)


def _order(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    try:
        return (1, float(value), "")
    except ValueError:
        return (2, 0.0, str(value))


_Members = list[dict[str, Any]]


def _present(members: _Members, name: str) -> list[Any]:
    return [row[name] for row in members if row.get(name) is not None]


def _first(members: _Members, name: str) -> Any:
    return next((row[name] for row in sorted(members, key=_time) if row.get(name) is not None), None)


def _last(members: _Members, name: str) -> Any:
    return next((row[name] for row in sorted(members, key=_time)[::-1] if row.get(name) is not None), None)


def _time(row: Mapping[str, Any]) -> int:
    return int(row["@timestamp"])


_AGGREGATES: Mapping[str, Callable[[_Members, str], Any]] = {
    "count": lambda members, name: len(_present(members, name)),
    "count_distinct": lambda members, name: len(set(map(_shown, _present(members, name)))),
    "min": lambda members, name: min(_present(members, name), key=_order, default=None),
    "max": lambda members, name: max(_present(members, name), key=_order, default=None),
    "earliest": _first,
    "latest": _last,
}


def _aggregate_of(function: Callable[[_Members, str], Any], name: str) -> Callable[[_Members], Any]:
    return lambda members: function(members, name)


def flattened(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that Insights finds in a log event: names with dots, elements of lists by their number."""
    found: dict[str, Any] = {}

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                add(f"{prefix}.{name}" if prefix else str(name), inner)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for number, inner in enumerate(value):
                add(f"{prefix}.{number}", inner)
        elif value is not None:
            found[prefix] = value

    add("", document)
    return found
