"""What CloudFormation says of a deployed resource."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StackResource:
    """A resource of a stack. `template` is the text with which the stack was deployed, None where unknown.

    `module` is the logical id of the module that made it, with those around it; empty where none did.
    """

    stack: str
    logical_id: str
    template: str | None = None
    module: str = ""
