"""The pictures of the README, made of real output: `python -m scripts.make_pictures` (needs Chromium).

The comment is that of the walk-through with the serverless.yml that grants; the page is the report of an
account of sixty functions, which the tests make.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

from scanner.aws.clients import Clients
from scanner.gate.decide import GatePolicy, decide
from scanner.model import EXCESS
from scanner.options.parsers import scan_options
from scanner.options.request import request_of
from scanner.places import with_places
from scanner.report.build import report
from scanner.report.html import html
from scanner.report.markdown.comment import CommentExtras, comment
from scanner.report.records import Report
from scanner.report.view import view_of
from scanner.scan import scan
from tests.fakes import notes
from tests.fakes.accounts import account

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
EXAMPLES = ROOT / "examples"
WALK_THROUGH = [
    *("--traces", str(EXAMPLES / "traces"), "--iam", str(EXAMPLES / "iam.json")),
    *("--functions", str(EXAMPLES / "functions.json")),
]
# as GitHub shows a comment
STYLE = """
body { margin: 0; padding: 16px 20px; width: 720px; background: #fff; color: #1f2328;
  font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
h3 { font-size: 1.25em; margin: 0 0 8px; } sub { font-size: 75%; color: #59636e; vertical-align: baseline; }
code { background: #eff1f3; border-radius: 6px; padding: .2em .4em; font: 85% "DejaVu Sans Mono", monospace; }
pre { background: #f6f8fa; border-radius: 6px; padding: 16px; } pre code { background: none; padding: 0; }
a { color: #0969da; text-decoration: none; } details { margin: 8px 0; }
.del { background: #ffebe9; color: #82071e; display: block; } p { margin: 0 0 10px; }
table { border-collapse: collapse; } td, th { border: 1px solid #d1d9e0; padding: 6px 13px; }
"""


def scanned(options: list[str], checkout: Path) -> Report:
    """The report of a scan of files, with the lines of a checkout and the default gate of the action."""
    request = request_of(scan_options(options), now=0.0)
    clients = Clients(None, None)
    result = with_places(scan(request, clients), request, clients, checkout)
    gate = GatePolicy(frozenset(EXCESS))
    return report(result, request, gate, decide(result.findings, (), gate))


def comment_page(record: Report) -> str:
    """The comment of a pull request as a page."""
    extras = CommentExtras(report="#", link=lambda location: f"#{location.path}")
    body = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(comment(view_of(record), 65_000, extras))
    )
    lines = [
        f'<span class="del">{line}</span>' if line.startswith("-") else line + "\n"
        for line in body.split("\n")
    ]
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{''.join(lines)}"


def photograph(text: str, picture: Path, size: str, folder: Path) -> None:
    """What Chromium shows of a page, as a PNG file."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    source = folder / f"{picture.stem}.html"
    source.write_text(text, encoding="utf-8")
    subprocess.run(
        [
            *(chromium, "--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={size}"),
            *("--virtual-time-budget=3000", f"--screenshot={picture}", source.as_uri()),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
    )


def main() -> None:
    """Make both pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "serverless.yml").write_text(notes.SERVERLESS, encoding="utf-8")
        photograph(comment_page(scanned(WALK_THROUGH, folder)), PICTURES / "comment.png", "760,320", folder)
        options = [str(word) for word in account(functions=60, seed=1).write(folder)]
        record = scanned(options, folder)
        photograph(html(record, view_of(record)), PICTURES / "report.png", "1200,1180", folder)


if __name__ == "__main__":
    main()
