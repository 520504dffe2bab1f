"""AWS for the application: moto, stubs for what moto lacks, refusals where a name asks for them."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tests.sdks.metadata import metadata_of

ACCOUNT, REGION, ROLE = "123456789012", "eu-west-1", "shop-role"
_STUBS = Path(__file__).with_name("stubs.csv")
_SCRIPT = Path(__file__).with_name("script.jsonl")
_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_DENIED, _THROTTLED = re.compile(rb"denied[\w-]*"), b"throttled"
_MESSAGE = (
    f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/session is not authorized to perform: {{action}} "
    "because no identity-based policy allows the {action} action"
)


class StandIn:
    """The server's application."""

    def __init__(self) -> None:
        self.on_instance = False
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._stubs = [
            (row["service"], row["part"], int(row["status"]), row["body"])
            for row in csv.DictReader(_STUBS.read_text().splitlines())
        ]
        self._actions = dict(_denied_actions())

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        response = self._answer(request) or self._of_moto(request)
        return response(environ, start_response)

    def _of_moto(self, request: Request) -> Response:
        request.get_data(cache=True)
        try:
            return Response.from_app(self._moto, _again(request))
        except NotImplementedError as error:
            return Response(str(error), 501)

    def _answer(self, request: Request) -> Response | None:
        body = request.get_data()
        metadata = metadata_of(request, on_instance=self.on_instance)
        if metadata is not None:
            return metadata
        asked = request.full_path.encode() + request.host.encode() + body
        match = _SIGNED_FOR.search(request.headers.get("Authorization", ""))
        service = match[1] if match else ""
        denied = _DENIED.search(asked)
        if denied:
            return _refusal(request, service, _MESSAGE.format(action=self._actions[service, denied[0]]))
        if _THROTTLED in asked:
            return _refusal(request, service, "Rate exceeded", "ThrottlingException", 400)
        where = request.headers.get("X-Amz-Target", "") + request.full_path
        for of, part, status, content in self._stubs:
            if of == service and part in where:
                return _json(request, status, content)
        return None


def _again(request: Request) -> dict[str, Any]:
    """The environment of a request whose body was read, so that it can be read once more."""
    return {**request.environ, "wsgi.input": io.BytesIO(request.get_data())}


def _denied_actions() -> Iterator[tuple[tuple[str, bytes], str]]:
    """The action in IAM of each denied call of the script, by the service it is signed for and a name."""
    botocore_session = botocore.session.get_session()
    for line in _SCRIPT.read_text().splitlines():
        call = json.loads(line)
        name = _DENIED.search(json.dumps(call["parameters"]).encode())
        if name and call.get("outcome") == "denied":
            signed_for = botocore_session.get_service_model(call["service"]).signing_name
            yield (signed_for, name[0]), call["action"]


def _json(request: Request, status: int, content: str, **headers: str) -> Response:
    content_type = request.headers.get("Content-Type", "")
    of_answer = content_type if "json" in content_type else "application/json"
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    identified = {"x-amzn-RequestId": "00000000-0000-4000-8000-000000000000", **more}
    return Response(content, status, identified, content_type=of_answer)


def _refusal(
    request: Request, service: str, message: str, code: str = "AccessDeniedException", status: int = 403
) -> Response:
    """A refusal in the protocol of the request."""
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        content = b"\xa2" + b"".join(map(_cbor, ("__type", f"com.amazonaws#{code}", "message", message)))
        headers = {
            "smithy-protocol": "rpc-v2-cbor",
            "x-amzn-RequestId": "00000000-0000-4000-8000-000000000000",
        }
        return Response(content, 400, headers, content_type="application/cbor")
    if "x-amz-json" in request.headers.get("Content-Type", ""):
        return _json(request, 400, f'{{"__type": "com.amazonaws#{code}", "message": "{message}"}}')
    if service not in ("s3", "ec2", "cloudfront") and not request.form:
        return _json(request, status, f'{{"message": "{message}"}}', x_amzn_errortype=code)
    code = "UnauthorizedOperation" if service == "ec2" else code.removesuffix("Exception")
    of_error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    around = {"s3": "{}", "ec2": "<Response><Errors>{}</Errors><RequestID>r</RequestID></Response>"}
    content_of = around.get(service, "<ErrorResponse>{}<RequestId>r</RequestId></ErrorResponse>")
    headers = {"x-amz-request-id": "0000000000000000"}
    return Response(content_of.format(of_error), status, headers, content_type="text/xml")


def _cbor(text: str) -> bytes:
    content = text.encode()
    return b"\x79" + len(content).to_bytes(2, "big") + content


@contextmanager
def standing_in() -> Iterator[tuple[StandIn, int]]:
    """The server on a port of its own; its application and the port."""
    application = StandIn()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield application, server.port
    finally:
        server.shutdown()


def seed(port: int) -> None:
    """Make what the script uses, as it was before the last run."""
    url = f"http://127.0.0.1:{port}"
    make: Any = boto3.client  # the types of each service are of no use here
    for path in ("/moto-api/reset", "/moto-api/seed?a=42"):
        urllib.request.urlopen(urllib.request.Request(url + path, method="POST"))

    def client(name: Any) -> Any:
        keys = {"aws_access_key_id": "AKIAEXAMPLESEED00000", "aws_secret_access_key": "x"}
        return make(name, region_name=REGION, endpoint_url=url, **keys)

    for bucket in ("orders", "archive"):
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    _tables(client("dynamodb"))
    client("sqs").create_queue(QueueName="orders")
    client("sns").create_topic(Name="orders")
    client("secretsmanager").create_secret(Name="db", SecretString="s")
    client("ssm").put_parameter(Name="/shop/limit", Value="1", Type="String")
    key = client("kms").create_key()["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/shop", TargetKeyId=key)
    client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    to_s3 = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/r", "BucketARN": "arn:aws:s3:::archive"}
    client("firehose").create_delivery_stream(
        DeliveryStreamName="clicks", ExtendedS3DestinationConfiguration=to_s3
    )
    client("events").create_event_bus(Name="shop")
    client("stepfunctions").create_state_machine(
        name="ship",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
    )
    client("logs").create_log_group(logGroupName="/shop")
    client("logs").create_log_stream(logGroupName="/shop", logStreamName="one")
    client("ecs").create_cluster(clusterName="shop")
    client("glue").create_database(DatabaseInput={"Name": "shop"})
    client("glue").create_table(DatabaseName="shop", TableInput={"Name": "orders"})
    client("ses").verify_email_identity(EmailAddress="a@example.com")
    client("sesv2").create_email_identity(EmailIdentity="a@example.com")
    client("opensearch").create_domain(DomainName="shop")


def _tables(dynamodb: Any) -> None:
    for name in ("orders", "stock"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "customer", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-customer",
                    "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )
