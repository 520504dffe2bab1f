"""The pages of the documentation's site: `python -m scripts.build_site`, then `zensical build --strict`.

The README is the first page. Links out of docs/ lead to the repository, since the site holds the pages alone.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "build" / "site-pages"
REPOSITORY = "https://github.com/OWNER/xray-privilege-scan/blob/main"

_LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s]+)\)")


def page_text(path: Path, text: str) -> str:
    """A document of the repository as a page of the site."""

    def relinked(match: re.Match[str]) -> str:
        target, hash_sign, anchor = match[2].partition("#")
        if not target or "://" in target:
            return match[0]
        linked = (path.parent / target).resolve().relative_to(ROOT)
        if linked == Path("README.md"):
            place = "index.md"
        elif linked.parts[0] == "docs":
            place = Path(*linked.parts[1:]).as_posix()
        else:
            place = f"{REPOSITORY}/{linked.as_posix()}"
        return f"{match[1]}({place}{hash_sign}{anchor})"

    return _LINK.sub(relinked, text)


def write_pages(folder: Path) -> list[Path]:
    """Write all pages, and copy the pictures that they show; the paths of the pages."""
    shutil.rmtree(folder, ignore_errors=True)
    sources = {"index.md": ROOT / "README.md"}
    sources |= {path.name: path for path in sorted((ROOT / "docs").glob("*.md"))}
    folder.mkdir(parents=True)
    for name, path in sources.items():
        (folder / name).write_text(page_text(path, path.read_text(encoding="utf-8")), encoding="utf-8")
    if (ROOT / "docs" / "pictures").is_dir():
        shutil.copytree(ROOT / "docs" / "pictures", folder / "pictures")
    return [folder / name for name in sources]


if __name__ == "__main__":
    write_pages(PAGES)
