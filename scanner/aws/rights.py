"""The rights that a scan uses: data/rights.csv, from which docs and the roles of examples are checked."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from scanner.text.tables import rows


class Right(NamedTuple):
    """An IAM action that a scan uses.

    `statement` is the Sid of the policy in docs/aws-permissions.md that allows it, `adds` what it is for and
    what is lost without it. A scan that compares needs the `required` ones. `resource` is what it is needed
    on: `*` where IAM knows no resource for it, or where any may be meant.
    """

    action: str
    statement: str
    required: bool
    adds: str
    resource: str = "*"


@cache
def rights() -> tuple[Right, ...]:
    """All of them."""
    return tuple(
        Right(
            row["action"],
            row["statement"],
            row["required"] == "yes",
            row["adds"],
            resource=row["resource"] or "*",
        )
        for row in rows("aws", "rights")
    )
