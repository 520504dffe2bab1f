"""How many examples a property is tried with: `HYPOTHESIS_PROFILE` chooses, and a property weighs its own."""

from __future__ import annotations

import os

from hypothesis import settings

_FULL = 100  # hypothesis's own number

# No deadline: nothing here is a timing test. The same examples in every run: a red build says something.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=_FULL // 4)
settings.register_profile("full", deadline=None, derandomize=True, max_examples=_FULL)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")


def examples(full: int) -> settings:
    """The settings of a property that is tried with so many examples in the full profile."""
    return settings(max_examples=full * settings().max_examples // _FULL)
