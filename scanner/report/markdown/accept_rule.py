"""The rules of a configuration that accept a finding, ready to be copied. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from scanner.report.records import Finding, Role
from scanner.report.view import Row
from scanner.report.view.rows import statement_of
from scanner.text.escape import counted

MOST_RULES = 20
_REASON = "say here why it is needed"
# What YAML takes for text without quotes.
_PLAIN = re.compile(r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z_][\w./-]*(?::[\w./-]+)*", re.IGNORECASE)
# A placeholder of hidden names: an account may be any, all else has to be filled in.
_ACCOUNT = re.compile(r"\bACCOUNT_ID\b")
_HIDDEN = re.compile(r"\b(?:SECRET_NAME|PARAMETER_NAME|KEY_ID|OBJECT_KEY|HIDDEN|UUID)\b")


def rules_text(rows: Iterable[Row], names_hidden: bool = False) -> str:
    """A configuration that accepts the findings of these rows, and of their roles nothing wider.

    Empty where no rule can name them. With `names_hidden` the account in an ARN may be any.
    """
    parts = [part for row in rows for part in (row.below or (row,))]
    findings = [(part.role, finding) for part in parts for finding in (part.finding, *part.alike)]
    rules = [rule for role, finding in findings for rule in _rules(role, finding, names_hidden)]
    if not rules:
        return ""
    more = len(rules) - MOST_RULES
    lines = ["version: 1", "ignore:", *(line for rule in rules[:MOST_RULES] for line in rule)]
    if more > 0:
        lines.append(f"  # and {counted(more, 'rule')} of this kind")
    return "\n".join(lines)


def _rules(role: Role, finding: Finding, names_hidden: bool) -> Iterator[list[str]]:
    """A rule for each grant: one action on one resource, as the policy spells them."""
    statement = statement_of(role, finding)
    sid = statement.get("Sid")
    exceptions = "NotAction" in statement, "NotResource" in statement
    if any(exceptions) and not sid:
        return  # it would accept whatever else the role grants
    actions, resources = (
        ("*",) if excepted else named
        for excepted, named in zip(exceptions, (finding.actions, finding.resources), strict=True)
    )
    for action in actions:
        for resource in resources:
            yield [
                f"  - role: {_scalar(_ACCOUNT.sub('*', role.name) if names_hidden else role.name)}",
                f"    action: {_scalar(action)}",
                f"    resource: {_resource(resource, names_hidden)}",
                *([f"    sid: {_scalar(str(sid))}"] if sid else ()),
                f"    reason: {_REASON}",
            ]


def _resource(resource: str, names_hidden: bool) -> str:
    if not names_hidden:
        return _scalar(resource)
    note = "  # hidden here: put in the name" if _HIDDEN.search(resource) else ""
    return _scalar(_ACCOUNT.sub("*", resource)) + note


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text).replace("<", "\\u003c")
