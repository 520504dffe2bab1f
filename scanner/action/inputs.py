"""The action's inputs: read, checked, turned into the options of the command line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal, cast, get_args

from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate.config import FAIL_ON_NEVER, TeamConfig
from scanner.gate.decide import DEFAULT_SEVERITY, OnInsufficientEvidence
from scanner.github.comment import CommentMode
from scanner.github.fix_pull import FixMode
from scanner.github.issue import IssueMode
from scanner.github.review import SuggestMode
from scanner.model import Verdict
from scanner.notify import Webhook
from scanner.options.parsers import (
    DAYS,
    NOTIFY_FORMATS,
    SEVERITIES,
    SOURCES,
    TRACE_SOURCES,
    VERDICTS,
    Options,
    scan_options,
)

RedactMode = Literal["auto", "always", "never"]

_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")

# The inputs that are options of the command line under the same name, and the values an input gives.
ONE_VALUE = (
    "time-range",
    "start-time",
    "wait",
    "filter",
    "trace-ids",
    "iam",
    "functions",
    "terraform-state",
    "source",
    "max-scan-gb",
    "external-id",
    "config",
    "baseline",
    "sarif",
    "notify-format",
    "ledger",
)
SEVERAL_VALUES = ("traces", "assume-role", "workload-config", "workloads", "stack")
SEVERAL_WORDS = ("region", "log-group", "evidence")

# What counts where neither an input nor the configuration says.
DEFAULTS = TeamConfig(
    fail_on=frozenset({Verdict.UNUSED, Verdict.BROAD}),
    at_least=DEFAULT_SEVERITY,
    include_unconfirmed=False,
    insufficient="warn",
    min_traces=1,
    min_observed_days=0,
    grace_days=0,
    assume_instrumented=False,
)


@dataclass(frozen=True)
class IssueInputs:
    """The issue that runs of no pull request keep. `title` is empty where none is given."""

    mode: IssueMode = "never"
    title: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True)
class ActionInputs:
    """What the action was asked to do. `options` are those of the command line.

    `config` holds the inputs that are keys of the configuration too, None where an input is not set.
    """

    options: Options
    config: TeamConfig
    comment: CommentMode
    annotations: bool
    key: str
    redact: RedactMode
    token: str
    output_dir: Path
    webhook: Webhook | None = None
    issue: IssueInputs = IssueInputs()
    suggest: SuggestMode = "on-findings"
    fix_pull_request: FixMode = "never"


def inputs_of(environ: Mapping[str, str]) -> ActionInputs:
    """Read the inputs. Raises ScanError for a value that is not allowed, naming those that are."""
    inputs = _Inputs(environ)
    _check(inputs)
    options = scan_options(_words(inputs))
    return ActionInputs(
        options=options,
        config=_config(inputs),
        comment=cast(CommentMode, inputs.one_of("comment", get_args(CommentMode)) or "on-findings"),
        annotations=inputs.boolean("annotations") is not False,
        key=inputs.text("key") or f"{environ.get('GITHUB_WORKFLOW', '')}/{environ.get('GITHUB_JOB', '')}",
        redact=cast(RedactMode, inputs.one_of("redact", get_args(RedactMode)) or "auto"),
        token=inputs.text("github-token"),
        output_dir=_output_dir(inputs),
        webhook=Webhook.of(environ, options.notify_format),
        issue=_issue(inputs),
        suggest=cast(SuggestMode, inputs.one_of("suggest", get_args(SuggestMode)) or "on-findings"),
        fix_pull_request=cast(FixMode, inputs.one_of("fix-pull-request", get_args(FixMode)) or "never"),
    )


def effective_config(inputs: ActionInputs, config: TeamConfig) -> TeamConfig:
    """The configuration as it counts: an input wins over the file, and the file over the default."""
    for name in _OVERRIDABLE:
        for source in (inputs.config, config, DEFAULTS):
            value = getattr(source, name)
            if value is not None:
                config = replace(config, **{name: value})
                break
    # what is not compared cannot fail
    return replace(config, fail_on=frozenset()) if inputs.options.usage_only else config


_OVERRIDABLE = (
    "fail_on",
    "at_least",
    "include_unconfirmed",
    "insufficient",
    "min_traces",
    "min_observed_days",
    "grace_days",
    "assume_instrumented",
)


def _words(inputs: _Inputs) -> list[str]:
    """The inputs as words of the command line; joined by `=`, so that no value is taken for an option."""
    words = [f"--{name}={inputs.text(name)}" for name in ONE_VALUE if inputs.text(name)]
    words += [f"--{name}={value}" for name in SEVERAL_VALUES for value in inputs.several(name)]
    words += [f"--{name}={value}" for name in SEVERAL_WORDS for value in inputs.words(name)]
    return [*words, "--usage-only" if inputs.boolean("compare") is False else "--compare"]


def _config(inputs: _Inputs) -> TeamConfig:
    return TeamConfig(
        fail_on=_fail_on(inputs),
        at_least=inputs.one_of("fail-on-severity", SEVERITIES),
        include_unconfirmed=inputs.boolean("include-unconfirmed"),
        insufficient=cast(
            OnInsufficientEvidence | None,
            inputs.one_of("on-insufficient-evidence", get_args(OnInsufficientEvidence)),
        ),
        min_traces=int(inputs.text("min-traces") or 0) or None,
        min_observed_days=inputs.days("min-observed-days"),
        grace_days=inputs.days("grace-days"),
        assume_instrumented=inputs.boolean("assume-instrumented"),
    )


def _issue(inputs: _Inputs) -> IssueInputs:
    return IssueInputs(
        mode=cast(IssueMode, inputs.one_of("issue", get_args(IssueMode)) or "never"),
        title=" ".join(inputs.text("issue-title").split()),
        labels=tuple(dict.fromkeys(inputs.phrases("issue-labels"))),
        assignees=tuple(dict.fromkeys(name.removeprefix("@") for name in inputs.words("issue-assignees"))),
    )


def _output_dir(inputs: _Inputs) -> Path:
    folder = Path(inputs.text("output-dir") or "xray-privilege-scan")
    if folder.is_absolute() or ".." in folder.parts:
        raise _wrong("output-dir", str(folder), "a folder in the workspace, named from there")
    return folder


def _fail_on(inputs: _Inputs) -> frozenset[Verdict] | None:
    words = inputs.words("fail-on")
    for word in words:
        if word not in (*VERDICTS, FAIL_ON_NEVER):
            raise _not_one_of("fail-on", word, (*VERDICTS, FAIL_ON_NEVER))
    if FAIL_ON_NEVER in words and len(words) > 1:
        raise ScanError(
            f"input `fail-on`: `{FAIL_ON_NEVER}` cannot be combined with other verdicts", EXIT_USAGE
        )
    return frozenset(Verdict(word) for word in words if word != FAIL_ON_NEVER) if words else None


def _check(inputs: _Inputs) -> None:
    if not re.fullmatch(r"|[1-9]\d{0,6}", inputs.text("min-traces")):
        raise _wrong("min-traces", inputs.text("min-traces"), "a whole number from 1")
    if not re.fullmatch(r"|\d{1,6}(\.\d+)?", inputs.text("wait")):
        raise _wrong("wait", inputs.text("wait"), "a number of seconds")
    inputs.one_of("source", TRACE_SOURCES)
    inputs.one_of("notify-format", NOTIFY_FORMATS)
    for word in inputs.words("evidence"):
        if word not in SOURCES:
            raise _not_one_of("evidence", word, SOURCES)
    for name in ("config", "baseline", "sarif", "ledger"):
        if name == "ledger" and "://" in inputs.text(name):
            continue
        path = PurePosixPath(inputs.text(name))
        if inputs.text(name) and (not path.parts or path.is_absolute() or ".." in path.parts):
            raise _wrong(name, str(path), "a file of the repository, named from its root")


def _not_one_of(name: str, value: str, allowed: Sequence[str]) -> ScanError:
    return _wrong(name, value, f"one of {', '.join(allowed)}")


def _wrong(name: str, value: str, expected: str) -> ScanError:
    return ScanError(f"input `{name}`: {value!r} is not allowed: must be {expected}", EXIT_USAGE)


class _Inputs:
    """Inputs as the runner passes them: INPUT_FAIL-ON, the hyphen kept; unset and empty look the same."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str:
        return self._environ.get(f"INPUT_{name.upper()}", "").strip()

    def several(self, name: str) -> list[str]:
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def phrases(self, name: str) -> list[str]:
        return [phrase.strip() for phrase in re.split(r"[\n,]", self.text(name)) if phrase.strip()]

    def words(self, name: str) -> list[str]:
        return [word for word in re.split(r"[\s,]+", self.text(name)) if word]

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        value = self.text(name)
        if value and value not in allowed:
            raise _not_one_of(name, value, allowed)
        return value or None

    def days(self, name: str) -> int | None:
        value = self.text(name)
        if value and not re.fullmatch(DAYS, value):
            raise _wrong(name, value, "a whole number of days, at most 9999")
        return int(value) if value else None

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if value and value not in (*_TRUE, *_FALSE):
            raise _not_one_of(name, value, ("true", "false"))
        return value in _TRUE if value else None
