"""The X-Ray API as a source of traces: those of a span of time, or exactly these, of one or more regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.aws.ask import Failure
from scanner.errors import Warnings
from scanner.traces.source import (
    XRAY,
    Coverage,
    Emit,
    EmitOf,
    Expect,
    Origin,
    SkippedTraces,
    SourceReport,
    expect_nothing,
    total,
)
from scanner.traces.xray_fetch import Waiting, read_ids, read_window
from scanner.traces.xray_requests import Window, transaction_search

if TYPE_CHECKING:
    from mypy_boto3_xray.client import XRayClient


@dataclass(frozen=True)
class XRaySource:
    """The traces of some regions, in a window or by their ids.

    `elsewhere` tells that some of them are kept in another place, None that X-Ray is to be asked that.
    """

    regions: tuple[str, ...]
    client_of_region: Callable[[str], XRayClient]
    selection: Window | tuple[str, ...]
    wait_seconds: float = 0.0
    expect: Expect = expect_nothing
    elsewhere: bool | None = None
    name: str = "xray"

    def read(self, emit_of: EmitOf, warnings: Warnings) -> SourceReport:
        """Read one region after the other. Raises ScanError where X-Ray cannot be asked at all."""
        skipped: list[SkippedTraces] = []
        elsewhere = False
        # all clients first: a region that does not exist is no reason to read another one before
        window = self.selection if isinstance(self.selection, Window) else None
        times = (window.start, window.end) if window else ()
        for region, client in {region: self.client_of_region(region) for region in self.regions}.items():
            elsewhere = self._is_elsewhere(client, warnings) or elsewhere
            skipped.append(self._read_region(client, emit_of(Origin(region, XRAY, *times)), warnings))
        return SourceReport(
            total(skipped),
            elsewhere,
            self.regions,
            start=window.start if window else None,
            end=window.end if window else None,
            covered=tuple(Coverage(region, XRAY, *times) for region in self.regions if window),
        )

    def _read_region(self, client: XRayClient, emit: Emit, warnings: Warnings) -> SkippedTraces:
        waiting = Waiting(self.wait_seconds, expect=self.expect)
        if isinstance(self.selection, Window):
            return read_window(client, self.selection, emit, warnings, waiting).skipped
        return read_ids(client, self.selection, emit, warnings, waiting).skipped

    def _is_elsewhere(self, client: XRayClient, warnings: Warnings) -> bool:
        """Whether traces of a region are kept where X-Ray's API does not see them."""
        elsewhere = transaction_search(client) if self.elsewhere is None else self.elsewhere
        if isinstance(elsewhere, Failure):
            warn_of_unknown_destination(elsewhere, warnings)
            return False
        if elsewhere:
            warnings.add(
                "transaction-search",
                "Transaction Search is on: X-Ray's API shows only the traces that are indexed (1% by "
                "default), so that nothing can be confirmed from them",
            )
        return elsewhere


def warn_of_unknown_destination(failure: Failure, warnings: Warnings) -> None:
    """Warn that nobody knows where the traces of a region are kept."""
    remedy = "allow xray:GetTraceSegmentDestination" if failure.denied else failure.message
    warnings.add(
        "transaction-search-unknown", f"whether Transaction Search is on could not be asked: {remedy}"
    )
