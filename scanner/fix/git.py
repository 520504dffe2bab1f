"""What git says of a checkout: where its repository begins, and which of its files can be had again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 30
# Nothing that the repository's own configuration names is run.
_QUIET = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")


def repository_of(folder: Path) -> Path | None:
    """The folder of the repository that a folder lies in, None where there is none, or no git."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(top.removesuffix(b"\n"))) if top else None


def is_committed(folder: Path, path: str) -> bool:
    """Whether git has a file as it is: a change of it can be taken back."""
    place = f":(literal){path}"
    known = _git(folder, "ls-files", "-z", "--", place)
    return bool(known) and _git(folder, "status", "--porcelain", "-z", "--", place) == b""


def _git(folder: Path, *words: str) -> bytes | None:
    """What git prints, None where it fails."""
    try:
        done = subprocess.run(  # noqa: S603  # git alone, with literal paths
            [*_QUIET, *words],
            cwd=folder,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=_environment(),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def _environment() -> dict[str, str]:
    """The environment without what would name another repository than the folder's."""
    other: Sequence[str] = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
    return {name: value for name, value in os.environ.items() if name not in other}
