"""The client of the two frequent operations answers, asks and fails as boto3 does."""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from scanner.aws.patience import PATIENCE_SECONDS, Patience
from scanner.traces.xray_client import DirectClient
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.fakes.traces import Call, function_arn, lambda_trace
from tests.fakes.xray import FETCH, LISTING, FakeXRay, Script
from tests.fakes.xray_faults import refuse_if

NOW = int(time.time())
GET_OBJECT = Call("S3", "GetObject", {"bucket_name": "b"})
TRACES = [lambda_trace(function_arn("f"), [GET_OBJECT], NOW - 60 * age, seed=age) for age in range(1, 8)]
IDS = [trace["Id"] for trace in TRACES]
SPAN = {
    "StartTime": datetime.datetime.fromtimestamp(NOW - 3600.25, datetime.UTC),
    "EndTime": datetime.datetime.fromtimestamp(NOW, datetime.UTC),
}
FETCHED = Answer(200, json.dumps({"Traces": [], "UnprocessedTraceIds": []}).encode())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the user's, and no pauses."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)


def client_of(url: str | None = None, region: str = "us-east-1", **config: Any) -> Any:
    settings = {"retries": {"mode": "standard", "total_max_attempts": 3}} | config
    return boto3.client("xray", region_name=region, endpoint_url=url, config=Config(**settings))


def learned(client: Any, send: Callable[[Any], Any]) -> Any:
    """The client of ours, after the requests that boto3 sends itself."""
    direct = DirectClient(client)
    for _ in range(2):  # the second one shows that it is not boto3's any more
        send(direct)
    return direct


def fetch(client: Any) -> Any:
    return client.batch_get_traces(TraceIds=IDS[:3])


def listing(client: Any) -> Any:
    return client.get_trace_summaries(**SPAN, FilterExpression='service("ü")')


SENDERS = pytest.mark.parametrize("send", [fetch, listing])


def outcome(send: Callable[[Any], Any], client: Any) -> tuple[Any, ...]:
    """What the caller sees: the answer without times, or the error with all that it says."""
    try:
        answer = send(client)
    except (ClientError, BotoCoreError) as error:
        response = getattr(error, "response", None) or {}
        metadata = response.get("ResponseMetadata", {})
        return type(error).__name__, str(error), response.get("Error"), metadata.get("RetryAttempts")
    except Exception as error:
        return type(error).__name__, str(error)
    traces = [(trace["Id"], [s["Document"] for s in trace["Segments"]]) for trace in answer.get("Traces", ())]
    summaries = [summary["Id"] for summary in answer.get("TraceSummaries", ())]
    retried = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
    return "answer", traces, summaries, answer.get("NextToken"), retried


@SENDERS
def test_boto3_sends_the_first_request_only(send: Callable[[Any], Any]) -> None:
    by_boto3: list[str] = []
    with FakeXRay(TRACES) as fake:
        client = client_of(fake.url)
        client.meta.events.register("provide-client-params.xray", lambda **_: by_boto3.append(""))
        direct = DirectClient(client)
        for _ in range(3):
            send(direct)
        assert (len(by_boto3), len(fake.requests)) == (1, 3)


@SENDERS
def test_it_asks_what_boto3_asks(send: Callable[[Any], Any]) -> None:
    with FakeXRay(TRACES) as fake:
        learned(client_of(fake.url), send)
        by_boto3, direct = fake.requests
    assert direct.body == by_boto3.body
    assert direct.status == 200


FAULTS: Mapping[str, Callable[[], Script]] = {
    "none": Script,
    "a page of one": lambda: Script(page_size=1, batch_page_size=1),
    "denied": lambda: Script(denied={LISTING, FETCH}),
    "always throttled": lambda: Script(throttle_every=1),
    "always failing": lambda: Script(fail_first=99),
    "always dropped": lambda: Script(drop_first=99),
    "no JSON": lambda: Script(mangle=lambda operation, answer: b"<html>"),
    "a list": lambda: Script(mangle=lambda operation, answer: b"[1]"),
    "nothing": lambda: Script(mangle=lambda operation, answer: b""),
    "not a number": lambda: Script(mangle=lambda operation, answer: b'{"NextToken": "n", "x": NaN}'),
    "expired": lambda: refusing(403, "ExpiredTokenException"),
    "wrong clock": lambda: refusing(403, "InvalidSignatureException"),
    "old request": lambda: refusing(400, "RequestExpired"),
    "invalid": lambda: refusing(400, "InvalidRequestException"),
    "other throttling": lambda: refusing(400, "RequestLimitExceeded"),
    "unavailable": lambda: refusing(503, "ServiceUnavailable"),
    "moved": lambda: refusing(301, "Moved"),
}


def refusing(status: int, code: str) -> Script:
    return Script(mangle=lambda operation, answer: refuse_if(True, answer, status, code))


@SENDERS
@pytest.mark.parametrize("fault", FAULTS)
def test_it_ends_as_boto3_does_after_as_many_requests(fault: str, send: Callable[[Any], Any]) -> None:
    with FakeXRay(TRACES) as fake:
        boto, direct = client_of(fake.url), learned(client_of(fake.url), send)
        ends = []
        for client in (boto, direct):
            fake.requests.clear()
            fake.script, fake._asked = FAULTS[fault](), 0
            ends.append((outcome(send, client), len(fake.requests)))
    assert ends[1] == ends[0]


def test_what_passes_is_repeated() -> None:
    with FakeXRay(TRACES) as fake:
        direct = learned(client_of(fake.url), fetch)
        fake.script.fail_first = fake._asked + 2
        kind, traces, *_, retried = outcome(fetch, direct)
    assert (kind, len(traces), retried) == ("answer", 3, 2)


def test_after_many_successes_as_much_is_repeated_as_at_first() -> None:
    # botocore repeats a hundred times, then only as often as requests succeed
    with FakeXRay(TRACES) as fake:
        direct = learned(client_of(fake.url), fetch)
        for _ in range(60):
            fake.script.throttle_every = 1
            with pytest.raises(ClientError):
                fetch(direct)
            fake.script.throttle_every = 0
            for _ in range(30):
                fetch(direct)
        fake.script.throttle_every = 1
        assert outcome(fetch, direct)[3] == 2


def test_a_success_counts_for_those_who_wait() -> None:
    now = [0.0]
    with FakeXRay(TRACES) as fake:
        client = client_of(fake.url)
        Patience(lambda: now[0]).watch(client)
        direct = learned(client, fetch)
        for _ in range(3):
            fake.script.fail_first = fake._asked + 1
            fetch(direct)
            fetch(direct)
            now[0] += PATIENCE_SECONDS
        fake.script.fail_first = fake._asked + 1
        assert outcome(fetch, direct)[0] == "answer"


# --- where it sends, and with which credentials ---


def sent_requests(client: Any, send: Callable[[Any], Any]) -> list[Any]:
    """The first two requests: boto3's, and that of ours. Nothing is sent."""
    requests = []

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield b"{}"

    def answer(request: Any) -> AWSResponse:
        requests.append(request)
        response = AWSResponse(request.url, 200, HTTPHeaders(), Raw())
        assert response.content == b"{}"
        return response

    client._endpoint.http_session.send = answer
    learned(client, send)
    return requests


def signed_by(request: Any) -> str:
    """The access key and the scope of a signature."""
    match = re.search(r"Credential=(\S+),", str(request.headers["Authorization"]))
    assert match
    return match[1]


ENDPOINTS: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, Any], str]] = {
    "default": ("eu-west-1", {}, {}, "https://xray.eu-west-1.amazonaws.com"),
    "China": ("cn-north-1", {}, {}, "https://xray.cn-north-1.amazonaws.com.cn"),
    "FIPS": ("us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, {}, "https://xray-fips.us-east-1.amazonaws.com"),
    "FIPS in GovCloud": ("us-gov-west-1", {}, {"use_fips_endpoint": True}, "https://xray-fips.us-gov-west-1"),
    "dual stack": ("us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, {}, "https://xray.us-east-1.api.aws"),
    "both": (
        "us-east-1",
        {},
        {"use_fips_endpoint": True, "use_dualstack_endpoint": True},
        "https://xray-fips.us-east-1.api.aws",
    ),
    "custom": (
        "us-east-1",
        {"AWS_ENDPOINT_URL": "https://aws.example/base"},
        {},
        "https://aws.example/base/",
    ),
    "custom for X-Ray": (
        "us-east-1",
        {"AWS_ENDPOINT_URL_XRAY": "https://x.example", "AWS_ENDPOINT_URL": "https://aws.example"},
        {},
        "https://x.example/",
    ),
}


@SENDERS
@pytest.mark.parametrize("name", ENDPOINTS)
def test_the_endpoint_and_the_signature_are_boto3s(
    monkeypatch: pytest.MonkeyPatch, name: str, send: Callable[[Any], Any]
) -> None:
    region, variables, config, url = ENDPOINTS[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    boto, direct = sent_requests(client_of(region=region, **config), send)
    assert direct.url == boto.url
    assert direct.url.startswith(url)
    assert signed_by(direct) == signed_by(boto)
    assert direct.headers["User-Agent"] == boto.headers["User-Agent"].decode()
    assert direct.method == boto.method
    assert json.loads(direct.body) == json.loads(boto.body)


def test_expired_credentials_are_renewed() -> None:
    renewals: list[str] = []

    def renewed() -> dict[str, str]:
        """Credentials that botocore renews at once: they end within ten minutes."""
        renewals.append("")
        expiry = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
        key = f"ASIA{len(renewals)}"
        return {"access_key": key, "secret_key": "s", "token": f"t-{key}", "expiry_time": expiry.isoformat()}

    session = get_session()
    session._credentials = RefreshableCredentials.create_from_metadata(  # type: ignore[attr-defined]  # botocore has no public setter
        renewed(), renewed, "test"
    )
    client = boto3.Session(botocore_session=session, region_name="us-east-1").client("xray")
    boto, direct = sent_requests(client, fetch)
    assert signed_by(boto).split("/")[0] != signed_by(direct).split("/")[0]
    assert direct.headers["X-Amz-Security-Token"] == f"t-{signed_by(direct).split('/')[0]}"


# --- the way there ---


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    paths: list[str] = []

    def proxy(request: HttpRequest) -> Answer:
        paths.append(f"{request.path} {request.headers.get('proxy-authorization', '')}")
        return FETCHED

    with serving(proxy) as url:
        monkeypatch.setenv("HTTP_PROXY", url.replace("//", "//user:word@"))
        learned(client_of("http://xray.example"), fetch)
    assert len(paths) == 2
    assert paths[0] == paths[1]
    assert paths[0].startswith("http://xray.example/Traces Basic ")


def test_a_host_without_proxy_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda _: FETCHED) as url:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        learned(client_of(url), fetch)


def test_the_certificates_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path / "both.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(lambda _: FETCHED, tls=context) as url:
        refused = outcome(fetch, client_of(url))
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        assert outcome(fetch, learned(client_of(url), fetch))[0] == "answer"
    assert refused[0] == "SSLError"


def self_signed(path: Path) -> Path:
    """A certificate of 127.0.0.1, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    format_ = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(
        certificate.public_bytes(encoding)
        + key.private_bytes(encoding, format_, serialization.NoEncryption())
    )
    return path


def test_time_outs_are_those_of_the_client() -> None:
    with FakeXRay(TRACES) as fake:
        client = client_of(fake.url, read_timeout=0.3, retries={"mode": "standard", "total_max_attempts": 2})
        direct = learned(client, fetch)
        fake.script.delay = 1.0
        fake.requests.clear()
        assert outcome(fetch, direct)[0] == "ReadTimeoutError"
        assert len(fake.requests) == 2


def test_unsigned_requests_are_boto3s() -> None:
    from botocore import UNSIGNED

    by_boto3: list[str] = []
    with FakeXRay(TRACES) as fake:
        client = client_of(fake.url, signature_version=UNSIGNED)
        client.meta.events.register("provide-client-params.xray", lambda **_: by_boto3.append(""))
        learned(client, fetch)
    assert len(by_boto3) == 2
