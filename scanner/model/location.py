"""Where in a checkout something is granted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """Lines (from 1, the last one included) of a file, named by its path relative to the checkout.

    `made_by` names what stands there if the framework makes the permission of it: an event, a connector.
    """

    path: str
    line: int
    end_line: int
    made_by: str = ""
