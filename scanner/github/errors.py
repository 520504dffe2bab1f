"""What goes wrong when GitHub is asked."""

from __future__ import annotations


class GithubError(Exception):
    """GitHub did not do what it was asked. One line: what, why, and which right or value would change it.

    `status` is the HTTP status, 0 where there was no answer. `needed` names what is missing, as it is written
    in a workflow; empty where nothing in the workflow would help.
    """

    def __init__(self, status: int, needed: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.needed = needed
        self.message = message

    @property
    def is_passing(self) -> bool:
        """Whether the fault was GitHub's or the network's; what was asked for may be done all the same."""
        return self.status == 0 or self.status >= 500


class NoFileError(GithubError):
    """What a path leads to is not a file that can be read: a folder, a submodule, a link to elsewhere."""


class MovedError(GithubError):
    """What was looked at a moment ago is not so any more: another look may help."""
