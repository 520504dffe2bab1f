"""The action's inputs: read, checked, turned into the options of the command line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate import GatePolicy, Insufficient
from scanner.iam.severity import LEVELS
from scanner.model import Verdict
from scanner.options import VERDICTS

CommentMode = Literal["on-findings", "always", "never"]
Redact = Literal["auto", "always", "never"]

_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
SEVERITIES = LEVELS[:-1]  # less "unknown"

# The inputs that are options of the command line under the same name, and the values an input gives.
ONE_VALUE = (
    "time-range",
    "start-time",
    "wait",
    "filter",
    "trace-ids",
    "region",
    "iam",
    "functions",
    "min-traces",
)
SEVERAL_VALUES = ("traces", "workloads", "stack")
SWITCHES = ("compare", "assume-instrumented")


@dataclass(frozen=True)
class Settings:
    """What the action was asked to do. `options` are those of the command line."""

    options: Sequence[str]
    gate: GatePolicy
    comment: CommentMode
    annotations: bool
    key: str
    redact: Redact
    token: str
    output_dir: Path


def settings_of(environ: Mapping[str, str]) -> Settings:
    """Read the inputs. Raises ScanError for a value that is not allowed, naming those that are."""
    inputs = _Inputs(environ)
    options = [f"--{name}={inputs.text(name)}" for name in ONE_VALUE if inputs.text(name)]
    for name in SEVERAL_VALUES:
        options += [f"--{name}={value}" for value in inputs.several(name)]
    options += [f"--{name}" for name in SWITCHES if inputs.boolean(name, default=name == "compare")]
    _check_numbers(inputs)
    severity = inputs.one_of("fail-on-severity", ("", *SEVERITIES), default="")
    return Settings(
        options=options,
        gate=GatePolicy(
            # what is not compared cannot fail
            fail_on=_fail_on(inputs) if inputs.boolean("compare", default=True) else frozenset(),
            at_least=severity or None,
            include_unconfirmed=inputs.boolean("include-unconfirmed", default=False),
            insufficient=cast(
                Insufficient,
                inputs.one_of("on-insufficient-evidence", get_args(Insufficient), default="warn"),
            ),
        ),
        comment=cast(CommentMode, inputs.one_of("comment", get_args(CommentMode), default="on-findings")),
        annotations=inputs.boolean("annotations", default=True),
        key=inputs.text("key") or f"{environ.get('GITHUB_WORKFLOW', '')}/{environ.get('GITHUB_JOB', '')}",
        redact=cast(Redact, inputs.one_of("redact", get_args(Redact), default="auto")),
        token=inputs.text("github-token"),
        output_dir=_output_dir(inputs),
    )


def _output_dir(inputs: _Inputs) -> Path:
    folder = Path(inputs.text("output-dir") or "xray-privilege-scan")
    if folder.is_absolute() or ".." in folder.parts:
        raise _wrong("output-dir", str(folder), ("a folder in the workspace, named from there",))
    return folder


def _fail_on(inputs: _Inputs) -> frozenset[Verdict]:
    words = inputs.words("fail-on") or ["unused"]
    for word in words:
        if word not in (*VERDICTS, "never"):
            raise _wrong("fail-on", word, (*VERDICTS, "never"))
    if "never" in words:
        if len(words) > 1:
            raise ScanError("input `fail-on`: `never` goes with no other verdict", EXIT_USAGE)
        return frozenset()
    return frozenset(Verdict(word) for word in words)


def _check_numbers(inputs: _Inputs) -> None:
    if not re.fullmatch(r"|[1-9]\d{0,6}", inputs.text("min-traces")):
        raise _wrong("min-traces", inputs.text("min-traces"), ("a whole number from 1",))
    if not re.fullmatch(r"|\d{1,6}(\.\d+)?", inputs.text("wait")):
        raise _wrong("wait", inputs.text("wait"), ("a number of seconds",))


def _wrong(name: str, value: str, allowed: Sequence[str]) -> ScanError:
    return ScanError(f"input `{name}`: {value!r} is not allowed, only {', '.join(allowed)}", EXIT_USAGE)


class _Inputs:
    """Inputs as the runner hands them on: INPUT_FAIL-ON, the hyphen kept; unset and empty look the same."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        return self._environ.get(f"INPUT_{name.upper()}", "").strip()

    def several(self, name: str) -> list[str]:
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def words(self, name: str) -> list[str]:
        return [word for word in re.split(r"[\s,]+", self.text(name)) if word]

    def one_of(self, name: str, allowed: Sequence[str], *, default: str) -> str:
        value = self.text(name) or default
        if value not in allowed:
            raise _wrong(name, value, [a for a in allowed if a])
        return value

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self.text(name)
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        if value:
            raise _wrong(name, value, ("true", "false"))
        return default
