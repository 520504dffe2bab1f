"""The settings of each SDK and of each compute: what AWS's agents, layers and platforms set there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
INSTALLED = Path(os.environ.get("SDKS", HERE.parents[1] / ".venv" / "sdks"))
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
TRACE_HEADER = "Root=1-656a0000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
COMPUTES = ("lambda", "ecs", "ec2", "eks")
# the compute that runs the whole script; the others run what is marked as short
_WHOLE = {
    "adot-python": "lambda",
    "adot-node": "ecs",
    "otel-python": "ec2",
    "otel-node": "eks",
    "xray-python": "lambda",
    "xray-node": "lambda",
}


class Capture(NamedTuple):
    """One SDK on one compute."""

    sdk: str
    language: str
    compute: str

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.sdk}-{self.language}-{self.compute}"

    @property
    def file(self) -> str:
        """The name of its file: lines of X-Ray's documents, or OTLP."""
        return f"{self.name}.jsonl" if self.sdk == "xray" else f"{self.name}.json"

    @property
    def on_instance(self) -> bool:
        """Whether the metadata service of EC2 answers there: nodes of EKS are instances.

        Node's detector gives up after a second, which a slow start uses up: its attributes are set instead.
        """
        by_chance = self.language == "node" and self.sdk != "xray"
        return self.compute in ("ec2", "eks") and not by_chance

    @property
    def whole(self) -> bool:
        """Whether it runs the whole script."""
        return _WHOLE[f"{self.sdk}-{self.language}"] == self.compute


def captures() -> Iterator[Capture]:
    """All of them."""
    for of in _WHOLE:
        sdk, _, language = of.partition("-")
        for compute in COMPUTES:
            yield Capture(sdk, language, compute)


class Ports(NamedTuple):
    """Where the stand-in and the sink listen."""

    stand_in: int
    sink: int


def environment(capture: Capture, ports: Ports) -> dict[str, str]:
    """The variables of a capture."""
    of_sdk = _ADOT if capture.sdk == "adot" else {}
    of_language = _python(ports) if capture.language == "python" else _node(capture, ports)
    resource = _RESOURCE[capture.compute] if capture.sdk != "xray" else ""
    if capture.compute == "ec2" and not capture.on_instance:
        resource = _OF_EC2
    return {
        "SDK": capture.sdk,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLESHOP00000",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{ports.sink}",
        "AWS_XRAY_CONTEXT_MISSING": "IGNORE_ERROR",
        "OTEL_SERVICE_NAME": "shop-api",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{ports.sink}/v1/traces",
        **({"OTEL_RESOURCE_ATTRIBUTES": resource} if resource else {}),
        **({} if capture.whole else {"SHORT_SCRIPT": "1"}),
        **of_language,
        **of_sdk,
        "OTEL_AWS_APPLICATION_SIGNALS_EXPORTER_ENDPOINT": f"http://127.0.0.1:{ports.sink}/v1/metrics",
        **_compute(capture, ports),
    }


_ADOT = {
    "OTEL_AWS_APPLICATION_SIGNALS_ENABLED": "true",
    "OTEL_PROPAGATORS": "tracecontext,baggage,xray",
    "OTEL_PYTHON_DISTRO": "aws_distro",
    "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
}


def _python(ports: Ports) -> dict[str, str]:
    return {
        "HTTP_PROXY": f"http://127.0.0.1:{ports.stand_in}",
        "http_proxy": f"http://127.0.0.1:{ports.stand_in}",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "aws_ecs,aws_ec2",
    }


def _node(capture: Capture, ports: Ports) -> dict[str, str]:
    register = {
        "adot": " --require @aws/aws-distro-opentelemetry-node-autoinstrumentation/register",
        "otel": " --require @opentelemetry/auto-instrumentations-node/register",
    }
    redirect = f"--require {HERE}/node/redirect.js"
    return {
        "STAND_IN_PORT": str(ports.stand_in),
        "NODE_OPTIONS": redirect + register.get(capture.sdk, ""),
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json" if capture.sdk == "otel" else "http/protobuf",
        **({"OTEL_NODE_RESOURCE_DETECTORS": "env,aws"} if capture.sdk == "otel" else {}),
    }


def _compute(capture: Capture, ports: Ports) -> dict[str, str]:
    if capture.compute == "lambda":
        return _lambda(capture)
    if capture.compute == "ecs":
        return {
            "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{ports.stand_in}/ecs/v4",
            "ECS_CONTAINER_METADATA_URI": f"http://127.0.0.1:{ports.stand_in}/ecs/v4",
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "XRAY_PLUGINS": "ECSPlugin",
        }
    return {"XRAY_PLUGINS": "EC2Plugin"} if capture.compute == "ec2" else {}


def _lambda(capture: Capture) -> dict[str, str]:
    python = capture.language == "python"
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/27/[$LATEST]0123456789abcdef0123456789abcdef",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13" if python else "AWS_Lambda_nodejs22.x",
        "LAMBDA_TASK_ROOT": str(HERE / capture.language),
        "_HANDLER": "handler.handler",
        "INVOKED_FUNCTION_ARN": FUNCTION,
        "_X_AMZN_TRACE_ID": TRACE_HEADER,
        "OTEL_SERVICE_NAME": "orders",
        "OTEL_PROPAGATORS": "tracecontext,baggage,xray-lambda",
        # what the layer's otel-instrument switches off for its start's sake
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "boto3",
    }


_OF_EC2 = (
    "cloud.provider=aws,cloud.platform=aws_ec2,cloud.account.id=123456789012,cloud.region=eu-west-1,"
    "cloud.availability_zone=eu-west-1a,host.id=i-0123456789abcdef0,host.type=t3.small,"
    "host.name=ip-10-0-0-1.eu-west-1.compute.internal"
)
# what no detector finds without Kubernetes or Lambda's layer: as the CloudWatch operator and the layer set it
_RESOURCE = {
    "lambda": "cloud.provider=aws,cloud.platform=aws_lambda,cloud.region=eu-west-1,"
    "faas.name=orders,faas.version=$LATEST",
    "ecs": "",
    "ec2": "",
    "eks": "cloud.platform=aws_eks,cloud.region=eu-west-1,cloud.account.id=123456789012,"
    "deployment.environment.name=eks:shop/prod,k8s.namespace.name=prod,k8s.deployment.name=api,"
    "k8s.pod.name=api-5d4f8c7b9d-x2x7k,k8s.node.name=ip-10-0-0-1.eu-west-1.compute.internal",
}


def written_by_lambda(capture: Capture) -> list[dict[str, Any]]:
    """The documents that Lambda itself writes around those of the X-Ray SDK (facts: services-xray.html)."""
    if (capture.sdk, capture.compute) != ("xray", "lambda"):
        return []
    common = {
        "trace_id": "1-656a0000-0123456789abcdef01234567",
        "name": "orders",
        "start_time": 1.0,
        "end_time": 2.0,
    }
    return [
        {
            **common,
            "id": "0123456789abcde0",
            "origin": "AWS::Lambda",
            "resource_arn": FUNCTION,
            "http": _ANSWERED,
        },
        {
            **common,
            "id": "0123456789abcdef",
            "parent_id": "0123456789abcde0",
            "origin": "AWS::Lambda::Function",
            "aws": {"function_arn": FUNCTION, "account_id": "123456789012"},
        },
    ]


_ANSWERED = {"response": {"status": 200}}
