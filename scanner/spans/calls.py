"""The AWS call that a span shows: what was called, with which parameters, and how it ended. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scanner.iam.patterns import is_pattern
from scanner.mapping.partitions import region_in, service_part
from scanner.mapping.services import prefix_of
from scanner.model import Call, ObservedCall, Outcome
from scanner.model.calls import OPENTELEMETRY
from scanner.spans.aliases import PARAMETER, parameter_facts_in, text_of, texts_of, value_of
from scanner.spans.outcomes import codes_in, outcome_of
from scanner.spans.span import Span
from scanner.text.redact import keys_masked, private_masked

AWS_API = "aws-api"
_AWS_NAMESPACE = "aws"
# Before the conventions had a system: exporter/awsxrayexporter/internal/translator/aws.go
_OLD_NAMES = ("aws.service", "aws.operation")
# "S3.GetObject", as Python and Go name the spans of calls
_SPAN_NAME = re.compile(r"(?P<service>[\w -]+)\.(?P<operation>[A-Z]\w+)")
# The whole says more than the name in it; the name is that of the same resource.
_TELL_MORE = {"queue_name": "queue_url", "topic_name": "topic_arn", "stream_name": "stream_arn"}
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names
_DENIED_ROLE = re.compile(r"arn:[\w-]+:sts::\d{12}:assumed-role/([\w+=,.@-]{1,64})/")
# Publish takes ARNs only: docs.aws.amazon.com/sns/latest/api/API_Publish.html
_CUT_FROM_ARNS = frozenset({"topic_name"})
_MAX_NAME = 2048
_TRUE = (True, "true", "1", 1)  # Logs Insights gives texts


def is_call(span: Span) -> bool:
    """Whether a span is a call of an AWS client: whatever its kind, of the queue's sender as well.

    opentelemetry.io/docs/specs/semconv/cloud-providers/aws-sdk/. A second span of an SQS call (of Python's
    boto3sqs) and the HTTP request below a call name no such system.
    """
    return (
        AWS_API in (system.lower() for system in _systems(span))
        or value_of("namespace", span) == _AWS_NAMESPACE
        or all(isinstance(span.attributes.get(name), str) for name in _OLD_NAMES)
    )


def _systems(span: Span) -> list[str]:
    attributes = span.attributes
    values = (attributes.get("rpc.system"), attributes.get("rpc.system.name"))
    return [value for value in values if isinstance(value, str)]


def service_and_operation(span: Span) -> tuple[str, str]:
    """What a call called, as the span spells it; empty where it does not say."""
    service, operation = text_of("service", span), text_of("operation", span)
    if not (service and operation) and (match := _SPAN_NAME.fullmatch(span.name)):
        service, operation = service or match["service"], operation or match["operation"]
    return service, operation


def observed_call(span: Span, workload: str | None) -> ObservedCall | None:
    """The call that a span shows, made by a workload; None for a span that is none."""
    if not is_call(span):
        return None
    service, operation = service_and_operation(span)
    prefix = prefix_of(service) or ""
    outcome = outcome_of_span(span)
    parameters = parameters_of(span, prefix)
    call = Call(
        workload,
        service=service,
        operation=operation,
        parameters=parameters,
        region=text_of("call_region", span, prefix) or region_in(text_of("call_host", span)),
        account=owner_account(span, parameters),
        outcome=outcome,
        instrumentation=OPENTELEMETRY,
    )
    return ObservedCall(call, span.start, private_masked(span.message) if outcome is Outcome.DENIED else "")


def plain_request(span: Span, workload: str | None) -> ObservedCall | None:
    """A request to AWS that no AWS client recorded: a call without an operation.

    It is one over HTTP, or a library for databases or messages says which of AWS's it worked on.
    """
    service = _requested_host(span) or _requested_system(span)
    if not service:
        return None
    call = Call(workload, service, operation="", parameters=(), region="", account="", outcome=Outcome.OK)
    return ObservedCall(call, span.start)


def _requested_host(span: Span) -> str:
    if span.kind not in ("client", "unknown") or value_of("http_method", span) is None:
        return ""
    host = text_of("call_host", span)
    return "" if service_part(host) is None else host


def _requested_system(span: Span) -> str:
    """DynamoDB, SQS or SNS. Who handles a message has not asked for it."""
    asked = span.kind in ("client", "producer") or (
        span.kind == "consumer" and text_of("messaging_operation", span) == "receive"
    )
    return text_of("system_of_aws", span).lower() if asked else ""


def parameters_of(span: Span, prefix: str) -> tuple[tuple[str, str], ...]:
    """What a call of a service used, by the names that the mapping reads, sorted."""
    parameters = [
        (fact.removeprefix(PARAMETER), text)
        for fact in parameter_facts_in(span.attributes)
        for text in texts_of(fact, span, prefix)
        if len(text) < _MAX_NAME and not is_pattern(text) and keys_masked(text) == text
    ]
    names = {name for name, _ in parameters}
    parameters = [item for item in parameters if _TELL_MORE.get(item[0]) not in names]
    return tuple(sorted({*parameters, *_qualifier(span, prefix, dict(parameters))}))


def owner_account(span: Span, parameters: Iterable[tuple[str, str]]) -> str:
    """The account of what a call used, empty where it is the workload's unless a parameter says otherwise.

    `*` where an SDK left no more than the name of an ARN: it may be of any account.
    """
    names = {name for name, _ in parameters}
    return text_of("owner_account", span) or ("*" if names & _CUT_FROM_ARNS else "")


def _qualifier(span: Span, prefix: str, parameters: dict[str, str]) -> list[tuple[str, str]]:
    """The alias or version of a function that was invoked by an ARN.

    ADOT for Python and Node gives what follows the last colon of FunctionName as `aws.lambda.function.name`
    (_botocore_patches.py, instrumentation-patch.ts): beside the function's name it is the qualifier.
    """
    name = parameters.get("function_name", "")
    summary = text_of("invoked_summary", span, prefix)
    if not (name and summary) or ":" in name or summary == name:
        return []
    return [("qualifier", summary)]


def outcome_of_span(span: Span) -> Outcome:
    """How the call of a span ended."""
    status = text_of("http_status", span)
    failed = span.status == "error" or value_of("xray_failure", span) in _TRUE
    return outcome_of(
        failed=failed,
        status=int(status) if status else None,
        types=[
            of_error
            for of_error in (span.error_type, text_of("error_type", span), *codes_in(span.message))
            if of_error
        ],
        message=span.message,
        answered=value_of("request_id", span) is not None,
    )


def denied_role(message: str) -> str:
    """The role that a refusal's message names, empty where it names none."""
    match = _DENIED_ROLE.search(message)
    return match[1] if match else ""
