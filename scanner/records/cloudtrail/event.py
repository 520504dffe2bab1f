"""One event of CloudTrail's event history as a call, with what it needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson

from scanner.aws.times import time_of
from scanner.iam.arns import ALL, overlaps, works_on
from scanner.iam.patterns import is_pattern
from scanner.mapping import services
from scanner.mapping.parameters import NOT_RESOURCES, RESOURCE_PARAMETERS
from scanner.mapping.partitions import service_part
from scanner.mapping.permissions import required_permissions
from scanner.mapping.resources import Resource, checked_resources, snake_case
from scanner.model import Arn, Call, Certainty, Need, Outcome, Permission, Unmapped
from scanner.model.workloads import workload_name
from scanner.text.tables import rows

_MOST_TEXT = 2048
# How lists of CloudTrail name the single resources in them: ssm GetParameters, secretsmanager
# BatchGetSecretValue
_LISTS = {"names": "name", "secret_id_list": "secret_id"}
_PARAMETERS = RESOURCE_PARAMETERS | {"key_id"}
_KEY = re.compile(r"(?:mrk-)?[0-9a-f-]{32,36}")
# "UpdateFunctionCode20150331v2": the API's version, of which only the date is taken off elsewhere
_API_VERSION = re.compile(r"(?<=\d{8})v\d+$")
_DENIED = re.compile(r"access_?denied|unauthorized|not_?authorized|forbidden", re.IGNORECASE)
_DENIED_MESSAGE = re.compile(r"not authorized to perform", re.IGNORECASE)
# "Client.InvalidClientTokenId", "ExpiredTokenException": services spell a code in several ways
_CODE_PREFIX, _CODE_SUFFIX = "client.", "exception"
_SECRET_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
# docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
_SECRET_REFERENCE = "/aws/reference/secretsmanager"  # noqa: S105  # the beginning of a parameter's name


class Event(NamedTuple):
    """One API call of a workload as event history has it. `time` is in Unix seconds.

    `needs` is what it needs, or why that is not known.
    """

    id: str
    time: float
    outcome: Outcome
    needs: tuple[Need, ...] | Unmapped


def read_event(text: Any, workload: str, role: str) -> Event | None:
    """A `CloudTrailEvent` (JSON text) of a workload, None where it is of somebody else, or no API call.

    Event history finds events by the name of the session: that its role is the workload's is checked here.
    Raises ValueError where that is not known.
    """
    event = orjson.loads(text)
    if not isinstance(event, dict):
        raise ValueError("an event is no object")
    if not _is_of(_dict(event.get("userIdentity")), role, workload_name(workload)):
        return None
    if event.get("eventType", "AwsApiCall") != "AwsApiCall":
        return None
    moment = time_of(event.get("eventTime"))
    source, name, event_id = (_text(event.get(key)) for key in ("eventSource", "eventName", "eventID"))
    if moment is None or not (source and name and event_id):
        raise ValueError("an event lacks its time, its id or what was called")
    service = service_part(source) or source
    call = Call(
        workload=workload,
        service=service,
        operation=_API_VERSION.sub("", name),
        parameters=parameters_of(services.prefix_of(service), _dict(event.get("requestParameters"))),
        region=_text(event.get("awsRegion")),
        account=_text(event.get("recipientAccountId")),
        outcome=_outcome(event),
    )
    return Event(id=event_id, time=moment.timestamp(), outcome=call.outcome, needs=_needs(call, _arns(event)))


def _is_of(identity: Mapping[str, Any], role: str, session: str) -> bool:
    """Whether an event's caller is a session of a role.

    docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
    """
    if identity.get("type") != "AssumedRole":
        return False
    if _text(identity.get("principalId")).partition(":")[2] != session:
        return False
    issuer = _text(_dict(_dict(identity.get("sessionContext")).get("sessionIssuer")).get("arn"))
    if not issuer:
        raise ValueError("an event names no role")
    return issuer == role


def _outcome(event: Mapping[str, Any]) -> Outcome:
    """How a call ended. One whose caller AWS did not recognise never came to be decided."""
    code = _text(event.get("errorCode"))
    if not code:
        return Outcome.OK
    if _without_affixes(code) in _identity_errors():
        return Outcome.NEVER_SENT
    denied = _DENIED.search(code) or _DENIED_MESSAGE.search(_text(event.get("errorMessage")))
    return Outcome.DENIED if denied else Outcome.FAILED


@cache
def _identity_errors() -> frozenset[str]:
    """AWS's codes for credentials that it does not accept, whatever they allow."""
    return frozenset(_without_affixes(row["code"]) for row in rows("records", "identity_errors"))


def _without_affixes(code: str) -> str:
    return code.lower().removeprefix(_CODE_PREFIX).removesuffix(_CODE_SUFFIX)


def parameters_of(prefix: str | None, raw: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The parameters of an event that can name a resource, as `Call.parameters` has them.

    CloudTrail writes "secretId", traces "secret_id".
    """
    parameters: list[tuple[str, str]] = []
    for key, value in raw.items():
        name = snake_case(key)
        if name in _LISTS and isinstance(value, list):
            single = _LISTS[name]
            parameters += [(single, text) for entry in value for text in _names(prefix, single, entry)]
        elif name == "version_id" and value:
            parameters.append((name, "*"))  # only whether there is one matters, as in traces
        elif name in _PARAMETERS or (name.endswith(("_arn", "_name")) and name not in NOT_RESOURCES):
            parameters += [(name, text) for text in _names(prefix, name, value)]
    return tuple(sorted(parameters))


def _names(prefix: str | None, name: str, value: Any) -> list[str]:
    """What a parameter's value may name, none where it is no name."""
    text = value if isinstance(value, str) else ""
    if not text or len(text) > _MOST_TEXT or is_pattern(text):
        return []
    whole = text.startswith("arn:")
    if name == "key_id" and not whole and not _KEY.fullmatch(text):
        return []  # an alias: which key it stands for, the event's resources tell
    if prefix == "ssm" and name == "name" and not whole:
        return [text.partition(":")[0]]  # "name:label", "name:version"
    if name == "secret_id" and whole:
        # An ARN may lack the six characters at the end, and a name may end like one that has them:
        # docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        partial = f"{text}-??????"
        return [text, partial] if _SECRET_SUFFIX.search(text) else [partial]
    return [text]


def _needs(call: Call, arns: Collection[str]) -> tuple[Need, ...] | Unmapped:
    """The needs of a call, on the very resources that the event names where it does."""
    needs = required_permissions(call)
    if isinstance(needs, Unmapped):
        return needs
    on_resources: dict[Need, None] = {}
    for need in needs:
        permission = need.permission
        if not need.required and _is_no_reference(call, permission.action):
            continue
        named = [arn for arn in arns if works_on(permission.action, arn)]
        if not need.required:  # it may be another resource than those that the event names
            named = [
                arn for arn in named if permission.resource != ALL and overlaps(permission.resource, arn)
            ]
        for arn in named:
            on_resources.update(dict.fromkeys(_on(need, arn)))
        if not named:
            on_resources[need] = None
    return tuple(on_resources)


def _on(need: Need, arn: str) -> list[Need]:
    """A need on a resource that an event names, and on what IAM checks instead of it."""
    action = need.permission.action
    needs = []
    for resource in checked_resources(action, Resource(arn, exact=True)):
        certainty = need.certainty if resource.certain or not need.required else Certainty.POSSIBLE
        permission = Permission(action, resource.arn, resource.exact, resource.condition_values)
        needs.append(Need(permission, certainty))
    return needs


def _is_no_reference(call: Call, action: str) -> bool:
    """Whether a call reads a parameter that does not stand for a secret, though another one might."""
    names = [value for name, value in call.parameters if name == "name"]
    return (
        call.service == "ssm"
        and action.startswith("secretsmanager:")
        and bool(names)
        and not any(_SECRET_REFERENCE in name for name in names)
    )


def _arns(event: Mapping[str, Any]) -> list[str]:
    """The ARNs of the resources that an event names."""
    resources = event.get("resources")
    arns = (_dict(entry).get("ARN") for entry in (resources if isinstance(resources, list) else ()))
    return [arn for arn in arns if isinstance(arn, str) and _is_resource(arn)]


def _is_resource(arn: str) -> bool:
    """Whether a text names one resource."""
    return len(arn) <= _MOST_TEXT and not is_pattern(arn) and Arn.parse(arn) is not None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value[:_MOST_TEXT] if isinstance(value, str) else ""
