"""A parser of options whose errors are for their reader, and options that take a list."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from scanner.errors import EXIT_USAGE, ScanError
from scanner.output.streams import printing

_COLUMNS = 80  # where there is no terminal
_OF_OPTION = re.compile(r"argument (?:\S*?/)??(--[\w-]+)\S*: ")
_EXCLUSIVE = re.compile(r"not allowed with argument (?:\S*?/)??(--[\w-]+)\S*")
_CHOICE = re.compile(r"invalid choice: (.*) \(choose from (.*)\)", re.DOTALL)


class UsageError(ScanError):
    """An option that is wrong. The command line alone says where help is: the action has no `--help`."""

    def __init__(self, message: str, where_help_is: str) -> None:
        super().__init__(message, EXIT_USAGE)
        self.lines.append(where_help_is)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal. argparse itself asks shutil, which imports every sort of archive."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """A text in lines, as it is where it has lines of its own."""
        kind = argparse.RawDescriptionHelpFormatter if "\n" in text else argparse.HelpFormatter
        return kind._fill_text(self, text, width, indent)


def _columns() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _COLUMNS
    except (ValueError, OSError):  # no terminal
        return _COLUMNS


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong, with a near name where there is one, and where help is.

    `commands` are words that may stand in the place of the first option.
    """

    commands: Sequence[str] = ()

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog, description=description, epilog=epilog, formatter_class=_Help, allow_abbrev=False
        )

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print. Raises ScanError where that fails: argparse's own method passes over it."""
        stream = file or sys.stdout
        with printing(stream):
            stream.write(message)

    def option(self, name: str) -> argparse.Action | None:
        """The option of a name such as `--region`; None where the parser has none."""
        return self._option_string_actions.get(name)

    def error(self, message: str) -> NoReturn:
        """Raise UsageError, where argparse would print and exit."""
        raise UsageError(self._reworded(message), f"`{self.prog} --help` shows all options")

    def _reworded(self, message: str) -> str:
        """An error of argparse, which names an option by its long name."""
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            return self._unknown(unknown)
        message = _OF_OPTION.sub(r"\1: ", message).replace("ignored explicit argument", "takes no value, not")
        message = _EXCLUSIVE.sub(r"does not go with \1", message)
        choice = _CHOICE.search(message)
        if choice:
            names = choice[2].replace("'", "").split(", ")
            near = _near(choice[1].strip("'\""), names)
            message = f"{message[: choice.start()]}{choice[1]} is not one of {', '.join(names)}{near}"
        return message

    def _unknown(self, text: str) -> str:
        words = text.split()
        word = next((word for word in words if word != "--"), text)
        if word in self.commands:
            return f"unexpected argument {word!r}: a command is named once, before its options"
        if not word.startswith("-") or "--" in words:
            return f"unexpected argument {word!r}{_near(word, self.commands)}"
        name = word.partition("=")[0]
        return f"unknown option {name}{_near(name, re.findall('--[a-z][a-z-]+', self.format_help()))}"


def _near(word: str, names: Sequence[str]) -> str:
    import difflib

    bare = {name.lstrip("-"): name for name in names}
    near = difflib.get_close_matches(word.lstrip("-").lower(), bare, 1)
    return f"; did you mean {bare[near[0]]}?" if near else ""


class Several(argparse.Action):
    """Takes one value or more, also with commas between them; `allowed` are the only ones, if any."""

    def __init__(self, *args: Any, allowed: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._allowed = allowed

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Add the values to those that were given before."""
        given = [values] if isinstance(values, str) else list(values or ())
        added = [value for text in given for value in self._parts(text)]
        if not added:
            raise argparse.ArgumentError(self, "expected a value that is not empty")
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or ()), *added])

    def _parts(self, text: str) -> list[Any]:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        for part in parts:
            if self._allowed and part not in self._allowed:
                names = ", ".join(self._allowed)
                raise argparse.ArgumentError(self, f"invalid choice: {part!r} (choose from {names})")
        return parts


class SeveralPaths(Several):
    """Takes one path or more; a comma is part of a name that exists."""

    def _parts(self, text: str) -> list[Any]:
        from scanner.input.stream import problem_of

        path = Path(text)
        if not text.strip():
            return []
        return (
            [path]
            if "," not in text or not problem_of(path)
            else [Path(part) for part in super()._parts(text)]
        )


class SeveralRoles(Several):
    """Takes the ARN of one role or more; a comma is part of a role's name unless another ARN follows.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: which characters a name may have.
    """

    def _parts(self, text: str) -> list[Any]:
        parts = [part.strip(" ,") for part in re.split(r",\s*(?=arn:)", text) if part.strip(" ,")]
        for part in parts:
            if not re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?:[!-~]+/)?[\w+=,.@-]{1,64}", part):
                message = f"{part!r} is not the ARN of a role, such as arn:aws:iam::123456789012:role/NAME"
                raise argparse.ArgumentError(self, message)
        return parts
