"""How it is shown what a pull request changes in configuration and baseline. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scanner.action.trusted_files import FileChange
from scanner.text.escape import fence_for, markdown_code, markdown_text, one_line

_EFFECT = {
    "adds": "it takes effect after the merge",
    "changes": "what it changes takes effect after the merge",
    "removes": "it counts until the merge",
}


def describe(change: FileChange) -> str:
    """A change in a sentence, as plain text."""
    return f"This pull request {change.does} {one_line(change.path)}: {_EFFECT[change.does]}"


def markdown_of(changes: Sequence[FileChange], masked: Callable[[str], str]) -> str:
    """The changes as Markdown, empty where there are none. `masked` takes out what a line must not show."""
    parts = []
    for change in changes:
        path = markdown_code(masked(one_line(change.path)))
        parts.append(f"This pull request {change.does} {path}: {_EFFECT[change.does]}.")
        if change.problems:
            listed = [f"- {markdown_text(masked(problem))}" for problem in change.problems]
            parts.append(f"⚠️ The {change.kind} of this pull request cannot be read:\n\n" + "\n".join(listed))
        if change.difference:
            text = "\n".join(map(masked, change.difference.splitlines()))
            fence = fence_for(text)
            block = f"{fence}diff\n{text}\n{fence}"
            parts.append(f"<details><summary>What it {change.does}</summary>\n\n{block}\n</details>")
    return "\n\n".join(parts)
