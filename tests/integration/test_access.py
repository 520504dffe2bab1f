"""AWS that cannot be asked: credentials, profiles, regions, the way there. One line each, exit code 3."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scanner.errors import EXIT_NOTHING_READ, EXIT_USAGE
from tests.fakes.serving import Answer, serving
from tests.fakes.xray import FakeXRay
from tests.integration.tools import Ran, run

NOWHERE = "http://127.0.0.1:9"  # nobody listens there
KEYS = "aws_access_key_id = a\naws_secret_access_key = b\n"
SSO = "sso_account_id = 1\nsso_role_name = r\n"
NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": ""}


def with_config(folder: Path, text: str | bytes, *arguments: object, **env: str) -> Ran:
    """A scan with a file of AWS's configuration, and no keys in the environment."""
    config = folder / "config"
    config.write_bytes(text if isinstance(text, bytes) else text.encode())
    variables = {**NO_KEYS, "AWS_CONFIG_FILE": str(config), "AWS_MAX_ATTEMPTS": "1", **env}
    return run(folder / "out", *arguments, env=variables)


def is_told(ran: Ran, *texts: str, code: int = EXIT_NOTHING_READ) -> None:
    ran.ends_with(code, *texts)
    assert "internal error" not in ran.err
    assert len(ran.err.splitlines()) == 1, ran.err


CREDENTIALS = {
    "a program that does not exist": ("credential_process = /no/such/program", ["/no/such/program", "exist"]),
    "a program that fails": ("credential_process = false", ["custom-process", "failed"]),
    "a program that says why": ("credential_process = sh -c 'echo locked >&2; exit 1'", ["locked"]),
    "a program that prints rubbish": ("credential_process = echo rubbish", ["`credential_process`", "JSON"]),
    "a program that prints nothing": ("credential_process = true", ["`credential_process`", "JSON"]),
    "a program that prints a list": ("credential_process = echo []", ["get-caller-identity"]),
    "a program that prints no key": ("credential_process = echo '{\"Version\": 1}'", ["AccessKeyId"]),
    "a quote that is not closed": ("credential_process = 'x", ["No closing quotation"]),
    "a source that does not exist": (
        "role_arn = arn:aws:iam::1:role/x\nsource_profile = nope",
        ["source_profile", "nope"],
    ),
    "a role without a source": ("role_arn = arn:aws:iam::1:role/x", ["incomplete", "source_profile"]),
    "half a key": ("aws_access_key_id = a", ["incomplete", "aws_secret_access_key"]),
    "no token of SSO": (f"sso_start_url = https://x/start\nsso_region = us-east-1\n{SSO}", ["aws sso login"]),
    "an SSO session that does not exist": (f"sso_session = nope\n{SSO}", ["nope"]),
    "a token file that does not exist": (
        "role_arn = arn:aws:iam::1:role/x\nweb_identity_token_file = /no/such/token",
        ["/no/such/token", "web_identity_token_file"],
    ),
    "STS that cannot be reached": (
        f"role_arn = arn:aws:iam::1:role/x\nsource_profile = y\n[profile y]\n{KEYS}",
        ["cannot be reached at http://127.0.0.1:9:", "HTTPS_PROXY"],
    ),
    "a profile without anything": ("output = json", ["'x' holds no credentials", "--profile x"]),
    "defaults that do not exist": (f"{KEYS}defaults_mode = nope", ["nope", "legacy"]),
}


@pytest.mark.parametrize(("lines", "texts"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_that_cannot_be_had_are_told_in_a_line(
    tmp_path: Path, lines: str, texts: list[str]
) -> None:
    is_told(with_config(tmp_path, f"[profile x]\n{lines}\n", "--profile", "x"), *texts)


def test_without_a_token_of_sso_the_advice_is_to_log_in_with_that_profile(tmp_path: Path) -> None:
    session = "[sso-session s]\nsso_start_url = https://x/start\nsso_region = us-east-1\n"
    config = f"[profile shop-dev]\nsso_session = s\n{SSO}{session}"
    is_told(with_config(tmp_path, config, "--profile", "shop-dev"), "`aws sso login --profile shop-dev`")
    is_told(with_config(tmp_path, config, AWS_PROFILE="shop-dev"), "`aws sso login --profile shop-dev`")


@pytest.mark.parametrize("named", [["--profile", "nope"], []])
def test_a_profile_that_does_not_exist(tmp_path: Path, named: list[str]) -> None:
    ran = with_config(tmp_path, f"[profile x]\n{KEYS}", *named, **({} if named else {"AWS_PROFILE": "nope"}))
    is_told(ran, "the AWS profile 'nope' does not exist", "list-profiles")


@pytest.mark.parametrize("content", ["[default\nfoo", "nonsense", b"\xff\xfe\x00"])
@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_configuration_that_cannot_be_parsed(tmp_path: Path, content: str | bytes, variable: str) -> None:
    file = tmp_path / "broken"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    is_told(with_config(tmp_path, "", **{variable: str(file)}), str(file), "cannot be parsed")


REGIONS = {
    "nowhere-9": (EXIT_NOTHING_READ, ["'nowhere-9' does not exist", "--region"]),
    "us-east1": (EXIT_NOTHING_READ, ["'us-east1' does not exist", "did you mean us-east-1?"]),
    "EU-WEST1": (EXIT_NOTHING_READ, ["'EU-WEST1' does not exist", "did you mean eu-west-1?"]),
    "us east 1": (EXIT_USAGE, ["'us east 1' is not the name of a region"]),
    "us-east-1;x": (EXIT_USAGE, ["'us-east-1;x' is not the name of a region"]),
}


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_that_does_not_exist(tmp_path: Path, region: str) -> None:
    code, texts = REGIONS[region]
    is_told(run(tmp_path, "--region", region), *texts, code=code)
    is_told(run(tmp_path, env={"AWS_REGION": region}), *texts, code=code)


def test_a_region_that_does_not_exist_is_told_before_another_one_is_read(tmp_path: Path) -> None:
    with FakeXRay() as fake:
        ran = run(tmp_path, "--regions", "us-east-1,nowhere-9", env={"AWS_ENDPOINT_URL_XRAY": fake.url})
        assert fake.requests == []
    is_told(ran, "'nowhere-9' does not exist")


def test_regions_with_commas_are_all_read(tmp_path: Path) -> None:
    with FakeXRay() as fake:
        ran = run(tmp_path, "--regions", "us-east-1,eu-west-1", env={"AWS_ENDPOINT_URL_XRAY": fake.url})
    ran.ends_with(EXIT_NOTHING_READ, "no trace was found")
    assert "eu-west-1" in ran.out


def test_no_region_at_all(tmp_path: Path) -> None:
    is_told(run(tmp_path, env={"AWS_DEFAULT_REGION": ""}), "no AWS region is configured", "--region")


def test_instance_metadata_that_cannot_be_reached(tmp_path: Path) -> None:
    env = {"AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": NOWHERE}
    is_told(with_config(tmp_path, "", **env), "no AWS credentials")
    container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{NOWHERE}/x"}
    is_told(with_config(tmp_path, "", **container), "container-role", NOWHERE)


def test_a_web_identity_token_that_does_not_exist(tmp_path: Path) -> None:
    env = {"AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token"}
    is_told(with_config(tmp_path, "", **env), "/no/such/token", "AWS_WEB_IDENTITY_TOKEN_FILE")


STS_REFUSAL = (
    b"<ErrorResponse><Error><Code>%s</Code><Message>Not authorized to perform sts</Message></Error>"
    b"</ErrorResponse>"
)


@pytest.mark.parametrize(
    ("code", "texts"),
    [(b"AccessDenied", ["AssumeRole", "AccessDenied", "Not authorized"]), (b"ExpiredToken", ["renew them"])],
)
def test_a_role_that_may_not_be_assumed(tmp_path: Path, code: bytes, texts: list[str]) -> None:
    config = f"[default]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = y\n[profile y]\n{KEYS}"
    with serving(lambda request: Answer(403, STS_REFUSAL % code)) as url:
        is_told(with_config(tmp_path, config, AWS_ENDPOINT_URL_STS=url), *texts)


CLOCKS = {
    "InvalidSignatureException": "Signature expired: 20200101T000000Z is now earlier than 20200101T001500Z",
    "RequestTimeTooSkewed": "The difference between the request time and the current time is too large.",
    "SignatureDoesNotMatch": "Signature not yet current: 20990101T000000Z is still later than ...",
}


@pytest.mark.parametrize("code", CLOCKS)
def test_a_clock_that_is_wrong(tmp_path: Path, code: str) -> None:
    body = json.dumps({"__type": code, "message": CLOCKS[code]}).encode()
    refusal = Answer(403, body, {"x-amzn-ErrorType": code})
    with serving(lambda request: refusal) as url:
        ran = run(tmp_path, env={"AWS_ENDPOINT_URL": url})
    ran.ends_with(EXIT_NOTHING_READ, "clock of this machine", code)


def test_a_proxy_that_refuses(tmp_path: Path) -> None:
    env = {"AWS_ENDPOINT_URL": "", "HTTPS_PROXY": NOWHERE, "NO_PROXY": "", "no_proxy": ""}
    is_told(run(tmp_path, env=env), f"the proxy {NOWHERE} does not connect", "HTTPS_PROXY")


def test_an_endpoint_that_is_none(tmp_path: Path) -> None:
    is_told(run(tmp_path, env={"AWS_ENDPOINT_URL": "nonsense"}), "Invalid endpoint: nonsense")


@pytest.fixture(scope="module")
def tls_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose certificate nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serving(lambda request: Answer(200, b"{}"), tls=context) as url:
        yield url


@pytest.mark.parametrize("bundle", ["", "/no/such/bundle.pem", __file__])
def test_a_certificate_that_is_not_trusted_and_bundles_that_are_none(
    tmp_path: Path, tls_url: str, bundle: str
) -> None:
    more = {"AWS_CA_BUNDLE": bundle} if bundle else {}
    ran = run(tmp_path, env={"AWS_ENDPOINT_URL": tls_url, "AWS_MAX_ATTEMPTS": "1", **more})
    is_told(ran, "TLS with AWS failed", "AWS_CA_BUNDLE")
