"""Why a finding is not confirmed: the table of reasons. What each means: `reason_help`; when: `claims`."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a finding is not confirmed. DESIGN's words, in the order in which they are reported."""

    NOT_SEEN = "not-seen"
    TOO_FEW_TRACES = "too-few-traces"
    OBSERVED_TOO_SHORT = "observed-too-short"
    NO_CALLS = "no-calls"
    SERVICE_NOT_TRACED = "service-not-traced"
    MAY_RUN_UNTRACED = "may-run-untraced"
    POSSIBLE = "possible"
    RESOURCE_UNKNOWN = "resource-unknown"
    CONDITION_UNKNOWN = "condition-unknown"
    ACCESSED_UNTRACED = "accessed-untraced"
    UNMAPPED_OPERATION = "unmapped-operation"
    INCOMPLETE_TRACES = "incomplete-traces"
    SHARER_NOT_SEEN = "sharer-not-seen"
    ROLE_USERS_UNKNOWN = "role-users-unknown"
    ROLE_INFERRED = "role-inferred"
    TRACES_ELSEWHERE = "traces-elsewhere"
    OLDER_VERSION = "older-version"
    ACTS_FOR_CALLER = "acts-for-caller"
    NEW_GRANT = "new-grant"


# Reasons that question the evidence as a whole, rather than one permission.
EVIDENCE_REASONS = frozenset(
    {
        Reason.NOT_SEEN,
        Reason.TOO_FEW_TRACES,
        Reason.OBSERVED_TOO_SHORT,
        Reason.NO_CALLS,
        Reason.INCOMPLETE_TRACES,
        Reason.SHARER_NOT_SEEN,
        Reason.ROLE_USERS_UNKNOWN,
        Reason.ROLE_INFERRED,
        Reason.TRACES_ELSEWHERE,
        Reason.OLDER_VERSION,
    }
)

# With these a suggestion cuts what was not used all the same: there was evidence, though not enough of it.
CUT_DESPITE = frozenset(
    {
        Reason.TOO_FEW_TRACES,
        Reason.OBSERVED_TOO_SHORT,
        Reason.INCOMPLETE_TRACES,
        Reason.ROLE_USERS_UNKNOWN,
        Reason.ROLE_INFERRED,
        Reason.OLDER_VERSION,
    }
)

# With one of these a grant may well have been used, though traces do not tell that it was this one.
MAY_BE_USED = frozenset(
    {
        Reason.POSSIBLE,
        Reason.RESOURCE_UNKNOWN,
        Reason.CONDITION_UNKNOWN,
        Reason.ACCESSED_UNTRACED,
        Reason.UNMAPPED_OPERATION,
        Reason.ACTS_FOR_CALLER,
    }
)

ORDER = {reason: place for place, reason in enumerate(Reason)}
