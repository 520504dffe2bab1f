"""The story of a workload that no trace shows. Pure."""

from __future__ import annotations

import shlex

from scanner.report.records import Workload
from scanner.report.view.never_traced import HOLDING


def never_traced_lines(workload: Workload) -> list[str]:
    """What is known of it, and how to know more."""
    holding = f" It holds {HOLDING[workload.rights]}." if workload.rights else ""
    chosen = shlex.quote(workload.name or workload.id)
    return [
        f"Workload {workload.id}",
        f"  with role {workload.role or 'unknown'}",
        "  was never traced in the time of this scan, and its role was not compared." + holding,
        "",
        "Run it with tracing on, then scan again.",
        f"A scan with --workloads {chosen} compares its role without a trace, too: it confirms nothing then.",
    ]
