"""Terraform's state -> the addresses of roles. Pure.

A state holds secrets in plain text: nothing else is taken from it, and nothing of it is ever shown.
Sources: developer.hashicorp.com/terraform/internals/json-format (`terraform show -json`, of a state or a
plan); the state itself is version 4 in all versions since 0.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_INDEX = re.compile(r'\[(?:"(?:[^"\\]|\\.)*"|\d+)\]')
_TYPE = "aws_iam_role"
_MAX_RESOURCES = 1_000_000


class StateError(ValueError):
    """A document that is no state. The message goes on after the file's name."""


def role_addresses(document: Any) -> Mapping[str, str]:
    """The addresses of roles by their ARNs, without the indices of `count` and `for_each`."""
    if not isinstance(document, dict):
        raise StateError("holds no state of Terraform")
    if "format_version" in document:
        return dict(_shown(document))
    if "resources" in document and document.get("version") == 4:
        return dict(_raw(document))
    raise StateError(
        "holds no state of Terraform that is known: name one of version 4, or what `terraform show -json` "
        "prints"
    )


def _raw(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in _maps(document.get("resources")):
        if resource.get("type") != _TYPE or resource.get("mode") != "managed":
            continue
        parts = [resource.get("module"), _TYPE, resource.get("name")]
        address = ".".join(part for part in parts if isinstance(part, str) and part)
        for instance in _maps(resource.get("instances")):
            yield from _role(address, instance.get("attributes"))


def _shown(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not str(document["format_version"]).startswith("1."):
        raise StateError("is of a later format than is known of `terraform show -json`")
    prior = document.get("prior_state")
    todo = [
        values.get("root_module")
        for values in (prior.get("values") if isinstance(prior, dict) else None, document.get("values"))
        if isinstance(values, dict)
    ]
    for _ in range(_MAX_RESOURCES):
        if not todo:
            break
        module = todo.pop()
        if not isinstance(module, dict):
            continue
        todo += _maps(module.get("child_modules"))
        for resource in _maps(module.get("resources")):
            if resource.get("type") == _TYPE and resource.get("mode") == "managed":
                yield from _role(resource.get("address"), resource.get("values"))


def _role(address: Any, values: Any) -> Iterator[tuple[str, str]]:
    arn = values.get("arn") if isinstance(values, dict) else None
    if isinstance(arn, str) and isinstance(address, str):
        yield arn, _INDEX.sub("", address)


def _maps(value: Any) -> Iterator[dict[str, Any]]:
    yield from (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))
