"""A report.json of the first version as this version writes it. Pure.

docs/report.md lists what changed. What the first version did not say stays unsaid.
"""

from __future__ import annotations

from typing import Any, Final

from scanner.model import account_of, region_of

FIRST_VERSION: Final = 1
Json = dict[str, Any]

_RENAMED_IN_ROLE = {
    "users_known": "workloads_complete",
    "offered_policy": "policy_for_denied",
    "offer_notes": "policy_for_denied_notes",
}
_RENAMED_IN_FINDING = {"ignored": "accepted_reason", "known": "in_baseline", "could_go": "redundant"}
_RENAMED_STATES = {"hiding": "accepting"}


def upgraded(document: Json) -> Json:
    """The same report in the shape of `schema_version` 2.

    Raises KeyError, TypeError or AttributeError where the document is no report.
    """
    severe: dict[str, str] = {}
    scan = _renamed(document["scan"], {"evidence": "records"})
    accepted = document["accepted"]
    rules = [
        rule | {"state": _RENAMED_STATES.get(rule["state"], rule["state"])} for rule in accepted["rules"]
    ]
    return {
        **document,
        "schema_version": 2,
        "scan": {**scan, "compared": bool(document["roles"])},
        "roles": [_role(role, severe) for role in document["roles"]],
        "severe_actions": severe,
        "accepted": {**accepted, "rules": rules},
    }


def with_ids(document: Json) -> Json:
    """The same report with ids of its workloads: where none stand, all of these have ARNs.

    Raises KeyError, TypeError or AttributeError where the document is no report.
    """
    return {**document, "workloads": [_with_id(workload) for workload in document["workloads"]]}


def _with_id(workload: Json) -> Json:
    if "id" in workload:
        return workload
    arn = workload["arn"]
    place = {"account": account_of(arn) or None, "region": region_of(arn) or None}
    return {"id": arn, **place, **workload}


def _renamed(value: Json, names: dict[str, str]) -> Json:
    return {names.get(key, key): part for key, part in value.items()}


def _role(role: Json, severe: dict[str, str]) -> Json:
    used: list[Json] = []
    bundles: list[Json] = []
    policies = [
        {**policy, "managed_by_aws": ":iam::aws:policy/" in (policy["arn"] or "")}
        for policy in role["policies"]
    ]
    positions = {(policy["name"], policy["arn"]): at for at, policy in reversed(list(enumerate(policies)))}

    def finding(old: Json) -> Json:
        severe.update({item["action"]: item["why"] for item in old["severe"]})
        new = _renamed(old, _RENAMED_IN_FINDING)
        for key in ("workload", "remedy", "also"):
            new.pop(key, None)
        return {
            **new,
            "policy": positions[old["policy"]["name"], old["policy"]["arn"]],
            "statement": old["statement"]["index"],
            "severe": [item["action"] for item in old["severe"]],
            "used": [_position(item, used) for item in old["used"]],
            "bundle": _position(old["bundle"], bundles) if old.get("bundle") else None,
            "also_granted_by": [_place(place, positions) for place in old["also"]],
        }

    findings = [finding(old) for old in role["findings"]]
    new = _renamed(role, _RENAMED_IN_ROLE)
    return {**new, "policies": policies, "findings": findings, "used": used, "bundles": bundles}


def _place(place: Json, positions: dict[tuple[str, str | None], int]) -> Json:
    return {"policy": positions[place["policy"], place["policy_arn"]], "statement": place["index"]}


def _position(item: Json, items: list[Json]) -> int:
    """The position of an item among those so far, to which it is added if it is new."""
    if item not in items:
        items.append(item)
    return items.index(item)
