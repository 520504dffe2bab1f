"""Which command the words of a command line name: the first word, or one behind options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scanner.commands.command import Command
from scanner.options.parser import Parser

_HELP = "help"


def named_command(words: Sequence[str], commands: Mapping[str, Command]) -> tuple[str | None, list[str]]:
    """The name of the command, and the words for its parser; None where no command is named.

    Options before the command are put behind its own words, so that none takes these for its values.
    """
    words = _help_as_option(words, commands)
    if words and words[0] in commands:
        return words[0], list(words[1:])
    if not set(words).isdisjoint(commands):
        parsers = {name: command.parser() for name, command in commands.items()}
        at = next((at for at, word in _places(words, parsers) if word in parsers), None)
        if at is not None:
            return words[at], [*words[at + 1 :], *words[:at]]
    return None, list(words)


def _help_as_option(words: Sequence[str], commands: Mapping[str, Command]) -> Sequence[str]:
    """`help` and `help COMMAND` as what shows the same: `--help`, and `COMMAND --help`."""
    match words:
        case [name] if name == _HELP:
            return ["--help"]
        case [name, command] if name == _HELP and not command.startswith("-"):
            return [command, "--help"] if command in commands else [command]
    return words


def _places(words: Sequence[str], parsers: Mapping[str, Parser]) -> Iterator[tuple[int, str]]:
    """The words that may name a command, up to the first that no option takes.

    The value that an option needs is none of them. A further value of an option that takes several is one
    where the command of that name knows all options before it: `--region us-east-1 doctor`, and not
    `--workloads api report`.
    """
    options: list[str] = []
    needs_value = takes_more = False
    for at, word in enumerate(words):
        if word == "--":
            return
        if word.startswith("-") and word != "-":
            name, has_value = _option(word, parsers)
            options.append(name)
            needs_value = _takes_value(name, parsers) and not has_value
            takes_more = needs_value and _takes_several(name, parsers)
        elif needs_value:
            needs_value = False
        else:
            if word in parsers and all(parsers[word].option(name) for name in options):
                yield at, word
            if not takes_more:
                return


def _option(word: str, parsers: Mapping[str, Parser]) -> tuple[str, bool]:
    """The name of an option, of several letters (`-vr`) the one that takes a value; whether that is here."""
    if word.startswith("--"):
        name, sign, _ = word.partition("=")
        return name, bool(sign)
    letters = [f"-{letter}" for letter in word[1:]]
    name = next((letter for letter in letters if _takes_value(letter, parsers)), letters[-1])
    return name, bool(word.partition(name[1])[2])


def _takes_value(name: str, parsers: Mapping[str, Parser]) -> bool:
    return any(option.nargs != 0 for parser in parsers.values() if (option := parser.option(name)))


def _takes_several(name: str, parsers: Mapping[str, Parser]) -> bool:
    return any(option.nargs == "+" for parser in parsers.values() if (option := parser.option(name)))
