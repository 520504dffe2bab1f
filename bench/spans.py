"""Write a file of spans as a collector does, for the bench: `python -m bench.spans FOLDER`.

The traces are those of real SDKs (tests/data/sdks) on Lambda, ECS and EKS: each of one request and nine spans
below it, with ids, times and requests' ids of its own, of twelve workloads. A line has what an SDK sends at
once, 512 spans at most. The same file is written with gzip. Prints the names, one a line.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SPANS = 1_000_000
SPANS_OF_TRACE = 10
_CHILDREN = SPANS_OF_TRACE - 1
_TRACES_OF_LINE = 51
_WORKLOADS_OF_CAPTURE = 4
# and the name of the workload in each
_CAPTURES = {"adot-python-lambda": "orders", "adot-python-ecs": "api", "adot-node-eks": "api"}
_DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "sdks"
_START, _SECONDS, _SEED = 1_795_000_000, 86_400, 12
_SECOND = 1_000_000_000


class _Template(NamedTuple):
    """A trace of a capture: for each of its spans the scope, and the text with `%s` where spans differ.

    These are trace, span, parent (the number of the span, -1 for none), start, end and the request.
    """

    scopes: tuple[str, ...]
    spans: tuple[str, ...]
    parents: tuple[int, ...]


def main() -> None:
    """Write the files into the folder that is named."""
    folder = Path(sys.argv[1])
    with (
        (folder / "spans.jsonl").open("wb") as plain,
        gzip.open(folder / "spans.jsonl.gz", "wb", 1) as packed,
    ):
        for line in lines(SPANS):
            plain.write(line)
            packed.write(line)
    print("spans.jsonl\nspans.jsonl.gz")


def lines(spans: int) -> Iterator[bytes]:
    """Lines that hold so many spans, the workloads taking turns."""
    ids = random.Random(_SEED)
    workloads = [
        _workload(*capture, number)
        for capture in _CAPTURES.items()
        for number in range(_WORKLOADS_OF_CAPTURE)
    ]
    traces, number, wanted = 0, 0, spans // SPANS_OF_TRACE
    while traces < wanted:
        resource, templates = workloads[number % len(workloads)]
        of_line = min(_TRACES_OF_LINE, wanted - traces)
        yield _line(resource, [templates[(traces + i) % len(templates)] for i in range(of_line)], ids)
        traces, number = traces + of_line, number + 1


def _workload(capture: str, name: str, number: int) -> tuple[str, list[_Template]]:
    """A workload like that of a capture: its resource, and its spans as traces of one request each."""
    text = (_DATA / f"{capture}.json").read_text()
    for before in ('"', "function:"):
        text = text.replace(f'{before}{name}"', f'{before}{name}-{number}"')
    document = json.loads(text)
    found = [
        (of_scope["scope"], span)
        for of_resource in document["resourceSpans"]
        for of_scope in of_resource["scopeSpans"]
        for span in of_scope["spans"]
    ]
    (root,) = (item for item in found if item[1]["kind"] == 2)
    below = [item for item in found if item is not root]
    groups = [below[at : at + _CHILDREN] for at in range(0, len(below) - _CHILDREN + 1, _CHILDREN)]
    resource = json.dumps(document["resourceSpans"][0]["resource"], separators=(",", ":"))
    return resource, [_template([root, *group]) for group in groups]


def _template(found: list[tuple[Any, Any]]) -> _Template:
    numbers = {span["spanId"]: number for number, (_, span) in enumerate(found)}
    return _Template(
        tuple(json.dumps(scope, separators=(",", ":")) for scope, _ in found),
        tuple(_text(span) for _, span in found),
        tuple(
            numbers.get(span.get("parentSpanId", ""), min(number, 1) - 1)
            for number, (_, span) in enumerate(found)
        ),
    )


def _text(span: dict[str, Any]) -> str:
    """A span with `%s` for what differs."""
    names = ("traceId", "spanId", "parentSpanId", "startTimeUnixNano", "endTimeUnixNano")
    rest = {name: value for name, value in span.items() if name not in names}
    text = json.dumps(rest, separators=(",", ":")).replace("%", "%%").replace('"REQUEST"', '"%(request)s"')
    head = ",".join(f'"{name}":"%({name})s"' for name in names)
    return f"{{{head},{text[1:]}"


def _line(resource: str, templates: list[_Template], ids: random.Random) -> bytes:
    """A request of OTLP: the spans of a resource by their scopes."""
    scopes: dict[str, list[str]] = {}
    for template in templates:
        trace, start = ids.randbytes(16).hex(), _SECOND * (_START + ids.randrange(_SECONDS))
        spans = ["", *(ids.randbytes(8).hex() for _ in template.spans)]
        for number, (scope, text, parent) in enumerate(
            zip(template.scopes, template.spans, template.parents, strict=True)
        ):
            began = start + number * 1_000_000
            values = {
                "traceId": trace,
                "spanId": spans[number + 1],
                "parentSpanId": spans[parent + 1],
                "startTimeUnixNano": began,
                "endTimeUnixNano": began + (500_000 if number else 90_000_000),
                "request": f"{spans[number + 1]}-4000-8000-{trace[:12]}",
            }
            scopes.setdefault(scope, []).append(text % values)
    of_scopes = ",".join(
        f'{{"scope":{scope},"spans":[{",".join(spans)}]}}' for scope, spans in scopes.items()
    )
    return f'{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{of_scopes}]}}]}}\n'.encode()


if __name__ == "__main__":
    main()
