"""The configuration in the repository, `.github/least-privilege.yml`: what it says and what it means. Pure.

The file may come with a pull request, so that its text is not trusted: nothing is constructed from it, and
its size, its nesting and what its aliases multiply are bounded.

Plain words mean what YAML 1.2 says (yaml.org/spec/1.2.2/#103-core-schema), as editors have it: `on`, `off`,
`yes` and `no` are texts, and so are `0123` and dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from functools import cache
from importlib import resources as package
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson

from scanner.iam import catalog
from scanner.iam.patterns import contains, is_pattern, matches
from scanner.mapping import services
from scanner.mapping.overrides import (
    ExtraUntraced,
    Operation,
    ResourceTemplate,
    UntracedKind,
    action_problem,
    form_problem,
)
from scanner.model import Grant, Verdict
from scanner.model.workloads import workload_name
from scanner.text.escape import counted, one_line, quoted, shortened
from scanner.text.yaml_document import Document, Path, YamlError, compose, read_values

if TYPE_CHECKING:
    from scanner.gate.decide import Insufficient

PATH = ".github/least-privilege.yml"
VERSION = 1
NEVER = "never"

MAX_CHARACTERS = 200_000
MAX_NESTING = 12
MAX_NODES = 50_000  # aliases written out
MAX_PROBLEMS = 50
MAX_STARS = 4  # of a pattern with `?`: what it takes to match grows with their power


class ConfigError(ValueError):
    """A configuration that cannot be used.

    `problems` are all that is wrong with it, each a line "NAME:LINE: what is wrong, what is allowed".
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


# --- what a configuration says -------------------------------------------------------------------


class GrantFacts(NamedTuple):
    """A grant of a role, as far as rules look at it.

    `action` and `resource` are as the policy spells them (`*` of NotAction and NotResource), `pattern` is
    what the resource means, policy variables included. `role` is the role's ARN, `workloads` the ARNs of all
    workloads that use it.
    """

    role: str
    workloads: tuple[str, ...]
    action: str
    resource: str
    pattern: str
    sid: str | None


def facts_of(role: str, workloads: Iterable[str], grant: Grant) -> GrantFacts:
    """The facts of one grant of a role (its ARN) that these workloads (ARNs) use."""
    return GrantFacts(
        role, tuple(workloads), grant.action, grant.resource, grant.pattern, grant.statement.sid
    )


@dataclass(frozen=True)
class Ignore:
    """A rule that accepts excess: it covers a grant that fits all the selectors that it gives.

    `workload` and `role` are patterns of a name or an ARN, `action` (in lower case) and `resource` patterns
    as in a policy, `sid` is exact. `line` is its place in the file, from 1. It holds through the day
    `expires` (UTC).
    """

    line: int
    reason: str
    workload: str | None = None
    role: str | None = None
    action: str | None = None
    resource: str | None = None
    sid: str | None = None
    owner: str | None = None
    expires: date | None = None

    def covers(self, facts: GrantFacts) -> bool:
        """Whether the rule accepts a grant, its date aside.

        Its patterns must contain those of the grant, so that a narrow rule never hides a wider grant. A rule
        for one workload does not hide what another one that shares the role holds.
        """
        return (
            (self.sid is None or self.sid == facts.sid)
            and (self.action is None or contains(self.action, facts.action.lower()))
            and (self.resource is None or self._covers_resource(facts))
            and (self.role is None or _names(self.role, facts.role, facts.role.rpartition("/")[2]))
            and (self.workload is None or self._covers_users(self.workload, facts.workloads))
        )

    def _covers_resource(self, facts: GrantFacts) -> bool:
        rule = self.resource or ""
        return rule == facts.resource or contains(rule, facts.pattern)

    @staticmethod
    def _covers_users(glob: str, workloads: Sequence[str]) -> bool:
        return bool(workloads) and all(_names(glob, arn, workload_name(arn)) for arn in workloads)

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over. `today` is the date in UTC."""
        return self.expires is not None and today > self.expires


def _names(glob: str, arn: str, name: str) -> bool:
    return matches(glob, name) or matches(glob, arn)


@dataclass(frozen=True)
class TeamConfig:
    """A configuration. A value is None where the file does not say: then an option, or its default, counts.

    `fail_on` is empty for "never". `at_least` is the severity from which findings fail.
    """

    fail_on: frozenset[Verdict] | None = None
    at_least: str | None = None
    include_unconfirmed: bool | None = None
    insufficient: Insufficient | None = None
    min_traces: int | None = None
    assume_instrumented: bool | None = None
    ignores: tuple[Ignore, ...] = ()
    operations: tuple[Operation, ...] = ()
    resources: tuple[ResourceTemplate, ...] = ()
    untraced: tuple[ExtraUntraced, ...] = ()


# --- ignores -------------------------------------------------------------------------------------


def matching(ignores: Iterable[Ignore], facts: GrantFacts, today: date) -> Ignore | None:
    """The first rule that covers a grant and is not expired, else the first that did until it expired."""
    expired = None
    for ignore in ignores:
        if ignore.covers(facts):
            if not ignore.is_expired(today):
                return ignore
            expired = expired or ignore
    return expired


@dataclass(frozen=True)
class IgnoreTally:
    """What became of the rules: how many grants each one hides, which cover none, which expired.

    An expired rule hides nothing: what it still covers fails the check.
    """

    hiding: tuple[tuple[Ignore, int], ...] = ()
    idle: tuple[Ignore, ...] = ()
    expired: tuple[tuple[Ignore, int], ...] = ()

    def notes(self, name: str) -> list[str]:
        """Rules that can go, a line each. `name` is that of the file."""
        return [
            f"{name}:{rule.line}: this rule covers nothing, or only what an earlier one covers: remove it"
            for rule in self.idle
        ]

    def failures(self, name: str) -> list[str]:
        """Expired rules that still cover something, a line each, with their reasons."""
        return [
            one_line(
                f"{name}:{rule.line}: the rule expired after {rule.expires} and still covers "
                f"{counted(count, 'grant')}: {rule.reason}"
                + (f" (owner: {rule.owner})" if rule.owner else "")
            )
            for rule, count in self.expired
        ]


def tally(ignores: Iterable[Ignore], hits: Iterable[tuple[Ignore, int]], today: date) -> IgnoreTally:
    """What to report of all rules, given how many grants each covered (as `matching` chose them)."""
    counts = dict.fromkeys(ignores, 0)
    for rule, count in hits:
        counts[rule] = counts.get(rule, 0) + count
    found = [(rule, count) for rule, count in counts.items() if count]
    return IgnoreTally(
        hiding=tuple(item for item in found if not item[0].is_expired(today)),
        idle=tuple(rule for rule, count in counts.items() if not count),
        expired=tuple(item for item in found if item[0].is_expired(today)),
    )


# --- reading -------------------------------------------------------------------------------------


def load(text: str, name: str = PATH) -> TeamConfig:
    """The configuration that a file's text holds. Raises ConfigError, naming all that is wrong.

    `name` is the file's, for the messages. A file must at least say `version: 1`.
    """
    problems = _Problems(one_line(name))
    if len(text) > MAX_CHARACTERS:
        problems.add(1, f"the file is longer than {MAX_CHARACTERS:,} characters")
        raise problems.error()
    document = _document(text.removeprefix("\ufeff"), problems)
    wrong = _check(document, problems)
    config = _Builder(document, wrong, problems).config()
    if problems:
        raise problems.error()
    return config


@cache
def schema() -> Mapping[str, Any]:
    """The JSON schema of the file (draft 2020-12)."""
    return dict(orjson.loads(package.files("scanner.gate").joinpath("config.schema.json").read_bytes()))


class _Problems:
    def __init__(self, name: str) -> None:
        self._name = name
        self._found: dict[tuple[int, str], None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, line: int, text: str) -> None:
        self._found[line, text] = None

    def error(self) -> ConfigError:
        ordered = sorted(self._found)
        lines = [f"{self._name}:{line}: {text}" for line, text in ordered[:MAX_PROBLEMS]]
        if len(ordered) > MAX_PROBLEMS:
            lines.append(f"{self._name}: and {len(ordered) - MAX_PROBLEMS:,} more")
        return ConfigError(lines)


def _document(text: str, problems: _Problems) -> Document:
    """The YAML of a text. Raises ConfigError where there is none, or what is beyond the bounds."""
    try:
        root = compose(text, max_nesting=MAX_NESTING, max_events=2 * MAX_NODES)
        if root is not None:
            document = read_values(root, max_nesting=MAX_NESTING, max_values=MAX_NODES)
            for line, message in document.problems:
                problems.add(line, message)
            return document
        problems.add(1, "the file is empty: it must at least say `version: 1`")
    except YamlError as error:
        problems.add(error.line, f"the file {error}")
    raise problems.error()


# --- against the schema --------------------------------------------------------------------------


def _check(document: Document, problems: _Problems) -> frozenset[Path]:
    """Note what is against the schema; the paths of it, and those that hold it."""
    from jsonschema import Draft202012Validator, FormatChecker

    wrong: set[Path] = set()
    validator = Draft202012Validator(schema(), format_checker=FormatChecker(["date"]))
    for error in validator.iter_errors(document.value):
        path = tuple(error.absolute_path)
        wrong.update(path[:length] for length in range(len(path) + 1))
        for line, text in _said(error, path, document):
            problems.add(line, text)
    return frozenset(wrong)


def _said(error: Any, path: Path, document: Document) -> Iterator[tuple[int, str]]:
    """What an error of the schema means to the reader, with its line."""
    line = document.line(path)
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        for key in error.instance:
            if key not in allowed:
                yield document.keys.get((*path, key), line), _unknown_key(key, allowed)
    elif error.validator == "required":
        for key in error.schema["required"]:
            if key not in error.instance:
                yield line, _missing(key, error.schema["properties"][key], path)
    elif error.validator == "anyOf":
        yield line, "the rule selects nothing: give at least one of workload, role, action, resource, sid"
    else:
        yield line, _wrong_value(error, path)


def _unknown_key(key: str, allowed: Sequence[str]) -> str:
    hint = _instead(key, allowed) or f", only {', '.join(allowed)}"
    return f"`{shortened(key)}` is no key here{hint}"


def _missing(key: str, described: Mapping[str, Any], path: Path) -> str:
    if not path:
        return f"`{key}` is missing: the file must say `version: {VERSION}`"
    return f"`{key}` is missing: {described['description']}"


_KINDS = {str: "text", bool: "truth value", int: "number", float: "number", list: "list", dict: "mapping"}


def _wrong_value(error: Any, path: Path) -> str:
    value, described = error.instance, error.schema
    if not path:
        return "the file must be a mapping of keys to values, beginning with `version: 1`"
    key = next(part for part in reversed(path) if isinstance(part, str))
    shown = "nothing" if value is None else _KINDS[type(value)]
    if not isinstance(value, list | dict) and value is not None:
        shown = f"{'' if isinstance(value, str) else f'the {shown} '}{quoted(value)}"
    if "enum" in described:
        close = _instead(value, described["enum"]) if isinstance(value, str) else ""
        return f"`{key}`: {shown} is not allowed, only {', '.join(described['enum'])}{close}"
    if error.validator == "type" and described["type"] == "string" and isinstance(value, bool | int | float):
        return f"`{key}`: {shown} is no text: put it in quotes"
    return f"`{key}`: {shown} is not allowed, only {described['description']}"


def _instead(word: str, allowed: Iterable[str]) -> str:
    close = get_close_matches(word[:100].lower(), list(allowed), n=1, cutoff=0.6)
    return f": did you mean `{close[0]}`?" if close else ""


# --- the parts -----------------------------------------------------------------------------------


class _Builder:
    """Makes a Config of all that is not against the schema, noting what is wrong beyond it."""

    def __init__(self, document: Document, wrong: frozenset[Path], problems: _Problems) -> None:
        self._document = document
        self._wrong = wrong
        self._problems = problems

    def config(self) -> TeamConfig:
        document = self._document.value
        raw = document if isinstance(document, dict) else {}
        value = {key: part for key, part in raw.items() if (key,) not in self._wrong}
        fail_on = value.get("fail-on")
        words = [fail_on] if isinstance(fail_on, str) else fail_on
        return TeamConfig(
            fail_on=None if words is None else frozenset(Verdict(w) for w in words if w != NEVER),
            at_least=value.get("fail-on-severity"),
            include_unconfirmed=value.get("include-unconfirmed"),
            insufficient=value.get("on-insufficient-evidence"),
            min_traces=int(value["min-traces"]) if "min-traces" in value else None,
            assume_instrumented=value.get("assume-instrumented"),
            ignores=tuple(self._ignore(at, item) for at, item in self._items(raw, "ignore")),
            operations=self._operations(raw),
            resources=tuple(self._resource(at, item) for at, item in self._items(raw, "resources")),
            untraced=tuple(self._untraced(at, item) for at, item in self._items(raw, "untraced")),
        )

    def _items(self, raw: Mapping[str, Any], key: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The items of a list that fit the schema."""
        items = raw.get(key)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if (key, index) not in self._wrong:
                yield (key, index), item

    def _note(self, path: Path, text: str) -> None:
        self._problems.add(self._document.line(path), text)

    def _ignore(self, at: Path, item: dict[str, Any]) -> Ignore:
        for key in ("workload", "role", "action", "resource"):
            self._is_simple((*at, key), item.get(key, ""))
        action = item.get("action")
        return Ignore(
            line=self._document.line(at),
            reason=item["reason"],
            workload=item.get("workload"),
            role=item.get("role"),
            action=action.lower() if action is not None else None,
            resource=item.get("resource"),
            sid=item.get("sid"),
            owner=item.get("owner"),
            expires=date.fromisoformat(item["expires"]) if "expires" in item else None,
        )

    def _is_simple(self, path: Path, pattern: str) -> bool:
        """Whether a pattern is matched in little time; noted if not."""
        if "?" in pattern and pattern.count("*") > MAX_STARS:
            self._note(path, f"`{path[-1]}` holds `?`, and then at most {MAX_STARS} `*` are allowed")
            return False
        return True

    def _operations(self, raw: Mapping[str, Any]) -> tuple[Operation, ...]:
        found: dict[tuple[str, str], Operation] = {}
        for at, item in self._items(raw, "operations"):
            known = Operation(
                line=self._document.line(at),
                service=services.normalise(item["service"]),
                operation=item["operation"].lower(),
                requires=self._actions((*at, "requires"), item["requires"]),
                possible=self._actions((*at, "possible"), item.get("possible", ())),
            )
            earlier = found.setdefault((known.service, known.operation), known)
            if earlier is not known:
                said = f"{quoted(item['operation'])} of this service stands in line {earlier.line} already"
                self._note(at, f"the operation {said}: put both together")
        return tuple(found.values())

    def _actions(self, path: Path, names: Iterable[str]) -> tuple[str, ...]:
        for index, name in enumerate(names):
            if catalog.action(name) is None:
                self._note((*path, index), f"`{path[-1]}`: {self._unknown(name)}")
        return tuple(catalog.spelled(name) for name in names)

    def _resource(self, at: Path, item: dict[str, Any]) -> ResourceTemplate:
        template = ResourceTemplate(self._document.line(at), item["action"].lower(), item["resource"])
        problem = form_problem(template)
        if not problem and self._is_action((*at, "action"), item["action"]):
            problem = action_problem(template)
        if problem:
            self._note((*at, "resource"), f"`resource`: {quoted(template.arn)} {problem}")
        return template

    def _untraced(self, at: Path, item: dict[str, Any]) -> ExtraUntraced:
        action = item["action"]
        self._is_action((*at, "action"), action)
        kind = cast(UntracedKind, item["kind"])
        return ExtraUntraced(self._document.line(at), action.lower(), kind, item["reason"])

    def _is_action(self, path: Path, action: str) -> bool:
        """Whether IAM has actions that a pattern fits; noted if not."""
        if not self._is_simple(path, action):
            return False
        if action != "*" and not catalog.expand(action):
            self._note(path, f"`{path[-1]}`: {self._unknown(action)}")
            return False
        return True

    def _unknown(self, name: str) -> str:
        # the nearest name takes a while to find: not for more problems than are shown
        shown = len(self._problems) < MAX_PROBLEMS
        return _unknown_action(name) if shown else f"IAM knows no action {quoted(name)}"


def _unknown_action(name: str) -> str:
    """That IAM has no such action (pattern), with the nearest name that it has."""
    prefix, _, verb = name.lower().partition(":")
    if prefix not in catalog.prefixes():
        return f"IAM knows no service {quoted(prefix)}{_instead(prefix, sorted(catalog.prefixes()))}"
    if is_pattern(verb):
        return f"no action that IAM knows fits {quoted(name)}"
    names = {action.partition(":")[2]: action for action in sorted(catalog.expand(f"{prefix}:*"))}
    close = get_close_matches(verb[:100], list(names), n=1, cutoff=0.6)
    hint = f": did you mean `{catalog.spelled(names[close[0]])}`?" if close else ""
    return f"IAM knows no action {quoted(name)}{hint}"
