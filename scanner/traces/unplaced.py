"""Requests that an AWS client seems to have made, though they name no operation: doubts, no calls. Pure.

Exporters keep what they know of a call under the names of OpenTelemetry, in annotations or metadata:
opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/; where the code runs stands there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.mapping.services import prefix_of
from scanner.traces.documents import AWS_API, Node, dict_of, text_of

# Of the `aws` block of a document: where the code runs, and what recorded it.
# docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
_OF_THE_ENVIRONMENT = frozenset(
    {
        "account_id",
        "beanstalk",
        "cloudwatch_logs",
        "ec2",
        "ecs",
        "eks",
        "elastic_beanstalk",
        "function_arn",
        "xray",
    }
)
_OF_A_CLIENT = re.compile(
    r"aws\.(?:agent|bedrock|bucket|dynamodb|endpoint|extended\.request|kinesis|operation|queue|request|s3|"
    r"secretsmanager|sns|sqs|step\.?functions|stream|table|topic)(?:\.|$)"
    r"|aws\.(?:service|requestid)$"
)
_REMOTE_SERVICE = "aws.remote.service"
_OF_AWS = "AWS::"
_SYSTEMS = ("rpc.system", "rpc.system.name")
_OF_A_PROCEDURE = frozenset({"rpc.method", "rpc.service"})


def unplaced_service(node: Node) -> str | None:
    """What a remote request that is no call names as its AWS service; None where it shows no sign of one."""
    if node.get("namespace") != "remote" or node.get("inferred") is True or "origin" in node:
        return None
    attributes = dict(_attributes(node))
    system = next((text_of(attributes[name]) for name in _SYSTEMS if name in attributes), "")
    if system and system.lower() != AWS_API:
        return None
    remote = text_of(attributes.get(_REMOTE_SERVICE))
    named = (
        text_of(attributes.get("rpc.service")) or remote.removeprefix(_OF_AWS) or text_of(node.get("name"))
    )
    if system or remote.startswith(_OF_AWS) or dict_of(node.get("aws")).keys() - _OF_THE_ENVIRONMENT:
        return named
    if any(_OF_A_CLIENT.match(name) for name in attributes):
        return named
    return named if attributes.keys() & _OF_A_PROCEDURE and prefix_of(named) else None


def _attributes(node: Node) -> Iterator[tuple[str, Any]]:
    """The annotations and the metadata, of whatever namespace, by the names of OpenTelemetry."""
    metadata = dict_of(node.get("metadata"))
    for part in (metadata, *metadata.values(), node.get("annotations")):
        for name, value in dict_of(part).items():
            yield name.lower().replace("_", "."), value
