"""What the records of all parts of the reports have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta

from scanner.records.aws_records import CLOUDTRAIL, LAST_ACCESSED, SOURCES


def about(description: str, values: Iterable[str] = ()) -> Meta:
    """What a key holds, in Markdown; and the allowed values, where no type lists them."""
    allowed = list(values)
    return Meta(description=description, extra_json_schema={"enum": allowed} if allowed else None)


Json = dict[str, Any]
Count = Annotated[int, Meta(ge=0)]
# ISO 8601 in UTC, with milliseconds
Time = str | None
PolicyKind = Literal["inline", "managed"]
Source = Annotated[str, about("a source besides the traces", sorted((CLOUDTRAIL, LAST_ACCESSED)))]
RequestedSource = Annotated[str, about("a source besides the traces", sorted(SOURCES))]
