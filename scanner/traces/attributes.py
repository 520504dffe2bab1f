"""What OpenTelemetry's exporters leave in segment documents, read by the same table as spans. Pure.

The collector's awsxray exporter writes attributes to `metadata.default` or, indexed, to `annotations` (with
underscores), those of the resource behind `otel.resource.`; where the code runs to `aws.ecs`, `ec2` and `eks`
(internal/translator/aws.go, segment.go). X-Ray's OTLP endpoint writes all to `metadata` as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from scanner.spans.aliases import resource_names, span_names
from scanner.spans.kept import kept_attributes, kept_resource
from scanner.spans.span import Span
from scanner.spans.workloads import SpanWorkload, workload_of
from scanner.traces.documents import (
    Node,
    dict_of,
    is_part,
    is_written_by_a_service,
    number_of,
    text_of,
)

_RESOURCE = "otel.resource."
_ATTRIBUTES = frozenset({"annotations", "metadata"})
# Of the `aws` block: where the code runs, by the names of OpenTelemetry.
_BLOCKS: Mapping[str, Mapping[str, str]] = {
    "ecs": {
        "task_arn": "aws.ecs.task.arn",
        "task_family": "aws.ecs.task.family",
        "cluster_arn": "aws.ecs.cluster.arn",
        "container_arn": "aws.ecs.container.arn",
        "container": "container.name",
    },
    "ec2": {"instance_id": "host.id", "availability_zone": "cloud.availability_zone"},
    "eks": {"cluster_name": "k8s.cluster.name", "pod": "k8s.pod.name"},
}
# Of these a part of a document may name the workload itself: SDKs copy them to all spans of a function.
_OF_FUNCTIONS = frozenset({"cloud.resource_id", "faas.id", "cloud_resource_id", "faas_id"})


def has_attributes(node: Node) -> bool:
    """Whether anything of OpenTelemetry may stand in a node."""
    return not node.keys().isdisjoint(_ATTRIBUTES)


def span_of(node: Node) -> Span:
    """The attributes of a node as those of a span."""
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    whole = not is_part(node)
    for name, value in _attributes(node):
        if name.startswith(_RESOURCE):
            resource[name.removeprefix(_RESOURCE)] = value
        else:
            attributes[name] = value
            if whole:
                resource.setdefault(name, value)
    aws = dict_of(node.get("aws"))
    for block, names in _BLOCKS.items():
        for key, value in dict_of(aws.get(block)).items():
            if key in names:
                resource.setdefault(names[key], value)
    if text_of(aws.get("account_id")):
        resource.setdefault("cloud.account.id", aws["account_id"])
    return Span(
        text_of(node.get("trace_id")),
        text_of(node.get("id")),
        parent_id=text_of(node.get("parent_id")),
        name=text_of(node.get("name")),
        start=number_of(node.get("start_time")) or 0.0,
        attributes=kept_attributes(attributes),
        resource=kept_resource(resource),
    )


def own_workload(node: Node) -> SpanWorkload | None:
    """The workload that a node names by attributes, or by where its code runs.

    A part of a document names a function only: its document tells the rest.
    """
    if is_written_by_a_service(node):
        return None
    aws = dict_of(node.get("aws"))
    if is_part(node):
        if not has_attributes(node) or not any(name in _OF_FUNCTIONS for name, _ in _attributes(node)):
            return None
        workload = workload_of(span_of(node))
        return workload if workload is not None and workload.key.kind == "lambda" else None
    if not has_attributes(node) and aws.keys().isdisjoint(_BLOCKS):
        return None
    span = span_of(node)
    if "service.name" not in span.resource and not aws.keys().isdisjoint(_BLOCKS):
        span = span._replace(resource={**span.resource, "service.name": span.name})
    return workload_of(span)


def _attributes(node: Node) -> Iterator[tuple[str, Any]]:
    """The attributes of a node by their dotted names; what was indexed has underscores instead."""
    metadata = dict_of(node.get("metadata"))
    for part in (metadata, dict_of(metadata.get("default"))):
        for name, value in part.items():
            yield name, value
    for name, value in dict_of(node.get("annotations")).items():
        yield _dotted().get(name, name), value


@cache
def _dotted() -> Mapping[str, str]:
    names = {*span_names(), *resource_names()}
    plain = {name.replace(".", "_"): name for name in names}
    return {**plain, **{_RESOURCE.replace(".", "_") + k: _RESOURCE + name for k, name in plain.items()}}
