"""Messages in the words of the action: they name its inputs, not the command line's options. Pure.

Messages are written once, for the command line (`--filter`). The action shows all of them through these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, replace

from scanner.action.trusted_files import FileChange
from scanner.options.parsers import Options
from scanner.report.view import View
from scanner.result import RoleResult, ScanResult

# What the action has instead of an option that is no input of the same name.
_INSTEAD = {
    "format": "the command line's `format`",
    "csv": "the command line's `csv`",
    "gb-price": "the command line's `gb-price`",
    "html": "`output-dir`",
    "markdown": "`output-dir`",
    "profile": "AWS_PROFILE",
    "role-session-name": "the command line's `role-session-name`",
    "update-baseline": "the command line's `update-baseline`",
    "usage-only": "`compare: false`",
    "verbose": "debug logs",
}
_NAMES = {
    name: f"`{name}`" for name in (field.name.replace("_", "-") for field in fields(Options))
} | _INSTEAD
_ANY = "|".join(sorted(_NAMES, key=len, reverse=True))

_COMMAND_OF_AWS = re.compile(r"(`aws [^`]*`)")  # its options are its own
_COMPARE = re.compile(r"-c \(--compare\)")
_AT_THE_START = re.compile(rf"\A(?:argument )?(?:-\w/)?--({_ANY}):")
_ANYWHERE = re.compile(rf"(`?)(?<![\w-])(?:-\w/)?--({_ANY})(?![\w-])\1")


def by_inputs(text: str) -> str:
    """A message that names inputs in the place of options."""
    text = _COMPARE.sub("`compare: true`", text)
    text = _AT_THE_START.sub(lambda match: f"input {_NAMES[match[1]]}:", text)
    parts = _COMMAND_OF_AWS.split(text)
    parts[::2] = [_ANYWHERE.sub(lambda match: _NAMES[match[2]], part) for part in parts[::2]]
    return "".join(parts)


def scan_by_inputs(result: ScanResult) -> ScanResult:
    """A result whose warnings, findings and problems of roles are worded so."""
    return replace(
        result,
        warnings=[replace(warning, message=by_inputs(warning.message)) for warning in result.warnings],
        roles=list(map(_role_by_inputs, result.roles)),
    )


def _role_by_inputs(result: RoleResult) -> RoleResult:
    role = replace(result.role, problems=tuple(map(by_inputs, result.role.problems)))
    context = replace(result.assessed.context, role=role)
    return replace(
        result,
        assessed=replace(result.assessed, context=context),
        findings=[replace(finding, why=by_inputs(finding.why)) for finding in result.findings],
    )


def changes_by_inputs(changes: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """Changes of the team's files whose problems are worded so; what the files hold is left as it is."""
    return tuple(change._replace(problems=tuple(map(by_inputs, change.problems))) for change in changes)


def view_by_inputs(view: View) -> View:
    """A view whose own explanations are worded so."""
    return replace(
        view,
        reasons=[
            replace(reason, meaning=by_inputs(reason.meaning), remedy=by_inputs(reason.remedy))
            for reason in view.reasons
        ],
        accepted_facts=[by_inputs(fact) for fact in view.accepted_facts],
    )
