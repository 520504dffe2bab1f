"""Edits of a checkout's files."""

from __future__ import annotations

from typing import Annotated

from msgspec import Struct

from scanner.model import Disposition
from scanner.report.records.keys import Count, about


class Fix(Struct, frozen=True, kw_only=True):
    """An edit of a file of the checkout that takes findings away. Each can be made alone."""

    path: Annotated[str, about("the file, relative to the checkout")]
    start: Annotated[Count, about("the first byte of the file that it changes, from 0")]
    end: Annotated[Count, about("the first byte after those that it changes")]
    line: Annotated[Count, about("the first line that it changes, from 1")]
    end_line: Annotated[Count, about("the last line that it changes")]
    before: Annotated[str, about("what stands there")]
    replacement: Annotated[str, about("what to put there")]
    digest: Annotated[
        str, about("the SHA-256 of the file as the scan read it: `fix` changes no file that is another one")
    ]
    findings: Annotated[tuple[str, ...], about("the ids of the findings that are gone with it, all of them")]
    disposition: Annotated[
        Disposition,
        about("`safe`: it removes what nobody used; `needs-a-look`: `why` says what to look at first"),
    ]
    why: Annotated[str, about("what it does")]
    diff: Annotated[
        tuple[str, ...], about("its lines of a unified diff, without the names of the file and line ends")
    ]
