"""A report as it may be shown where anybody can read: every text in it is masked. Pure.

Every output is made of the report that this returns, so that none can forget to mask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
        *(
            "id",
            "grant_ids",
            "failing",
            "findings",
            "digest",
            "disposition",
            "verdict",
            "severity",
            "breadth",
        ),
        *("new", "still_open"),  # ids, in `history`
        *("first_seen", "last_seen", "start", "end", "time", "previous"),
    }
)
_HIDDEN = "HIDDEN"


def hidden(report: Report, redaction: Redaction) -> Report:
    """The report with all texts masked."""
    if redaction is NO_REDACTION:
        return report
    told_apart = _telling_apart(redaction, [account.id for account in report.scan.accounts])
    return msgspec.convert(_masked(msgspec.to_builtins(report), "", told_apart), Report)


def _telling_apart(redaction: Redaction, accounts: Sequence[str]) -> Redaction:
    """The same, which leaves several accounts apart: each has a number in the place of its own."""
    if len(accounts) < 2:
        return redaction
    numbers = {account: f"ACCOUNT_{number}" for number, account in enumerate(accounts, 1)}
    named = re.compile(rf"(?<!\d)(?:{'|'.join(map(re.escape, numbers))})(?!\d)")

    def numbered(value: Any) -> Any:
        if isinstance(value, str):
            return named.sub(lambda match: numbers[match[0]], value)
        if isinstance(value, dict):
            return {numbered(name): numbered(part) for name, part in value.items()}
        return [numbered(part) for part in value] if isinstance(value, list | tuple) else value

    return Redaction(
        text=lambda text: redaction.text(numbered(text)),
        resource=lambda resource: redaction.resource(numbered(resource)),
        policy=lambda policy: redaction.policy(numbered(policy)),
    )


def _kind_of(name: str, parent: str) -> str:
    """A key, told apart from another of its name: ids of workloads and accounts are no words of ours."""
    return "shown" if name == "id" and parent in ("workloads", "accounts") else name


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
