"""An open folder: files are put there whole, under names that are never followed as links."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HAS_FOLDER_HANDLES = {os.open, os.stat, os.unlink, os.mkdir, os.rename} <= os.supports_dir_fd
"""Not on Windows, where folders are known by their paths only."""

PROBE_BYTES = 65_536
SYNCED_AT_ONCE = 16
TEMPORARY = ".xray-privilege-scan-"  # the start of the names of files that are not whole yet
_TEMPORARY = re.compile(re.escape(TEMPORARY) + r"[0-9a-f]{16}\.tmp")

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_SYNCED = (
    (os.O_RDONLY if HAS_FOLDER_HANDLES else os.O_RDWR)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
_READ = (
    os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
)


@dataclass(frozen=True)
class OutputFolder:
    """A folder by its path and, where there is one, its handle: a link put in its place changes nothing.

    All methods raise OSError.
    """

    path: Path
    handle: int | None

    @property
    def place(self) -> tuple[int, int]:
        """What tells it from other folders, whatever their names."""
        status = self.path.stat() if self.handle is None else os.fstat(self.handle)
        return status.st_dev, status.st_ino

    def check(self, names: Iterable[str]) -> None:
        """Raise OSError where files of these names, or any file of some size, cannot be written."""
        for name in names:
            self._check_target(name)
        probe = [self._temporary(bytes(PROBE_BYTES), None)]
        try:
            self._bring_to_disk(probe)
        finally:
            self.remove(probe)

    def read(self, name: str, limit: int) -> bytes | None:
        """What a file holds; None where there is none, or no regular one, or a larger one."""
        try:
            handle = os.open(self.at(name), _READ, dir_fd=self.handle)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            return file.read() if stat.S_ISREG(status.st_mode) and status.st_size <= limit else None

    def holds(self, *names: str) -> bool:
        """Whether there is anything of one of these names."""
        return any(self._status(name) for name in names)

    def write(self, files: Mapping[str, bytes], stale: Iterable[str] = ()) -> None:
        """Put files in place of those of their names, and remove others. The last file comes last of all.

        Nothing is replaced before all files lie beside it, whole. A link is replaced, not followed.
        """
        for name in files:
            self._check_target(name)
        waiting: dict[str, str] = {}
        try:
            for name, content in files.items():
                waiting[name] = self._temporary(content, self._status(name))
            self._bring_to_disk(waiting.values())
            *others, last = files
            for name in others:
                self._replace(waiting, name)
            self.remove(name for name in stale if _is_file(self._status(name)))
            self._replace(waiting, last)
        finally:
            self.remove(waiting.values())
        self._sync()

    def remove_leftovers(self) -> None:
        """Remove what killed runs left before it was whole; only while no other run writes here.

        What is no regular file stays, and what cannot be removed.
        """
        with suppress(OSError), os.scandir(self.path if self.handle is None else self.handle) as entries:
            names = [entry.name for entry in entries if _TEMPORARY.fullmatch(entry.name)]
            for name in names:
                status = self._status(name)
                if status is not None and stat.S_ISREG(status.st_mode):
                    self.remove([name])

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, those that are there; of a link, the link."""
        for name in names:
            with suppress(FileNotFoundError):
                os.unlink(self.at(name), dir_fd=self.handle)

    def at(self, name: str) -> str:
        """A name as the functions of `os` take it together with the handle."""
        return str(self.path / name) if self.handle is None else name

    def _replace(self, waiting: dict[str, str], name: str) -> None:
        os.replace(self.at(waiting[name]), self.at(name), src_dir_fd=self.handle, dst_dir_fd=self.handle)
        del waiting[name]

    def _check_target(self, name: str) -> None:
        status = self._status(name)
        if status is not None and not _is_file(status):
            code = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EEXIST
            cause = os.strerror(code) if code == errno.EISDIR else "It is a pipe or a device"
            raise OSError(code, cause, name)

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(self.at(name), dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _temporary(self, content: bytes, earlier: os.stat_result | None) -> str:
        """A new file with this content, with the mode and the owner of the earlier one."""
        name = f"{TEMPORARY}{secrets.token_hex(8)}.tmp"
        handle = os.open(self.at(name), _NEW, 0o666, dir_fd=self.handle)
        try:
            with os.fdopen(handle, "wb") as file:
                if earlier is not None and stat.S_ISREG(earlier.st_mode):
                    _take_after(handle, earlier)
                file.write(content)
        except BaseException:
            self.remove([name])
            raise
        return name

    def _bring_to_disk(self, names: Iterable[str]) -> None:
        """Bring files to the disk, many at once: one after the other, 1,000 of them take seven seconds."""
        with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
            list(pool.map(self._sync_file, names))

    def _sync_file(self, name: str) -> None:
        try:
            handle = os.open(self.at(name), _SYNCED, dir_fd=self.handle)
        except PermissionError:  # it replaces one that its owner may not read
            return
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _sync(self) -> None:
        """Bring the names to the disk; not every file system can."""
        if self.handle is not None:
            with suppress(OSError):
                os.fsync(self.handle)


def _is_file(status: os.stat_result | None) -> bool:
    return status is not None and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode))


def _take_after(handle: int, earlier: os.stat_result) -> None:
    """Give a file the owner and the rights of the one that it replaces, as writing into that one would."""
    if not HAS_FOLDER_HANDLES:
        return
    now = os.fstat(handle)
    with suppress(OSError):
        if (now.st_uid, now.st_gid) != (earlier.st_uid, earlier.st_gid):
            os.fchown(handle, earlier.st_uid, earlier.st_gid)
    with suppress(OSError):
        os.fchmod(handle, stat.S_IMODE(earlier.st_mode) & 0o777)
