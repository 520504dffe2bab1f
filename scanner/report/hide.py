"""A report as it may be shown where anybody can read: every text in it is masked. Pure.

Every output is made of the report that this returns, so that none can forget to mask.
"""

from __future__ import annotations

from typing import Any

import msgspec

from scanner.report.records import Report
from scanner.text.redact import NO_REDACTION, Redaction

# Keys that hold policies, and those that hold ARNs or patterns of them; all other texts may hold anything.
_POLICIES = frozenset({"statements", "after", "suggested_policy", "suggested_policies", "policy_for_denied"})
_RESOURCES = frozenset({"resource", "resources", "target"})
# Texts that are the program's own words: ids, verdicts, times.
_KEPT = frozenset(
    {
        *("id", "grant_ids", "failing", "verdict", "severity", "breadth"),
        *("first_seen", "last_seen", "start", "end"),
    }
)
_HIDDEN = "HIDDEN"


def hidden(report: Report, redaction: Redaction) -> Report:
    """The report with all texts masked."""
    if redaction is NO_REDACTION:
        return report
    return msgspec.convert(_masked(msgspec.to_builtins(report), "", redaction), Report)


def _kind_of(name: str, parent: str) -> str:
    """A key, told apart from another of its name: the id of a workload is no word of the program."""
    return "workload" if (name, parent) == ("id", "workloads") else name


def _masked(value: Any, key: str, redaction: Redaction) -> Any:
    if key in _POLICIES:
        return redaction.policy(value)
    if key == "condition_values":
        return {name: [_HIDDEN for _ in values] for name, values in value.items()}
    if isinstance(value, dict):
        return {
            redaction.text(name): _masked(part, _kind_of(name, key), redaction)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [_masked(part, key, redaction) for part in value]
    if not isinstance(value, str) or key in _KEPT:
        return value
    return redaction.resource(value) if key in _RESOURCES else redaction.text(value)
