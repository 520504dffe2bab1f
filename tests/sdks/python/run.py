"""Runs the application as Lambda does, or as a server that answers one request."""

import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


class Context:
    """What Lambda hands to a handler beside the event."""

    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    invoked_function_arn = os.environ.get("INVOKED_FUNCTION_ARN", "")
    aws_request_id = "8b7f2a52-0d3c-4c52-9d5b-6f4a5a3a1c77"


def _invoked() -> None:
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    getattr(importlib.import_module(module), name)({}, Context())


def _with_xray() -> None:
    from aws_xray_sdk.core import patch_all, xray_recorder

    plugins = tuple(filter(None, os.environ.get("XRAY_PLUGINS", "").split(",")))
    patch_all()
    if "_HANDLER" in os.environ:
        _invoked()
        return
    xray_recorder.configure(sampling=False, streaming_threshold=10, plugins=plugins)
    with xray_recorder.in_segment(os.environ["OTEL_SERVICE_NAME"]):
        importlib.import_module("handler").handler({}, Context())


def _with_opentelemetry() -> None:
    from opentelemetry import trace

    if "_HANDLER" in os.environ:
        _invoked()
    else:
        tracer = trace.get_tracer("shop")
        with tracer.start_as_current_span("POST /orders", kind=trace.SpanKind.SERVER):
            importlib.import_module("handler").handler({}, Context())
    trace.get_tracer_provider().force_flush()


if __name__ == "__main__":
    _with_xray() if os.environ["SDK"] == "xray" else _with_opentelemetry()
