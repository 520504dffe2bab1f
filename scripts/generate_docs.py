"""Write the tables of docs/ that follow from action.yml and from the command line's parsers.

`python -m scripts.generate_docs` (`make schemas`). A table stands between `<!-- NAME: made by make
schemas -->` and `<!-- end -->`; NAME is `inputs`, `outputs` or `options of COMMAND`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scanner.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "docs" / "action.md", ROOT / "docs" / "command-line.md")

_EXTENDED = {"watch": "scan"}

_TABLE = re.compile(
    r"(<!-- (inputs|outputs|options of [a-z-]+): made by make schemas -->\n).*?(<!-- end -->\n)", re.DOTALL
)


def page_text(text: str) -> str:
    """A page with all its tables as action.yml and the parsers have them."""
    return _TABLE.sub(lambda match: f"{match[1]}\n{_table(match[2])}\n{match[3]}", text)


def _table(name: str) -> str:
    command = name.removeprefix("options of ")
    rows = _of_action(name) if name == command else _of_command(command)
    title = "Option" if name != command else name.capitalize().removesuffix("s")
    cells = ((key.replace("|", "\\|"), meaning) for key, meaning in rows)
    lines = [f"| {title} | What it is |", "|---|---|", *(f"| {key} | {meaning} |" for key, meaning in cells)]
    return "\n".join(line.replace("\n", " ") for line in lines) + "\n"


def _of_action(part: str) -> Iterator[tuple[str, str]]:
    manifest: Any = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    for name, spec in manifest[part].items():
        default = spec.get("default", "")
        shown = f" (default: `{default}`)" if default else ""
        if "${{" in default:
            shown = " (default: the workflow's own)"
        yield f"`{name}`", f"{spec['description']}{shown}"


def _of_command(command: str) -> Iterator[tuple[str, str]]:
    """The options of a command; not those of a command that has a table and whose options it takes all."""
    others = _of_parser(COMMANDS[_EXTENDED[command]].parser()) if command in _EXTENDED else ()
    known = {option for option, _ in others}
    return (row for row in _of_parser(COMMANDS[command].parser()) if row[0] not in known)


def _of_parser(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        name = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
        value = f" {name}{'...' if action.nargs in ('+', '*') else ''}" if name else ""
        spelled = ", ".join(f"`{option}{value}`" for option in action.option_strings) or f"`{name}`"
        choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
        meaning = (action.help or "") % {"default": action.default, "prog": parser.prog}
        yield spelled, f"{meaning}{f': {choices}' if choices else ''}".replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    for page in PAGES:
        page.write_text(page_text(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
