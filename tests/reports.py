"""report.json as tests read it: every key is there, and positions are what they name."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from scanner.report.load import report_of


def expanded(document: Any) -> Any:
    """A parsed report.json with all keys, and with what its findings name in the place of positions."""
    report = _plain(report_of(document))
    for role in report["roles"]:
        for finding in role["findings"]:
            policy = role["policies"][finding["policy"]]
            finding["policy"] = {key: policy[key] for key in ("name", "arn", "kind", "managed_by_aws")}
            finding["statement"] = {
                "index": finding["statement"],
                **policy["statements"][finding["statement"]],
            }
            finding["used"] = [role["used"][position] for position in finding["used"]]
            if finding["bundle"] is not None:
                finding["bundle"] = role["bundles"][finding["bundle"]]
    return report


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {key: _plain(getattr(value, name)) for key, name in _keys(type(value))}
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


@cache
def _keys(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    """The keys of a kind of record, each with its field: msgspec reads all annotations to tell them."""
    return tuple((field.encode_name, field.name) for field in msgspec.structs.fields(kind))
