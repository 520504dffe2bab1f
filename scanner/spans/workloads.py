"""The workload that a span names itself, by attributes or resource; never a task, pod or instance. Pure."""

from __future__ import annotations

from typing import NamedTuple

from scanner.mapping.partitions import partition_of
from scanner.model import Arn
from scanner.model.workloads import NO_HINTS, Hints, WorkloadKey, WorkloadKindName, qualifier_of, workload_arn
from scanner.spans.aliases import text_of, value_of
from scanner.spans.span import Span

_UNKNOWN = "?"
_LATEST = "$LATEST"
_LOCAL_ROOT = "LOCAL_ROOT"
# Of any other kind no more is known than a service's name, which X-Ray makes up for spans that it converts.
_CERTAIN: tuple[WorkloadKindName, ...] = ("lambda", "state-machine", "ecs", "ec2", "eks")
_PUBLIC_SERVERS = ("server", "consumer")
# Values of cloud.platform: opentelemetry.io/docs/specs/semconv/registry/attributes/cloud/; those of
# PlatformType: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Application-Signals.html
_EKS = ("aws_eks", "AWS::EKS")
_NOT_AWS = ("azure", "gcp_", "alibaba_cloud", "ibm_cloud", "tencent_cloud", "oracle_cloud", "akamai_cloud")
# Where the instance is that of the code's role; elsewhere the code has its own, and the instance is its host.
_ON_INSTANCES = ("", "aws_ec2", "AWS::EC2", "aws_elastic_beanstalk", "AWS::ElasticBeanstalk", "Generic")


class SpanWorkload(NamedTuple):
    """A workload as a span names it, with its version, and what its role may be found by."""

    key: WorkloadKey
    version: str | None = None
    hints: Hints = NO_HINTS

    @property
    def text(self) -> str:
        """The key as it flows through the program."""
        return self.key.text

    @property
    def is_certain(self) -> bool:
        """Whether it is more than the name of a service."""
        return self.key.kind in _CERTAIN


def workload_of(span: Span) -> SpanWorkload | None:
    """The workload of a span, None where it names none: spans above it may."""
    return (
        _function(span)
        or _state_machine(span)
        or _task(span)
        or _pod(span)
        or _instance(span)
        or _service(span)
    )


def is_local_root(span: Span) -> bool:
    """Whether a span is the first of its process in a trace."""
    if not span.parent_id or span.kind in _PUBLIC_SERVERS:
        return True
    return text_of("local_root", span) == _LOCAL_ROOT


def inherits(span: Span) -> bool:
    """Whether a span without a certain workload is of the one above it.

    What X-Ray made of a segment document lacks its resource, and a service's name in it says nothing; any
    other span has its resource in full.
    """
    return "service.name" not in span.resource or bool(text_of("segment_type", span))


def origin_of(span: Span) -> str:
    """Which of AWS's services wrote a span that X-Ray converted, empty for any other."""
    return text_of("origin", span)


def _function(span: Span) -> SpanWorkload | None:
    """A Lambda function, by its ARN; by its name where region and account are known."""
    arn = text_of("function_arn", span)
    if not arn:
        name, region, account = text_of("function", span), text_of("region", span), _account(span)
        if not name:
            return None
        if not (region and account):
            return SpanWorkload(WorkloadKey("other", name, account, region), _version(span, ""))
        arn = f"arn:{_partition(region)}:lambda:{region}:{account}:function:{name}"
    key = workload_arn(arn)
    place = Arn.parse(key) if key else None
    if key is None or place is None:
        return None
    return SpanWorkload(WorkloadKey("lambda", key, place.account, place.region), _version(span, arn))


def _version(span: Span, arn: str) -> str | None:
    """The published version that ran; else the alias by which the function was called."""
    version = text_of("function_version", span)
    if version and version != _LATEST:
        return version
    if version == _LATEST:
        return None
    return qualifier_of(text_of("invoked_arn", span) or arn)


def _partition(region: str) -> str:
    return partition_of(region) or "aws"


def _state_machine(span: Span) -> SpanWorkload | None:
    arn = text_of("state_machine", span)
    key = workload_arn(arn) if arn else None
    place = Arn.parse(key) if key else None
    if key is None or place is None:
        return None
    return SpanWorkload(WorkloadKey("state-machine", key, place.account, place.region))


def _task(span: Span) -> SpanWorkload | None:
    """A task on ECS or Fargate, by its cluster and its family; the revision is its version."""
    family, arn = text_of("ecs_family", span), text_of("ecs_arn", span)
    if not family:
        return None
    place = Arn.parse(arn)
    revision = text_of("ecs_revision", span)
    return SpanWorkload(
        WorkloadKey(
            "ecs",
            f"{text_of('ecs_cluster', span) or _UNKNOWN}/{family}",
            account=place.account if place else _account(span),
            region=place.region if place else text_of("region", span),
        ),
        version=revision or None,
        hints=Hints(revision=revision, container=text_of("ecs_container", span)),
    )


def _pod(span: Span) -> SpanWorkload | None:
    """A pod on Kubernetes, by what manages it."""
    namespace, pod = text_of("k8s_namespace", span), text_of("k8s_pod", span)
    cluster = text_of("k8s_cluster", span)
    name = text_of("k8s_workload", span)
    platform = text_of("platform", span)
    if platform not in _EKS and (not (namespace or pod or cluster) or platform.startswith(_NOT_AWS)):
        return None
    name = name or text_of("service_name", span) or _UNKNOWN
    return SpanWorkload(
        WorkloadKey(
            "eks",
            f"{cluster or _UNKNOWN}/{namespace or _UNKNOWN}/{name}",
            account=_account(span),
            region=text_of("region", span),
        ),
        hints=Hints(pod=pod, instance=text_of("instance", span)),
    )


def _instance(span: Span) -> SpanWorkload | None:
    """An EC2 instance: its role is not known yet, its service tells what of the role's workloads it is."""
    instance = text_of("instance", span)
    if not instance or text_of("platform", span) not in _ON_INSTANCES:
        return None
    service = text_of("service_name", span) or _UNKNOWN
    key = WorkloadKey("ec2", f"{_UNKNOWN}/{service}", account=_account(span), region=text_of("region", span))
    return SpanWorkload(key, hints=Hints(instance=instance))


_APP_RUNNER = ("aws_app_runner", "AWS::AppRunner", "AWS::AppRunner::Service")


def _service(span: Span) -> SpanWorkload | None:
    """A service of which nothing tells what it runs on, but for App Runner."""
    name = text_of("service_name", span)
    origin = origin_of(span)
    if not name or (origin.startswith("AWS::") and origin not in _APP_RUNNER):
        return None
    on_app_runner = value_of("platform", span) in _APP_RUNNER or origin in _APP_RUNNER
    kind: WorkloadKindName = "app-runner" if on_app_runner else "other"
    return SpanWorkload(WorkloadKey(kind, name, account=_account(span), region=text_of("region", span)))


def _account(span: Span) -> str:
    return text_of("account", span) or span.log
