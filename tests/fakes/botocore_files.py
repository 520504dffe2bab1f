"""botocore's files, parsed by orjson: in a tenth of the time that those of EC2 and others take otherwise."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson


def read_file(path: str) -> Any:
    """What `JSONFileLoader.load_file` returns for a path without its suffix: None where there is no file."""
    plain, packed = Path(f"{path}.json"), Path(f"{path}.json.gz")
    if plain.is_file():
        return orjson.loads(plain.read_bytes())
    return orjson.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None
