"""`python -m tests.simulate --workloads 5000 --seed 1`: how right the verdicts are, as a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random

from tests.simulate.judge import Score, Wrong, simulate
from tests.simulate.reality import operations, real_call
from tests.simulate.refute import Refuted, refuted
from tests.simulate.workloads import STYLES

_SHOWN = 20


def main() -> int:
    """Simulate, and print what came out. The exit code is 1 if a confirmed finding is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulate", description=__doc__)
    parser.add_argument("--workloads", type=int, default=5000)
    parser.add_argument("--calls", type=int, default=5000, help="random calls of any mapped operation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        score = simulate(arguments.workloads, arguments.seed, Path(folder))
    _print_score(score)
    wrong = list(_refuted_calls(arguments.calls, arguments.seed))
    print(f"{arguments.calls:>7} calls of any mapped operation, {len(wrong)} grants wrongly confirmed")
    _print(wrong)
    return 1 if score.refuted or score.moot or score.lost or wrong else 0


def _refuted_calls(count: int, seed: int) -> Iterable[Refuted]:
    random = Random(seed)
    for _ in range(count):
        calls = [real_call(random, random.choice(operations())) for _ in range(random.choice((1, 1, 2)))]
        yield from refuted(calls, random)


def _print_score(score: Score) -> None:
    print(f"{score.workloads:>7} workloads, {score.confirmed} confirmed grants")
    print(f"{len(score.refuted):>7} refuted, {score.not_run} more by paths that did not run")
    print(f"{len(score.moot):>7} moot")
    print(f"{len(score.lost):>7} needs that a suggested policy would not allow")
    for style in STYLES:
        print(f"{score.share(style):>7.1%} of {score.planted[style]} planted grants confirmed ({style})")
    for cause, count in score.held_back.most_common(_SHOWN):
        print(f"{count:>7} held back: {cause}")
    _print([*score.refuted, *score.moot, *score.lost])


def _print(wrong: Iterable[Wrong | Refuted]) -> None:
    for line in list(wrong)[:_SHOWN]:
        print(f"        {line}")


sys.exit(main())
