"""What is printed of a report: the same for every command that shows one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import IO, TYPE_CHECKING

from scanner.options.filters import filters_of, shown_of
from scanner.options.parsers import Options

if TYPE_CHECKING:
    from scanner.report.records import Report


def show(report: Report, options: Options, out: IO[str], files: Sequence[str] = ()) -> None:
    """Print what the options ask for of the report. `files` are the paths of those that hold all of it."""
    from scanner.report.filters import filtered
    from scanner.report.view import view_of

    report = filtered(report, filters_of(options))
    if options.format == "json":
        from scanner.report.schema import plain, report_bytes

        out.write(report_bytes(plain(report)).decode() + "\n")
    elif options.format == "markdown":
        from scanner.report.markdown import markdown

        out.write(markdown(view_of(report)))
    else:
        from scanner.report.text import print_text

        shown = shown_of(
            options,
            details=options.verbose,
            report=_file_named("report.json", files),
            html=_file_named("report.html", files),
        )
        print_text(view_of(report), out, shown)


def _file_named(name: str, paths: Sequence[str]) -> str:
    return next((path for path in paths if PurePath(path).name == name), "")
