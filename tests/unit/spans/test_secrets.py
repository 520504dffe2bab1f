"""What is nobody's business never leaves the reader, wherever it stands."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.spans.aliases import aliases
from scanner.spans.documents import loads, spans_in
from scanner.traces.span_store import SpanStore
from tests.unit.spans.documents import GET, TASK, record, request, root, span

_SECRETS = (
    "AKIAEXAMPLESECRET000",
    "+491701234567",
    "SELECT secret FROM t",
    "Tell me a secret",
    "https://b.s3.amazonaws.com/secret.txt?X-Amz-Signature=secret",
)
_PRIVATE = (
    "aws.auth.account.access_key",
    "aws.remote.resource.account.access_key",
    "messaging.destination.name",
    "messaging.destination",
    "db.statement",
    "db.query.text",
    "gen_ai.prompt",
    "gen_ai.input.messages",
    "url.full",
    "http.url",
    "url.query",
    "server.address",
    "process.command_args",
    "http.request.header.authorization",
    "exception.stacktrace",
    "messaging.url",
    "enduser.id",
)
_attributes = st.dictionaries(st.sampled_from(_PRIVATE), st.sampled_from(_SECRETS), min_size=1)
_services = st.sampled_from(["S3", "SNS", "SQS", "DynamoDB", "Bedrock Runtime", "Lambda"])


def emitted(*documents: Any) -> str:
    """All that a store hands over, as a text."""
    store = SpanStore()
    for document in documents:
        for found in spans_in(loads(json.dumps(document).encode())) or ():
            if found is not None:
                store.add(found)
    return repr(list(store.readings()))


@given(_attributes, _attributes, _services, st.booleans())
@settings(max_examples=60, deadline=None)
def test_secrets_in_attributes_never_leave_the_reader(
    of_span: dict[str, Any], of_resource: dict[str, Any], service: str, failed: bool
) -> None:
    attributes = {**GET, **of_span, "rpc.service": service}
    event = {
        "name": "exception",
        "attributes": [{"key": "exception.stacktrace", "value": {"stringValue": _SECRETS[0]}}],
    }
    status = {"code": 2} if failed else {}
    resource = {**TASK, **of_resource}
    text = emitted(
        request(root(), span(attributes=attributes, status=status, events=[event]), resource=resource),
        request(span("1" * 16, attributes={**of_span, "http.request.method": "GET"}), resource=resource),
        record("2" * 16, attributes=attributes, resource={"attributes": resource}),
    )
    for secret in ("AKIA", "+49", "SELECT", "Tell me", "secret.txt", "Signature"):
        assert secret not in text


def test_the_message_of_a_refusal_has_no_keys_numbers_and_addresses() -> None:
    message = f"not authorized to perform: SNS:Publish {' '.join(_SECRETS)}"
    text = emitted(request(root(), span(status={"code": 2, "message": message})))
    assert "not authorized to perform" in text
    for secret in ("AKIA", "+49", "secret.txt", "Signature"):
        assert secret not in text


def test_no_table_names_what_is_private() -> None:
    named = {alias.attribute for of_fact in aliases().values() for alias in of_fact}
    for private in ("statement", "query", "stacktrace", "prompt", "messages", "command", "header", "body"):
        assert not [name for name in named if private in name]
