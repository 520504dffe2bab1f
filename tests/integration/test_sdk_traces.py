"""Traces that the real aws-xray-sdk writes in a Lambda function that calls a real API."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.moto_aws import ROOT, MotoAws
from tests.fakes.traces import ACCOUNT, REGION, Json, function_arn, make_trace_id, trace_of
from tests.integration.tools import Ran, environment, run, write_json

NAME = "worker"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
BUCKET = "arn:aws:s3:::orders-bucket"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"
OTHER = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:other"

# What the function's credentials may do in moto: all that it calls, less two.
ALLOWED = (
    *("dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:BatchGetItem", "s3:PutObject", "s3:GetObject"),
    *("sqs:SendMessage", "sns:Publish", "lambda:Invoke", "lambda:InvokeFunction", "sts:GetCallerIdentity"),
)
# What the function uses, as action and resource.
USED = {
    ("dynamodb:PutItem", TABLE),
    ("dynamodb:GetItem", TABLE),
    ("dynamodb:BatchGetItem", TABLE),
    ("s3:PutObject", f"{BUCKET}/*"),
    ("s3:GetObject", f"{BUCKET}/*"),
    ("sqs:SendMessage", QUEUE),
    ("sns:Publish", TOPIC),
    ("lambda:InvokeFunction", OTHER),
}
ROLE_POLICY: Json = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Scan"],
            "Resource": TABLE,
        },
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{BUCKET}/*"},
        {"Effect": "Allow", "Action": "sqs:*", "Resource": QUEUE},
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": f"arn:aws:sns:*:{ACCOUNT}:*"},
        {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": OTHER},
    ],
}


class Daemon:
    """Listens where the X-Ray daemon would, and keeps the documents that come."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.3)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._over = threading.Event()
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.documents: list[Json] = []

    def __enter__(self) -> Daemon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(1 << 16)
            except TimeoutError:
                if self._over.is_set():
                    return
                continue
            _, _, document = packet.partition(b"\n")
            self.documents.append(json.loads(document))


@dataclass(frozen=True)
class Traced:
    """What the SDK sent, and the whole trace with Lambda's own two documents."""

    documents: list[Json]
    trace: Json


def seed(aws: MotoAws) -> dict[str, str]:
    """The function, its role, and all that it uses; the names that it needs."""
    aws.reset()
    configure(aws, {"lambda": {"use_docker": False}})
    role = aws.create_role(NAME, {"calls": ROLE_POLICY})
    aws.create_function(NAME, role)
    aws.create_function("other", aws.create_role("other"))
    aws.client("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    aws.client("s3").create_bucket(Bucket="orders-bucket")
    return {
        "table": "orders",
        "bucket": "orders-bucket",
        "queue": aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"],
        "topic": aws.client("sns").create_topic(Name="orders")["TopicArn"],
        "function": "other",
    }


def configure(aws: MotoAws, settings: Json) -> None:
    body = json.dumps(settings).encode()
    request = urllib.request.Request(f"{aws.url}/moto-api/config", body, method="POST")
    with urllib.request.urlopen(request, timeout=10):
        pass


def invoke(aws: MotoAws, names: dict[str, str], start: float) -> Traced:
    """Run the function as Lambda would, with tracing on."""
    trace_id, parent = make_trace_id(start, "sdk"), "53995c3f42cd8ad8"
    key, secret = aws.create_user_with(ALLOWED)
    with Daemon() as daemon, aws.enforce_iam():
        lambda_environment = {
            "LAMBDA_TASK_ROOT": os.fspath(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": NAME,
            "AWS_XRAY_DAEMON_ADDRESS": daemon.address,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "_X_AMZN_TRACE_ID": f"Root={trace_id};Parent={parent};Sampled=1",
            "RESOURCES": json.dumps(names),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.sdk_function"],
            cwd=ROOT,
            env=environment(aws.environment(key, secret) | lambda_environment),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
    return Traced(daemon.documents, trace_of(trace_id, [*lambda_s_own(parent, start), *daemon.documents]))


def lambda_s_own(parent: str, start: float) -> list[Json]:
    """The two documents that Lambda writes for an invocation."""
    times = {"start_time": start, "end_time": time.time()}
    arn = function_arn(NAME)
    return [
        {"id": "5f2d1a3b4c5d6e7f", "name": NAME, "origin": "AWS::Lambda", "resource_arn": arn, **times},
        {
            "id": parent,
            "parent_id": "5f2d1a3b4c5d6e7f",
            "name": NAME,
            "origin": "AWS::Lambda::Function",
            "aws": {"function_arn": arn, "account_id": ACCOUNT},
            **times,
        },
    ]


@pytest.fixture(scope="module")
def traced(aws: MotoAws) -> Traced:
    names = seed(aws)
    return invoke(aws, names, float(int(time.time())))


@pytest.fixture(scope="module")
def ran(aws: MotoAws, traced: Traced, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The comparison of the function's role with its trace."""
    folder = tmp_path_factory.mktemp("ran")
    file = write_json(folder / "in" / "traces.json", {"Traces": [traced.trace]})
    ran = run(folder, "-c", "--traces", file, env=aws.environment())
    assert ran.code == 0, ran.err
    return ran


def workload(ran: Ran) -> Any:
    (found,) = [workload for workload in ran.report["workloads"] if workload["evidence"]["traces"]]
    assert found["arn"] == function_arn(NAME)
    return found


def test_the_sdk_sends_the_calls_of_the_function(traced: Traced) -> None:
    """The premise of all others: subsegments of their own, below the function's document."""
    sent = {(d["name"], d["aws"]["operation"]) for d in traced.documents if d.get("namespace") == "aws"}
    assert {("dynamodb", "PutItem"), ("s3", "GetObject"), ("sns", "Publish"), ("lambda", "Invoke")} <= sent
    assert {d["type"] for d in traced.documents} == {"subsegment"}


def test_every_call_is_the_function_s_and_becomes_its_permission(ran: Ran) -> None:
    assert {(u["action"], u["resource"]) for u in workload(ran)["used"] if u["required"]} == USED
    assert workload(ran)["unmapped"] == []
    assert ran.report["unattributed"]["calls"] == 0


def test_all_resources_are_known_exactly(ran: Ran) -> None:
    assert all(used["exact"] for used in workload(ran)["used"] if used["required"])


def test_calls_in_nested_subsegments_are_counted_once(ran: Ran) -> None:
    counts = {used["action"]: used["count"] for used in workload(ran)["used"]}
    assert counts["s3:GetObject"] == 2, "the object that is there, and the one that is not"
    assert counts["dynamodb:PutItem"] == 1


def test_refused_calls_are_told_and_not_taken_for_used(ran: Ran) -> None:
    denied = {(d["action"], d["resource"]): d["message"] for d in workload(ran)["denied"]}
    assert denied.keys() == {("dynamodb:DeleteItem", TABLE), ("s3:ListBucket", BUCKET)}
    assert "dynamodb:DeleteItem" in denied["dynamodb:DeleteItem", TABLE]
    required = {used["action"] for used in workload(ran)["used"] if used["required"]}
    assert not required & {"dynamodb:DeleteItem", "s3:ListBucket"}
    assert "Denied by AWS:" in ran.out
    assert "dynamodb:DeleteItem" in ran.out


def test_the_findings_are_what_the_role_grants_beyond_its_use(ran: Ran) -> None:
    found = {
        (action, resource): finding["verdict"]
        for finding in ran.findings("unused", "broad")
        for action in finding["actions"]
        for resource in finding["resources"]
    }
    assert found == {
        ("dynamodb:Scan", TABLE): "unused",
        ("sqs:*", QUEUE): "broad",
        ("sns:Publish", f"arn:aws:sns:*:{ACCOUNT}:*"): "broad",
    }
    assert all(finding["confirmed"] for finding in ran.findings("unused", "broad"))


def test_the_suggestion_allows_what_the_function_did(ran: Ran) -> None:
    (role,) = ran.report["roles"]
    allowed = {
        (action, resource)
        for statement in role["suggested_policy"]["Statement"]
        for action in statement["Action"]
        for resource in (
            statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        )
    }
    assert allowed == USED


def test_the_documents_alone_belong_to_no_function_and_are_mapped_all_the_same(
    traced: Traced, tmp_path: Path
) -> None:
    file = tmp_path / "documents.jsonl"
    file.write_text("\n".join(map(json.dumps, traced.documents)), encoding="utf-8")
    ran = run(tmp_path, "--traces", file)
    assert ran.code == 0, ran.err
    assert ran.report["workloads"] == []
    assert ran.report["unattributed"]["calls"] == 12
    assert {"sns:Publish", "sqs:SendMessage", "lambda:InvokeFunction"} <= {
        used["action"] for used in ran.report["unattributed"]["used"]
    }


def test_no_object_key_and_no_secret_of_the_calls_reaches_the_reports(ran: Ran) -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in ran.folder.glob("*.json"))
    assert "in/a b" not in written
    assert "in/missing" not in written
