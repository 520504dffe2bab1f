"""`fix`: the edits of a report, as a patch of the checkout or made in its files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scanner.commands.command import Command, say_line
from scanner.commands.saved_report import report_document
from scanner.errors import EXIT_GATE, EXIT_OK, EXIT_USAGE, ScanError
from scanner.options.commands import FixOptions, fix_options_of, fix_parser
from scanner.output.streams import printing

if TYPE_CHECKING:
    from scanner.fix.files import ChangedFile, Planned

_DIRTY = "git has no copy of it as it is: commit or stash it first, or name `--outside-git`"


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.fix.choose import choose
    from scanner.fix.files import planned
    from scanner.report.load import report_of

    options = fix_options_of(arguments)
    report = report_of(report_document(options.report))
    if not options.checkout.is_dir():
        raise ScanError(f"--checkout: there is no folder {options.checkout}", EXIT_USAGE)
    choice = choose(report, options.findings, unsafe=options.unsafe)
    plan = planned(options.checkout, choice.fixes, report.fixes)
    refused = dict(plan.refused)
    if options.apply:
        refused |= _apply(plan.files, options, err)
    else:
        _print(plan.files, options.checkout, out)
    _say(plan, options, refused, err)
    for line in choice.left:
        say_line(err, line)
    return EXIT_GATE if refused else EXIT_OK


def _print(files: Sequence[ChangedFile], checkout: Path, out: IO[str]) -> None:
    """Print the patch: its bytes, or to a terminal text that does nothing there."""
    from scanner.fix.git import repository_of
    from scanner.text.escape import one_line

    top, folder = repository_of(checkout), ""
    if top is not None:
        inside = checkout.resolve().relative_to(top.resolve()).as_posix()
        folder = "" if inside == "." else f"{inside}/"
    patch = b"".join(file.patch(folder) for file in files)
    stream = getattr(out, "buffer", None)
    with printing(out):
        if stream is None or out.isatty():
            lines = patch.decode(errors="replace").split("\n")
            out.write("\n".join(one_line(line.removesuffix("\r")) for line in lines))
        else:
            out.flush()
            stream.write(patch)


def _apply(files: Sequence[ChangedFile], options: FixOptions, err: IO[str]) -> dict[str, str]:
    """Change files, each whole or not at all. Returns by path why some are not changed."""
    from scanner.fix.git import is_committed
    from scanner.output.destination import Destination, opened

    refused = {}
    for file in files:
        if not options.outside_git and not is_committed(options.checkout, file.path):
            refused[file.path] = _DIRTY
            continue
        path = Path(file.path)
        place = Destination(
            path.parent, "--checkout", lambda line: say_line(err, line), options.checkout, reports=False
        )
        with opened(place) as folder:
            if folder.read(path.name, len(file.before)) == file.before:
                folder.write({path.name: file.after})
            else:
                refused[file.path] = "it changed in between"
    return refused


def _say(plan: Planned, options: FixOptions, refused: dict[str, str], err: IO[str]) -> None:
    from scanner.text.escape import counted

    for file in plan.files:
        if file.path not in refused:
            number = len({id_ for fix in file.fixes for id_ in fix.findings})
            done = "made" if options.apply else "to make"
            edits, findings = counted(len(file.fixes), "edit"), counted(number, "finding")
            say_line(err, f"{file.path}: {edits} {done}, for {findings}")
            for fix in file.fixes:
                if fix.disposition != "safe":
                    say_line(err, f"  line {fix.line} needs a look: {fix.why}")
    if plan.made:
        say_line(err, f"{counted(plan.made, 'edit')} already made")
    for path, why in refused.items():
        say_line(err, f"{path} is left as it is: {why}")
    if not plan.files and not plan.made and not refused:
        say_line(err, "there is no edit to make")


COMMAND = Command(
    "take away what nobody used: a patch of the templates, or the files changed", fix_parser, _run
)
