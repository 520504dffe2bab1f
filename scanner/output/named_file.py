"""A file that a user names: `--markdown`, `--sarif`, `--baseline`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import EXIT_USAGE, ScanError
from scanner.output.destination import Destination, writing_to
from scanner.output.folder import OutputFolder
from scanner.output.lock import locked
from scanner.text.escape import one_line


@dataclass(frozen=True)
class NamedFile:
    """A file by its path. `option` names it in messages, `say` takes a line while the program waits.

    `root` is the folder where the path starts, and which must not be left: then it is no pipe or device.
    """

    path: Path
    option: str
    say: Callable[[str], None]
    root: Path | None = None

    def check(self) -> None:
        """Raise ScanError where the file cannot be written; its folder is made."""
        if not self._is_stream():
            with locked(self._destination()) as folder:
                folder.check([self.path.name])

    def write(self, content: Callable[[], bytes]) -> None:
        """Write what `content` returns, whole or not at all; no other run writes there meanwhile.

        A pipe or a device (`/dev/stdout`, `>(command)`) is written into. Raises ScanError.
        """
        if self._is_stream():
            self._write_stream(content())
            return
        with locked(self._destination()) as folder:
            folder.write({self.path.name: content()})

    @property
    def destination(self) -> Destination | None:
        """Where the file is put; None for a pipe or a device. Raises ScanError for what is refused."""
        return None if self._is_stream() else self._destination()

    def write_into(self, folder: OutputFolder | None, content: bytes) -> None:
        """Write the file into its folder, which this run has locked; None for a pipe or a device.

        Raises ScanError.
        """
        if folder is None:
            self._write_stream(content)
            return
        with writing_to(self._destination()):
            folder.write({self.path.name: content})

    def _write_stream(self, content: bytes) -> None:
        try:
            self.path.write_bytes(content)
        except OSError as error:
            raise self._error(f"cannot be written: {error.strerror or error}") from None

    def _destination(self) -> Destination:
        return Destination(self.path.parent, self.option, self.say, self.root, reports=False)

    def _is_stream(self) -> bool:
        """Whether it is a pipe or a device. Raises ScanError for a link to anything else, and for no file."""
        name, place = self.path.name, (self.root or Path()) / self.path
        mode, itself = _mode(place.stat), _mode(place.lstat)
        if mode and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            if self.root is not None:
                raise self._error("is no file: name one")
            return True
        if not name or stat.S_ISDIR(mode):
            raise self._error("is a folder: name a file")
        if stat.S_ISLNK(itself):
            target = one_line(str(place.readlink()))
            raise self._error(f"is a link, to {target}: links are not followed, name the file itself")
        return False

    def _error(self, problem: str) -> ScanError:
        return ScanError(f"{self.option}: {one_line(str(self.path))} {problem}", EXIT_USAGE)


def _mode(status: Callable[[], os.stat_result]) -> int:
    """What a file is; 0 where there is none, and for a name that none can have."""
    try:
        return status().st_mode
    except (OSError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return 0
