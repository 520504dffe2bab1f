"""From a report to the webhook that the environment names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import orjson

from scanner.notify.address import AddressError, address_of
from scanner.notify.notice import Notice, notice_of
from scanner.notify.notification import notification
from scanner.notify.send import Patience, send
from scanner.notify.slack import slack
from scanner.notify.teams import teams
from scanner.report.records import Report
from scanner.text.escape import well_formed

VARIABLE = "XPS_NOTIFY_URL"
NotifyFormat = Literal["slack", "teams", "json"]
FORMATS: tuple[NotifyFormat, ...] = get_args(NotifyFormat)

_RENDERERS: Mapping[NotifyFormat, Callable[[Notice], dict[str, Any]]] = {
    "slack": slack,
    "teams": teams,
    "json": notification,
}


@dataclass(frozen=True)
class Webhook:
    """Who is told, and in which format. The address is a secret."""

    url: str = field(repr=False)
    format: NotifyFormat = "json"

    @classmethod
    def of(cls, environ: Mapping[str, str], notify_format: NotifyFormat | None) -> Webhook | None:
        """The webhook of the environment; None where it names none."""
        url = environ.get(VARIABLE, "").strip()
        return cls(url, notify_format or "json") if url else None


@dataclass(frozen=True)
class Delivery:
    """What became of a message, in a line. `failed`: somebody who should have been told was not."""

    line: str
    failed: bool = False


def deliver(
    report: Report,
    webhook: Webhook,
    link: str = "",
    *,
    names_hidden: bool = False,
    patience: Patience | None = None,
) -> Delivery:
    """Tell what is new or fixed. The report holds only what may be shown. No failure is raised."""
    try:
        notice = notice_of(report, link, names_hidden=names_hidden)
        if notice is None:
            return Delivery("webhook: nothing is new or fixed, so that nothing is sent")
        message = well_formed(_RENDERERS[webhook.format](notice))
        problem = send(address_of(webhook.url), orjson.dumps(message), patience)
        told = ", ".join(f"{section.number:,} {section.kind}" for section in notice.sections)
    except AddressError as error:
        problem = f"the address {error}"
    except Exception as error:
        # its text is left out: whatever fails here knows the address
        problem = f"a fault of this program ({type(error).__name__})"
    if problem:
        return Delivery(f"the webhook of {VARIABLE} was not told: {problem}", failed=True)
    return Delivery(f"webhook: told of {told}")


def run_link(environ: Mapping[str, str]) -> str:
    """The address of the run, as continuous integration tells it; empty where it does not.

    docs.gitlab.com/ci/variables/predefined_variables, www.jenkins.io/doc/book/pipeline/jenkinsfile
    """
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    run = environ.get("GITHUB_RUN_ID")
    github = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    for link in (github, environ.get("CI_JOB_URL", ""), environ.get("BUILD_URL", "")):
        if _is_link(link):
            return link
    return ""


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https") and bool(parts.hostname) and text.isascii() and text.isprintable()
    )
