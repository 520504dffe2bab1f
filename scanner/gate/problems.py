"""What is wrong with a configuration, in the words of a linter. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

import orjson

from scanner.iam import catalog
from scanner.iam.patterns import is_pattern
from scanner.text.escape import one_line, quoted, shortened
from scanner.text.yaml_document import Document, Path, Problem

VERSION = 1
MAX_PROBLEMS = 50


class ConfigError(ValueError):
    """A configuration that cannot be used.

    `problems` are all that is wrong with it, each a line "NAME:LINE: what is wrong, what is allowed".
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def config_error(name: str, problems: Iterable[Problem]) -> ConfigError:
    """The error of a file, in the order of its lines. `name` is the file's."""
    name, ordered = one_line(name), sorted(set(problems))
    lines = [f"{name}:{problem.line}: {problem.message}" for problem in ordered[:MAX_PROBLEMS]]
    if len(ordered) > MAX_PROBLEMS:
        lines.append(f"{name}: and {len(ordered) - MAX_PROBLEMS:,} more")
    return ConfigError(lines)


# --- against the schema --------------------------------------------------------------------------


@cache
def config_schema() -> Mapping[str, Any]:
    """The JSON schema of the file (draft 2020-12)."""
    return dict(orjson.loads(resources.files("scanner.gate").joinpath("config.schema.json").read_bytes()))


def schema_problems(document: Document) -> tuple[list[Problem], frozenset[Path]]:
    """What is against the schema, and the paths of the values that are, or that hold one that is."""
    from jsonschema import Draft202012Validator, FormatChecker

    problems: list[Problem] = []
    invalid: set[Path] = set()
    validator = Draft202012Validator(config_schema(), format_checker=FormatChecker(["date"]))
    for error in validator.iter_errors(document.value):
        path = tuple(error.absolute_path)
        invalid.update(path[:length] for length in range(len(path) + 1))
        problems += _problems_of(error, path, document)
    return problems, frozenset(invalid)


def _problems_of(error: Any, path: Path, document: Document) -> Iterator[Problem]:
    """The problems that an error of the schema stands for."""
    line = document.line(path)
    if error.validator == "additionalProperties":
        allowed = list(error.schema["properties"])
        for key in error.instance:
            if key not in allowed:
                yield Problem(document.keys.get((*path, key), line), _unknown_key(key, allowed))
    elif error.validator == "required":
        for key in error.schema["required"]:
            if key not in error.instance:
                yield Problem(line, _missing_key(key, error.schema["properties"][key], path))
    elif error.validator == "anyOf":
        selectors = [key for option in error.schema["anyOf"] for key in option["required"]]
        yield Problem(line, f"the rule has no selector: add at least one of {', '.join(selectors)}")
    else:
        yield Problem(line, _wrong_value(error, path))


def _unknown_key(key: str, allowed: Sequence[str]) -> str:
    hint = _did_you_mean(key, allowed) or f": must be one of {', '.join(allowed)}"
    return f"unknown key `{shortened(key)}`{hint}"


def _missing_key(key: str, key_schema: Mapping[str, Any], path: Path) -> str:
    if not path:
        return f"missing key `{key}`: the file must say `version: {VERSION}`"
    return f"missing key `{key}`: {key_schema['description']}"


_TYPES = {str: "text", bool: "truth value", int: "number", float: "number", list: "list", dict: "mapping"}


def _wrong_value(error: Any, path: Path) -> str:
    value, value_schema = error.instance, error.schema
    if not path:
        return "the file must be a mapping of keys to values, beginning with `version: 1`"
    key = next(part for part in reversed(path) if isinstance(part, str))
    named = _named(value)
    if "enum" in value_schema:
        hint = _did_you_mean(value, value_schema["enum"]) if isinstance(value, str) else ""
        return f"`{key}`: {named} is not allowed: must be one of {', '.join(value_schema['enum'])}{hint}"
    must_be_text = error.validator == "type" and (
        value_schema["type"] == "string" or "maxLength" in value_schema
    )
    if must_be_text and isinstance(value, bool | int | float):
        return f"`{key}`: {named} must be a string: quote it"
    return f"`{key}`: {named} is not allowed: must be {value_schema['description']}"


def _named(value: Any) -> str:
    """A value as a message names it: `'text'`, `the number 2`, `list`."""
    if value is None:
        return "an empty value"
    type_name = _TYPES[type(value)]
    if isinstance(value, list | dict):
        return f"this {type_name}"
    return quoted(value) if isinstance(value, str) else f"the {type_name} {quoted(value)}"


def _did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """The nearest of the allowed words as a hint, "" where none is near."""
    close = get_close_matches(word[:100].lower(), list(allowed), n=1, cutoff=0.6)
    return f": did you mean `{close[0]}`?" if close else ""


# --- actions -------------------------------------------------------------------------------------


def unknown_action(name: str, *, with_hint: bool = True) -> str:
    """That IAM has no such action (pattern), with the nearest name that it has."""
    if not with_hint:
        return f"unknown action {quoted(name)}"
    prefix, _, verb = name.lower().partition(":")
    if prefix not in catalog.prefixes():
        return f"unknown service {quoted(prefix)}{_did_you_mean(prefix, sorted(catalog.prefixes()))}"
    if is_pattern(verb):
        return f"{quoted(name)} matches no action"
    names = {action.partition(":")[2]: action for action in sorted(catalog.expand(f"{prefix}:*"))}
    close = get_close_matches(verb[:100], list(names), n=1, cutoff=0.6)
    hint = f": did you mean `{catalog.spelled(names[close[0]])}`?" if close else ""
    return f"unknown action {quoted(name)}{hint}"
