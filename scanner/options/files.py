"""The files that options name. Every one that cannot be read, or is wrong, is a ScanError."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scanner.errors import EXIT_USAGE, ScanError
from scanner.options.parsers import CONFIG

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

    if path is None:
        return None
    if may_be_missing and not path.exists():
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
            raise _usage(f"--trace-ids: {path}:{number}: no trace id in {line[:80]!r}")
        ids[f"1-{match.group(1)}-{match.group(2)}"] = None
    if not ids:
        raise _usage(f"--trace-ids: no trace id in {path}")
    return tuple(ids)


def json_file(path: Path | None, option: str) -> Any:
    """What a JSON file holds, None without a path. Raises ScanError where it cannot be read."""
    import orjson

    if path is None:
        return None
    try:
        document = orjson.loads(_text(path, option))
    except orjson.JSONDecodeError as error:
        raise _usage(f"{option}: {path} is not JSON: {error}") from None
    if document is None:
        raise _usage(f"{option}: {path} contains only `null`")
    return document


def _text(path: Path, option: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _usage(f"{option}: {path} cannot be read: {error}") from None


def _usage(message: str) -> ScanError:
    return ScanError(message, EXIT_USAGE)
