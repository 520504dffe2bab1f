"""Prints how many findings of the corpus have a place, none, or a wrong one."""

from __future__ import annotations

import sys
from collections import Counter

from tests.placing.corpus import FRAMEWORKS, checkouts
from tests.placing.verdicts import ADDED, NONE, RIGHT, WRONG, placed

_COLUMNS = (RIGHT, NONE, WRONG, ADDED)


def main() -> int:
    print(
        f"{'framework':<16}{'templates':>10}"
        + "".join(f"{column:>10}" for column in _COLUMNS[:3])
        + f"  {ADDED}"
    )
    wrong = 0
    for framework in FRAMEWORKS:
        counts = Counter[str]()
        for checkout in checkouts(framework):
            for its in placed(checkout):
                counts[its.verdict] += 1
                if its.verdict in (WRONG, NONE) and "-v" in sys.argv:
                    what = f"{its.finding.role.rpartition('/')[2]} {its.finding.policy.name}"
                    print(its.verdict, framework, checkout.name, what, its.finding.actions[0], its.location)
        wrong += counts[WRONG]
        cells = "".join(f"{counts[column]:>10}" for column in _COLUMNS[:3])
        print(f"{framework:<16}{len(checkouts(framework)):>10}{cells}  {counts[ADDED]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
