"""HCL: what to cut of a text so that nodes go and all other bytes stay. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scanner.templates.written import CannotCutError, Span


class HclSyntax:
    """HCL, with JSON in heredocs."""

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go. Raises CannotCutError."""
        raise CannotCutError("Terraform's files are not edited")

    def replaced(self, text: str, node: Span, values: Sequence[str]) -> str:
        """What to write in the place of a text. Raises CannotCutError."""
        raise CannotCutError("Terraform's files are not edited")

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text has the content of the old one without just these nodes."""
        return False


HCL = HclSyntax()
