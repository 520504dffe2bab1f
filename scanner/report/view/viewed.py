"""A scan as it is shown: to whom it is shown decides what is masked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from scanner.model import Arn, Evidence
from scanner.model.workloads import workload_name
from scanner.request import ScanRequest, is_selected
from scanner.result import RoleResult, ScanResult
from scanner.text.redact import Redaction

_LISTED = 4


@dataclass(frozen=True)
class ViewedScan:
    """What was found, what was asked, and the masking of names that must not be shown."""

    result: ScanResult
    request: ScanRequest
    redaction: Redaction

    @cached_property
    def evidence(self) -> Mapping[str, Evidence]:
        """How much was seen of each workload, by ARN."""
        return {arn: usage.evidence for arn, usage in self.result.traced.by_workload.items()}

    def selected(self, role_result: RoleResult) -> list[str]:
        """The ARNs of the workloads of a role that the report is about."""
        return [arn for arn in role_result.role.workloads if is_selected(arn, self.request.workloads)]

    def who(self, role_result: RoleResult) -> str:
        """The names of these workloads; that of the role where there are none."""
        names = [workload_name(arn) for arn in self.selected(role_result)]
        return self.redaction.text(listed(names) or role_result.role.name)

    def workload(self, arn: str) -> str:
        """A workload's name."""
        return self.redaction.text(workload_name(arn))

    def resource(self, resource: str) -> str:
        """A resource without the fields that all ARNs have."""
        return short(self.redaction.resource(resource))

    def policy(self, policy: Any) -> str:
        """A policy, or a statement, as JSON text."""
        return json_text(self.redaction.policy(policy))


def listed(texts: Iterable[str], before: str = "") -> str:
    """A few of the texts, and how many more there are."""
    distinct = list(dict.fromkeys(texts))
    more = len(distinct) - _LISTED
    if more <= 1:
        return before + ", ".join(distinct)
    return f"{before}{', '.join(distinct[:_LISTED])} and {more} more"


def short(resource: str) -> str:
    """The last field of a resource ARN: `table/notes`. What is no ARN, or ends in `:*`, stays as it is."""
    arn = Arn.parse(resource)
    return arn.resource if arn and arn.resource != "*" else resource


def json_text(value: Any) -> str:
    """JSON text. What could be a tag, and what does not print, is escaped as JSON has it."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode().replace("<", "\\u003c")
    if text.isascii():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
