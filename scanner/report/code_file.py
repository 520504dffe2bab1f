"""The file of a checkout that stands for findings of which no template is known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from scanner.gate.config import CONFIG_PATH
from scanner.input.git_index import tracked_files
from scanner.report.files import REPORTS

_MOST_OF_WORKFLOW = 500_000  # bytes that are read of one


def fallback_file(root: Path, config: Path, workflow: str = "", outputs: Iterable[Path] = ()) -> str:
    """The file of a checkout that stands for findings of which no template is known: one that is there.

    The configuration, else the workflow that runs, else the first workflow that names this program, else the
    first workflow, else the README, else the first file: of those that git tracks, where it tracks any, and
    never one that a scan writes. Only a folder without files has none: then it is where the configuration
    would be.
    """
    written = {(root / path).absolute() for path in outputs}
    candidates = (path for path in _candidates(root, config, workflow) if not _is_output(path, written))
    tracked = tracked_files(root)
    if not tracked:
        found = next(candidates, None)
        return found.relative_to(root).as_posix() if found else CONFIG_PATH
    there = (path.relative_to(root).as_posix() for path in candidates)
    deeper = (path for path in sorted(tracked, key=_hidden_last) if _is_file(root / path))
    apart = (path for path in deeper if not _is_output(root / path, written))
    return next((path for path in there if path in tracked), None) or next(apart, CONFIG_PATH)


def _candidates(root: Path, config: Path, workflow: str) -> Iterator[Path]:
    for path in (config, *([Path(workflow)] if workflow else [])):
        if not path.is_absolute() and ".." not in path.parts and (root / path).is_file():
            yield root / path
    workflows = _files(root / ".github" / "workflows", "*.y*ml")
    yield from filter(_names_this_program, workflows)
    yield from workflows
    yield from _files(root, "README*")
    yield from _files(root, "[!.]*")
    yield from (path for folder in _folders(root) for path in _files(folder, "[!.]*"))


def _is_output(path: Path, written: Collection[Path]) -> bool:
    return path.name in REPORTS or path.name.endswith(".policy.json") or path.absolute() in written


def _hidden_last(path: str) -> tuple[bool, str]:
    return any(part.startswith(".") for part in path.split("/")), path


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if _is_file(path))


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("[!.]*") if path.is_dir() and not path.is_symlink())


def _names_this_program(workflow: Path) -> bool:
    try:
        with workflow.open("rb") as file:
            return b"xray-privilege-scan" in file.read(_MOST_OF_WORKFLOW)
    except OSError:
        return False
