"""Whether a span shows that all AWS clients of its process are instrumented."""

from __future__ import annotations

import pytest

from scanner.spans.automatic import is_automatic
from tests.unit.spans.spans import span


@pytest.mark.parametrize(
    ("resource", "scope", "expected"),
    [
        ({"telemetry.auto.version": "0.21.0-aws"}, "", True),
        ({"telemetry.distro.name": "opentelemetry-java-instrumentation"}, "", True),
        ({"telemetry.distro.name": "x", "telemetry.distro.version": "2.11.5-aws"}, "", True),
        ({}, "opentelemetry.instrumentation.botocore.bedrock-runtime", True),
        ({}, "io.opentelemetry.contrib.php.aws-sdk", True),
        # Python's starter says its version, whatever it found to instrument
        ({"telemetry.auto.version": "0.48b0"}, "", False),
        # of Spring's starter, of Go and of a library each client may be instrumented, or not
        (
            {"telemetry.distro.name": "opentelemetry-spring-boot-starter"},
            "io.opentelemetry.aws-sdk-2.2",
            False,
        ),
        ({"telemetry.distro.name": "acme-go"}, "go.opentelemetry.io/contrib/otelaws", False),
        # the handler's instrumentation for .NET, not that of clients
        ({}, "OpenTelemetry.Instrumentation.AWSLambda", False),
    ],
)
def test_what_instruments_all_clients(resource: dict[str, str], scope: str, expected: bool) -> None:
    assert is_automatic(span(resource)._replace(scope=scope)) is expected
