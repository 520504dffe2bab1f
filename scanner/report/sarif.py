"""The findings as SARIF 2.1.0, as GitHub's code scanning takes it. Pure.

docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import orjson

from scanner import __version__
from scanner.iam.severity import NONE
from scanner.model import EXCESS, Verdict
from scanner.report.records import Report, Role
from scanner.report.view.rows import rows_of
from scanner.report.view.values import Row
from scanner.report.view.viewed import ViewedReport, is_to_act_on
from scanner.text.escape import counted, one_line

MAX_RESULTS: Final = 25_000  # of a run; GitHub shows the 5,000 most severe of them
MAX_PACKED: Final = 10_000_000  # bytes, packed with gzip

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
# GitHub: critical is above 9, high from 7, medium from 4, low below. An action that IAM does not know counts
# as one that writes.
_SCORES: Final = {
    "privilege-escalation": "9.5",
    "permissions-management": "8.8",
    "destruction": "8.0",
    "write": "6.5",
    "data-access": "6.0",
    "unknown": "6.0",
    "tagging": "3.5",
    "read": "3.0",
    "list": "2.0",
    NONE: "0.1",
}
_UNCONFIRMED_SCORE: Final = "1.0"  # what is not sure raises no alarm, whatever it is about

_TITLES = {
    Verdict.UNUSED: "A permission that was never used",
    Verdict.BROAD: "A permission that is wider than what was used",
    Verdict.UNOBSERVABLE: "A permission of which traces cannot show the use",
    Verdict.INEFFECTIVE: "A permission that allows nothing",
}
_HELP = {
    Verdict.UNUSED: "The role grants it, and no workload that uses the role was seen to use it. Remove it.",
    Verdict.BROAD: (
        "The role grants more than was used or may be needed: a wildcard in actions or resources. "
        "Narrow it to what was used."
    ),
    Verdict.UNOBSERVABLE: "The gate does not allow it, though traces cannot show whether it is used.",
    Verdict.INEFFECTIVE: "The gate does not allow it, though it has no effect.",
}
_NEXT = (
    "`xray-privilege-scan explain ID` shows the smaller policy, and the calls that were compared. If it is "
    "needed, accept it with a rule in `.github/least-privilege.yml`."
)


class _Rule(NamedTuple):
    """What results have in common: a verdict, a severity, and whether the evidence carries it."""

    verdict: Verdict
    severity: str
    confirmed: bool

    @property
    def id(self) -> str:
        return f"{self.verdict}/{self.severity}" + ("" if self.confirmed else "/not-confirmed")


def sarif(report: Report, fallback: str) -> bytes:
    """The findings of excess that nobody accepts, and whatever else fails the gate: the worst first.

    What a framework's smallest fitting bundle grants beyond use is left out: an alert asks to act.

    `fallback` is the file of the checkout that stands for findings of which no template is known. What GitHub
    would not take is left out, and a notification counts it.
    """
    rows = [row for row in rows_of(ViewedReport(report)) if _is_shown(row)]
    shown = rows[:MAX_RESULTS]
    while True:
        text = orjson.dumps(_log(report, shown, len(rows), fallback)) + b"\n"
        if len(text) < MAX_PACKED or len(gzip.compress(text, 6)) < MAX_PACKED:
            return text
        shown = shown[: len(shown) // 2]


def _is_shown(row: Row) -> bool:
    return row.fails or is_to_act_on(row.role, row.finding)


def _log(report: Report, rows: Sequence[Row], total: int, fallback: str) -> dict[str, Any]:
    rules = list(dict.fromkeys(map(_rule_of, rows)))
    places = _Places(report, fallback)
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "xray-privilege-scan",
                "semanticVersion": __version__,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(row, rules.index(_rule_of(row)), places) for row in rows],
    }
    if total > len(rows):
        text = f"{counted(total - len(rows), 'finding')} left out: GitHub takes no more. report.json has all"
        notification = {"level": "warning", "message": {"text": text}}
        run["invocations"] = [{"executionSuccessful": True, "toolExecutionNotifications": [notification]}]
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule_of(row: Row) -> _Rule:
    return _Rule(row.finding.verdict, row.severity, row.confirmed)


def _rule(rule: _Rule) -> dict[str, Any]:
    doubt = "" if rule.confirmed else " Not confirmed: its results name the reasons."
    title = f"{_TITLES[rule.verdict]} ({rule.severity}{'' if rule.confirmed else ', not confirmed'})"
    help_text = f"{_HELP[rule.verdict]}{doubt} {_NEXT}"
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in re.split(r"[-/]", rule.id)),
        "shortDescription": {"text": title},
        "fullDescription": {"text": _HELP[rule.verdict] + doubt},
        "help": {"text": help_text.replace("`", ""), "markdown": help_text},
        "defaultConfiguration": {"level": "warning" if rule.confirmed else "note"},
        "properties": {
            "security-severity": _SCORES[rule.severity] if rule.confirmed else _UNCONFIRMED_SCORE,
            "precision": "high" if rule.confirmed else "low",
            "tags": ["security", "aws", "iam", "least-privilege"],
        },
    }


def _result(row: Row, rule_index: int, places: _Places) -> dict[str, Any]:
    finding, role = row.finding, row.role
    return {
        "ruleId": _rule_of(row).id,
        "ruleIndex": rule_index,
        "level": "note" if not row.confirmed else "error" if row.fails else "warning",
        "message": {"text": _message_text(_message(row))},
        "locations": [
            {
                "physicalLocation": places.of(row),
                "logicalLocations": [
                    {"name": role.name, "fullyQualifiedName": role.arn, "kind": "resource"},
                ],
            }
        ],
        "partialFingerprints": {"primaryLocationLineHash": finding.id},
        "properties": {
            "verdict": finding.verdict,
            "confirmed": finding.confirmed,
            "reasons": list(finding.reasons),
            "observedDays": finding.observed.days,
            "observedTraces": finding.observed.traces,
            "severity": finding.severity,
            "actions": list(finding.actions),
            "resources": list(finding.resources),
            "workloads": list(row.functions),
        },
    }


def _message(row: Row) -> str:
    """What was found; its first sentence is what lists show."""
    doubts = f" Not confirmed: {', '.join(row.finding.reasons)}." if row.finding.reasons else ""
    note = f" Its line is unknown: {row.finding.location_note}." if row.finding.location_note else ""
    evidence = f" Evidence: {row.evidence}." if row.confirmed and row.finding.verdict in EXCESS else ""
    return (
        f"{row.who}: {row.actions} on {row.resources}: {row.claim}.{evidence}{doubts}{note} "
        f"Finding {row.finding.id}."
    )


def _message_text(text: str) -> str:
    """Text as SARIF's messages have it, where brackets make links and braces stand for arguments.

    docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html, 3.11.5 and 3.11.6
    """
    plain = one_line(text).replace("[", "\\[").replace("]", "\\]")
    return plain.replace("{", "{{").replace("}", "}}")


class _Places:
    """Where results stand: GitHub takes none without a file."""

    def __init__(self, report: Report, fallback: str) -> None:
        self._fallback = fallback
        self._template_of = {role.arn: _template_of(role) for role in report.roles}

    def of(self, row: Row) -> dict[str, Any]:
        """The lines that grant, else the first line of the stack's template, else that of the fallback."""
        location = row.finding.location
        if location is None:
            path, lines = self._template_of[row.role.arn] or self._fallback, (1, 1)
        else:
            path, lines = location.path, (location.line, location.end_line)
        return {
            "artifactLocation": {"uri": quote(path, safe="/"), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": max(1, lines[0]), "endLine": max(1, *lines)},
        }


def _template_of(role: Role) -> str:
    """The template that declares a role, else the one where most of its findings stand; empty if unknown."""
    counts = Counter(_paths(role))
    return role.template or max(sorted(counts), key=lambda path: counts[path], default="")


def _paths(role: Role) -> Iterable[str]:
    return (finding.location.path for finding in role.findings if finding.location)
