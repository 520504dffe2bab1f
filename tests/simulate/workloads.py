"""Workloads by chance: what they need, what of it traces show, and what their policies grant besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from tests.fakes.traces import REGION, Json
from tests.inputs import TRACES, Function
from tests.simulate.policies import policies
from tests.simulate.reality import Touch
from tests.simulate.tables import PARAMETERS, RESOURCES, Row, excess, operations, touches, unseen

Style = Literal["python", "node", "adot"]
STYLES: tuple[Style, ...] = ("python", "node", "adot")
_RUNTIMES = {"python": "python3.13", "node": "nodejs22.x", "adot": "python3.13"}
_SDKS = {"python": "X-Ray for Python", "node": "X-Ray for Node.js", "adot": "opentelemetry for python"}

_PATH_DID_NOT_RUN = 0.08
_HAS_UNSEEN = 0.4
_CONFIGURED = 0.15
_CLIENT_IS_UNTRACED = 0.15  # of Node: each client is captured by itself
_ACTS_FOR_CALLER = "CloudFormation"
_USED_SERVICE = 0.75  # of the excess: on something that the workload uses
_OTHER_RESOURCE = 0.3
# A call that needs no permission: docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_WHO = Row("", "sts", "STS", "GetCallerIdentity", (), (), (), ())
_RARE, _IS_RARE = ("stack", "restore", "scaling"), 0.3
_NAMES = ("orders", "users", "jobs", "images", "events")


@dataclass(frozen=True)
class Workload:
    """A workload: its function, and the truth about it.

    `needs` is what IAM allowed it to do, `skipped` what it would need on a path that did not run. `planted`
    are grants that it never needs.
    """

    style: Style
    function: Function
    needs: frozenset[Touch]
    skipped: frozenset[Touch]
    planted: tuple[Touch, ...]


@dataclass
class _Draft:
    """A workload while it is drawn."""

    name: str
    needs: list[Touch] = field(default_factory=list)
    skipped: list[Touch] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    keys: Json = field(default_factory=dict)
    event_sources: list[str] = field(default_factory=list)


def workload(random: Random, name: str) -> Workload:
    """A workload of that name."""
    style = random.choice(STYLES)
    draft = _Draft(name)
    groups = [
        group
        for group in random.sample(sorted(operations()), random.randint(1, 4))
        if group not in _RARE or random.random() < _IS_RARE
    ]
    resource = {group: random.choice(_NAMES) for group in groups}
    untraced = {service for service in _services(groups) if random.random() < _CLIENT_IS_UNTRACED}
    if Random(name).random() < _CLIENT_IS_UNTRACED:
        untraced.add(_ACTS_FOR_CALLER)
    for group in groups:
        _use(
            random, draft, style, operations()[group], resource[group], untraced if style == "node" else set()
        )
    _use_unseen(random, draft, groups, resource)
    _configure(random, draft)
    if not draft.calls:
        _call(draft, style, _WHO, "")
    planted = _planted(random, draft, resource)
    granted = policies(random, [*draft.needs, *draft.skipped], planted)
    needs = frozenset(draft.needs)
    function = Function(
        name,
        granted.inline,
        [draft.calls] * TRACES,
        managed=granted.managed,
        event_sources=draft.event_sources,
        keys={"Runtime": _RUNTIMES[style], **draft.keys},
        document=_document(style, name),
    )
    return Workload(style, function, needs, frozenset(draft.skipped) - needs, tuple(planted))


def _document(style: Style, name: str) -> Json:
    xray: Json = {"sdk": _SDKS[style]}
    if style == "adot":
        xray["auto_instrumentation"] = True
    arn = Function(name, {}, []).arn
    return {"aws": {"account_id": arn.split(":")[4], "function_arn": arn, "xray": xray}}


def _services(groups: Sequence[str]) -> list[str]:
    services = {row.node for group in groups for row in operations()[group]}
    return sorted(services - {_ACTS_FOR_CALLER})


def _use(
    random: Random, draft: _Draft, style: Style, rows: Sequence[Row], name: str, untraced: set[str]
) -> None:
    """Operations of a group: most run and are traced, some paths do not run."""
    for row in random.sample(rows, random.randint(1, min(3, len(rows)))):
        also = [text for text in row.also if random.random() < 0.5]
        needed = touches([*row.needs, *also], name, draft.name)
        if random.random() < _PATH_DID_NOT_RUN:
            draft.skipped.extend(needed)
            continue
        draft.needs.extend(needed)
        if row.node not in untraced:
            _call(draft, style, row, name)


def _call(draft: _Draft, style: Style, row: Row, name: str) -> None:
    recorded = row.adot if style == "adot" else row.sdk
    parameters = {p.partition("=")[0]: PARAMETERS[p].format(n=name) for p in recorded}
    draft.calls.append(
        {
            "name": row.python if style == "python" else row.node,
            "namespace": "aws",
            "aws": {"operation": row.operation, "region": REGION, "request_id": "1", **parameters},
            "http": {"response": {"status": 200}},
        }
    )


def _use_unseen(random: Random, draft: _Draft, groups: Sequence[str], resource: dict[str, str]) -> None:
    """What no trace shows: init code, extensions, presigned URLs, services on the caller's behalf."""
    for group, needs in unseen().items():
        if random.random() < (_HAS_UNSEEN if group in groups else _HAS_UNSEEN / 4):
            used = random.sample(needs, random.randint(1, len(needs)))
            draft.needs.extend(touches(used, resource.get(group, "config"), draft.name))


def _configure(random: Random, draft: _Draft) -> None:
    """What Lambda itself needs, by the configuration of the function."""

    def need(*texts: str) -> None:
        draft.needs.extend(touches(texts, "platform", draft.name))

    queue = RESOURCES["queue"].format(n="platform")
    if random.random() < _CONFIGURED:
        draft.keys["VpcConfig"] = {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
        need("ec2:CreateNetworkInterface@network-interface", "ec2:DescribeNetworkInterfaces@all")
    if random.random() < _CONFIGURED:
        draft.keys["DeadLetterConfig"] = {"TargetArn": queue}
        need("sqs:SendMessage@queue")
    if random.random() < _CONFIGURED:
        draft.event_sources.append(queue)
        need("sqs:ReceiveMessage@queue", "sqs:DeleteMessage@queue", "sqs:GetQueueAttributes@queue")
    if random.random() < _CONFIGURED:
        need("xray:PutTraceSegments@all", "xray:PutTelemetryRecords@all")


def _planted(random: Random, draft: _Draft, resource: dict[str, str]) -> list[Touch]:
    """Grants that are not needed: more actions, other resources, services that are never used."""
    planted: list[Touch] = []
    needed = {*draft.needs, *draft.skipped}
    for _ in range(random.randint(0, 4)):
        used = [group for group in resource if group in excess()]
        group = random.choice(used if used and random.random() < _USED_SERVICE else sorted(excess()))
        kind = random.choice(excess()[group])
        name = resource.get(group, "unused")
        if random.random() < _OTHER_RESOURCE:
            name = f"old-{name}"
        (grant,) = touches([f"{random.choice(kind.actions)}@{kind.resource}"], name, draft.name)
        if grant not in needed and grant not in planted:
            planted.append(grant)
    return planted
