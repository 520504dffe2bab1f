"""What a webhook is told, in each format: when, how much, and that no name can do harm in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scanner.notify import FORMATS, NotifyFormat
from scanner.notify.deliver import _RENDERERS as RENDERERS
from scanner.notify.notice import Notice, Section, notice_of
from scanner.notify.notification import Notification
from scanner.notify.slack import MAX_BLOCKS, MAX_TEXT, slack
from scanner.notify.teams import teams
from scanner.report.build import report
from scanner.report.hide import hidden
from scanner.report.records import Report
from scanner.report.view.values import Change
from scanner.text.redact import PUBLIC_REDACTION
from tests.unit.notify.reports import BEFORE, found, id_of, past, since
from tests.unit.report.examples import COMPARE, doubtful_crud_scan

LINK = "https://github.com/octocat/notes/actions/runs/1"
EVIL = "<!channel> @here *bold* _it_ `code` [a](http://b) <at>x</at> {{DATE(2017-02-14T06:00:00Z)}} &lt; |x"


def told(of: Report, link: str = LINK) -> Notice:
    notice = notice_of(of, link)
    assert notice
    return notice


def json(notice: Notice) -> Any:
    """What a program reads."""
    return orjson.loads(orjson.dumps(RENDERERS["json"](notice)))


# --- when ------------------------------------------------------------------------------------------


def test_without_a_ledger_every_run_with_findings_is_told() -> None:
    notice = told(found())
    assert [(s.kind, [c.what for c in s.changes]) for s in notice.sections] == [
        ("open", ["dynamodb:Scan on table/t"])
    ]
    assert notice.previous is None


def test_as_many_are_open_as_are_confirmed() -> None:
    notice = told(report(doubtful_crud_scan(), COMPARE))
    assert [(s.kind, s.number) for s in notice.sections] == [("open", notice.confirmed)]
    assert notice.unconfirmed


def test_nothing_is_told_where_nothing_changed() -> None:
    assert notice_of(since(found())) is None
    assert notice_of(since(found(), undecided=[past("s3:GetObject on *")])) is None


def test_a_run_without_findings_is_not_told() -> None:
    report = msgspec.structs.replace(found(), roles=())
    assert notice_of(report) is None
    assert notice_of(since(found(), previous=None)) is not None


def test_new_and_fixed_are_told_with_the_time_of_the_last_run() -> None:
    report = found()
    notice = told(since(report, [id_of(report)], [past("s3:GetObject on arn:aws:s3:::b/*")]))
    assert [(s.kind, [(c.who, c.what) for c in s.changes]) for s in notice.sections] == [
        ("new", [("f", "dynamodb:Scan on table/t")]),
        ("fixed", [("gone", "s3:GetObject on b/*")]),
    ]
    assert notice.summary == "1 new, 1 fixed, 0 still open; the last run was 2026-11-26 05:17 UTC"
    assert notice.previous == BEFORE


def test_the_same_message_has_the_same_id() -> None:
    report = found()
    assert told(report).id == told(report).id
    assert told(report).id != told(since(report, [id_of(report)])).id


def test_hidden_names_stay_hidden() -> None:
    label = (
        "secretsmanager:GetSecretValue on arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod-db-Ab1"
    )
    report = since(found(), fixed=[past(label, role="arn:aws:iam::123456789012:role/r")])
    for render in RENDERERS.values():
        shown = orjson.dumps(render(told(hidden(report, PUBLIC_REDACTION)))).decode()
        assert "SECRET_NAME" in shown
        assert "prod-db" not in shown
        assert "123456789012" not in shown


# --- limits and escaping ---------------------------------------------------------------------------


def many(number: int, name: str = "x" * 2_000) -> Notice:
    changes = [Change(f"{at:012x}", name, name, "write") for at in range(number)]
    sections = [Section("new", "New", changes), Section("fixed", "Fixed", changes)]
    return replace(told(found()), title=f"Of {name}", name=name, facts=name, sections=sections)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from texts(part)


@pytest.mark.parametrize(
    "name", ["x" * 2_000, "&" * 2_000, "*" * 2_000, "🔴" * 2_000, "\x00" * 900, '"' * 900]
)
@pytest.mark.parametrize("number", [1, 3, 25, 5_000])
def test_messages_keep_to_the_limits(number: int, name: str) -> None:
    notice = many(number, name)
    message = slack(notice)
    assert len(message["blocks"]) <= MAX_BLOCKS
    for block in message["blocks"]:
        for text in [block["text"]] if "text" in block else block["elements"]:
            assert 1 <= len(text["text"]) <= MAX_TEXT
    assert sum(map(len, texts(message))) < 13_000
    assert len(orjson.dumps(teams(notice))) <= 21_000
    assert len(orjson.dumps(json(many(number, "x" * 200)))) < 120_000


def test_what_is_left_out_is_counted() -> None:
    notice = many(25, "name")
    assert "and 5 more" in "\n".join(texts(slack(notice)))
    assert "and 5 more" in list(texts(teams(notice)))
    assert json(many(250, "name"))["left_out"] == 300


def test_slack_shows_names_as_they_are() -> None:
    """Reading the message as Slack does gives the names, and no mention, link or markup that is not ours."""
    message = slack(many(1, EVIL))
    for text in (part["text"] for part in _mrkdwn(message)):
        literal = text.replace(f"<{LINK}|Open the run>", "")
        assert not re.search(r"<|>|&(?!amp;|lt;|gt;)", literal)
        for code in re.findall("`([^`]*)`", literal):
            assert _unescaped(code) == EVIL.replace("`", chr(0x2CB))
        outside = re.sub("`[^`]*`", "", literal).replace("*New: 1*", "").replace("*Fixed: 1*", "")
        assert not re.search(r"@(?!\u200b)|[_~]|(?<!^)[*](?!$)", outside.partition("\n")[0])
    assert all(part["verbatim"] for part in _mrkdwn(message))


def _mrkdwn(message: Any) -> Iterator[Any]:
    for block in message["blocks"]:
        yield from [block["text"]] if "text" in block else block["elements"]


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_teams_shows_names_as_they_are() -> None:
    (attachment,) = teams(many(1, EVIL))["attachments"]
    card = attachment["content"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert {element["type"] for element in card["body"]} == {"RichTextBlock"}  # of which no text is Markdown
    runs = [run["text"] for element in card["body"] for run in element["inlines"]]
    assert EVIL.replace("{{", "{\u200b{") in runs
    assert not [run for run in runs if "{{" in run]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the run", "url": LINK}]


def test_without_a_link_there_is_none() -> None:
    notice = told(found(), link="")
    assert "actions" not in teams(notice)["attachments"][0]["content"]
    assert "Open the run" not in "".join(texts(slack(notice)))
    assert json(notice)["link"] is None


@settings(max_examples=60)
@given(name=st.text(max_size=300))
@pytest.mark.parametrize("notify_format", FORMATS)
def test_any_name_makes_a_message(notify_format: NotifyFormat, name: str) -> None:
    message = orjson.loads(orjson.dumps(RENDERERS[notify_format](many(2, name))))
    if notify_format != "json":
        assert all(text.isprintable() or "\n" in text or "\u200b" in text for text in texts(message))


def test_json_has_its_schema() -> None:
    report = found()
    schema = msgspec.json.schema(Notification)
    for of in (report, since(report, [id_of(report)], [past("s3:GetObject on *")])):
        Draft202012Validator(schema).validate(json(told(of)))


def test_json_tells_programs_the_same() -> None:
    report = found()
    message = json(told(since(report, [id_of(report)], [past("s3:GetObject on *")])))
    assert message["new"] == [
        {
            "id": id_of(report),
            "who": "f",
            "what": "dynamodb:Scan on table/t",
            "severity": "data-access",
            "findings": 1,
        }
    ]
    assert [one["id"] for one in message["fixed"]] == ["0123456789ab"]
    assert (message["open"], message["left_out"], message["link"]) == ([], 0, LINK)
