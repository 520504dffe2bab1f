"""The role of a workload as it was settled, and what users are told where it is not known for sure."""

from __future__ import annotations

from dataclasses import replace

from scanner.errors import Warnings
from scanner.model import Workload
from scanner.model.workloads import shown_id
from scanner.workloads.asked import Settled
from scanner.workloads.documents import Documents


def warn_of_others(
    documents: Documents, complete: bool, what: str, commands: str, warnings: Warnings
) -> None:
    """Warn where files do not hold all workloads of a kind; where a right is missing, that was said."""
    if not complete and not documents.missing:
        warnings.add(
            "workload-config-partial",
            f"not all {what} are known, so that who else uses a role is unknown and nothing is confirmed: add "
            f"what {commands} print to --workload-config",
        )


def with_role(workload: Workload, settled: Settled) -> Workload:
    """The workload with its role, or with the candidates; one that contradicts its role is one of these."""
    contradicts = (settled.contradicts,) if settled.contradicts else ()
    return replace(
        workload,
        role=settled.role,
        candidates=settled.candidates or contradicts,
        inferred=settled.inferred or bool(contradicts),
    )


def warn_of_role(workload: Workload, warnings: Warnings, why: str) -> None:
    """Warn where the role of a traced workload is not known, or contradicted by a refusal."""
    name, others = shown_id(workload.key), ", ".join(workload.candidates)
    if workload.role is None:
        candidates = f"; candidates: {others}" if others else ""
        warnings.add("workload-without-role", f"the role of {name} is not known: {why}{candidates}")
    elif others:
        warnings.add(
            "role-contradicted",
            f"a refusal names {others} as the role of {name}, its configuration {workload.role}: nothing is "
            "confirmed",
        )
