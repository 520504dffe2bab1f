"""The bounds of templates: of their texts, and of walks over them, counted so that no walk is endless."""

from __future__ import annotations

MAX_NESTING = 100
MAX_EVENTS = 200_000  # a template of 1 MB, the most that CloudFormation takes, has about 100,000
MAX_STEPS = 200_000  # of all walks over one template; only one that multiplies itself by aliases needs more
MAX_STEPS_OF_ALL = 4_000_000  # of all walks over the templates of a checkout: some seconds


class TooManyStepsError(ValueError):
    """Templates multiply themselves, or match, beyond what is read."""


class Steps:
    """Steps of walks, counted so that no walk is endless. `within` are those that these are part of."""

    def __init__(self, most: int = MAX_STEPS, within: Steps | None = None) -> None:
        self._left = most
        self._within = within

    @property
    def left(self) -> int:
        """How many more are allowed."""
        return self._left if self._within is None else min(self._left, self._within.left)

    def spend(self, steps: int) -> None:
        """Count steps. Raises TooManyStepsError where they are more than allowed."""
        self._left -= steps
        if self._within is not None:
            self._within.spend(steps)
        if self._left < 0:
            raise TooManyStepsError
