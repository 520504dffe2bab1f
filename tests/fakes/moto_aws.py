"""A moto server as AWS: IAM, Lambda and X-Ray over HTTP, in a process of its own.

    with MotoAws() as aws:
        role = aws.create_role("worker", inline={"calls": document}, managed=["AWSXRayDaemonWriteAccess"])
        aws.create_function("worker", role)
        aws.put_traces([lambda_trace(...)])
        key, secret = aws.create_user_with(["xray:GetTraceSummaries", ...])
        with aws.enforce_iam():          # from here on, only what a user's policy allows
            aws.client("iam", key, secret).list_roles()

``python -m tests.fakes.moto_aws PORT CLOCK`` is the server itself, with two mends that its IAM enforcement
needs; it runs until its standard input ends. CLOCK is a file: how many seconds the server's clock is behind.
That is a minute after a reset, so that no test waits until something is past: see `next_second`.

Limits of the enforcement: the resource is always ``*``: a scoped Allow never matches; actions are
case-sensitive; a refusal by X-Ray or Lambda comes as XML, which botocore reads as error code ``403``.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import mmap
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import boto3
from botocore.config import Config

from tests.fakes.botocore_files import read_file
from tests.fakes.traces import REGION, Json, documents_of

ROOT = Path(__file__).resolve().parents[2]

_READY_SECONDS = 30
_BEHIND_SECONDS = 60.0
_LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class MotoAws:
    """The server: a context manager, and helpers that seed it. Of AWS's managed policies it has X-Ray's."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._users = 0
        self._folder = tempfile.TemporaryDirectory(prefix="moto-")
        clock = Path(self._folder.name, "clock")
        clock.write_bytes(bytes(8))
        self._clock = _Clock(clock)
        self._keys = ("test", "test")
        self.url = ""

    def __enter__(self) -> Self:
        port = _free_port()
        self._clock.behind = _BEHIND_SECONDS
        self.url = f"http://127.0.0.1:{port}"
        # the account is that of the access key: moto's own, or that of a role which was assumed
        environment = os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.moto_aws", str(port), str(self._clock.file)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,  # it closes with this process, however that ends: so does the server
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the server."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None
            self._folder.cleanup()

    def reset(self) -> None:
        """Forgets everything that was seeded, stops enforcing, and sets the clock back."""
        self._clock.behind = _BEHIND_SECONDS
        self._post("/moto-api/reset-auth", "inf")
        self._post("/moto-api/reset", "")

    def next_second(self) -> float:
        """Puts the clock forward to the next full second: after all that happened so far, and past.

        X-Ray's windows end at full seconds.
        """
        return self._clock.next_second()

    # -- clients

    def of_account(self, account: str) -> MotoAws:
        """The same server as one account of it sees it: clients and helpers are that account's."""
        other = copy.copy(self)
        role = f"arn:aws:iam::{account}:role/seed"
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName="seed")
        other._keys = (answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SecretAccessKey"])
        return other

    def client(self, service: str, key: str = "", secret: str = "", *, region: str = REGION) -> Any:
        """A boto3 client of this AWS."""
        key, secret = (key, secret) if key else self._keys
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 1}, max_pool_connections=50),
        )

    def environment(self, key: str = "test", secret: str = "test") -> dict[str, str]:
        """The variables that make a child process use this AWS, whatever the machine's own settings are."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    # -- seeding

    def create_role(
        self,
        name: str,
        inline: Mapping[str, Json] | None = None,
        managed: Iterable[str] = (),
        *,
        path: str = "/",
        trust: Json | None = None,
    ) -> str:
        """A role with inline policies and attached ones (ARNs, or names of AWS's own); its ARN."""
        iam = self.client("iam")
        document = json.dumps(trust or _LAMBDA_TRUST)
        role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document)["Role"]
        for policy_name, policy in (inline or {}).items():
            iam.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=json.dumps(policy))
        for policy_arn in managed:
            arn = policy_arn if policy_arn.startswith("arn:") else f"arn:aws:iam::aws:policy/{policy_arn}"
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return str(role["Arn"])

    def create_policy(self, name: str, document: Json, *, path: str = "/") -> str:
        """A customer-managed policy; its ARN."""
        iam = self.client("iam")
        policy = iam.create_policy(PolicyName=name, Path=path, PolicyDocument=json.dumps(document))
        return str(policy["Policy"]["Arn"])

    def create_function(
        self, name: str, role_arn: str, tracing: str = "Active", *, region: str = REGION, **more: Any
    ) -> str:
        """A Lambda function; its ARN. ``more`` goes to CreateFunction (``VpcConfig``, ...)."""
        function = self.client("lambda", region=region).create_function(
            FunctionName=name,
            Role=role_arn,
            Runtime="python3.12",
            Handler="index.handler",
            Code={"ZipFile": _zip()},
            TracingConfig={"Mode": tracing},
            **more,
        )
        return str(function["FunctionArn"])

    def create_user_with(self, actions: Iterable[str], managed: Iterable[str] = ()) -> tuple[str, str]:
        """A user that may do exactly this; access key and secret."""
        self._users += 1
        name = f"user-{self._users}"
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if allowed := list(actions):
            statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=name, PolicyName="allowed", PolicyDocument=document)
        for policy in managed:
            iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def put_traces(self, traces: Iterable[Json]) -> None:
        """Traces as ``tests.fakes.traces`` builds them, through PutTraceSegments."""
        xray = self.client("xray")
        for trace in traces:
            xray.put_trace_segments(TraceSegmentDocuments=documents_of(trace))

    @contextmanager
    def enforce_iam(self) -> Iterator[None]:
        """Within it, every request needs an access key whose policies allow it. Seed first."""
        self._post("/moto-api/reset-auth", "0")
        try:
            yield
        finally:
            self._post("/moto-api/reset-auth", "inf")

    # -- inside

    def _post(self, path: str, body: str) -> None:
        # not urllib's own content type: moto would take the body for a form and find it empty
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(self.url + path, body.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError("the moto server ended at once")
            try:
                with urllib.request.urlopen(f"{self.url}/moto-api/data.json", timeout=10):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        raise RuntimeError("the moto server does not answer")


class _Clock:
    """The server's clock: how many seconds it is behind, in memory that both processes share."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("r+b") as shared:
            self._behind = memoryview(mmap.mmap(shared.fileno(), 8)).cast("d")

    @property
    def behind(self) -> float:
        return float(self._behind[0])

    @behind.setter
    def behind(self, seconds: float) -> None:
        self._behind[0] = seconds

    def next_second(self) -> float:
        now = time.time()
        second = int(now - self.behind) + 1
        self.behind = now - second - 0.05
        assert second < int(now), "the clock has caught up: reset the server more often"
        return float(second)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _zip() -> bytes:
    """The smallest package that CreateFunction takes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): pass\n")
    return buffer.getvalue()


def _mend_enforcement() -> None:
    """Makes moto's IAM enforcement work for Lambda's GET requests and for X-Ray.

    It signs a body that a GET does not have, and takes X-Ray's URL paths for action names.
    """
    from moto.iam.access_control import IAMRequestBase

    actions = {
        "TraceSummaries": "GetTraceSummaries",
        "Traces": "BatchGetTraces",
        "TraceSegments": "PutTraceSegments",
    }
    create_request, initialise = IAMRequestBase._create_aws_request, IAMRequestBase.__init__

    def create_aws_request(self: Any) -> Any:
        request = create_request(self)
        if request.method == "GET":
            request.data = b""
        return request

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        initialise(self, *args, **kwargs)
        service, _, action = self._action.partition(":")
        if service == "xray":
            self._action = f"xray:{actions.get(action, action)}"

    patched: Any = IAMRequestBase
    patched._create_aws_request, patched.__init__ = create_aws_request, init


def _mend_changes() -> None:
    """Makes moto note when a function was changed last, as Lambda does."""
    from moto.awslambda.models import LambdaFunction
    from moto.core.utils import iso_8601_datetime_with_nanoseconds

    update = LambdaFunction.update_configuration

    def update_configuration(self: Any, config_updates: dict[str, Any]) -> dict[str, Any]:
        self.last_modified = iso_8601_datetime_with_nanoseconds()
        return update(self, config_updates)

    patched: Any = LambdaFunction
    patched.update_configuration = update_configuration


def _be_behind(clock: _Clock) -> None:
    """Makes moto's clock what the tests set. Before its services are imported: they import the function."""
    from moto.core import utils

    now, patched = utils.utcnow, cast("Any", utils)
    patched.utcnow = lambda: now() - timedelta(seconds=clock.behind)


def _keep_few_managed_policies() -> None:
    """Makes moto read X-Ray's managed policies only: all 1,500 take it 0.7 s after each reset."""
    from moto.iam import models

    patched: Any = models
    known = json.loads(patched.aws_managed_policies_data)
    kept = {name: policy for name, policy in known.items() if name.lower().startswith("awsxray")}
    patched.aws_managed_policies_data = json.dumps(kept)


def _read_models_fast() -> None:
    """Makes moto parse the models of services by orjson: those of EC2 take it a second otherwise."""
    from botocore.loaders import JSONFileLoader

    patched: Any = JSONFileLoader
    patched.load_file = lambda self, path: read_file(path)


def _look_up_modules_once() -> None:
    """Makes moto list its 190 folders once, not at each request."""
    from moto import backends

    patched, modules = cast("Any", backends), tuple(backends.list_of_moto_modules())
    patched.list_of_moto_modules = lambda: modules


def _log_nothing() -> None:
    """Nobody reads what werkzeug says of each request."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Serves on the port that the command line names."""
    threading.Thread(target=_end_with_input, daemon=True).start()
    _be_behind(_Clock(Path(sys.argv[2])))
    _read_models_fast()
    _mend_enforcement()
    _mend_changes()
    _keep_few_managed_policies()
    _look_up_modules_once()
    _log_nothing()
    from moto.server import main as serve

    serve(["-H", "127.0.0.1", "-p", sys.argv[1]])


if __name__ == "__main__":
    main()
