"""YAML, and so JSON: what to cut of a text so that nodes go and all other bytes stay."""

from __future__ import annotations

from collections.abc import Collection

from scanner.templates.written import CannotCutError, Span


class YamlSyntax:
    """Block and flow style, and JSON, with the comments that belong to what goes."""

    def cuts(self, text: str, nodes: Collection[Span]) -> tuple[Span, ...]:
        """What to cut so that nodes go, and collections that would be empty with them."""
        raise CannotCutError("edits of YAML are not made yet")

    def is_without(self, text: str, nodes: Collection[Span], new: str) -> bool:
        """Whether a new text has the content of the old one without just these nodes."""
        return False


YAML = YamlSyntax()
