"""No name becomes markup: what the comment and the long form are rendered to holds only tags of their own."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from scanner.report.markdown import CommentExtras, Extras, comment, markdown
from scanner.report.markdown.templates import place
from scanner.report.recorded import Changes, RecordedFinding
from scanner.report.records import Location
from scanner.report.view import View
from tests.examples import examples
from tests.unit.cases import allow, compared, deny, function, policy, table, usage, used
from tests.unit.report.examples import COMPARE, EVIL, GET, scan_result
from tests.unit.report.views import viewed

OWN_TAGS = {
    "h3",
    "h4",
    "p",
    "sub",
    "strong",
    "em",
    "code",
    "pre",
    "br",
    "details",
    "summary",
    "ul",
    "li",
    "a",
}
OWN_TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
PIECES = [
    "|",
    "`",
    "```",
    "~~~",
    "<b>",
    "</details>",
    "<!--",
    "-->",
    "**",
    "_",
    "[a](//x)",
    "![i](//x)",
    "&lt;",
]
PIECES += [
    "@team",
    "#1",
    "\n",
    "\n\n# h",
    "\r",
    "\x1b[31m",
    "\u202e",
    "$x$",
    "\\",
    "https://evil.example",
    "a",
    " ",
]
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)


class Tags(HTMLParser):
    """The tags and addresses of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: set[str] = set()
        self.other: list[str] = []
        self.folds = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.folds += tag == "details"
        self.addresses |= {value or "" for name, value in attrs if name in ("href", "src")}
        self.other += [name for name, _ in attrs if name not in ("href", "class", "style")]

    def handle_endtag(self, tag: str) -> None:
        self.folds -= tag == "details"

    def handle_comment(self, data: str) -> None:
        self.other.append(f"comment {data}")


def view_of_names(name: str) -> View:
    """A scan in which everything that somebody can choose has this name."""
    seen = usage(used((GET, table("t"))), name=name, services=["dynamodb"])
    odd = function(name)
    grants = [allow(["dynamodb:Scan", f"dynamodb:{name}"], [table("t"), name], Sid=name)]
    grants += [allow("sqs:SendMessage", name, Condition={"StringLike": {name: name}}), deny(f"sqs:{name}")]
    role = compared([policy(*grants, name=name)], [seen], functions=[odd])
    scan = scan_result([role], [seen], [odd])
    return viewed(scan, COMPARE, failing_ids={finding.id for finding in scan.findings})


def texts(name: str) -> list[str]:
    view = view_of_names(name)
    gone = RecordedFinding(role=name, who=name, ids=("00000000",), actions=name, resources=name)
    extras = CommentExtras(report="https://own.example", changes=Changes(1, 2, (gone, gone)))
    return [comment(view, 65_000, extras), markdown(view, None, Extras(more="more"))]


@examples(60)
@given(NAMES)
def test_no_name_becomes_markup(name: str) -> None:
    for text in texts(name):
        page = Tags(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))
        assert page.tags <= OWN_TAGS
        assert page.addresses <= {"https://own.example"}
        assert not page.other
        assert page.folds == 0


def test_nobody_is_mentioned_and_nothing_steers_a_terminal() -> None:
    for text in texts(EVIL):
        for outside in text.split("```")[0::2]:
            assert "@team" not in outside
        assert "\x1b" not in text and "\u202e" not in text


@given(NAMES, NAMES)
def test_a_path_of_the_checkout_is_no_markup(path: str, made_by: str) -> None:
    location = Location(path=path, line=1, end_line=1, made_by=made_by)
    text = place(location, "https://own.example/a%7C")
    page = Tags(MarkdownIt("commonmark", {"html": True}).render(text))
    assert page.tags <= {"p", "a", "code"}
    assert page.addresses == {"https://own.example/a%7C"}
