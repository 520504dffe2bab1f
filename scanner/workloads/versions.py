"""Which code of a workload a trace tells about: that of now, or that of an older published version. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from scanner.model import Evidence, Role, Workload


def of_current_code(evidence: Evidence, workload: Workload | None) -> Evidence:
    """The evidence with that of published versions that have the code of now.

    A version that was published before the last change runs older code: it tells nothing about the new one.
    """
    for version, of_version in evidence.of_versions.items():
        if _is_current(version, workload):
            starts = sorted((*evidence.newest_complete, *of_version.newest_complete), reverse=True)
            evidence = replace(
                evidence,
                newest_complete=tuple(starts),
                last_call=_newest(evidence.last_call, of_version.last_call),
                auto_instrumented=_newest(evidence.auto_instrumented, of_version.auto_instrumented),
                by_xray_sdk=_newest(evidence.by_xray_sdk, of_version.by_xray_sdk),
                by_python_sdk=_newest(evidence.by_python_sdk, of_version.by_python_sdk),
                services={
                    prefix: max(evidence.services.get(prefix, 0.0), of_version.services.get(prefix, 0.0))
                    for prefix in {**evidence.services, **of_version.services}
                },
            )
    return evidence


def ran_older_code(evidence: Evidence, workload: Workload | None) -> bool:
    """Whether a version with older code than that of now was seen to run."""
    return any(not _is_current(version, workload) for version in evidence.of_versions)


def _is_current(version: str, workload: Workload | None) -> bool:
    if workload is None or workload.changed is None:
        return False
    return any(name == version and time >= workload.changed for name, time in workload.published)


def _newest(time: float | None, other: float | None) -> float | None:
    return max((moment for moment in (time, other) if moment is not None), default=None)


def changed_at(arn: str, role: Role, workloads: Mapping[str, Workload]) -> float:
    """When a workload was last deployed with a role (Unix seconds), infinite where no trace is surely newer.

    What ran before the role was made ran with another one, maybe of the same name.
    """
    workload = workloads.get(arn)
    if workload is None or workload.changed is None or arn in role.by_version_only:
        return math.inf
    return max(workload.changed.timestamp(), seconds_of(role.created))


def seconds_of(moment: datetime | None) -> float:
    """A time in Unix seconds, 0 where it is not known."""
    return moment.timestamp() if moment else 0.0
