"""What a scan says of simulated workloads, held against the truth about them."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from scanner.aws.clients import Clients
from scanner.iam import catalog
from scanner.iam.evaluate import AccessRequest, Effect, evaluate
from scanner.iam.patterns import matches, overlaps
from scanner.iam.policies import parse_policy
from scanner.model import Policy, Verdict
from scanner.request import ScanRequest
from scanner.result import RoleResult
from scanner.scan import scan
from scanner.verdict.assessment import Assessment
from tests.inputs import documents
from tests.simulate.policies import MANAGED
from tests.simulate.reality import Touch
from tests.simulate.workloads import Style, Workload, workload

_VARIABLE = re.compile(r"\$\{\w+\}")
_AT_ONCE = 250


class Wrong(NamedTuple):
    """A confirmed finding that is wrong, and what it denies."""

    workload: str
    style: Style
    grant: tuple[str, str]
    verdict: str
    need: Touch | None


@dataclass
class Score:
    """What came out of some workloads."""

    workloads: int = 0
    confirmed: int = 0
    refuted: list[Wrong] = field(default_factory=list)
    not_run: int = 0
    moot: list[Wrong] = field(default_factory=list)
    lost: list[Wrong] = field(default_factory=list)
    planted: Counter[Style] = field(default_factory=Counter)
    found: Counter[Style] = field(default_factory=Counter)
    held_back: Counter[str] = field(default_factory=Counter)

    def share(self, style: Style) -> float:
        """The share of the planted excess that was confirmed."""
        return self.found[style] / max(1, self.planted[style])


def simulate(count: int, seed: int, folder: Path) -> Score:
    """The score of that many workloads."""
    random, score = Random(seed), Score()
    for first in range(0, count, _AT_ONCE):
        names = [f"w{number}" for number in range(first, min(first + _AT_ONCE, count))]
        _judge([workload(random, name) for name in names], folder, score)
    return score


def _judge(workloads: Sequence[Workload], folder: Path, score: Score) -> None:
    """Scan some workloads at once, and add what comes out to the score."""
    roles = {result.role.arn: result for result in _scan(workloads, folder)}
    for one in workloads:
        score.workloads += 1
        _add(score, one, roles[one.function.role])


def _scan(workloads: Iterable[Workload], folder: Path) -> Sequence[RoleResult]:
    now = time.time()
    functions, iam, traces = documents([w.function for w in workloads], now, managed=MANAGED)
    path = folder / "traces.json"
    path.write_text(json.dumps(traces), encoding="utf-8")
    request = ScanRequest(now=now, compare=True, traces=(path,), iam=iam, documents={"lambda": functions})
    return scan(request, Clients(None, None)).roles


def _add(score: Score, one: Workload, result: RoleResult) -> None:
    for assessment in result.assessments:
        if not is_confirmed(assessment):
            continue
        score.confirmed += 1
        need = next((t for t in sorted(one.needs) if _denies(assessment, t)), None)
        if need is not None:
            score.refuted.append(_wrong(one, assessment, need))
        elif any(_denies(assessment, touch) for touch in one.skipped):
            score.not_run += 1
        if _is_moot(assessment):
            score.moot.append(_wrong(one, assessment, None))
    score.lost += [
        Wrong(one.function.name, one.style, touch, "suggested policy", touch) for touch in _lost(one, result)
    ]
    for grant in one.planted:
        score.planted[one.style] += 1
        same = [a for a in result.assessments if (a.grant.action, a.grant.pattern) == grant]
        if any(map(is_confirmed, same)):
            score.found[one.style] += 1
        else:
            score.held_back.update(_causes(same))


def _lost(one: Workload, result: RoleResult) -> Iterator[Touch]:
    """What the role allowed and the workload needed, though the suggested policy would not allow it."""
    if result.suggestion is None:
        return
    statements = parse_policy(result.suggestion.policy)
    suggested = [Policy("suggested", None, "inline", statements, None)]
    for touch in sorted(one.needs):
        single = touch.resource.replace("-??????", "-Ab12Cd")
        single = single if single == "*" else single.replace("*", "x")
        request = AccessRequest(touch.action, single)
        allowed = evaluate(request, result.role.policies).effect is Effect.ALLOWED
        if allowed and evaluate(request, suggested).effect is not Effect.ALLOWED:
            yield touch


def _causes(assessments: Iterable[Assessment]) -> Iterator[str]:
    """Why a planted grant is not confirmed."""
    for assessment in assessments:
        yield " ".join(assessment.reasons) or assessment.verdict.value


def _wrong(one: Workload, assessment: Assessment, need: Touch | None) -> Wrong:
    grant = (assessment.grant.action, assessment.grant.pattern)
    return Wrong(one.function.name, one.style, grant, assessment.verdict.value, need)


def is_confirmed(assessment: Assessment) -> bool:
    """Whether it is a confirmed excess."""
    return assessment.verdict in (Verdict.UNUSED, Verdict.BROAD) and not assessment.reasons


def _denies(assessment: Assessment, touch: Touch) -> bool:
    """Whether what is confirmed of a grant says that this, which it allowed, was not needed."""
    grant, action = assessment.grant, touch.action.lower()
    if not matches(grant.action.lower(), action) or not overlaps(grant.pattern, touch.resource):
        return False
    if touch.resource == "*" and grant.pattern != "*":  # an action that knows no resources
        return False
    used = {use.action for use in assessment.used_for}
    return assessment.verdict is Verdict.UNUSED or (action in assessment.excess and action not in used)


def _is_moot(assessment: Assessment) -> bool:
    """Whether a grant cannot work: its action is of other types of resources."""
    known = catalog.action(assessment.grant.action)
    if known is None or not known.resource_types:
        return False
    formats = (form for kind in known.resource_types for form in kind.formats)
    return not any(overlaps(_VARIABLE.sub("*", form), assessment.grant.pattern) for form in formats)
