"""A call -> the permissions that it needs, or why they are unknown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.iam import catalog
from scanner.mapping import services
from scanner.mapping.dependents import dependents_of
from scanner.mapping.operations import ActionNeed, actions_of
from scanner.mapping.partitions import service_part
from scanner.mapping.resources import Resource, resources_of
from scanner.model import Arn, Call, Certainty, Need, Permission, Unmapped, service_of

NO_OPERATION = "no-operation"
NOT_INSTRUMENTED = "not-instrumented"
UNKNOWN_SERVICE = "unknown-service"
UNKNOWN_OPERATION = "unknown-operation"
UNMAPPED_REASONS = (NO_OPERATION, NOT_INSTRUMENTED, UNKNOWN_SERVICE, UNKNOWN_OPERATION)
# S3 data planes with a separate IAM service, by the service in the bucket's ARN
_OUTPOSTS = "s3-outposts"
# What stands behind such an access point: docs.aws.amazon.com/AmazonS3/latest/userguide/olap-policies.html
_OBJECT_LAMBDA = "s3-object-lambda"
_OBJECT_LAMBDA_ALIAS = "--ol-s3"
_OBJECT_LAMBDA_FUNCTION = ActionNeed("lambda:InvokeFunction", required=False)
_INVOKE = frozenset({"Invoke", "InvokeAsync"})
_DIRECTORY_BUCKET = "--x-s3"


def required_permissions(call: Call) -> tuple[Need, ...] | Unmapped:
    """The permissions of a call, each with its certainty; none where it needs none."""
    prefix = _prefix_of(call)
    if not call.operation:
        plain = service_part(call.service) is not None
        return _unmapped(call, NOT_INSTRUMENTED if plain else NO_OPERATION, prefix)
    if call.operation in _INVOKE and not _knows(prefix, call.operation):
        # OpenTelemetry names the call by the function that was invoked
        prefix = "lambda"
        named = {("function_name", call.service)} if call.service else set[tuple[str, str]]()
        call = call._replace(parameters=tuple(sorted({*call.parameters, *named})))
    if prefix is None:
        return _unmapped(call, UNKNOWN_SERVICE, None)
    action_needs = _action_needs(prefix, call)
    if action_needs is None:
        return _unmapped(call, UNKNOWN_OPERATION, prefix)
    needs = dict.fromkeys(
        need
        for action_need in action_needs
        for resource in resources_of(call, action_need.action, action_need.side)
        for need in needs_on(action_need, resource)
    )
    return (*one_of_several(needs), *_dependent_needs(action_needs))


def _prefix_of(call: Call) -> str | None:
    """The IAM prefix of a call's service: "S3", or "S3.GetObject" as OpenTelemetry names the span."""
    prefix = services.prefix_of(call.service)
    if prefix is None and call.operation:
        return services.prefix_of(call.service.removesuffix(f".{call.operation}"))
    return prefix


def _unmapped(call: Call, reason: str, prefix: str | None) -> Unmapped:
    return Unmapped(service=call.service, operation=call.operation, reason=reason, prefix=prefix)


def _dependent_needs(action_needs: Sequence[ActionNeed]) -> list[Need]:
    """What AWS may check of the caller beside the actions of a call; on which resources, it alone knows."""
    named = {need.action for need in action_needs}
    dependents = dict.fromkeys(action for need in action_needs for action in dependents_of(need.action))
    return [
        Need(Permission(action, "*", exact=False), Certainty.POSSIBLE)
        for action in dependents
        if action not in named
    ]


def _knows(prefix: str | None, operation: str) -> bool:
    """Whether a service has the operation: a function may be named like a service or a client of one."""
    return prefix is not None and actions_of(prefix, operation, frozenset()) is not None


def _action_needs(prefix: str, call: Call) -> tuple[ActionNeed, ...] | None:
    names = frozenset(name for name, _ in call.parameters)
    needs = actions_of(prefix, call.operation, names)
    return needs if prefix != "s3" or needs is None else _of_s3_kin(needs, call)


def _of_s3_kin(needs: tuple[ActionNeed, ...], call: Call) -> tuple[ActionNeed, ...]:
    """The same needs under the IAM service of the bucket's kind.

    docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam-identity-policies.html: object
    operations on a directory bucket are authorised by s3express:CreateSession.
    """
    for _, value in call.parameters:
        kin = service_of(value)
        if kin == _OBJECT_LAMBDA or value.endswith(_OBJECT_LAMBDA_ALIAS):
            behind = (*(n._replace(required=False) for n in needs), _OBJECT_LAMBDA_FUNCTION)
            return (*_renamed(needs, _OBJECT_LAMBDA), *behind)
        if kin == _OUTPOSTS:
            return _renamed(needs, kin)
        if value.endswith(_DIRECTORY_BUCKET):
            action = f"s3express:{call.operation}"
            named = catalog.spelled(action) if catalog.action(action) else "s3express:CreateSession"
            return (ActionNeed(named, required=True),)
    return needs


def _renamed(needs: Iterable[ActionNeed], prefix: str) -> tuple[ActionNeed, ...]:
    """The needs as actions of another service that has operations of the same names."""
    renamed = (need._replace(action=f"{prefix}:{need.action.partition(':')[2]}") for need in needs)
    return tuple(need for need in renamed if need.required or catalog.action(need.action))


def one_of_several(needs: Iterable[Need]) -> tuple[Need, ...]:
    """The needs of one call; where none of them is required, the call needed one of them."""
    needs = tuple(needs)
    if any(need.required for need in needs):
        return needs
    return tuple(need._replace(certainty=Certainty.ONE_OF) for need in needs)


def needs_on(action_need: ActionNeed, resource: Resource) -> list[Need]:
    """The needs of an action on a resource; two where only the workload's region is assumed."""
    required = action_need.required and resource.certain
    certainty = Certainty.REQUIRED if required else Certainty.POSSIBLE
    permission = Permission(action_need.action, resource.arn, resource.exact, resource.condition_values)
    need = Need(permission, certainty)
    arn = Arn.parse(resource.arn)
    if resource.region_known or arn is None or arn.region == "*":
        return [need]
    # The region is only assumed: a grant in another one may have been used just as well.
    anywhere = Permission(action_need.action, str(arn.with_region("*")), exact=False)
    return [need, Need(anywhere, Certainty.POSSIBLE)]
