"""Work for several accounts at once: in order, apart, and ended by hand."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from scanner.accounts import Account, Accounts, merged
from scanner.aws.api import AssumedRole, Aws
from scanner.aws.interruption import Interruption
from scanner.errors import EXIT_USAGE, ScanError, Warnings, WrongRegionError
from scanner.model import ScanWarning
from scanner.progress import ProgressOfAll
from scanner.side_by_side import side_by_side

IDS = tuple(f"{number:012}" for number in range(1, 13))


class Own:
    interruption = Interruption()


def accounts(warnings: Warnings) -> Accounts:
    own = cast("Aws", Own())
    roles = tuple(AssumedRole(f"arn:aws:iam::{id_}:role/scan") for id_ in IDS)
    return Accounts(own, roles, warnings, tuple(Account(own, id_) for id_ in IDS))


def done(work: Callable[[Account, Warnings], Any]) -> tuple[dict[str, Any], list[str], dict[str, str]]:
    warnings = Warnings()
    all_accounts = accounts(warnings)
    results = all_accounts.each(work, all_accounts.asked)
    return results, [warning.message for warning in warnings.all()], all_accounts.unread


def test_results_and_warnings_stand_in_the_order_of_the_accounts() -> None:
    def work(account: Account, said: Warnings) -> str:
        time.sleep(0.02 * (IDS[-1] > account.id) * (account.id[-1] == "1"))
        said.add("a", "alike")
        if account.id in IDS[1:3]:
            said.add("b", f"of {account.id}")
        return account.id

    results, messages, _ = done(work)
    assert list(results) == list(IDS)
    assert messages == [
        f"accounts {', '.join(IDS[:3])} and 9 more: alike",
        f"account {IDS[1]}: of {IDS[1]}",
        f"account {IDS[2]}: of {IDS[2]}",
    ]


def test_one_that_fails_is_a_warning_and_the_others_go_on() -> None:
    def work(account: Account, said: Warnings) -> int:
        if account.id == IDS[3]:
            raise ScanError("no right")
        return 1

    results, messages, unread = done(work)
    assert len(results) == len(IDS) - 1
    assert messages == [f"account {IDS[3]} could not be read: no right"]
    assert unread == {IDS[3]: "no right"}


@pytest.mark.parametrize(
    "error", [WrongRegionError("no such region"), ScanError("too much", EXIT_USAGE), ValueError("a fault")]
)
def test_wrong_use_and_faults_are_errors(error: Exception) -> None:
    def work(account: Account, said: Warnings) -> None:
        if account.id == IDS[3]:
            raise error

    with pytest.raises(type(error), match=str(error)):
        done(work)


def test_where_all_fail_the_first_says_why() -> None:
    def work(account: Account, said: Warnings) -> None:
        raise ScanError(f"no right in {account.id}")

    with pytest.raises(ScanError, match=f"no right in {IDS[0]}"):
        done(work)


def test_an_end_by_hand_is_a_partial_result_only_where_one_counts() -> None:
    def work(account: Account, said: Warnings) -> int:
        if account.id == IDS[3]:
            raise KeyboardInterrupt
        return 1

    with pytest.raises(KeyboardInterrupt):
        done(work)
    all_accounts = accounts(Warnings())
    assert len(all_accounts.each(work, all_accounts.asked, partly=True)) == len(IDS) - 1
    assert (all_accounts.interrupted, all_accounts.unread) == (True, {IDS[3]: "interrupted"})


def test_warnings_of_several_accounts_are_counted_together() -> None:
    said = {"1": [ScanWarning("a", "x", 2)], "2": [ScanWarning("a", "x", 3), ScanWarning("a", "y", 1)]}
    assert merged(said) == [
        ScanWarning("a", "accounts 1, 2: x", 5),
        ScanWarning("a", "account 2: y", 1),
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_by_hand_keeps_what_was_read(number: signal.Signals) -> None:
    interruption = Interruption()
    ready = threading.Event()

    def asks() -> str:
        """Sends one request after the other, and tells what it has when it is ended."""
        ready.set()
        try:
            while True:
                time.sleep(0.01)
                interruption._check(Request("GetQueryResults"))
        except KeyboardInterrupt:
            interruption._check(Request("StopQuery"))
            return "in part"

    def loses() -> str:
        while True:
            time.sleep(0.01)
            interruption._check(Request("GetTraceSummaries"))

    def interrupt() -> None:
        ready.wait()
        time.sleep(0.05)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    part, lost, whole = side_by_side([asks, loses, lambda: "whole"], interruption)
    assert (part.value, whole.value) == ("in part", "whole")
    assert isinstance(lost.error, KeyboardInterrupt)
    interruption._check(Request("GetTraceSummaries"))  # requests may be sent again


class Request:
    def __init__(self, name: str) -> None:
        self.name = name


def test_progress_of_all_is_that_of_each_together() -> None:
    told: list[tuple[str, int, int | None]] = []
    together = ProgressOfAll(lambda *progress: told.append(progress))
    one, two = together.of_one(), together.of_one()
    one("roles", 1, 4)
    two("roles", 0, None)
    two("roles", 2, 3)
    assert told == [("roles", 1, 4), ("roles", 1, 4), ("roles", 3, 7)]
