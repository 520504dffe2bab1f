"""One run at a time writes into a folder; the next one waits."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from scanner.errors import EXIT_NOTHING_READ, ScanError
from scanner.output.destination import Destination, opened, writing_to
from scanner.output.folder import OutputFolder
from scanner.text.escape import one_line

LOCK = ".xray-privilege-scan.lock"
LONGEST_WAIT = 60.0  # seconds; a run holds the lock only while it writes
_PAUSE = 0.1

_OPEN = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)


@contextmanager
def locked(destination: Destination) -> Iterator[OutputFolder]:
    """The folder, opened, for this run alone. Raises ScanError where another run does not leave it."""
    with all_locked([destination]) as (folder,):
        yield folder


@contextmanager
def all_locked(destinations: Sequence[Destination]) -> Iterator[list[OutputFolder]]:
    """The folders of all of these, opened, for this run alone.

    A folder that is named twice is locked once. The order of locks is that of the folders, not of the names:
    no two runs wait for each other. Raises ScanError where another run does not leave one of them.
    """
    with ExitStack() as stack:
        folders = [stack.enter_context(opened(destination)) for destination in destinations]
        by_place = {folder.place: at for at, folder in enumerate(folders)}
        for place in sorted(by_place):
            at = by_place[place]
            stack.enter_context(_lock(folders[at], destinations[at]))
        yield folders


@contextmanager
def _lock(folder: OutputFolder, destination: Destination) -> Iterator[None]:
    """The lock of a folder, held; what killed runs left there is removed."""
    if sys.platform == "win32":  # it has no such locks, and no links that a checkout makes
        yield
        return
    with writing_to(destination):
        lock = _acquired(folder, destination)
    try:
        if _is_alone(lock):
            folder.remove_leftovers()
        yield
    finally:
        # removed first: whoever waits for it sees that it is no longer the folder's lock
        folder.remove([LOCK])
        os.close(lock)


def _acquired(folder: OutputFolder, destination: Destination) -> int:
    until, waiting = time.monotonic() + LONGEST_WAIT, False
    name = one_line(str(destination.folder))
    while True:
        lock = _tried(folder)
        if lock is not None:
            return lock
        if not waiting:
            destination.say(
                f"another run writes into {name}: waiting for it, at most {LONGEST_WAIT:.0f} seconds"
            )
            waiting = True
        if time.monotonic() >= until:
            raise ScanError(
                f"{destination.option}: another run has been writing into {name} for {LONGEST_WAIT:.0f} "
                "seconds, and nothing was written: give each run a folder of its own, or end the other one",
                EXIT_NOTHING_READ,
            )
        time.sleep(_PAUSE)


def _tried(folder: OutputFolder) -> int | None:
    """The lock, open and held by this run; None where another run holds it. Raises OSError."""
    lock = os.open(folder.at(LOCK), _OPEN, 0o666, dir_fd=folder.handle)
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise OSError(errno.EEXIST, "It is a pipe or a device", LOCK)
        if _hold(lock) and _is_current(folder, lock):
            return lock
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return None


def _hold(lock: int) -> bool:
    """Whether this run holds the lock now; True too where the file system knows no locks."""
    return _locked(lock) is not False


def _is_alone(lock: int) -> bool:
    """Whether no other run can hold the lock; False where the file system knows no locks."""
    return _locked(lock) is True


def _locked(lock: int) -> bool | None:
    """Whether the lock could be taken; None where the file system knows no locks."""
    if sys.platform == "win32":
        return None
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_current(folder: OutputFolder, lock: int) -> bool:
    """Whether the file is still the folder's lock, and not one that its holder has just removed."""
    try:
        now = os.stat(folder.at(LOCK), dir_fd=folder.handle, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(now, os.fstat(lock))
