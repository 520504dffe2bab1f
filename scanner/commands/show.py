"""What is printed of a report: the same for every command that shows one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import IO, TYPE_CHECKING

from scanner.commands.command import say_line
from scanner.options.commands import ReportOptions
from scanner.options.filters import filters_of, shown_of
from scanner.options.parsers import Options

if TYPE_CHECKING:
    from scanner.report.formats import Rendering
    from scanner.report.records import Report


def show(
    report: Report,
    options: Options | ReportOptions,
    out: IO[str],
    files: Sequence[str] = (),
    how: Rendering | None = None,
) -> None:
    """Print what the options ask for of the report.

    `files` are the paths of those that hold all of it, `how` is what formats take besides the report.
    """
    from scanner.report.filters import filtered

    report = filtered(report, filters_of(options))
    if options.format == "text":
        from scanner.report.text import print_text
        from scanner.report.view import view_of

        shown = shown_of(
            options,
            details=options.verbose,
            report=_file_named("report.json", files),
            html=_file_named("report.html", files),
        )
        print_text(view_of(report), out, shown)
    else:
        from scanner.report.formats import rendered

        out.write(rendered(report, options.format, how).decode())


def say_unmatched(report: Report, options: Options | ReportOptions, err: IO[str]) -> None:
    """Say where no finding is shown because of a filter that fits none."""
    from scanner.report.filters import unmatched

    line = unmatched(report, filters_of(options))
    if line:
        say_line(err, line)


def _file_named(name: str, paths: Sequence[str]) -> str:
    return next((path for path in paths if PurePath(path).name == name), "")
