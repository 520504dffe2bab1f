"""A notice as an Adaptive Card, as a workflow of Teams takes it. Pure.

The trigger "When a Teams webhook request is received" takes a message with cards as attachments:
learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook. Text of a TextRun is never Markdown, that
of a TextBlock is (learn.microsoft.com/en-us/adaptive-cards/schema-explorer/text-run): all text is in runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from scanner.notify.layout import LINK_TEXT, PROGRAM, Part, cut, details, fitting, icon, title_icon
from scanner.notify.notice import Notice
from scanner.report.view.values import Change

# Of 28 KB, as learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/
# add-incoming-webhook has it; messages of 21,000 bytes are the longest that got through, as
# rubydoc.info/gems/msteams_hermes/MsTeamsHermes/Message tells.
MAX_BYTES = 20_000

Json = dict[str, Any]


def teams(notice: Notice) -> Json:
    """The message."""
    return dict(fitting(notice, partial(_message, notice), MAX_BYTES))


def _message(notice: Notice, parts: Sequence[Part]) -> Json:
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": list(_body(notice, parts)),
    }
    if notice.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": LINK_TEXT, "url": notice.link}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _body(notice: Notice, parts: Sequence[Part]) -> Iterator[Json]:
    yield _block(_run(f"{title_icon(notice)} {cut(notice.title)}", size="Large", weight="Bolder"))
    if notice.summary:
        yield _block(_run(notice.summary))
    for part in parts:
        yield _block(_run(part.heading, weight="Bolder"), spacing="Medium", separator=True)
        yield from (_line(change, part.heading) for change in part.changes)
        if part.left_out:
            yield _block(_run(f"and {part.left_out:,} more", isSubtle=True))
    yield _block(_run(f"{PROGRAM} · {cut(notice.facts)}", size="Small", isSubtle=True), spacing="Medium")


def _line(change: Change, heading: str) -> Json:
    more = details(change, heading)
    return _block(
        _run(f"{icon(change, heading)} "),
        _run(cut(change.what), fontType="Monospace"),
        _run(" of "),
        _run(cut(change.who), fontType="Monospace"),
        *([_run(more)] if more else []),
        spacing="Small",
    )


def _block(*runs: Json, **layout: Any) -> Json:
    return {"type": "RichTextBlock", "inlines": list(runs), **layout}


def _run(text: str, **look: Any) -> Json:
    """A run of text, without what a host might take for a function, such as `{{DATE(...)}}`."""
    return {"type": "TextRun", "text": text.replace("{{", "{\u200b{"), **look}
