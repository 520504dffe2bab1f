"""How much is tried: `HYPOTHESIS_PROFILE` chooses, a property weighs its own, and `.ci/run` tries all."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

_FULL = 100  # hypothesis's own number

# No deadline: nothing here is a timing test. The same examples in every run: a red build says something.
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=_FULL // 4)
settings.register_profile("full", deadline=None, derandomize=True, max_examples=_FULL)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "quick")


def examples(full: int, quick: int | None = None) -> settings:
    """The settings of a property that is tried with so many examples in the full profile.

    In the quick one it is a share of these, or as many as are named.
    """
    share = full * settings().max_examples // _FULL
    return settings(max_examples=share if quick is None or share == full else quick)


thorough = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "full",
    reason="one of several like it, and slow: in the full profile (HYPOTHESIS_PROFILE=full) only",
)
"""Of several tests of one rule that each start processes or servers, one runs always, the others in CI."""
