"""The text of a configuration -> its value, or all that is wrong with it. Pure.

The file may come with a pull request and is not trusted: nothing is constructed from it, and its size, its
nesting and what its aliases multiply are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, cast

from scanner.gate.config import CONFIG_PATH, FAIL_ON_NEVER, TeamConfig
from scanner.gate.problems import MAX_PROBLEMS, VERSION, config_error, schema_problems, unknown_action
from scanner.gate.rules import IgnoreRule, Patterns
from scanner.iam import catalog
from scanner.mapping import services
from scanner.mapping.overrides import (
    ExtraUntraced,
    Operation,
    ResourceTemplate,
    UntracedKind,
    action_problem,
    form_problem,
)
from scanner.model import Verdict
from scanner.text.escape import quoted
from scanner.text.yaml_document import Document, Path, Problem, YamlError, compose, read_values

MAX_CHARACTERS = 200_000
MAX_NESTING = 12
MAX_VALUES = 50_000  # aliases written out
MAX_STARS = 4  # of a pattern with `?`: what it takes to match grows with their power


def load_config(text: str, name: str = CONFIG_PATH) -> TeamConfig:
    """The configuration that a file's text holds. Raises ConfigError, naming all that is wrong.

    `name` is the file's, for the messages. A file must at least say `version: 1`.
    """
    try:
        document = _document(text)
    except YamlError as error:
        raise config_error(name, [*error.problems, Problem(error.line, f"the file {error}")]) from error
    problems, invalid = schema_problems(document)
    problems = [*document.problems, *problems]
    reader = _ConfigReader(document, invalid, MAX_PROBLEMS - len(problems))
    config = reader.config()
    problems += reader.problems
    if problems:
        raise config_error(name, problems)
    return config


def _document(text: str) -> Document:
    if len(text) > MAX_CHARACTERS:
        raise YamlError(1, f"is longer than {MAX_CHARACTERS:,} characters")
    root = compose(text.removeprefix("\ufeff"), max_nesting=MAX_NESTING, max_events=2 * MAX_VALUES)
    if root is None:
        raise YamlError(1, f"is empty: it must at least say `version: {VERSION}`")
    return read_values(root, max_nesting=MAX_NESTING, max_values=MAX_VALUES)


def _number(value: Mapping[str, Any], key: str) -> int | None:
    return int(value[key]) if key in value else None


def _lower(patterns: Patterns | None) -> Patterns | None:
    if patterns is None or isinstance(patterns, str):
        return patterns.lower() if patterns else None
    return tuple(pattern.lower() for pattern in patterns)


class _ConfigReader:
    """Makes a TeamConfig of all that is not `invalid`, and collects what is wrong beyond the schema.

    The hint to the nearest name of an action takes a while to find: only `max_hints` problems have one.
    """

    def __init__(self, document: Document, invalid: frozenset[Path], max_hints: int) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._invalid = invalid
        self._max_hints = max_hints

    def config(self) -> TeamConfig:
        document = self._document.value
        sections = document if isinstance(document, dict) else {}
        value = {key: part for key, part in sections.items() if (key,) not in self._invalid}
        fail_on = value.get("fail-on")
        words = [fail_on] if isinstance(fail_on, str) else fail_on
        return TeamConfig(
            fail_on=None if words is None else frozenset(Verdict(w) for w in words if w != FAIL_ON_NEVER),
            at_least=value.get("fail-on-severity"),
            include_unconfirmed=value.get("include-unconfirmed"),
            insufficient=value.get("on-insufficient-evidence"),
            min_traces=_number(value, "min-traces"),
            min_observed_days=_number(value, "min-observed-days"),
            grace_days=_number(value, "grace-days"),
            assume_instrumented=value.get("assume-instrumented"),
            ignores=tuple(self._ignore_rule(path, item) for path, item in self._items(sections, "ignore")),
            operations=self._operations(sections),
            resources=tuple(self._template(path, item) for path, item in self._items(sections, "resources")),
            untraced=tuple(self._untraced(path, item) for path, item in self._items(sections, "untraced")),
        )

    def _items(self, sections: Mapping[str, Any], key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The items of a list that fit the schema, with their paths."""
        items = sections.get(key)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if (key, index) not in self._invalid:
                yield (key, index), item

    def _note(self, path: Path, message: str) -> None:
        self.problems.append(Problem(self._document.line(path), message))

    def _ignore_rule(self, path: Path, item: dict[str, Any]) -> IgnoreRule:
        action, not_action = (self._patterns(path, item, key) for key in ("action", "not-action"))
        return IgnoreRule(
            line=self._document.line(path),
            reason=item["reason"],
            workload=self._patterns(path, item, "workload"),
            role=self._patterns(path, item, "role"),
            action=_lower(action),
            resource=self._patterns(path, item, "resource"),
            not_action=_lower(not_action),
            not_resource=self._patterns(path, item, "not-resource"),
            sid=item.get("sid"),
            owner=item.get("owner"),
            expires=date.fromisoformat(item["expires"]) if "expires" in item else None,
        )

    def _patterns(self, path: Path, item: dict[str, Any], key: str) -> Patterns | None:
        """A selector: a pattern, or several; None where there is none."""
        value = item.get(key)
        if not isinstance(value, list):
            self._is_simple((*path, key), value or "")
            return value
        for pattern in value:
            self._is_simple((*path, key), pattern)
        return tuple(value)

    def _is_simple(self, path: Path, pattern: str) -> bool:
        """Whether a pattern is matched in little time; noted if not."""
        if "?" in pattern and pattern.count("*") > MAX_STARS:
            self._note(path, f"`{path[-1]}`: at most {MAX_STARS} `*` are allowed in a pattern with `?`")
            return False
        return True

    def _operations(self, sections: Mapping[str, Any]) -> tuple[Operation, ...]:
        operations: dict[tuple[str, str], Operation] = {}
        for path, item in self._items(sections, "operations"):
            operation = Operation(
                line=self._document.line(path),
                service=services.normalise(item["service"]),
                operation=item["operation"].lower(),
                requires=self._actions((*path, "requires"), item["requires"]),
                possible=self._actions((*path, "possible"), item.get("possible", ())),
            )
            first = operations.setdefault((operation.service, operation.operation), operation)
            if first is not operation:
                duplicate = f"duplicate operation {quoted(item['operation'])} of this service"
                self._note(path, f"{duplicate}, first in line {first.line}: merge them")
        return tuple(operations.values())

    def _actions(self, path: Path, names: Iterable[str]) -> tuple[str, ...]:
        for index, name in enumerate(names):
            if catalog.action(name) is None:
                self._note_unknown_action((*path, index), path[-1], name)
        return tuple(catalog.spelled(name) for name in names)

    def _template(self, path: Path, item: dict[str, Any]) -> ResourceTemplate:
        template = ResourceTemplate(self._document.line(path), item["action"].lower(), item["resource"])
        problem = form_problem(template)
        if not problem and self._is_action((*path, "action"), item["action"]):
            problem = action_problem(template)
        if problem:
            self._note((*path, "resource"), f"`resource`: {quoted(template.arn)} {problem}")
        return template

    def _untraced(self, path: Path, item: dict[str, Any]) -> ExtraUntraced:
        action, kind = item["action"], cast(UntracedKind, item["kind"])
        self._is_action((*path, "action"), action)
        return ExtraUntraced(
            line=self._document.line(path), action=action.lower(), kind=kind, reason=item["reason"]
        )

    def _is_action(self, path: Path, action: str) -> bool:
        """Whether IAM has actions that a pattern matches; noted if not."""
        if not self._is_simple(path, action):
            return False
        if not catalog.expand(action):
            self._note_unknown_action(path, path[-1], action)
            return False
        return True

    def _note_unknown_action(self, path: Path, key: str | int, name: str) -> None:
        with_hint = len(self.problems) < self._max_hints
        self._note(path, f"`{key}`: {unknown_action(name, with_hint=with_hint)}")
