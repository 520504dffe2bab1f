"""A ledger in a file."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import ScanError
from scanner.ledger.kept import LARGEST, Change, changed, ledger_in, too_large
from scanner.ledger.merge import merged
from scanner.ledger.store import LedgerUnreadError, LedgerUnwrittenError
from scanner.ledger.values import Ledger
from scanner.output.named_file import NamedFile
from scanner.text.escape import one_line

_READ = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
)


@dataclass(frozen=True)
class FileStore:
    """A file that is replaced as a whole: whoever reads it, reads the old or the new ledger.

    `tidy` makes a ledger small before it is written.
    """

    file: NamedFile
    tidy: Change

    @property
    def name(self) -> str:
        """The path as the user names it."""
        return one_line(str(self.file.path))

    def read(self) -> Ledger:
        """What is kept. Raises LedgerUnreadError."""
        return ledger_in(self._content(), self.name)

    def add(self, addition: Ledger) -> Ledger:
        """Keep what a run adds. Raises LedgerUnreadError, or LedgerUnwrittenError."""
        return self.change(lambda ledger: merged(ledger, addition))

    def change(self, change: Change) -> Ledger:
        """Keep what `change` makes of what is kept. Raises as `add`."""
        ledgers = []

        def content() -> bytes:
            kept = changed(self._content(), self.name, change, self.tidy)
            ledgers.append(kept.ledger)
            return kept.content

        try:
            if self.file.destination is None:
                raise LedgerUnwrittenError(f"--ledger: {self.name} is a pipe or a device: name a file")
            self.file.write(content)
        except LedgerUnreadError:
            raise
        except ScanError as error:
            raise LedgerUnwrittenError(str(error), error.exit_code) from error
        return ledgers[-1]

    def _content(self) -> bytes | None:
        """What the file holds, None where there is none. Raises LedgerUnreadError."""
        try:
            return self._opened((self.file.root or Path()) / self.file.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            link = error.errno == errno.ELOOP
            why = "links are not followed, name the file itself" if link else error.strerror or str(error)
            raise LedgerUnreadError(f"--ledger: {self.name} cannot be read: {why}") from error

    def _opened(self, path: Path) -> bytes:
        handle = os.open(path, _READ)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                what = "is a folder" if stat.S_ISDIR(status.st_mode) else "is a pipe or a device"
                raise LedgerUnreadError(f"--ledger: {self.name} {what}: name a file")
            if status.st_size > LARGEST:
                raise too_large(self.name, status.st_size)
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(handle)
