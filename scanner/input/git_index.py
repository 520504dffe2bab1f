"""The files that git tracks in a checkout, read from its index: no program runs, no hook, no fsmonitor.

The format: git-scm.com/docs/index-format
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path

_LARGEST = 64_000_000  # bytes of an index that is read
_HEADER = struct.Struct(">4sII")
_STAT_BYTES, _ID_BYTES = 40, 20  # what stands in an entry before its flags
_EXTENDED = 0x4000


def tracked_files(root: Path) -> frozenset[str]:
    """The paths of the files, relative to the checkout; none where they cannot be told.

    They cannot for version 4 of the format, ids by SHA-256, and a worktree, whose `.git` is a file.
    """
    try:
        descriptor = os.open(root / ".git" / "index", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return frozenset()
            return frozenset(_paths(file.read(_LARGEST)))
    except (OSError, ValueError, struct.error):
        return frozenset()


def _paths(index: bytes) -> list[str]:
    """Raises ValueError or struct.error for what is no index."""
    signature, version, count = _HEADER.unpack_from(index)
    if signature != b"DIRC" or version not in (2, 3):
        raise ValueError("not an index of version 2 or 3")
    paths = []
    at = _HEADER.size
    for _ in range(count):
        flags_at = at + _STAT_BYTES + _ID_BYTES
        (flags,) = struct.unpack_from(">H", index, flags_at)
        start = flags_at + (4 if flags & _EXTENDED else 2)
        end = index.index(b"\0", start)
        paths.append(index[start:end].decode())
        at += (end - at) // 8 * 8 + 8  # NULs fill an entry up to a multiple of eight bytes, one at least
    return paths
