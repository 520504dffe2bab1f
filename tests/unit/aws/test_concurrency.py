"""The number of requests that run at once follows how AWS takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

from scanner.aws.concurrency import ConcurrencyLimit


class Now:
    """A clock that is set."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_throttling_shrinks_it_once_for_a_burst() -> None:
    now = Now()
    limit = ConcurrencyLimit(10, now)
    limit.throttled()
    limit.throttled()
    assert limit.places == 6
    now.time = 1.0
    limit.throttled()
    assert limit.places == 3


def test_one_place_always_stays() -> None:
    now = Now()
    limit = ConcurrencyLimit(2, now)
    for second in range(10):
        now.time = float(second)
        limit.throttled()
    assert limit.places == 1


def test_what_goes_well_widens_it_by_about_a_place_a_round_up_to_the_most() -> None:
    limit = ConcurrencyLimit(10, Now())
    limit.throttled()
    for _ in range(6):
        limit.went_well()
    assert limit.places == 6  # 6.9: a round of the places that there were
    for _ in range(100):
        limit.went_well()
    assert limit.places == 10


def test_no_more_requests_run_at_once_than_there_are_places() -> None:
    limit, lock, most, running = ConcurrencyLimit(3), Lock(), 0, 0
    together = Barrier(3, timeout=5)

    def request(_: int) -> None:
        nonlocal most, running
        with limit.place():
            with lock:
                running += 1
                most = max(most, running)
            together.wait()  # three do run at once
            with lock:
                running -= 1

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(request, range(9)))
    assert most == 3
