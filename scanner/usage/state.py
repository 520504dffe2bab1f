"""What a run counted, as it is kept for later: the state of a builder of usage, and its bytes.

States of runs over different traces add up to that of one run over all of them, in any order. The same
state always has the same bytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from scanner.model.calls import Certainty, Need, Permission, Unmapped
from scanner.model.usage import DayRuns, earliest, latest
from scanner.model.workloads import Hints

_VERSION = 1  # of the bytes: one more for each change of what they hold
_LARGEST = 1 << 28  # of a state as it is unpacked
_Count = Annotated[int, Meta(ge=0)]
_Day = Annotated[int, Meta(ge=-700_000, le=2_900_000)]  # days since 1970 that a calendar can show
# When a trace was newest (Unix seconds), and its id.
Example = tuple[float, str]
Examples = tuple[Example, ...]
# Of a denial: its time, trace, message, cause and the policy that denied.
Place = tuple[float, str, str, str, str]


class StateUnreadError(ValueError):
    """Bytes that are no state, or one of another version of the program."""


class Use(NamedTuple):
    """A permission that a workload once needed. `sent` is False where the call was denied or never left."""

    workload: str
    need: Need
    sent: bool


class Seen(NamedTuple):
    """When a use was seen first and last, and how many times at most at once.

    In Unix seconds, 0 where no trace can have such a time. What says the same of one use twice says it once.
    `sources` are where the traces were kept that showed it ("xray", "spans", "files"), in order.
    """

    first: float
    last: float
    times: int
    sources: tuple[str, ...] = ()

    def joined(self, other: Seen) -> Seen:
        """What two say of the same use."""
        return Seen(
            min(filter(None, (self.first, other.first)), default=0.0),
            max(self.last, other.last),
            max(self.times, other.times),
            tuple(sorted({*self.sources, *other.sources})),
        )


class PermissionState(Struct, frozen=True, array_like=True):
    """A permission that calls needed: surely (`required`), or as one of several."""

    permission: Permission
    required: bool
    first: float | None
    last: float | None
    count: _Count
    traces: _Count
    succeeded: _Count
    newest: Examples


class DenialState(Struct, frozen=True, array_like=True):
    """Denials of one permission."""

    action: str
    resource: str
    earliest: Place
    count: _Count
    newest: Examples


class CodeState(Struct, frozen=True, array_like=True):
    """The evidence of one version's code."""

    last_call: float | None
    newest_complete: tuple[float, ...]
    days: tuple[tuple[_Day, DayRuns], ...]
    auto_instrumented: float | None
    by_xray_sdk: float | None
    by_python_sdk: float | None
    services: tuple[tuple[str, float], ...]


class WorkloadState(Struct, frozen=True, array_like=True):
    """The runs and calls of one workload. `remembered` are uses that no evidence stands behind."""

    workload: str | None
    traces: _Count
    calls: _Count
    first: float | None
    last: float | None
    incomplete: _Count
    last_incomplete: float | None
    code: CodeState
    of_versions: tuple[tuple[str, CodeState], ...]
    used: tuple[PermissionState, ...]
    attempted: tuple[PermissionState, ...]
    denied: tuple[DenialState, ...]
    one_of: tuple[Permission, ...]
    unmapped: tuple[tuple[Unmapped, _Count], ...]
    hints: tuple[tuple[Hints, float], ...]
    other_credentials: _Count
    remembered: tuple[tuple[Permission, bool, bool, Seen], ...]


class Counters(Struct, frozen=True, array_like=True):
    """What was counted of all workloads together."""

    calls: _Count = 0
    documents: _Count = 0
    unreadable_documents: _Count = 0
    traces: _Count = 0
    unattributed_gaps: _Count = 0
    unowned_documents: _Count = 0
    impossible_times: _Count = 0
    first: float | None = None
    last: float | None = None

    def joined(self, other: Counters) -> Counters:
        """The counters of two runs over different traces."""
        return Counters(
            self.calls + other.calls,
            self.documents + other.documents,
            self.unreadable_documents + other.unreadable_documents,
            self.traces + other.traces,
            self.unattributed_gaps + other.unattributed_gaps,
            self.unowned_documents + other.unowned_documents,
            self.impossible_times + other.impossible_times,
            earliest(self.first, other.first),
            latest(self.last, other.last),
        )


class UsageState(Struct, frozen=True, array_like=True):
    """All that a builder of usage counted.

    `invoked_gaps` are patterns of workloads whose documents incomplete traces lack, with the latest time.
    """

    counters: Counters = Counters()
    workloads: tuple[WorkloadState, ...] = ()
    invoked_gaps: tuple[tuple[str, float], ...] = ()


class _Kept(Struct, frozen=True, array_like=True):
    version: int
    state: UsageState


class _KeptVersion(Struct, frozen=True, array_like=True):
    version: int


def encode(state: UsageState) -> bytes:
    """A state as bytes: the same ones for the same state."""
    packed = msgspec.msgpack.encode(_Kept(_VERSION, state))
    # a time that came as a whole number is packed as one: read back it is what its type says
    packed = msgspec.msgpack.encode(msgspec.msgpack.decode(packed, type=_Kept))
    return zlib.compress(packed, 6)


def decode(content: bytes) -> UsageState:
    """The state that bytes hold. Raises StateUnreadError, whatever the bytes."""
    unpacker = zlib.decompressobj()
    try:
        packed = unpacker.decompress(content, _LARGEST)
        if not unpacker.eof:
            raise StateUnreadError("is cut off, or too large")
        version = msgspec.msgpack.decode(packed, type=_KeptVersion).version
        if version != _VERSION:
            raise StateUnreadError(f"was written by another version of the program ({version})")
        return msgspec.msgpack.decode(packed, type=_Kept).state
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StateUnreadError(f"cannot be read: {error}") from error


def uses_of(state: UsageState, source: str = "") -> dict[Use, Seen]:
    """All that workloads used or attempted, without the evidence: what must never be forgotten.

    `source` is where the traces of the state were kept, empty where that is not known.
    """
    uses: dict[Use, Seen] = {}
    for use, seen in _uses_of(state):
        if source:
            seen = seen.joined(seen._replace(sources=(source,)))
        known = uses.get(use)
        uses[use] = seen if known is None else known.joined(seen)
    return uses


def _uses_of(state: UsageState) -> Iterator[tuple[Use, Seen]]:
    for of_workload in state.workloads:
        workload, one_of = of_workload.workload, frozenset(of_workload.one_of)
        if workload is None:
            continue
        for sent, counts in ((True, of_workload.used), (False, of_workload.attempted)):
            for count in counts:
                need = need_of(count.permission, count.required, count.permission in one_of)
                seen = Seen(count.first or 0.0, count.last or 0.0, count.count)
                yield Use(workload, need, sent), seen
        for permission, required, sent, seen in of_workload.remembered:
            yield Use(workload, need_of(permission, required, permission in one_of), sent), seen


def need_of(permission: Permission, required: bool, one_of: bool) -> Need:
    """A permission as calls needed it: as one of several if any call did."""
    if required:
        return Need(permission, Certainty.REQUIRED)
    return Need(permission, Certainty.ONE_OF if one_of else Certainty.POSSIBLE)
