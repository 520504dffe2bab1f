"""Which code of a workload a trace tells about, and which older versions of it still serve. Pure.

The code of now is that of $LATEST, and of the versions that were published since its last change. Versions
are named by their number, or by an alias, which stands for one of them or for two
(docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from scanner.model import Evidence, Role, Workload
from scanner.model.usage import DayRuns
from scanner.model.workloads import LATEST, PublishedVersion


@dataclass(frozen=True)
class OlderVersions:
    """Published versions older than the code of now that use a role.

    `serving` are the versions that an alias, an event source or a trace since the last change names. With
    `unknown` there may be others, as the aliases were not read.
    """

    serving: tuple[PublishedVersion, ...] = ()
    unknown: bool = False


def of_current_code(evidence: Evidence, workload: Workload | None) -> Evidence:
    """The evidence with that of published versions that have the code of now.

    A version that was published before the last change runs older code: it tells nothing about the new one.
    """
    current = (seen for name, seen in evidence.of_versions.items() if _is_current(name, workload))
    return _joined(evidence, current)


def of_version(evidence: Evidence, workload: Workload, version: str) -> Evidence:
    """The evidence of a published version: what names it, or an alias that stands for nothing else."""
    named = (seen for name, seen in evidence.of_versions.items() if _versions_of(name, workload) == {version})
    return _joined(Evidence(last_incomplete=evidence.last_incomplete), named)


def _joined(evidence: Evidence, further: Iterable[Evidence]) -> Evidence:
    for seen in further:
        starts = sorted((*evidence.newest_complete, *seen.newest_complete), reverse=True)
        evidence = replace(
            evidence,
            newest_complete=tuple(starts),
            complete_days=_joined_days(evidence.complete_days, seen.complete_days),
            last_call=_newest(evidence.last_call, seen.last_call),
            auto_instrumented=_newest(evidence.auto_instrumented, seen.auto_instrumented),
            by_xray_sdk=_newest(evidence.by_xray_sdk, seen.by_xray_sdk),
            by_python_sdk=_newest(evidence.by_python_sdk, seen.by_python_sdk),
            services={
                prefix: max(evidence.services.get(prefix, 0.0), seen.services.get(prefix, 0.0))
                for prefix in {**evidence.services, **seen.services}
            },
        )
    return evidence


def _joined_days(days: Mapping[int, DayRuns], further: Mapping[int, DayRuns]) -> dict[int, DayRuns]:
    joined = dict(days)
    for day, runs in further.items():
        joined[day] = joined[day].joined(runs) if day in joined else runs
    return joined


def ran_older_code(evidence: Evidence, workload: Workload | None) -> bool:
    """Whether a version with older code than that of now was seen to run."""
    return any(not _is_current(name, workload) for name in evidence.of_versions)


def older_versions(workload: Workload, role: Role, evidence: Evidence) -> OlderVersions:
    """The versions of a workload with older code that use a role, as far as they are known to serve.

    A version that is not listed (any more) may have any role: it counts.
    """
    older = {version.name: version for version in workload.published if _is_older(version, workload)}
    aliased = {name for alias in workload.aliases or () for name in alias.versions}
    named = {
        *workload.qualifiers,
        *(name for name, seen in evidence.of_versions.items() if _ran(seen, workload)),
    }
    serving = aliased.union(*(_versions_of(name, workload) for name in named))
    listed = {version.name for version in workload.published}
    unlisted = (PublishedVersion(name, None) for name in serving - listed - {LATEST})
    candidates = (*(older[name] for name in serving & older.keys()), *unlisted)
    unknown = workload.aliases is None and any(version.role == role.arn for version in older.values())
    return OlderVersions(
        tuple(sorted((version for version in candidates if version.role in (role.arn, None)), key=repr)),
        unknown,
    )


def unlisted_versions(workload: Workload, evidence: Evidence) -> tuple[str, ...]:
    """The numbers of versions that ran and are not listed: which code they have is not known."""
    listed = {version.name for version in workload.published}
    return tuple(sorted(name for name in evidence.of_versions if name.isdecimal() and name not in listed))


def _ran(seen: Evidence, workload: Workload) -> bool:
    """Whether a version was seen to run since the last change of the code of now."""
    newest = max((*seen.newest_complete, seen.last_call or 0.0), default=0.0)
    return newest > seconds_of(workload.changed)


def _versions_of(name: str, workload: Workload) -> set[str]:
    """The versions that a number or an alias stands for, none where the alias is not known."""
    if _is_version(name):
        return {name}
    return {version for alias in workload.aliases or () if alias.name == name for version in alias.versions}


def _is_current(name: str, workload: Workload | None) -> bool:
    """Whether a version or alias has the code of now.

    Where aliases were not read, they are taken to have it: older versions behind them are a doubt of its own.
    """
    if workload is None or workload.changed is None:
        return False
    if workload.aliases is None and not _is_version(name):
        return True
    versions = _versions_of(name, workload)
    current = {version.name for version in workload.published if not _is_older(version, workload)}
    return bool(versions) and versions <= {LATEST, *current}


def _is_version(name: str) -> bool:
    """Whether a name is that of a version, and no alias: a number, or Lambda's own ("$LATEST.PUBLISHED").

    docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
    """
    return name.isdecimal() or name.startswith("$")


def _is_older(version: PublishedVersion, workload: Workload) -> bool:
    return version.made is None or workload.changed is None or version.made < workload.changed


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
