"""What is printed of a report: the same for every command that shows one."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from scanner.options.filters import filters_of
from scanner.options.parsers import Options

if TYPE_CHECKING:
    from scanner.report.records import Report


def show(report: Report, options: Options, out: IO[str]) -> None:
    """Print what the options ask for of the report."""
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

        print_text(view_of(report), out, verbose=options.verbose)
