"""Whether all AWS clients of a process are instrumented, as its resource or its instrumentation tells. Pure.

data/automatic.csv names instrumentations that patch the class of all clients, and agents that bring them.
"""

from __future__ import annotations

import re
from functools import cache

from scanner.spans.aliases import text_of
from scanner.spans.span import Span
from scanner.text.tables import rows


def is_automatic(span: Span) -> bool:
    """Whether a span shows that every AWS client of its process is instrumented."""
    return any(
        pattern.fullmatch(span.scope if of == "scope" else text_of(of, span)) for of, pattern in _patterns()
    )


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["of"], re.compile(row["pattern"])) for row in rows("spans", "automatic"))
