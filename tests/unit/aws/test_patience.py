"""When AWS is given up: after a time in which it only fails."""

from __future__ import annotations

import pytest

from scanner.aws.patience import PATIENCE_SECONDS, Patience
from scanner.errors import EXIT_NOTHING_READ, ScanError


class Now:
    """A clock that the test moves."""

    time = 100.0

    def __call__(self) -> float:
        return self.time


def test_failures_for_five_minutes_end_the_scan() -> None:
    now = Now()
    patience = Patience(now)
    patience.failed("Throttling")
    now.time += PATIENCE_SECONDS - 1
    patience.failed("Throttling")
    now.time += 1
    with pytest.raises(ScanError, match=r"errors for 5 minutes \(Throttling\)") as raised:
        patience.failed("Throttling")
    assert raised.value.exit_code == EXIT_NOTHING_READ


def test_one_answer_begins_anew() -> None:
    now = Now()
    patience = Patience(now)
    patience.failed("Throttling")
    now.time += PATIENCE_SECONDS - 1
    patience.succeeded()
    now.time += PATIENCE_SECONDS
    patience.failed("Throttling")
    now.time += PATIENCE_SECONDS - 1
    patience.failed("Throttling")


def test_a_request_that_hung_for_long_counts_from_its_begin() -> None:
    now = Now()
    patience = Patience(now)
    began = now.time
    now.time += PATIENCE_SECONDS
    with pytest.raises(ScanError, match="ReadTimeoutError"):
        patience.failed("ReadTimeoutError", began)


def test_a_request_that_hung_while_others_were_answered_ends_nothing() -> None:
    now = Now()
    patience = Patience(now)
    began = now.time
    now.time += PATIENCE_SECONDS
    patience.succeeded()
    now.time += 1
    patience.failed("ReadTimeoutError", began)
