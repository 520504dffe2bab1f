"""What the metadata services of EC2 and ECS answer, for the SDKs' own detectors."""

from __future__ import annotations

import json

from werkzeug.wrappers import Request, Response

_IMDS = "169.254.169.254"
_INSTANCE = {
    "accountId": "123456789012",
    "availabilityZone": "eu-west-1a",
    "imageId": "ami-0123456789abcdef0",
    "instanceId": "i-0123456789abcdef0",
    "instanceType": "t3.small",
    "region": "eu-west-1",
}
_CLUSTER = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop"
_TASK = {
    "Cluster": _CLUSTER,
    "TaskARN": "arn:aws:ecs:eu-west-1:123456789012:task/shop/0123456789abcdef0123456789abcdef",
    "Family": "api",
    "Revision": "7",
    "LaunchType": "FARGATE",
    "AvailabilityZone": "eu-west-1a",
}
_CONTAINER = {
    "DockerId": "0123456789abcdef0123456789abcdef-0123456789",
    "Name": "api",
    "DockerName": "api",
    "ContainerARN": "arn:aws:ecs:eu-west-1:123456789012:container/shop/"
    "0123456789abcdef0123456789abcdef/01234567-89ab-cdef-0123-456789abcdef",
    "Labels": {
        "com.amazonaws.ecs.cluster": _CLUSTER,
        "com.amazonaws.ecs.container-name": "api",
        "com.amazonaws.ecs.task-arn": _TASK["TaskARN"],
        "com.amazonaws.ecs.task-definition-family": "api",
        "com.amazonaws.ecs.task-definition-version": "7",
    },
    "LaunchType": "FARGATE",
    "LogDriver": "awslogs",
    "LogOptions": {
        "awslogs-group": "/ecs/api",
        "awslogs-region": "eu-west-1",
        "awslogs-stream": "api/api/0123456789abcdef0123456789abcdef",
    },
}
_OF_INSTANCE = {
    "/latest/api/token": "token",
    "/latest/dynamic/instance-identity/document": json.dumps(_INSTANCE),
    "/latest/meta-data/hostname": "ip-10-0-0-1.eu-west-1.compute.internal",
    "/latest/meta-data/instance-id": _INSTANCE["instanceId"],
    "/latest/meta-data/placement/availability-zone": "eu-west-1a",
}
_OF_TASK = {"/ecs/v4": json.dumps(_CONTAINER), "/ecs/v4/task": json.dumps(_TASK)}


def metadata_of(request: Request, *, on_instance: bool) -> Response | None:
    """The answer of a metadata service, None for a request to another."""
    if request.host == _IMDS:
        content = _OF_INSTANCE.get(request.path) if on_instance else None
        return Response(content or "", 200 if content is not None else 404)
    content = _OF_TASK.get(request.path)
    return Response(content, content_type="application/json") if content is not None else None
