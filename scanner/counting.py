"""What is read, counted as it comes: all together, or each hour by itself where a ledger keeps it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from scanner.ledger import BucketKey
from scanner.ledger.record import hour_of_item
from scanner.progress import TRACES, Progress
from scanner.traces.source import Emit, EmitOf, Item, Origin
from scanner.usage.builder import UsageBuilder
from scanner.usage.state import UsageState

Told = Callable[[Item], Iterable[Item]]
"""What of an item an account may tell."""


class Counter:
    """Takes what is read, from several threads at once."""

    def __init__(self, new_builder: Callable[[], UsageBuilder], progress: Progress) -> None:
        self._builder = new_builder()
        self._progress = progress
        self._expected = 0
        self._traces = 0
        self._lock = threading.Lock()

    def expect(self, traces: int) -> None:
        """Is told how many more traces there are."""
        with self._lock:
            self._expected += traces
            self._progress(TRACES, self._traces, self._expected)

    def emit_of(self, account: str, told: Told | None) -> EmitOf:
        """What takes what is read with the rights of an account, in so far as it may tell it."""

        def of_origin(origin: Origin) -> Emit:
            def emit(items: Sequence[Item]) -> None:
                with self._lock:
                    for item in items:
                        builder = self._builder_of(account, origin, item)
                        before = builder.traces
                        for part in (item,) if told is None else told(item):
                            builder.add(part)
                        self._traces += builder.traces - before
                    self._progress(TRACES, self._traces, self._expected or None)

            return emit

        return of_origin

    def counted(self) -> UsageBuilder:
        """All that was read."""
        return self._builder

    def _builder_of(self, account: str, origin: Origin, item: Item) -> UsageBuilder:
        return self._builder


class HourlyCounter(Counter):
    """Counts each hour of each source by itself, and apart the traces that began before what was read."""

    def __init__(
        self, new_builder: Callable[[], UsageBuilder], progress: Progress, mapping: str, now: float
    ) -> None:
        super().__init__(new_builder, progress)
        self._new_builder = new_builder
        self._mapping = mapping
        self._now = now
        self._hours: dict[BucketKey, UsageBuilder] = {}
        self._older = new_builder()

    def counted(self) -> UsageBuilder:
        """All that was read."""
        builder = self._new_builder()
        for state in (*self.states().values(), self.older()):
            builder.add_state(state)
        return builder

    def states(self) -> dict[BucketKey, UsageState]:
        """What was read, by hour."""
        return {key: builder.state() for key, builder in self._hours.items()}

    def older(self) -> UsageState:
        """What traces show that began before the time that was read, and were added to in it."""
        return self._older.state()

    def _builder_of(self, account: str, origin: Origin, item: Item) -> UsageBuilder:
        # by the item as it was read: what an account tells of a trace stands in one hour
        hour = hour_of_item(item, origin, self._now)
        if hour is None:
            return self._older
        key = BucketKey(account, origin.region, origin.store, self._mapping, hour)
        builder = self._hours.get(key)
        if builder is None:
            builder = self._hours[key] = self._new_builder()
        return builder
