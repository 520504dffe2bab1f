"""The rows of the small files in which knowledge is kept: `scanner/ROOM/data/NAME.csv`."""

from __future__ import annotations

import csv
from importlib import resources


def rows(room: str, name: str) -> list[dict[str, str]]:
    """The rows of a room's table, by column."""
    with resources.files(f"scanner.{room}").joinpath(f"data/{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
