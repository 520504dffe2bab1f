"""What AWS answers about workloads, as the documents that its command line prints."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from scanner.aws.ask import THREADS, Failure, attempt, warn_of_denial
from scanner.errors import Warnings
from scanner.workloads.documents import Documents

T = TypeVar("T")

_TOKENS = ("nextToken", "NextToken")


class Wanted(NamedTuple):
    """A part of a configuration: its form, the right that reads it, and what stays unknown without it."""

    form: str
    action: str
    means: str


class Answers:
    """Collects answers. What is denied is warned of and noted; nothing is raised but bad credentials."""

    def __init__(self, warnings: Warnings) -> None:
        self._warnings = warnings
        self._lock = threading.Lock()
        self._entries: dict[str, list[Any]] = {}
        self._partial: set[str] = set()
        self._missing: dict[str, None] = {}
        self._denied: set[str] = set()

    def ask(self, wanted: Wanted, request: Callable[[], Iterable[Any]]) -> list[Any]:
        """The entries that AWS answers with, which are kept too; none where it has or gives none.

        An action that was denied is not asked for again.
        """
        if wanted.action in self._denied:
            return []
        answer = attempt(lambda: list(request()))
        with self._lock:
            held = self._entries.setdefault(wanted.form, [])
            if not isinstance(answer, Failure):
                held.extend(answer)
                return answer
            if not answer.missing:
                self._partial.add(wanted.form)
            if answer.denied:
                self._denied.add(wanted.action)
                self._missing[wanted.action] = None
        if answer.denied:
            warn_of_denial(wanted.action, wanted.means, self._warnings)
        elif not answer.missing:
            failed = f"{wanted.action} failed ({answer.detail})"
            self._warnings.add("configuration-unread", f"{failed}: {wanted.means}")
        return []

    def keep(self, form: str, entry: Any) -> None:
        """Note an entry that follows from other answers."""
        with self._lock:
            self._entries.setdefault(form, []).append(entry)

    def ask_each(
        self, wanted: Wanted, request: Callable[[T], Iterable[Any]], items: Iterable[T]
    ) -> list[Any]:
        """The entries of several requests, some at once, in the order of the items."""
        todo = list(items)
        if not todo:
            return []
        first = self.ask(wanted, lambda: request(todo[0]))  # where it is denied, the others are not sent
        with ThreadPoolExecutor(THREADS) as pool:
            others = list(pool.map(lambda item: self.ask(wanted, lambda: request(item)), todo[1:]))
        return [*first, *(entry for answer in others for entry in answer)]

    @property
    def documents(self) -> Documents:
        """All that was answered."""
        return Documents(
            {form: tuple(entries) for form, entries in self._entries.items()},
            frozenset(self._partial),
            tuple(self._missing),
        )


def pages(client: Any, operation: str, key: str, **parameters: Any) -> list[Any]:
    """The entries of all pages of an answer; botocore has no paginator for a few."""
    if client.can_paginate(operation):
        answers = client.get_paginator(operation).paginate(**parameters)
        return [entry for answer in answers for entry in answer.get(key, ())]
    found: list[Any] = []
    while True:
        answer = getattr(client, operation)(**parameters)
        found += answer.get(key, ())
        tokens = {name: answer[name] for name in _TOKENS if answer.get(name)}
        if not tokens:
            return found
        parameters |= tokens


def in_chunks(items: Iterable[T], size: int) -> list[list[T]]:
    """Items in lists of some length at most: AWS describes so many at once."""
    listed = list(items)
    return [listed[start : start + size] for start in range(0, len(listed), size)]
