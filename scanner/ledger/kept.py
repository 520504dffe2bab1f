"""A ledger as the bytes that a store keeps: read, changed, tidied, written."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scanner.ledger.encoding import NotALedgerError, decoded, encoded
from scanner.ledger.store import LedgerUnreadError
from scanner.ledger.values import EMPTY, Ledger

LARGEST = 1 << 28
"""Bytes of a ledger's file."""

Change = Callable[[Ledger], Ledger]


class Kept(NamedTuple):
    """A ledger, and the bytes that hold it."""

    ledger: Ledger
    content: bytes


def ledger_in(content: bytes | None, name: str) -> Ledger:
    """The ledger in these bytes, an empty one where there are none. Raises LedgerUnreadError."""
    if content is None:
        return EMPTY
    try:
        return decoded(content)
    except NotALedgerError as error:
        raise LedgerUnreadError(f"--ledger: {name} {error}", advice=error.advice) from error


def changed(content: bytes | None, name: str, change: Change, tidy: Change) -> Kept:
    """What is to be kept in the place of these bytes. Raises LedgerUnreadError."""
    ledger = tidy(change(ledger_in(content, name)))
    return Kept(ledger, encoded(ledger))


def too_large(name: str, size: int) -> LedgerUnreadError:
    """The error that says so."""
    return LedgerUnreadError(
        f"--ledger: {name} has {size >> 20:,} MiB, more than the {LARGEST >> 20} MiB that a ledger may have",
        advice="name another file, or one for each account",
    )
