"""`ledger`: what a ledger knows, shown, exported or pruned."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import IO, TYPE_CHECKING

from scanner.commands.command import Command, say_line
from scanner.errors import EXIT_OK
from scanner.options.ledger import ledger_options_of, ledger_parser
from scanner.output.streams import printing

if TYPE_CHECKING:
    from scanner.ledger import Ledger, LedgerStore
    from scanner.options.ledger import LedgerOptions


def _run(arguments: argparse.Namespace, out: IO[str], err: IO[str]) -> int:
    from scanner.aws.clients import Clients
    from scanner.ledger import ledger_store

    options = ledger_options_of(arguments, time.time())
    store = ledger_store(options.place, Clients(options.region, options.profile), partial(say_line, err))
    if options.action == "show":
        _show(store, options, out)
    elif options.action == "export":
        _export(store.read(), out)
    else:
        _prune(store, options.before, err)
    return EXIT_OK


def _show(store: LedgerStore, options: LedgerOptions, out: IO[str]) -> None:
    from scanner.ledger.lines import lines_of
    from scanner.text.escape import one_line

    lines = lines_of(store.name, store.read(), everything=options.all)
    with printing(out):
        for line in lines:
            out.write(one_line(line) + "\n")


def _export(ledger: Ledger, out: IO[str]) -> None:
    import msgspec

    from scanner.ledger.export import export_of
    from scanner.text.escape import well_formed

    document = well_formed(msgspec.to_builtins(export_of(ledger)))
    with printing(out):
        out.write(msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n")


def _prune(store: LedgerStore, before: float, err: IO[str]) -> None:
    from scanner.ledger import EMPTY
    from scanner.ledger.fold import pruned
    from scanner.ledger.lines import pruned_line

    if store.read() == EMPTY:  # perhaps a name that was not spelled right: nothing is made under it
        say_line(err, f"{store.name} holds nothing: there is nothing to forget")
        return
    ledgers: list[Ledger] = []

    def change(ledger: Ledger) -> Ledger:
        ledgers.append(ledger)
        return pruned(ledger, before)

    kept = store.change(change)
    say_line(err, pruned_line(store.name, ledgers[-1], kept, before))


COMMAND = Command("what earlier scans saw (--ledger): show, export or prune it", ledger_parser, _run)
