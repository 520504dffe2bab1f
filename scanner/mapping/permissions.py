"""A call -> the permissions that it needs, or why that cannot be told."""

from __future__ import annotations

from scanner.iam import catalog
from scanner.mapping import services
from scanner.mapping.operations import Need, actions_of
from scanner.mapping.resources import Resource, resources_of
from scanner.model import Call, Permission, Unmapped

NO_OPERATION = "no-operation"
NOT_INSTRUMENTED = "not-instrumented"
UNKNOWN_SERVICE = "unknown-service"
UNKNOWN_OPERATION = "unknown-operation"
# S3 data planes with an IAM service of their own, by the service in the bucket's ARN
_S3_SERVICES = ("s3-outposts", "s3-object-lambda")
_INVOKE = frozenset({"Invoke", "InvokeAsync"})
_DIRECTORY_BUCKET = "--x-s3"


def required_permissions(call: Call) -> tuple[Permission, ...] | Unmapped:
    """The permissions of a call; none where it needs none."""
    prefix = services.prefix_of(call.service)
    if not call.operation:
        plain = "." in call.service and call.service.endswith((".com", ".cn", ".aws"))
        return Unmapped(call.service, "", NOT_INSTRUMENTED if plain else NO_OPERATION, prefix)
    if prefix is None and call.operation in _INVOKE:
        # OpenTelemetry names the call by the function that was invoked
        prefix = "lambda"
        call = call._replace(parameters=tuple(sorted({*call.parameters, ("function_name", call.service)})))
    if prefix is None:
        return Unmapped(call.service, call.operation, UNKNOWN_SERVICE, None)
    needs = _needs(prefix, call)
    if needs is None:
        return Unmapped(call.service, call.operation, UNKNOWN_OPERATION, prefix)
    found: dict[Permission, None] = {}
    for need in needs:
        for resource in resources_of(call, need.action, need.side):
            found.update(dict.fromkeys(permissions_on(need, resource)))
    return tuple(found)


def _needs(prefix: str, call: Call) -> tuple[Need, ...] | None:
    names = frozenset(name for name, _ in call.parameters)
    needs = actions_of(prefix, call.operation, names)
    return needs if prefix != "s3" or needs is None else _of_s3_kin(needs, call)


def _of_s3_kin(needs: tuple[Need, ...], call: Call) -> tuple[Need, ...]:
    """The same needs under the IAM service of the bucket's kind.

    docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam-identity-policies.html: object
    operations on a directory bucket are authorised by s3express:CreateSession.
    """
    for _, value in call.parameters:
        kin = value.split(":")[2] if value.startswith("arn:") and value.count(":") >= 5 else ""
        if kin in _S3_SERVICES:
            renamed = (n._replace(action=f"{kin}:{n.action.partition(':')[2]}") for n in needs)
            return tuple(n for n in renamed if n.required or catalog.action(n.action))
        if value.endswith(_DIRECTORY_BUCKET):
            own = f"s3express:{call.operation}"
            return (Need(catalog.spelled(own) if catalog.action(own) else "s3express:CreateSession", True),)
    return needs


def permissions_on(need: Need, resource: Resource) -> list[Permission]:
    """The permissions of a need on a resource; two where only the workload's region is assumed."""
    needed = Permission(need.action, resource.arn, resource.exact, need.required and resource.certain)
    fields = resource.arn.split(":")
    if resource.region_told or fields[3] == "*":
        return [needed]
    fields[3] = "*"
    # The region is only assumed: a grant in another one may have been used just as well.
    return [needed, Permission(need.action, ":".join(fields), exact=False, required=False)]
