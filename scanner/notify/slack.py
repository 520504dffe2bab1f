"""A notice as a message of Slack, in Block Kit. Pure.

Limits: 50 blocks, 3,000 characters a text (docs.slack.dev/reference/block-kit/blocks,
.../composition-objects/text-object). Slack also refuses messages whose blocks hold about 13,000 characters
together (github.com/slackapi/bolt-js/issues/2509).
Formatting and what must be escaped: docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from scanner.notify.layout import LINK_TEXT, PROGRAM, Part, cut, details, fitting, icon, title_icon
from scanner.notify.notice import Notice
from scanner.report.view.values import Change
from scanner.text.escape import one_line

MAX_TEXT = 3_000
MAX_BLOCKS = 50
MAX_BYTES = 11_000

# Slack has no escape for its markup: characters that look the same stand for it.
_LOOK_ALIKES = {ord("*"): "\u2217", ord("_"): "\u02cd", ord("~"): "\u223c", ord("`"): "\u02cb"}
_GAP = "\u200b"  # has no width: before it stands no mention, channel or emoji
_GAPPED = re.compile(r"[@#]|:(?=[\w+'-]+:)")

Json = dict[str, Any]


def slack(notice: Notice) -> Json:
    """The message."""
    return dict(fitting(notice, partial(_message, notice), MAX_BYTES))


def _message(notice: Notice, parts: Sequence[Part]) -> Json:
    title = f"{title_icon(notice)} {_title(notice)}"
    sections = [_section(text) for text in _texts(notice, title, parts)]
    return {
        "text": f"{PROGRAM}: {title}",  # in notifications
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [*sections[: MAX_BLOCKS - 1], _context(notice)],
    }


def _title(notice: Notice) -> str:
    """The title, with the name in it as code."""
    if not notice.name:
        return slack_text(cut(notice.title))
    before, _, after = notice.title.rpartition(f" {notice.name}")
    return f"{slack_text(cut(before))} {slack_code(cut(notice.name))}{slack_text(cut(after))}"


def _texts(notice: Notice, title: str, parts: Sequence[Part]) -> Iterator[str]:
    yield f"*{title}*" + (f"\n{slack_text(notice.summary)}" if notice.summary else "")
    for part in parts:
        lines = [f"*{part.heading}*", *(_line(change, part.heading) for change in part.changes)]
        if part.left_out:
            lines.append(f"and {part.left_out:,} more")
        yield from _joined(lines)


def _line(change: Change, heading: str) -> str:
    names = f"{slack_code(cut(change.what))} of {slack_code(cut(change.who))}"
    return f"{icon(change, heading)} {names}{details(change, heading)}"


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """The lines in as few texts as may be, none of which is too long."""
    text = ""
    for line in lines:
        if text and len(text) + 1 + len(line) > MAX_TEXT:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
    yield text


def _section(text: str) -> Json:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(notice: Notice) -> Json:
    link = f" · <{_address(notice.link)}|{LINK_TEXT}>" if notice.link else ""
    return {"type": "context", "elements": [_mrkdwn(f"{PROGRAM} · {slack_text(cut(notice.facts))}{link}")]}


def _mrkdwn(text: str) -> Json:
    # nothing is made a link or a mention that is not written as one
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def slack_text(text: str) -> str:
    """Text in which nothing is markup, a mention or a link."""
    plain = one_line(text).translate(_LOOK_ALIKES)
    return _entities(_GAPPED.sub(lambda mark: f"{mark[0]}{_GAP}", plain))


def slack_code(text: str) -> str:
    """Text as code: only backticks and control characters mean anything there."""
    return f"`{_entities(one_line(text).replace('`', _LOOK_ALIKES[ord('`')]))}`"


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _address(url: str) -> str:
    return _entities(url.replace("|", "%7C"))
