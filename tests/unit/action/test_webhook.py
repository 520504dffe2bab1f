"""The webhook of the action: who is told, what of, and that nothing that fails does harm."""

from __future__ import annotations

import pytest

from scanner.action import publish
from scanner.action.inputs import inputs_of
from scanner.action.publish.webhook import publish_webhook
from scanner.errors import ScanError
from scanner.text.redact import PUBLIC_REDACTION
from tests.fakes.serving import Answer
from tests.unit.action.test_publish import PULL_REQUEST, log_of, nothing_scanned, publication, scanned
from tests.unit.notify.reports import hook

NIGHTLY = {
    "GITHUB_EVENT_NAME": "schedule",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octocat/notes",
    "GITHUB_RUN_ID": "900",
}


def test_a_nightly_run_tells_the_webhook_with_a_link_to_itself() -> None:
    with hook() as received:
        of = publication(scanned(), {**NIGHTLY, "XPS_NOTIFY_URL": f" {received.url}\n"})
        assert publish_webhook(of) == {}
    (message,) = received.messages
    assert message["link"] == "https://github.com/octocat/notes/actions/runs/900"
    assert [one["what"] for one in message["open"]] == ["dynamodb:GetItem on table/notes"]
    assert message["conclusion"] == "failure"
    assert log_of(of) == ["webhook: told of 1 open"]


def test_the_input_chooses_the_format() -> None:
    with hook() as received:
        environ = {**NIGHTLY, "XPS_NOTIFY_URL": received.url, "INPUT_NOTIFY-FORMAT": "slack"}
        publish_webhook(publication(scanned(), environ))
    assert "blocks" in received.messages[0]
    with pytest.raises(ScanError, match="input `notify-format`"):
        inputs_of({"INPUT_NOTIFY-FORMAT": "irc"})


@pytest.mark.parametrize(
    "environ",
    [
        PULL_REQUEST,
        {"GITHUB_EVENT_NAME": "pull_request_target"},
        {"GITHUB_EVENT_NAME": "issue_comment"},
        {"GITHUB_EVENT_NAME": "pull_request_review"},
    ],
)
def test_runs_of_pull_requests_tell_nobody(environ: dict[str, str]) -> None:
    with hook() as received:
        of = publication(scanned(), {**environ, "XPS_NOTIFY_URL": received.url})
        publish_webhook(of)
    assert received.requests == []
    assert log_of(of) == ["webhook: not told, since this is a run of a pull request"]


@pytest.mark.parametrize("url", ["", "  "])
def test_without_an_address_nothing_is_said(url: str) -> None:
    of = publication(scanned(), {**NIGHTLY, "XPS_NOTIFY_URL": url})
    publish_webhook(of)
    assert log_of(of) == []


def test_where_nothing_could_be_scanned_nobody_is_told() -> None:
    with hook() as received:
        publish_webhook(publication(nothing_scanned(), {**NIGHTLY, "XPS_NOTIFY_URL": received.url}))
    assert received.requests == []


def test_names_are_hidden_as_in_the_comment() -> None:
    with hook() as received:
        environ = {**NIGHTLY, "XPS_NOTIFY_URL": received.url}
        publish_webhook(publication(scanned(), environ, PUBLIC_REDACTION))
    assert b"123456789012" not in received.requests[0].body


def test_a_refusal_is_a_warning_without_the_address() -> None:
    with hook([Answer(404, b"no_service")]) as received:
        of = publication(scanned(), {**NIGHTLY, "XPS_NOTIFY_URL": received.url})
        publish_webhook(of)
    (line,) = log_of(of)
    assert line.startswith("::warning ")
    assert line.endswith("was not told: it answers 404 (no_service): the address is not valid, or no longer")
    assert received.url not in line


def test_inputs_that_are_shown_hold_no_address() -> None:
    assert "s3cr3t" not in repr(inputs_of({"XPS_NOTIFY_URL": "https://example.com/s3cr3t"}))


def test_the_webhook_comes_after_the_outputs() -> None:
    assert publish_webhook in publish.LATER_PUBLISHERS
