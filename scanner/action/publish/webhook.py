"""The webhook: told of what is new or fixed. Pull requests have their comment."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.action.publish.publication import Publication
from scanner.github.event import is_for_pull_request
from scanner.notify import deliver
from scanner.text.redact import NO_REDACTION


def publish_webhook(publication: Publication) -> Mapping[str, str]:
    """Tell the webhook, where there is one. What fails is a warning."""
    workflow, console, webhook = publication.workflow, publication.console, publication.inputs.webhook
    if webhook is None or publication.report is None:
        return {}
    if is_for_pull_request(workflow.event_name, workflow.event):
        console.log("webhook: not told, since this is a run of a pull request")
        return {}
    hidden = console.redaction is not NO_REDACTION
    delivery = deliver(publication.report, webhook, workflow.url, names_hidden=hidden)
    if delivery.failed:
        console.annotate("warning", delivery.line)
    else:
        console.log(delivery.line)
    return {}
