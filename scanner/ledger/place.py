"""Where `--ledger` keeps it: a file, or an object in S3."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import EXIT_USAGE, ScanError
from scanner.ledger.file_store import FileStore
from scanner.ledger.fold import tidied
from scanner.ledger.s3_store import S3Store, s3_place
from scanner.ledger.store import LedgerStore
from scanner.ledger.values import Ledger
from scanner.output.named_file import NamedFile

if TYPE_CHECKING:
    from scanner.aws.api import Aws

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def ledger_store(
    place: str, aws: Aws, say: Callable[[str], None], root: Path | None = None, clock: Clock = SYSTEM_CLOCK
) -> LedgerStore:
    """The store at a path or at `s3://BUCKET/KEY`. Asks nobody yet. Raises ScanError where it is neither.

    `say` takes a line while the program waits for another run. `root` is the folder that a path must not
    leave.
    """

    def tidy(ledger: Ledger) -> Ledger:
        return tidied(ledger, clock.now())

    scheme = _SCHEME.match(place)
    if scheme and scheme[0].lower() == "s3://":
        return S3Store(aws, s3_place(place), tidy, clock)
    if scheme or not place.strip():
        raise ScanError(f"--ledger: {place!r} is neither a path nor s3://BUCKET/KEY", EXIT_USAGE)
    return FileStore(NamedFile(Path(place), "--ledger", say, root), tidy)
