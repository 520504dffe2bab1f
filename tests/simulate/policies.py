"""Policies as teams write them: exact, wide, products of actions and resources, templates, managed ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from scanner.iam.patterns import matches
from tests.fakes.traces import Json
from tests.simulate.reality import Touch

# Policies of AWS: docs.aws.amazon.com/aws-managed-policy/latest/reference/, the statements that matter here
MANAGED: Mapping[str, list[Json]] = {
    f"arn:aws:iam::aws:policy/{name}": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]
    for name, actions in {
        "AmazonS3FullAccess": ["s3:*", "s3-object-lambda:*"],
        "AmazonSQSFullAccess": ["sqs:*"],
        "AmazonSNSFullAccess": ["sns:*"],
        "CloudWatchLogsFullAccess": ["logs:*", "cloudwatch:GenerateQuery"],
        "AWSStepFunctionsFullAccess": ["states:*"],
    }.items()
}
_MANAGED_BY_SERVICE = {statements[0]["Action"][0][:-2]: arn for arn, statements in MANAGED.items()}
_STYLES = ("exact", "product", "wildcard", "service", "verbs", "template", "managed")


class _Template(NamedTuple):
    """What a framework grants on a resource: `place` finds it in an ARN, `resources` are made of it."""

    service: str
    place: str
    resources: tuple[str, ...]
    actions: tuple[str, ...]


def _of_table(*verbs: str) -> _Template:
    place = r"(arn:aws:dynamodb:[^/]+:table/[^/]+).*"
    return _Template("dynamodb", place, (r"\1", r"\1/index/*"), tuple(f"dynamodb:{verb}" for verb in verbs))


def _of_bucket(*verbs: str) -> _Template:
    return _Template("s3", r"(arn:aws:s3:::[^/]+).*", (r"\1", r"\1/*"), tuple(f"s3:{verb}" for verb in verbs))


def _of_queue(*verbs: str) -> _Template:
    return _Template("sqs", "(.*)", (r"\1",), tuple(f"sqs:{verb}" for verb in verbs))


# SAM's policy_templates.json (aws-sam-translator 1.115.0) and aws-cdk-lib 2.276.0
_TEMPLATES = (
    _of_table(
        *("GetItem", "DeleteItem", "PutItem", "Scan", "Query", "UpdateItem", "BatchWriteItem"),
        *("BatchGetItem", "DescribeTable", "ConditionCheckItem"),
    ),
    _of_table("GetItem", "Scan", "Query", "BatchGetItem", "DescribeTable"),
    _of_bucket(
        *("GetObject", "ListBucket", "GetBucketLocation", "GetObjectVersion", "PutObject", "PutObjectAcl"),
        *("GetLifecycleConfiguration", "PutLifecycleConfiguration", "DeleteObject"),
    ),
    _of_bucket("GetObject*", "GetBucket*", "List*"),
    _of_bucket(
        *("GetObject*", "GetBucket*", "List*", "DeleteObject*", "PutObject", "PutObjectLegalHold"),
        *("PutObjectRetention", "PutObjectTagging", "PutObjectVersionTagging", "Abort*"),
    ),
    _of_queue(
        "ReceiveMessage", "ChangeMessageVisibility", "GetQueueUrl", "DeleteMessage", "GetQueueAttributes"
    ),
    _of_queue("SendMessage", "GetQueueAttributes", "GetQueueUrl"),
)


class Granted(NamedTuple):
    """The policies of a role: inline ones, and the ARNs of managed ones."""

    inline: dict[str, list[Json]]
    managed: tuple[str, ...] = ()


def policies(random: Random, needed: Sequence[Touch], planted: Sequence[Touch]) -> Granted:
    """Policies that allow what is needed, in the manner of one team, and what was planted."""
    by_service: dict[str, list[Touch]] = {}
    for touch in dict.fromkeys(needed):
        by_service.setdefault(touch.action.partition(":")[0], []).append(touch)
    statements: list[Json] = []
    managed: list[str] = []
    for service, of_service in by_service.items():
        style = random.choice(_STYLES)
        if style == "managed" and service in _MANAGED_BY_SERVICE:
            managed.append(_MANAGED_BY_SERVICE[service])
        else:
            statements += _statements(random, style, service, of_service)
    statements += [_allow([grant.action], [grant.resource]) for grant in planted]
    random.shuffle(statements)
    return Granted({"own": statements}, tuple(managed))


def _statements(random: Random, style: str, service: str, needed: Sequence[Touch]) -> list[Json]:
    actions = sorted({touch.action for touch in needed})
    resources = sorted({touch.resource for touch in needed})
    if style == "product":
        return [_allow(actions, resources)]
    if style == "wildcard":
        return [_allow(actions, ["*"])]
    if style == "service":
        return [_allow([f"{service}:*"], resources)]
    if style == "verbs":
        return [_allow(sorted({f"{re.split('(?<=[a-z])(?=[A-Z])', a)[0]}*" for a in actions}), resources)]
    if style == "template":
        return _by_template(random, service, needed)
    return [_allow([touch.action], [touch.resource]) for touch in needed]


def _by_template(random: Random, service: str, needed: Sequence[Touch]) -> list[Json]:
    """A framework's grants on each resource, and statements for what they leave out."""
    templates = [template for template in _TEMPLATES if template.service == service]
    if not templates:
        return _statements(random, "exact", service, needed)
    template = random.choice(templates)
    places = sorted({t.resource for t in needed if re.fullmatch(template.place, t.resource)})
    granted = [
        _allow(list(template.actions), [re.sub(template.place, form, place) for form in template.resources])
        for place in places
    ]
    left = [touch for touch in needed if not any(_allows(statement, touch) for statement in granted)]
    unique = {_key(statement): statement for statement in granted}
    return [*unique.values(), *(_allow([touch.action], [touch.resource]) for touch in left)]


def _key(statement: Json) -> tuple[str, ...]:
    """What tells two statements apart."""
    return (*statement["Action"], *statement["Resource"])


def _allows(statement: Json, touch: Touch) -> bool:
    return any(matches(action.lower(), touch.action.lower()) for action in statement["Action"]) and any(
        matches(resource, touch.resource) for resource in statement["Resource"]
    )


def _allow(actions: list[str], resources: list[str]) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
