"""Reports to tell of, and a webhook that answers as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from scanner.model import Verdict
from scanner.report.build import report
from scanner.report.records import History, PastFinding, Report
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.unit.report.examples import COMPARE, unused_scan

BEFORE = "2026-11-26T05:17:00.000Z"


def found() -> Report:
    """A report without a ledger: one confirmed finding, dynamodb:Scan of the function f."""
    return report(unused_scan(), COMPARE)


def id_of(of: Report) -> str:
    """The id of its only open finding."""
    (id_,) = (f.id for role in of.roles for f in role.findings if f.verdict is Verdict.UNUSED)
    return id_


def past(label: str, id_: str = "0123456789ab", role: str = "arn:aws:iam::1:role/gone") -> PastFinding:
    return PastFinding(id=id_, role=role, label=label, severity="write", verdict=Verdict.UNUSED)


def since(
    of: Report,
    new: Sequence[str] = (),
    fixed: Sequence[PastFinding] = (),
    previous: str | None = BEFORE,
    undecided: Sequence[PastFinding] = (),
) -> Report:
    """The report with a history."""
    ids = [id_of(of)]
    history = History(
        previous=previous,
        new=tuple(new),
        still_open=tuple(id_ for id_ in ids if id_ not in new),
        fixed=tuple(fixed),
        settled=(),
        undecided=tuple(undecided),
        runs=(),
    )
    return msgspec.structs.replace(of, history=history)


def renamed(of: Report, who: str, actions: Sequence[str] = ()) -> Report:
    """The report with other names: whatever AWS or a template may call something."""
    document: Any = msgspec.to_builtins(of)
    text = orjson.dumps(document).decode()
    changed = orjson.loads(text.replace('"name":"f"', f'"name":{orjson.dumps(who).decode()}'))
    for role in changed["roles"]:
        role["name"] = who
        role["workloads"] = [who]
        for finding in role["findings"]:
            finding["actions"] = [*actions] or finding["actions"]
            finding["resources"] = [who]
    return msgspec.convert(changed, Report)


@dataclass
class Hook:
    """What a webhook was sent."""

    url: str = ""
    requests: list[HttpRequest] = field(default_factory=list)

    @property
    def messages(self) -> list[Any]:
        return [orjson.loads(request.body) for request in self.requests]


@contextmanager
def hook(answers: Sequence[Answer] = (), path: str = "/hooks/T0/B0/s3cr3tTok3n") -> Iterator[Hook]:
    """A webhook that gives these answers, the last one from then on; 200 without any."""
    received = Hook()
    script = list(answers) or [Answer(200, b"ok")]

    def answer(request: HttpRequest) -> Answer:
        received.requests.append(request)
        return script.pop(0) if len(script) > 1 else script[0]

    with serving(answer) as base:
        received.url = f"{base}{path}"
        yield received
