"""Lines of base64 (protobuf of OTLP) -> lines of OTLP JSON, as the collector writes it."""

import base64
import json
import sys

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_IDS = ("traceId", "spanId", "parentSpanId")


def _with_hex(value: object) -> object:
    if isinstance(value, list):
        return [_with_hex(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(inner).hex() if key in _IDS else _with_hex(inner)
        for key, inner in value.items()
    }


for line in sys.stdin:
    request = ExportTraceServiceRequest.FromString(base64.b64decode(line))
    print(json.dumps(_with_hex(MessageToDict(request, use_integers_for_enums=True))))
