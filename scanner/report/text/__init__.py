"""The report on the terminal, and as plain lines where it is none.

May import what the report may import; knows a report as a view only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import IO

from scanner.report.text.plain import plain_lines
from scanner.report.text.shown import DEFAULT_TOP, Shown
from scanner.report.view import View

__all__ = ["DEFAULT_TOP", "Shown", "print_text"]


def print_text(view: View, out: IO[str], shown: Shown | None = None) -> None:
    """Print the report: for people on a terminal, else one finding a line."""
    shown = replace(shown or Shown(), on_terminal=out.isatty())
    if shown.on_terminal:
        from scanner.report.text.terminal import print_on_terminal

        print_on_terminal(view, out, shown)
    else:
        out.write("".join(f"{line}\n" for line in plain_lines(view, shown)))
