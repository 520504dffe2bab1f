"""A headless Chromium, and pages of reports in it.

Debian's `chromium` is used: Playwright's own is not installed. Where there is none, tests are skipped; with
BROWSER_TESTS=1 in the environment they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass
class Opened:
    """A page in the browser; what the browser said and asked for meanwhile."""

    page: Any
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def is_quiet(self) -> None:
        """Nothing was said, and nothing asked for but the file itself."""
        assert self.console == []
        assert [address for address in self.requests if not address.startswith("file:")] == []
        assert len(set(self.requests)) == 1


Open = Callable[..., Opened]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    missing = "" if CHROMIUM else "there is no Chromium: apt-get install chromium"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "Playwright is not installed"
    if missing and os.environ.get("BROWSER_TESTS"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    with sync_playwright() as playwright:
        # the sandbox needs rights that root in a container lacks
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens a file; `options` are those of a context: its size, colour scheme, scripts."""
    contexts = []

    def opened(path: Path, address: str = "", **options: Any) -> Opened:
        context = browser.new_context(**options)
        contexts.append(context)
        result = Opened(context.new_page())
        result.page.set_default_timeout(10_000)
        result.page.on("console", lambda message: result.console.append(message.text))
        result.page.on("pageerror", lambda error: result.console.append(str(error)))
        result.page.on("dialog", lambda dialog: result.console.append(f"dialog: {dialog.message}"))
        result.page.on("request", lambda request: result.requests.append(request.url.partition("#")[0]))
        result.page.goto(f"{path.resolve().as_uri()}{address}")
        return result

    yield opened
    for context in contexts:
        context.close()
