"""The application that is captured: the calls of script.jsonl, one after the other, as boto3 makes them."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore import xform_name
from botocore.config import Config

SCRIPT = Path(__file__).resolve().parent.parent / "script.jsonl"
_ANSWERED = (botocore.exceptions.ClientError, botocore.exceptions.ParamValidationError)


def handler(_event: object, _context: object) -> dict[str, int]:
    """The calls that the environment asks for."""
    calls = [json.loads(line) for line in SCRIPT.read_text().splitlines()]
    chosen = [call for call in calls if call.get("short") or not os.environ.get("SHORT_SCRIPT")]
    for call in chosen:
        _make(call)
    return {"calls": len(chosen)}


def _make(call: dict[str, Any]) -> None:
    # plain HTTP by way of HTTP_PROXY: names of hosts stay AWS's, the proxy answers
    endpoint = f"http://{call['endpoint']}" if "endpoint" in call else None
    config = Config(retries={"total_max_attempts": 1})
    make: Any = boto3.client  # the types of each service are of no use here
    client = make(call["service"], use_ssl=False, endpoint_url=endpoint, config=config)
    method = getattr(client, xform_name(call["operation"]))
    outcome = call.get("outcome", "ok")
    try:
        method(**_dated(call["parameters"]))
    except _ANSWERED as error:
        if outcome == "ok":
            print("failed", call["service"], call["operation"], str(error)[:300])
        return
    if outcome != "ok":
        print("went well", call["service"], call["operation"])


def _dated(value: Any) -> Any:
    """A value in which {"$date": seconds} is a time."""
    if isinstance(value, dict):
        if "$date" in value:
            return datetime.fromtimestamp(value["$date"], UTC)
        return {key: _dated(inner) for key, inner in value.items()}
    return [_dated(inner) for inner in value] if isinstance(value, list) else value
