"""The log of the step, where nothing that is secret, and no command of somebody else's, is ever written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TextIO, TypeVar

from scanner.github import commands
from scanner.github.commands import Annotation, AnnotationLevel
from scanner.text.escape import one_line
from scanner.text.redact import Redaction, keys_masked

T = TypeVar("T")

TITLE = "xray-privilege-scan"


class Console:
    """Writes lines and annotations; counts its annotations, for GitHub shows only so many of each level."""

    def __init__(self, out: TextIO, redaction: Redaction) -> None:
        self.out = out
        self.redaction = redaction
        self._annotated: Counter[AnnotationLevel] = Counter()

    def masked(self, text: str) -> str:
        """Text without access keys, and in public without names that tell about an account."""
        return keys_masked(self.redaction.text(text))

    def log(self, text: str) -> None:
        """Write a line of the log."""
        self.command(commands.log_line(self.masked(one_line(text))))
        self.out.flush()

    def debug(self, text: str) -> None:
        """Write a line that is shown where debug logs are asked for."""
        self.command(commands.debug(self.masked(one_line(text))))

    def annotate(self, level: AnnotationLevel, text: str) -> None:
        """Annotate the run; where GitHub would show no more of the level, a line of the log."""
        if not self.annotations_left(level):
            self.log(f"{level}: {text}")
            return
        self._annotated[level] += 1
        self.command(commands.annotation(Annotation(level, self.masked(one_line(text)), title=TITLE)))

    def command(self, line: str) -> None:
        """Write a line as it is: a command of the workflow, escaped by whoever made it."""
        self.out.write(f"{line}\n")

    def annotations_left(self, level: AnnotationLevel) -> int:
        """How many more annotations of a level GitHub shows."""
        return max(0, commands.ANNOTATIONS_A_LEVEL - self._annotated[level])

    def guarded(self, part: Callable[[], T]) -> T | None:
        """What a part of the publication returns; None, and a warning, where it fails."""
        try:
            return part()
        except Exception as error:
            message = f"a part of the result could not be published: {type(error).__name__}: {error}"
            self.annotate("warning", message)
            return None
