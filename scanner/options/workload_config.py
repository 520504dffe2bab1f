"""The files of --workload-config: what the AWS command line prints about workloads, recognised by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.errors import EXIT_USAGE, ScanError

if TYPE_CHECKING:
    from scanner.model import ScanWarning
    from scanner.workloads.documents import Documents

_OPTION = "--workload-config"
_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".gz"})


class WorkloadConfig(NamedTuple):
    """What files hold, None where none is named, and what of a folder was left out."""

    documents: Documents | None = None
    warnings: tuple[ScanWarning, ...] = ()


def workload_config(paths: Iterable[Path]) -> WorkloadConfig:
    """What files and folders of them hold.

    Raises ScanError for a file that cannot be read or holds something else, and for a folder without any that
    is recognised.
    """
    from scanner.model import ScanWarning
    from scanner.workloads.documents import joined

    found: list[Documents] = []
    warnings: list[ScanWarning] = []
    for path in paths:
        files = sorted(_files_of(path))
        of_path = []
        for file in files:
            documents, problem = _documents_of(file)
            if documents is not None:
                of_path.append(documents)
            elif file == path:
                raise _usage(f"{path} {problem}")
            else:
                warnings.append(ScanWarning("file-ignored", f"{_OPTION}: {file.name} {problem}", 1))
        if not of_path:
            raise _usage(f"{path} holds no file of what the AWS command line prints about workloads")
        found += of_path
    return WorkloadConfig(joined(found) if found else None, tuple(warnings))


def _files_of(path: Path) -> Iterator[Path]:
    from scanner.input.stream import STDIN, problem_of

    problem = "" if path == STDIN else problem_of(path)
    if problem:
        raise _usage(f"{path} {problem}")
    if path == STDIN or not path.is_dir():
        yield path
        return
    for inner in path.rglob("*"):
        hidden = any(part.startswith(".") for part in inner.relative_to(path).parts)
        if inner.suffix in _SUFFIXES and inner.is_file() and not hidden:
            yield inner


def _documents_of(path: Path) -> tuple[Documents | None, str]:
    """What a file holds, None where that is something else, and what it looks like then."""
    from scanner.input.looks import OTHER_JSON, look_of_head, look_of_value
    from scanner.input.stream import InputError, opened
    from scanner.input.values import Unread, values
    from scanner.workloads.documents import joined, recognised

    found: list[Documents] = []
    other: Any = None
    head = b""
    try:
        with opened(path) as stream:
            try:
                for value in values(stream):
                    if isinstance(value, Unread):
                        return None, value.why
                    documents = recognised(value)
                    if documents is None:
                        other = value if other is None else other
                    else:
                        found.append(documents)
            finally:
                head = stream.head
    except InputError as error:
        look = look_of_head(head)
        said = str(error).removesuffix(".")
        return None, f"{said}: it {look}" if head and not found and look != OTHER_JSON else said
    if found and other is None:
        return joined(found), ""
    look = look_of_value(other) or (OTHER_JSON if other is not None else look_of_head(head))
    what = "also holds something else: it" if found else "holds no configuration of workloads: it"
    return None, f"{what} {look}"


def _usage(message: str) -> ScanError:
    return ScanError(f"{_OPTION}: {message}", EXIT_USAGE)
