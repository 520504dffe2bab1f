"""GetTraceSummaries and BatchGetTraces for half of what a request costs boto3.

boto3 sends the first request of each operation itself. Those that follow are made like it: to the same
address, with the same headers, signed by botocore's signer with credentials that are renewed in time, through
the HTTP session of the boto3 client, which knows proxies, certificates and time-outs. An answer that is no
plain success is handed to boto3 as what its first attempt got: repetition, pauses and errors are botocore's.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from botocore.auth import BaseSigner
    from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
    from mypy_boto3_xray.client import XRayClient

_OK = 200


@dataclass(frozen=True)
class _Pattern:
    """What the requests of an operation have in common. `signer` has credentials that are valid now."""

    url: str
    headers: Mapping[str, str]
    signer: Callable[[], BaseSigner]

    def request(self, parameters: Mapping[str, Any]) -> AWSPreparedRequest:
        """A signed request. Raises what botocore raises where the credentials cannot be renewed."""
        from botocore.awsrequest import AWSRequest

        body = orjson.dumps(parameters, default=_unix_time, option=orjson.OPT_PASSTHROUGH_DATETIME)
        request = AWSRequest("POST", self.url, dict(self.headers), body)
        self.signer().add_auth(request)
        request.headers["amz-sdk-invocation-id"] = str(uuid.uuid4())
        return request.prepare()


class DirectClient:
    """The two operations of an X-Ray client that every trace needs. Safe for several threads at once.

    What it returns lacks boto3's `ResponseMetadata` where nothing was repeated, and times are numbers.
    """

    def __init__(self, client: XRayClient) -> None:
        self._client = client
        # botocore offers no other way to its session; without one, boto3 sends everything.
        self._session = getattr(getattr(client, "_endpoint", None), "http_session", None)
        self._patterns: dict[str, _Pattern] = {}
        self._first_attempt = threading.local()
        register: Callable[[str, Callable[..., Any]], None] = client.meta.events.register
        register("before-sign.xray", self._learn)
        register("before-send.xray", self._outcome_of_first_attempt)

    def get_trace_summaries(self, **parameters: Any) -> dict[str, Any]:
        """A page of summaries. Raises what boto3 raises."""
        return self._call("GetTraceSummaries", self._client.get_trace_summaries, parameters)

    def batch_get_traces(self, **parameters: Any) -> dict[str, Any]:
        """Traces by their ids. Raises what boto3 raises."""
        return self._call("BatchGetTraces", self._client.batch_get_traces, parameters)

    def _call(
        self, operation: str, by_boto3: Callable[..., Any], parameters: dict[str, Any]
    ) -> dict[str, Any]:
        pattern = self._patterns.get(operation)
        if pattern is None or self._session is None:
            return by_boto3(**parameters)  # type: ignore[no-any-return]  # one of two typed dictionaries
        request = pattern.request(parameters)
        try:
            response: AWSResponse = self._session.send(request)
        except Exception as error:  # botocore decides what becomes of it
            self._first_attempt.outcome = error
        else:
            answer = _plain_success(response)
            if answer is not None:
                self._note_success(operation, response, answer)
                return answer
            self._first_attempt.outcome = response
        try:
            return by_boto3(**parameters)  # type: ignore[no-any-return]  # as above
        finally:
            self._first_attempt.outcome = None

    def _note_success(self, operation: str, response: AWSResponse, answer: dict[str, Any]) -> None:
        """Tell whoever listens, as botocore does: it allows more repetition after a success."""
        events, name = self._client.meta.events, f"xray.{operation}"
        received = {
            "headers": response.headers,
            "status_code": response.status_code,
            "body": response.content,
            "context": {"operation_name": operation},
        }
        events.emit(
            f"response-received.{name}",
            response_dict=received,
            parsed_response=answer,
            context={},
            exception=None,
        )
        model = self._client.meta.service_model.operation_model(operation)
        events.emit(f"after-call.{name}", http_response=response, parsed=answer, model=model, context={})

    # --- botocore's events: botocore.amazonaws.com/v1/documentation/api/latest/topics/events.html ---

    def _learn(self, request: AWSRequest, operation_name: str, **signing: Any) -> None:
        """Keep what a request of boto3's looks like before it is signed."""
        if operation_name in self._patterns:
            return
        context = request.context.get("signing", {})
        if not isinstance(signing["signature_version"], str) or "identity_cache" in context:
            return  # unsigned, or signed by another credential: not like any other request
        make = signing["request_signer"].get_auth_instance
        name = context.get("signing_name") or signing["signing_name"]
        region = context.get("region") or signing["region_name"]
        version = signing["signature_version"]
        self._patterns[operation_name] = _Pattern(
            str(request.url), dict(request.headers.items()), lambda: make(name, region, version)
        )

    def _outcome_of_first_attempt(self, **_: Any) -> AWSResponse | None:
        """What the first attempt got, once; None lets botocore send the request."""
        outcome = getattr(self._first_attempt, "outcome", None)
        self._first_attempt.outcome = None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _unix_time(value: Any) -> float:
    """A time as botocore writes it: whole where it has no fraction."""
    if isinstance(value, datetime):
        time = value.timestamp()
        return int(time) if time.is_integer() else time
    raise TypeError


def _plain_success(response: AWSResponse) -> dict[str, Any] | None:
    """The answer of a request that succeeded; None where botocore had better look at it."""
    if response.status_code != _OK:
        return None
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
    return answer if isinstance(answer, dict) else None
