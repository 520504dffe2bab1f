"""Workflow commands: what the runner reads, and what it must never read out of somebody's text."""

import io
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.github import commands
from scanner.github.commands import Annotation

COMMANDS = frozenset(
    {"error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-matcher", "echo"}
    | {
        "set-output",
        "save-state",
        "set-env",
        "add-path",
        "stop-commands",
        "remove-matcher",
        "internal-set-repo-path",
    }
)


class Command(NamedTuple):
    name: str
    properties: Mapping[str, str]
    data: str


def lines_of(text: str) -> list[str]:
    """As .NET reads lines."""
    return re.split("\r\n|\r|\n", text)


def parsed(line: str) -> Command | None:
    """What the runner takes a line for: ActionCommand.cs, TryParseV2 and TryParse."""
    seen = _as_compared(line)
    start = seen.lstrip()
    if start.startswith("::") and "::" in start[2:]:
        info, data = start[2:].split("::", 1)
        name, _, properties = info.partition(" ")
        if name.lower() in COMMANDS:
            return Command(
                name, _properties(properties.strip(), ","), _unescaped(data, "%0D\r", "%0A\n", "%25%")
            )
    _, found, rest = seen.partition("##[")
    info, closed, data = rest.partition("]")
    name, _, properties = info.partition(" ")
    if found and closed and name.lower() in COMMANDS:
        return Command(name, _properties(properties, ";"), data)
    return None


def _as_compared(line: str) -> str:
    """Without what a comparison by culture overlooks."""
    return "".join(c for c in line if c.isascii() or unicodedata.category(c) not in ("Mn", "Me", "Cf", "Cc"))


def _properties(text: str, separator: str) -> dict[str, str]:
    pairs = [pair.split("=", 1) for pair in text.split(separator) if "=" in pair]
    return {k: _unescaped(v, "%0D\r", "%0A\n", "%3A:", "%2C,", "%25%") for k, v in pairs}


def _unescaped(text: str, *mappings: str) -> str:
    for mapping in mappings:
        text = text.replace(mapping[:3], mapping[3:])
    return text


def commands_in(text: str) -> list[Command]:
    return [command for line in lines_of(text) if (command := parsed(line))]


# text out of which commands are made, by chance or by intent
_COMMAND_PIECES = ("::", ":", "##[", "#", "[", "]", "error", "group", "add-mask", "set-env name=X", "file")
_ESCAPES = ("%0A", "%0D", "%25", "%", ",", "=", ";")
_BLANKS = (" ", "\n", "\r", "\r\n", "\t", "\x00", "\x1b[0m", "\x85", "\u00a0", "\u2028")
_OVERLOOKED = ("\u200b", "\ufe0f", "\u3164")
_WHOLE_COMMANDS = ("::error::", "##[error]", "::stop-commands::x", "arn:aws:iam::1:role/r")
PIECES = st.sampled_from([*_COMMAND_PIECES, *_ESCAPES, *_BLANKS, *_OVERLOOKED, *_WHOLE_COMMANDS])
TEXT = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


def test_the_parser_of_these_tests_finds_commands() -> None:
    assert parsed("::error::x") == Command("error", {}, "x")
    assert parsed("  ::error file=a,title=b%3A::x%0Ay") == Command(
        "error", {"file": "a", "title": "b:"}, "x\ny"
    )
    assert parsed("text ##[error]x") == Command("error", {}, "x")
    assert parsed("a ::error::x") is None


@given(TEXT)
def test_no_log_line_is_a_command(text: str) -> None:
    line = commands.log_line(text)
    assert len(lines_of(line)) == 1
    assert parsed(line) is None


@given(TEXT)
def test_none_of_several_lines_is_a_command(text: str) -> None:
    assert commands_in(commands.log_lines(text)) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is: 100% of arn:aws:iam::123456789012:role/r, s3:::b", None),
        ("Größe 🔴", None),
        ("::error::x", r"\x3a:error::x"),
        ("  ::error::x", r"  \x3a:error::x"),
        ("\ufe0f::error::x", "\ufe0f\\x3a:error::x"),
        ("a ##[group]b", r"a ##\x5bgroup]b"),
        ("#\ufe0f#[group]b", "#\ufe0f#\\x5bgroup]b"),
        ("a\n::error::b", r"a\n::error::b"),
        ("a\r::error::b", r"a\r::error::b"),
    ],
)
def test_log_line(text: str, line: str | None) -> None:
    assert commands.log_line(text) == (text if line is None else line)


def test_a_long_line_takes_no_time() -> None:
    for text in ("#" * 200_000, "\ufe0f" * 200_000, "#\ufe0f" * 100_000, " " * 200_000):
        assert commands.log_line(text) == text


@given(TEXT, TEXT, TEXT)
def test_an_annotation_is_one_command_with_these_properties(message: str, title: str, file: str) -> None:
    found = commands_in(
        commands.annotation(Annotation("error", message, title=title, file=file or "f", line=3, end_line=5))
    )
    assert len(found) == 1
    assert found[0].name == "error"
    assert set(found[0].properties) == {"file", "line", "endLine", *(["title"] if title else [])}
    assert (found[0].properties["line"], found[0].properties["endLine"]) == ("3", "5")


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_what_prints_arrives_as_it_is(text: str) -> None:
    if commands.log_line(text) != text:
        return
    found = parsed(commands.annotation(Annotation("warning", text, title=text, file=text)))
    assert found is not None
    assert found.data == _as_compared(text)
    assert found.properties == {"title": _as_compared(text), "file": _as_compared(text)}


TEXT_IN_ANNOTATIONS = "50% of it\nis"


@pytest.mark.parametrize(
    ("annotation", "properties"),
    [
        (Annotation("notice", TEXT_IN_ANNOTATIONS, title="t: a, b"), " title=t%3A a%2C b"),
        (Annotation("notice", TEXT_IN_ANNOTATIONS, file="a/b.yml", line=7), " file=a/b.yml,line=7,endLine=7"),
        (Annotation("notice", TEXT_IN_ANNOTATIONS, file="f", line=7, end_line=3), " file=f,line=7,endLine=7"),
        (Annotation("notice", TEXT_IN_ANNOTATIONS, line=7), ""),
        (Annotation("notice", TEXT_IN_ANNOTATIONS, file="f", line=0), " file=f"),
    ],
)
def test_annotation(annotation: Annotation, properties: str) -> None:
    assert commands.annotation(annotation) == f"::notice{properties}::50%25 of it%0Ais"


def test_annotations_are_as_many_as_are_shown_the_most_severe_first() -> None:
    rows = [
        Annotation(level, f"{level} {number}")
        for number in range(12)
        for level in ("notice", "warning", "error")
    ]
    lines = commands.annotations(rows)
    assert lines[:2] == ["::error::error 0", "::error::error 1"]
    assert [line.split("::")[1] for line in lines] == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert lines[9] == "::error::error 9"
    assert len(commands.annotations(rows, lambda level: 1 + (level == "error"))) == 4


@given(TEXT)
def test_other_commands_hold_only_their_text(text: str) -> None:
    for line in (commands.group(text), commands.debug(text)):
        assert len(commands_in(line)) == 1


def test_a_group_is_ended_whatever_happens() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), commands.grouped(stream, "Findings"):
        raise ValueError("no")
    assert stream.getvalue() == "::group::Findings\n::endgroup::\n"


# -- outputs: as the runner reads them, FileCommandManager.cs


def outputs_of(text: str) -> dict[str, str]:
    found, lines = {}, text.split("\n")
    while lines:
        line = lines.pop(0)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
            continue
        name, delimiter = line.split("<<", 1)
        value = []
        while (line := lines.pop(0)) != delimiter:
            value.append(line)
        found[name] = "\n".join(value)
    return found


@given(st.dictionaries(st.sampled_from(["conclusion", "comment-url", "a_b"]), TEXT))
def test_outputs_arrive_as_they_are(values: dict[str, str]) -> None:
    text = "".join(commands._output(name, value) for name, value in values.items())
    assert outputs_of(text) == values


def test_outputs_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_text("before=1\n")
    commands.set_outputs(path, {"a": "x\nb=2\n", "c": "3"})
    assert outputs_of(path.read_text()) == {"before": "1", "a": "x\nb=2\n", "c": "3"}


def test_an_output_s_delimiter_is_another_every_time() -> None:
    assert commands._output("a", "x\ny") != commands._output("a", "x\ny")


@pytest.mark.parametrize("name", ["", "a=b", "a<<b", "a\nb", "1", "a b"])
def test_a_wrong_name_of_an_output(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an output"):
        commands._output(name, "x")


def test_without_a_file_there_is_nobody_to_tell() -> None:
    commands.set_outputs(None, {"a": "1"})
    commands.set_outputs("", {"a": "1"})
    assert commands.write_summary(None, "text")


# -- the summary


def test_a_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    assert commands.write_summary(path, "# One\n")
    assert commands.write_summary(path, "# Two")
    assert path.read_text() == "# One\n# Two\n"


@pytest.mark.parametrize("line", ["x" * 90, "ß" * 40, "🔴" * 25])
def test_a_summary_stays_under_its_limit_in_bytes(tmp_path: Path, line: str) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"b" * 1000 + b"\n")
    assert not commands.write_summary(path, "\n".join([line] * 60_000))
    data = path.read_bytes()
    assert 1024 * 1024 - 250 < len(data) <= 1024 * 1024
    assert data.decode().endswith(f"{line}\n\n{commands.SUMMARY_NOTE}\n")


def test_a_summary_that_just_fits(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    assert commands.write_summary(path, "x" * (1024 * 1024 - 1))
    assert path.stat().st_size == 1024 * 1024
    assert not commands.write_summary(path, "more")
    assert path.stat().st_size == 1024 * 1024


def test_text_that_is_not_unicode_is_written_all_the_same(tmp_path: Path) -> None:
    commands.write_summary(tmp_path / "summary", "a\ud800b")
    assert (tmp_path / "summary").read_bytes() == b"a?b\n"


# -- shortening

MARKDOWN = "\n".join(
    [
        "### Title",
        "<details><summary>one</summary>",
        "",
        "````json",
        '{"a": "```", "b": "</details>"}',
        "```",
        "still in it",
        "````",
        "<details>",
        "~~~",
        "``` in another",
        "~~~  ",
        "</details>",
        "</details>",
        "after `` ` ``",
        "```` no fence: `",
        "end",
    ]
)


def _is_whole(text: str) -> bool:
    """Whether nothing is left open, judged by another way than the code's."""
    fence, depth = None, 0
    for line in text.split("\n"):
        bare = line.strip()
        if fence:
            if bare and set(bare) == {fence[0]} and len(bare) >= len(fence):
                fence = None
        elif bare.startswith(("```", "~~~")):
            run = bare[: len(bare) - len(bare.lstrip(bare[0]))]
            if bare[0] == "~" or "`" not in bare[len(run) :]:
                fence = run
        else:
            depth += line.count("<details>") - line.count("</details>")
    return fence is None and depth == 0


@pytest.mark.parametrize("limit", range(6, len(MARKDOWN)))
def test_nothing_is_left_open_wherever_it_is_cut(limit: int) -> None:
    cut = commands.shortened(MARKDOWN, limit, len, "*More*")
    assert len(cut) <= limit
    assert cut.endswith("*More*")
    assert _is_whole(cut)
    kept = cut.removesuffix("*More*").rstrip()
    assert kept == "" or MARKDOWN.startswith(kept.split("\n")[0])


def test_an_end_without_a_beginning_closes_nothing() -> None:
    cut = commands.shortened("</details>\n<details>\n" + "x\n" * 100, 60, len, "*More*")
    assert cut.endswith("x\n\n</details>\n\n*More*")


def test_what_fits_is_left_alone() -> None:
    assert commands.shortened(MARKDOWN, len(MARKDOWN), len, "*More*") == MARKDOWN
    assert commands.shortened("x", 0, len, "*More*") == ""


@given(
    st.lists(st.sampled_from(["a", "<details>", "</details>", "```", "~~~", "````py", "``` `", "", "|x|"])),
    st.integers(6, 120),
)
def test_shortened_markdown_fits_and_is_closed(lines: list[str], limit: int) -> None:
    cut = commands.shortened("\n".join(lines), limit, len, "*More*")
    assert len(cut) <= limit
    if cut != "\n".join(lines):
        assert cut.endswith("*More*")
        last = cut.removesuffix("*More*")
        inside = commands._Inside()
        for line in last.split("\n"):
            inside = inside.after(line)
        assert inside == commands._Inside()
