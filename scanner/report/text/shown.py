"""How much of a report the text shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

DEFAULT_TOP = 10  # findings on a terminal


@dataclass(frozen=True)
class Shown:
    """How much is shown, and which files hold the rest.

    `top` is the number of groups of findings; None where it was not asked for: then a terminal shows
    DEFAULT_TOP of them, and plain lines all findings. `everything` shows all, `details` also what was seen of
    each workload. `verdicts` are those that were asked for by name.

    `html` is the path of the HTML report, empty where none was written. `explain` names the command for a
    finding, None where there is none; `show_all` is the one that shows everything, and `see_all` says in a
    few words how to see it; both are empty where there is none.
    """

    top: int | None = None
    everything: bool = False
    details: bool = False
    verdicts: tuple[str, ...] = ()
    html: str = ""
    explain: Callable[[str], str] | None = None
    show_all: str = ""
    see_all: str = ""
    on_terminal: bool = False

    @property
    def groups(self) -> int | None:
        """How many groups of findings are shown; None: all."""
        return None if self.whole else self.top or DEFAULT_TOP

    @property
    def whole(self) -> bool:
        """Whether lists are shown to their ends: without a terminal they are, where no number is given."""
        return self.everything or not (self.on_terminal or self.top)

    @property
    def in_detail(self) -> bool:
        """Whether what is no finding is shown too."""
        return self.details or self.everything

    @property
    def hint(self) -> str:
        """What follows a number of things that are left out."""
        return f" ({self.see_all})" if self.see_all else ""

    def shows(self, verdict: str) -> bool:
        """Whether findings of a verdict that is no excess are shown."""
        return self.in_detail or verdict in self.verdicts
