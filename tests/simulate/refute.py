"""Grants that a call really needed, though a scan confirms that it did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from scanner.mapping.authorised import checked_for
from scanner.model import Usage, Verdict
from scanner.traces.documents import Trace
from scanner.traces.reading import read_trace
from scanner.usage.builder import UsageBuilder
from scanner.usage.evidence import EvidenceRequirements
from scanner.verdict.assessment import Assessment
from tests.fakes.traces import Json
from tests.simulate.reality import RealCall, Touch
from tests.unit.cases import NOW, allow, compared, function_arn, policy

_SURE = EvidenceRequirements(assume_instrumented=True)  # no doubt but those about the call itself
_PATTERNS, _TOGETHER, _WITH_REGION = 0.3, 0.5, 0.9
Grant = tuple[str, str]
"""An action and a resource, as a policy writes them."""


class Refuted(NamedTuple):
    """A finding that is wrong: what was recorded, the grant, what was confirmed of it, what needed it."""

    recorded: tuple[Json, ...]
    grant: Grant
    verdict: str
    touch: Touch


def refuted(calls: Sequence[RealCall], random: Random) -> list[Refuted]:
    """What is wrongly confirmed of the grants that allow some calls: alone in a role, or together."""
    recorded = [call.recorded(random, region=random.random() < _WITH_REGION) for call in calls]
    usage = usage_of(*recorded)
    needed = [(grant, touch) for call in calls for touch in call.touches for grant in _grants(random, touch)]
    together = random.random() < _TOGETHER
    roles = [needed] if together else [[pair] for pair in needed]
    return [
        Refuted(tuple(call["aws"] for call in recorded), grant, assessment.verdict.value, touch)
        for role in roles
        for (grant, touch), assessment in zip(role, assess([g for g, _ in role], usage), strict=True)
        if is_wrong(assessment, touch)
    ]


def usage_of(*recorded: Json) -> Usage:
    """What one complete trace of the function shows that made these calls."""
    arn = function_arn("f")
    calls = [{"id": f"c{n}", "start_time": NOW - 0.5, "end_time": NOW, **c} for n, c in enumerate(recorded)]
    document = {"id": "a", "name": "f", "start_time": NOW - 1, "end_time": NOW, "subsegments": calls}
    owner = {"origin": "AWS::Lambda::Function", "aws": {"function_arn": arn}}
    builder = UsageBuilder()
    builder.add(read_trace(Trace("1-5-5", ({**document, **owner},))))
    (usage,) = builder.usages()
    return usage


def assess(grants: Sequence[Grant], usage: Usage) -> tuple[Assessment, ...]:
    """What is said of each grant of a role that has these, a statement each."""
    role = policy(*(allow(action, resource) for action, resource in grants))
    return compared([role], [usage], requirements=_SURE).assessed.assessments


def is_wrong(assessment: Assessment, touch: Touch) -> bool:
    """Whether what is said of a grant, through which IAM allowed this, denies that it was needed."""
    if assessment.verdict is Verdict.INEFFECTIVE:
        return True
    if assessment.reasons or assessment.verdict not in (Verdict.UNUSED, Verdict.BROAD):
        return False
    action = touch.action.lower()
    used = {use.action for use in assessment.used_for}  # then no more is said than that the resource is wide
    return assessment.verdict is Verdict.UNUSED or (action in assessment.excess and action not in used)


def _grants(random: Random, touch: Touch) -> Iterator[Grant]:
    """Grants that allow what was touched, as policies write them."""
    service, _, verb = touch.action.partition(":")
    actions = [touch.action]
    if random.random() < _PATTERNS:
        actions.append(random.choice((f"{service}:*", f"{service}:{verb[:-1]}*", f"{service}:{verb[:3]}*")))
    resources = [touch.resource]
    if touch.resource != "*":
        resources.append(random.choice(("*", f"{touch.resource[:-2]}*", touch.resource)))
        resources.extend(_also_checked(touch))
    for action in actions:
        for resource in dict.fromkeys(resources):
            yield action, resource


def _also_checked(touch: Touch) -> Iterator[str]:
    """Other ARNs that IAM accepts for the touched one: not the secret whose name ends like a suffix."""
    if not touch.action.startswith("secretsmanager:"):
        yield from (rule.arn for rule in checked_for(touch.action, touch.resource))
