"""A template of SAM -> one of CloudFormation, by SAM's own translator."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

_MANAGED = (
    *(
        "AmazonS3ReadOnlyAccess",
        "AmazonSQSFullAccess",
        "AmazonDynamoDBReadOnlyAccess",
        "AWSXrayWriteOnlyAccess",
    ),
    *("CloudWatchLogsFullAccess", "AmazonSNSFullAccess", "AmazonEC2ReadOnlyAccess"),
)


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The template without SAM's transform."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    parser = import_module("samtranslator.parser.parser").Parser()
    translator = import_module("samtranslator.translator.translator").Translator

    managed = {name: f"arn:aws:iam::aws:policy/{name}" for name in _MANAGED}
    managed |= {
        name: f"arn:aws:iam::aws:policy/service-role/{name}"
        for name in ("AWSLambdaVPCAccessExecutionRole", "AWSLambdaSQSQueueExecutionRole")
    }
    made: dict[str, Any] = translator(managed, parser).translate(template, {})
    return made
