"""The files that options name. Every one that cannot be read, or is wrong, is a ScanError."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parsers import CONFIG, FILE_FORMATS, Options

if TYPE_CHECKING:
    from scanner.gate.baseline import Baseline
    from scanner.gate.config import TeamConfig

T = TypeVar("T")

_TRACE_ID = re.compile(r"\b1-([0-9a-f]{8})-([0-9a-f]{24})\b")
_ROOT = re.compile(r"\broot=1-([0-9a-f]{8})-([0-9a-f]{24})\b")  # a load balancer puts Self= before it
_W3C_TRACE_ID = re.compile(r"\b([0-9a-f]{8})([0-9a-f]{24})\b")


def config_of(path: Path | None) -> TeamConfig:
    """The configuration of a file, the usual one if none is named. Raises ScanError, a line a problem."""
    from scanner.gate.config import TeamConfig
    from scanner.gate.load_config import load_config

    if path is None and not CONFIG.is_file():
        return TeamConfig()
    return parsed(load_config, _text(path or CONFIG, "--config"), str(path or CONFIG))


def baseline_of(path: Path | None, *, may_be_missing: bool) -> Baseline | None:
    """The baseline of a file, an empty one where it is yet to be written. Raises ScanError."""
    from scanner.gate.baseline import Baseline
    from scanner.gate.load_baseline import load_baseline
    from scanner.input.stream import problem_of

    if path is None:
        return None
    if may_be_missing and problem_of(path):
        return Baseline()
    return parsed(load_baseline, _text(path, "--baseline"), str(path))


def parsed(load: Callable[[str, str], T], text: str, name: str) -> T:
    """What a file of the team says. Raises ScanError for one that is wrong, a line a problem."""
    try:
        return load(text, name)
    except ValueError as error:
        raise _usage(str(error)) from None


def trace_ids_of(path: Path) -> tuple[str, ...]:
    """The trace ids of a file, one a line, each once. Raises ScanError for a line without one."""
    ids: dict[str, None] = {}
    for number, line in enumerate(_text(path, "--trace-ids").splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = (
            _ROOT.search(line.lower()) or _TRACE_ID.search(line.lower()) or _W3C_TRACE_ID.search(line.lower())
        )
        if not match:
            # what the line holds stays out of logs: it may be a secret of another file
            raise _usage(
                f"--trace-ids: {path}:{number}: no trace id in this line",
                "expected one like 1-5759e988-bd862e3fe1be46a994272793 (also behind Root=, or in a W3C "
                "traceparent)",
            )
        ids[f"1-{match.group(1)}-{match.group(2)}"] = None
    if not ids:
        raise _usage(f"--trace-ids: no trace id in {path}")
    return tuple(ids)


def json_file(path: Path | None, option: str) -> Any:
    """What a JSON file holds, None without a path.

    Raises ScanError where it cannot be read, or is one of another option.
    """
    if path is None:
        return None
    from scanner.input.elements import NotJsonError
    from scanner.input.looks import OTHER_JSON, look_of_head, look_of_value
    from scanner.input.stream import InputError, opened
    from scanner.input.values import document

    try:
        with opened(path) as stream:
            try:
                content = document(stream)
            except NotJsonError as error:
                look = look_of_head(stream.head)
                advice = "" if look.option == option or look == OTHER_JSON else f": it {look}"
                raise _usage(f"{option}: {path} {error}{advice}") from None
    except InputError as error:
        raise _usage(f"{option}: {path} {error}") from None
    if content is None:
        raise _usage(f"{option}: {path} contains only `null`")
    other = look_of_value(content)
    if other is not None and other.option != option:
        raise _usage(f"{option}: {path} {other}")
    return content


def check_stdin(options: Options) -> None:
    """Raises ScanError where more than one file is to be read from standard input, or one written there."""
    from scanner.input.stream import STDIN

    values = {field.name: getattr(options, field.name) for field in fields(options)}
    names = [
        f"--{name.replace('_', '-')}"
        for name, value in values.items()
        for path in (value if isinstance(value, tuple) else (value,))
        if path == STDIN
    ]
    if len(names) > 1:
        raise _usage(f"{' and '.join(names)}: only one file can be read from standard input (`-`)")
    if options.update_baseline and options.baseline == STDIN:
        raise _usage("--update-baseline: --baseline must name a file, not standard input (`-`)")


def check_apart(options: Options, folder: Path, reports: frozenset[str], root: Path = Path()) -> None:
    """Raises ScanError where a file that is to be written is read too, or written twice.

    `folder` takes the reports of these names, and policies. Pipes and devices may take several files.
    """
    from scanner.input.stream import STDIN

    taken = {_target(root / path): option for option, path in _files_read(options)}
    reports_at = _target(root / folder)
    for name in (*FILE_FORMATS, *(["baseline"] if options.update_baseline else [])):
        path, option = getattr(options, name), f"--{name}"
        if path == STDIN:
            raise _usage(f"{option}: `-` is no file: name one")
        place = _place(root / path) if path else None
        if place is None:
            continue
        is_report = place.name in reports or place.name.endswith(".policy.json")
        if place.parent == reports_at and is_report and place.name != f"report.{name}":
            raise _usage(f"{option}: {path} is a report of --output-dir: name another file")
        other = taken.setdefault(place, option)
        if other != option:
            raise _usage(f"{option}: {path} is the file of {other} too: name another one")


def _files_read(options: Options) -> Iterator[tuple[str, Path]]:
    """The files that options name to be read, with their options."""
    yield "--config", options.config or CONFIG
    yield from (("--traces", path) for path in options.traces)
    yield from (("--workload-config", path) for path in options.workload_config)
    known = None if options.update_baseline else options.baseline
    named = {
        "--trace-ids": options.trace_ids,
        "--iam": options.iam,
        "--functions": options.functions,
        "--terraform-state": options.terraform_state,
        "--baseline": known,
    }
    yield from ((option, path) for option, path in named.items() if path)


def _place(path: Path) -> Path | None:
    """Where a file is written, None for what is none. A link is never followed: it is refused elsewhere."""
    try:
        return None if path.exists() and not path.is_file() else path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle, before Python 3.13
        return None


def _target(path: Path) -> Path:
    """Where a file is read."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _text(path: Path, option: str) -> str:
    from scanner.input.stream import InputError, opened
    from scanner.input.values import content

    try:
        with opened(path) as stream:
            return content(stream).decode()
    except (InputError, UnicodeDecodeError) as error:
        problem = f"is not UTF-8: {error}" if isinstance(error, UnicodeDecodeError) else error
        raise _usage(f"{option}: {path} {problem}") from None


def _usage(problem: str, advice: str = "") -> ScanError:
    return ScanError(problem, EXIT_USAGE, advice)
