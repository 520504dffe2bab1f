"""The role of a workload as it was settled, and what users are told where it is not known for sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scanner.errors import Warnings
from scanner.model import Workload
from scanner.model.workloads import shown_id
from scanner.workloads.asked import Settled
from scanner.workloads.documents import Documents


def warn_of_others(
    documents: Documents, complete: bool, what: str, commands: Sequence[str], warnings: Warnings
) -> None:
    """Warn where files do not hold all workloads of a kind; where a right is missing, that was said."""
    if not complete and not documents.missing:
        warnings.add(
            "workload-config-partial",
            f"not all {what} are known: who else uses a role is unknown, and nothing is confirmed; add what "
            f"{_listed(commands)} print to --workload-config",
        )


def _listed(texts: Sequence[str]) -> str:
    *first, last = texts or ["its commands"]
    return f"{', '.join(first)} and {last}" if first else last


def with_role(workload: Workload, settled: Settled) -> Workload:
    """The workload with its role, or with the candidates; one that contradicts its role is one of these."""
    contradicts = (settled.contradicts,) if settled.contradicts else ()
    return replace(
        workload,
        role=settled.role,
        candidates=settled.candidates or contradicts,
        inferred=settled.inferred or bool(contradicts),
    )


def explained(workload: Workload, why: str, warnings: Warnings) -> Workload:
    """The workload, which says why its role is not known; a warning where a refusal contradicts its role."""
    if workload.role is None:
        return workload if workload.candidates else replace(workload, candidates=(why,))
    if workload.candidates:
        warnings.add(
            "role-contradicted",
            f"a refusal names {workload.candidates[0]} as the role of {shown_id(workload.key)}, its "
            f"configuration {workload.role}: nothing is confirmed",
        )
    return workload
