"""How often AWS is asked: five times, unless the user says otherwise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanner.aws.clients import Clients
from scripts.prune_image import KEPT, USED
from tests.fakes.serving import Answer, HttpRequest, serving


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in ("AWS_MAX_ATTEMPTS", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def attempts(monkeypatch: pytest.MonkeyPatch, profile: str | None = None) -> int:
    """How often a request is sent that always fails."""
    requests: list[HttpRequest] = []

    def answer(request: HttpRequest) -> Answer:
        requests.append(request)
        return Answer(500, b"{}")

    with serving(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        client = Clients("us-east-1", profile).xray("us-east-1")
        with pytest.raises(client.exceptions.ClientError):
            client.batch_get_traces(TraceIds=["1-a"])
    return len(requests)


def test_a_request_is_sent_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    assert attempts(monkeypatch) == 5


def test_the_environment_tells_how_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    assert attempts(monkeypatch) == 2


def test_a_profile_tells_how_often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile patient]\nmax_attempts = 7\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert attempts(monkeypatch, "patient") == 7


def test_the_image_keeps_the_model_of_every_service_that_is_asked() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in Path("scanner").rglob("*.py"))
    asked = set(re.findall(r"""(?:client|_of_region|_client)\(\s*"([a-z0-9-]+)\"""", sources))
    assert set(USED) <= asked <= KEPT
