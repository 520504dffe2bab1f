"""report.html in a browser: what people do with it, and what names cannot do to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.gate.load_config import load_config
from scanner.report.build import report
from scanner.report.formats import rendered
from scanner.report.history import with_history
from scanner.report.html import html
from scanner.report.load import report_of
from scanner.report.view import view_of
from tests.browser.conftest import Open
from tests.fakes.accounts import account
from tests.fakes.moto_aws import ROOT
from tests.integration.tools import run
from tests.unit.report.examples import COMPARE
from tests.unit.report.test_mixed_workloads import mixed

DELETE = "notes-app-api-test-delete"
HOSTILE = "x</script><img src=q onerror=alert(1)>'\"`{{7*7}}\u202e\u200f\u05d0"
PHONE = {"width": 360, "height": 740}
VIEWS = ("groups", "roles", "functions")


def scanned(folder: Path, *options: object) -> Path:
    ran = run(folder, *options)
    assert ran.code == 0, ran.err
    return folder / "report.html"


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the walk-through."""
    examples = ROOT / "examples"
    roles = ("--iam", examples / "iam.json", "--functions", examples / "functions.json")
    return scanned(tmp_path_factory.mktemp("walk"), "--traces", examples / "traces", *roles)


def of_account(folder: Path, functions: int) -> Path:
    return scanned(folder, *account(functions, seed=1).write(folder))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an account with 60 functions."""
    return of_account(tmp_path_factory.mktemp("many"), 60)


@pytest.fixture(scope="session")
def hostile(walk: Path) -> Path:
    """The page of the walk-through with a function and an action of evil names."""
    document = json.loads((walk.parent / "report.json").read_bytes())
    text = json.dumps(document)
    for name in (DELETE, "dynamodb:GetItem", "table/notes"):
        prefix = name.partition(":")[0] + ":" if ":" in name else ""
        text = text.replace(name, json.dumps(prefix + HOSTILE)[1:-1])
    report = report_of(json.loads(text))
    path = walk.parent / "hostile.html"
    path.write_text(html(report, view_of(report)), encoding="utf-8")
    return path


def shown(page: Any) -> int:
    count: int = page.locator("#list > .card").count()
    return count


def search(page: Any, text: str) -> None:
    page.fill("#search", text)
    page.wait_for_function(
        "text => new URLSearchParams(location.hash.slice(1)).get('q') === (text || null)", arg=text
    )


def found(page: Any) -> int:
    """The number that the page says it found."""
    return int(page.inner_text(".result").split()[0].replace(",", "")) if shown(page) else 0


def open_all(page: Any, most: int = 1000) -> None:
    """Open the first cards, and all that can be opened in them."""
    for _ in range(3):
        page.evaluate(
            """most => [...document.querySelectorAll("#list > .card")].slice(0, most).forEach(card => {
                 card.open = true;
                 card.querySelectorAll("details").forEach(inner => { inner.open = true; });
               })""",
            most,
        )
        page.wait_for_timeout(50)  # what is in them is made when they open


def has_no_sideways_scroll(page: Any) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- searching and filtering ----------------------------------------------------------------------


def test_the_walk_through_shows_what_to_remove_at_first_sight(walk: Path, open_page: Open) -> None:
    opened = open_page(walk)
    page = opened.page
    assert page.inner_text("h1") == f"Remove 1 permission from {DELETE}"
    assert "dynamodb:GetItem on table/notes" in page.inner_text("#list")
    assert '"dynamodb:GetItem"' in page.inner_text("#list .diff del")
    assert page.is_hidden("#plain")
    opened.is_quiet()


def test_search_narrows_each_view_and_is_cleared(many: Path, open_page: Open) -> None:
    opened = open_page(many)
    page = opened.page
    for view in VIEWS:
        page.click(f"#tab-{view}")
        every = found(page)
        search(page, "sns app-1")
        some = found(page)
        assert 0 < some < every
        search(page, "no-such-thing")
        assert shown(page) == 0
        assert "clear a filter" in page.inner_text(".result")
        page.click("text=Clear filters")
        assert found(page) == every
    opened.is_quiet()


def test_a_workload_whose_role_is_unknown_is_not_called_fine(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "report.html").write_bytes(rendered(report(mixed(), COMPARE), "html"))
    opened = open_page(tmp_path / "report.html", "#view=functions&q=cron")
    assert found(opened.page) == 1
    text = opened.page.inner_text("#list")
    assert "role not compared" in text and "no excess found" not in text
    assert "role a of its namespace; role b" in text
    opened.is_quiet()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["verdict", "state", "service", "framework", "role"])
def test_every_choice_of_a_filter_fits_something(many: Path, open_page: Open, view: str, name: str) -> None:
    page = open_page(many).page
    page.click(f"#tab-{view}")
    every = found(page)
    values = page.eval_on_selector_all(f"#filter-{name} option", "options => options.map(o => o.value)")
    assert len(values) > 2
    counts = set()
    for value in values[1:6]:
        page.select_option(f"#filter-{name}", value)
        counts.add(found(page))
    assert any(0 < count < every for count in counts)


def test_severities_can_be_combined(many: Path, open_page: Open) -> None:
    page = open_page(many).page
    page.click(".severity-filter.write")
    writes = found(page)
    assert set(
        page.eval_on_selector_all("#list > .card > summary > .severity", "all => all.map(e => e.textContent)")
    )
    page.click(".severity-filter.list")
    assert found(page) > writes
    assert page.get_attribute(".severity-filter.list", "aria-pressed") == "true"


def test_what_is_asked_for_stands_in_the_address(many: Path, open_page: Open) -> None:
    page = open_page(many).page
    page.click("#tab-roles")
    page.select_option("#filter-service", "sns")
    search(page, "app-1")
    count, address = found(page), page.evaluate("location.hash")
    again = open_page(many, address).page
    assert found(again) == count
    assert again.input_value("#search") == "app-1"
    assert again.input_value("#filter-service") == "sns"
    assert again.get_attribute("#tab-roles", "aria-selected") == "true"


# --- roles and functions --------------------------------------------------------------------------


def test_a_role_shows_what_is_granted_used_platform_and_excess(walk: Path, open_page: Open) -> None:
    page = open_page(walk, "#view=roles").page
    search(page, f"{DELETE}-role")
    picture = page.inner_text(".picture").split("\n")
    assert picture[::2] == ["granted", "used", "needed by AWS itself", "excess"]
    assert (
        page.get_attribute("#list .bar", "aria-label") == "6 grants: 1 used, 4 needed by AWS itself, 1 excess"
    )


@pytest.mark.parametrize("button", ["Copy the diff", "Copy the policy", "Copy a rule", "Copy explain"])
def test_what_is_shown_can_be_copied(walk: Path, open_page: Open, button: str) -> None:
    page = open_page(walk, "#view=roles", permissions=["clipboard-read", "clipboard-write"]).page
    search(page, f"{DELETE}-role")
    page.click("text=The whole smaller policy")
    page.click(f"#list button:text-is('{button}') >> nth=0")
    page.wait_for_selector("text=Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    if button == "Copy the policy":
        (statement, *_) = json.loads(copied)["Statement"]
        assert "dynamodb:GetItem" not in json.dumps(statement)
    elif button == "Copy the diff":
        assert '-    "dynamodb:GetItem",\n' in copied
    elif button == "Copy a rule":
        (rule,) = load_config(copied).ignores
        assert (rule.role, rule.action) == (f"{DELETE}-role", "dynamodb:getitem")
    else:
        assert copied.startswith("xray-privilege-scan explain ")


def test_a_group_has_a_rule_for_all_its_functions(many: Path, open_page: Open) -> None:
    page = open_page(many, permissions=["clipboard-read", "clipboard-write"]).page
    for card in page.locator("#list details.card", has_text="functions: ").all():
        card.locator("summary").first.click()
        roles = {text.removeprefix("role ") for text in card.locator("h4 small").all_inner_texts()}
        if len(roles) > 1:
            break
    card.locator("button:text-is('Copy a rule for the group')").click()
    page.wait_for_selector("text=Copied")
    rules = load_config(page.evaluate("navigator.clipboard.readText()")).ignores
    named = {
        role for rule in rules for role in ([rule.role] if isinstance(rule.role, str) else rule.role or ())
    }
    assert len(roles) > 1
    assert roles <= named


def test_a_function_shows_its_calls_and_leads_to_its_role(walk: Path, open_page: Open) -> None:
    page = open_page(walk, "#view=functions").page
    search(page, DELETE)
    text = page.inner_text("#list")
    assert "dynamodb:DeleteItem" in text
    assert "Last changed" in text
    page.click(f"#list button:text-is('{DELETE}-role')")
    assert page.get_attribute("#tab-roles", "aria-selected") == "true"
    assert found(page) == 1


# --- names ----------------------------------------------------------------------------------------


def test_hostile_names_are_inert_wherever_they_are_shown(hostile: Path, open_page: Open) -> None:
    opened = open_page(hostile)
    page = opened.page
    shown_names = ""
    for view in VIEWS:
        page.click(f"#tab-{view}")
        open_all(page)
        shown_names += page.inner_text("#list")
    assert page.locator("img, b:has(img), script[src]").count() == 0
    assert "</script><img src=q onerror=alert(1)>" in shown_names
    assert "\u202e" not in page.content()
    opened.is_quiet()


def test_the_page_cannot_make_markup_of_text(walk: Path, open_page: Open) -> None:
    page = open_page(walk).page
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>x</b>'")


def test_the_browser_refuses_all_requests_of_the_page(walk: Path, open_page: Open) -> None:
    page = open_page(walk).page
    refused = """() => new Promise(done => {
      document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
      new Image().src = "https://example.org/x.png";
    })"""
    assert page.evaluate(refused) == "img-src"


# --- everybody ------------------------------------------------------------------------------------


def test_the_keyboard_reaches_everything(many: Path, open_page: Open) -> None:
    page = open_page(many).page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("sns/")
    assert page.input_value("#search") == "sns/"
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-roles"
    page.focus("#list > .card > summary")
    page.keyboard.press("Enter")
    assert page.locator("#list > .card[open]").count() == 1
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
    assert width >= 2, "the focus cannot be seen"


def test_everything_that_takes_the_focus_has_a_name(many: Path, open_page: Open) -> None:
    page = open_page(many).page
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, summary, [tabindex='0']")].filter(
             e => !(e.textContent.trim() || e.getAttribute("aria-label")
                    || (e.labels && [...e.labels].some(l => l.textContent.trim())))).map(e => e.outerHTML)"""
    )
    assert unnamed == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_has_no_sideways_scroll(many: Path, hostile: Path, open_page: Open, view: str) -> None:
    for path in (many, hostile):
        page = open_page(path, f"#view={view}", viewport=PHONE).page
        has_no_sideways_scroll(page)
        open_all(page, 4)
        assert page.locator("#list > .card[open] .body").count()
        has_no_sideways_scroll(page)


def test_it_is_dark_where_that_is_preferred(walk: Path, open_page: Open) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = open_page(walk, color_scheme="light").page.evaluate(colour)
    dark = open_page(walk, color_scheme="dark").page.evaluate(colour)
    assert light == "rgb(246, 247, 249)"
    assert dark == "rgb(14, 20, 27)"


def test_paper_has_every_group_and_no_controls(many: Path, open_page: Open) -> None:
    page = open_page(many).page
    every = found(page)
    assert page.pdf().startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert shown(page) == every
    assert page.is_hidden("#search")
    assert page.is_visible("h1")


def test_on_paper_what_the_filters_show_is_open_and_closed_again_afterwards(
    many: Path, open_page: Open
) -> None:
    page = open_page(many).page
    search(page, "dynamodb")
    closed, every = "#list > details.card:not([open])", "#list > details.card"
    number = found(page)
    assert 1 < number == page.locator(closed).count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (page.locator(closed).count(), page.locator(every).count()) == (0, number)
    assert page.locator(".more:visible").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(closed).count() == number


def test_on_paper_what_is_folded_is_open_without_scripts_too(many: Path, open_page: Open) -> None:
    page = open_page(many, java_script_enabled=False).page
    lines = page.locator("details.section li")
    assert not lines.first.is_visible()
    page.emulate_media(media="print")
    assert lines.first.is_visible()


def test_without_scripts_the_groups_are_a_table(many: Path, open_page: Open) -> None:
    page = open_page(many, java_script_enabled=False).page
    assert page.is_visible("#plain table")
    assert page.locator("#plain tbody tr").count() > 10
    assert page.is_visible(".measures")
    assert page.is_hidden("#app")


# --- size -----------------------------------------------------------------------------------------


def test_three_hundred_functions_are_small_and_open_at_once(tmp_path: Path, open_page: Open) -> None:
    path = of_account(tmp_path, 300)
    assert path.stat().st_size < 1_700_000
    opened = open_page(path)
    page = opened.page
    loaded = []
    for _ in range(5):
        page.reload()
        loaded.append(page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"))
    assert min(loaded) < 1000, loaded
    # however many there are, only what is near is made
    assert page.evaluate("document.querySelectorAll('*').length") < 6000
    for view in VIEWS:
        page.click(f"#tab-{view}")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(100)
    opened.is_quiet()


def test_what_is_new_since_the_last_run_is_marked_and_can_be_asked_for(
    walk: Path, tmp_path: Path, open_page: Open
) -> None:
    now = report_of(json.loads((walk.parent / "report.json").read_bytes()))
    clean = msgspec.structs.replace(now, roles=())
    _, first = with_history(clean, [], 1.7e9, "")
    told, _ = with_history(now, [first.run], 1.8e9, "")
    path = tmp_path / "report.html"
    path.write_text(html(told, view_of(told)), encoding="utf-8")
    opened = open_page(path, "#state=new")
    assert shown(opened.page) == 1
    assert opened.page.locator(".card .tag.new").first.inner_text() == "new"
    assert "from 0 to 1" in opened.page.locator(".trend").inner_text()
    assert opened.page.locator(".trend svg").bounding_box()["width"] > 10
    opened.is_quiet()
