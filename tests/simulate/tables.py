"""The tables of the simulator: what operations really need, whatever the scanner's own tables say."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.fakes.traces import ACCOUNT, REGION
from tests.simulate.reality import Touch

_FOLDER = Path(__file__).parent / "data"
_HERE = f"{REGION}:{ACCOUNT}"
# The resources of the tables; `{n}` is the name that a workload gave.
RESOURCES = {
    "all": "*",
    "table": f"arn:aws:dynamodb:{_HERE}:table/{{n}}",
    "index": f"arn:aws:dynamodb:{_HERE}:table/{{n}}/index/by-owner",
    "backup": f"arn:aws:dynamodb:{_HERE}:table/{{n}}/backup/01",
    "bucket": "arn:aws:s3:::{n}",
    "objects": "arn:aws:s3:::{n}/*",
    "access-point": f"arn:aws:s3:{_HERE}:accesspoint/{{n}}",
    "access-point-objects": f"arn:aws:s3:{_HERE}:accesspoint/{{n}}/object/*",
    "queue": f"arn:aws:sqs:{_HERE}:{{n}}",
    "topic": f"arn:aws:sns:{_HERE}:{{n}}",
    "function": f"arn:aws:lambda:{_HERE}:function:{{n}}",
    "machine": f"arn:aws:states:{_HERE}:stateMachine:{{n}}",
    "execution": f"arn:aws:states:{_HERE}:execution:{{n}}:*",
    "bus": f"arn:aws:events:{_HERE}:event-bus/{{n}}",
    "stream": f"arn:aws:kinesis:{_HERE}:stream/{{n}}",
    "delivery": f"arn:aws:firehose:{_HERE}:deliverystream/{{n}}",
    "identity": f"arn:aws:ses:{_HERE}:identity/{{n}}.example.com",
    "configuration": f"arn:aws:ses:{_HERE}:configuration-set/{{n}}",
    "template": f"arn:aws:ses:{_HERE}:template/{{n}}",
    "secret": f"arn:aws:secretsmanager:{_HERE}:secret:{{n}}-??????",
    "parameter": f"arn:aws:ssm:{_HERE}:parameter/{{n}}",
    "document": f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript",
    "instances": f"arn:aws:ec2:{_HERE}:instance/*",
    "network-interface": f"arn:aws:ec2:{_HERE}:network-interface/*",
    "target": f"arn:aws:application-autoscaling:{_HERE}:scalable-target/*",
    "key": f"arn:aws:kms:{_HERE}:key/{{n}}",
    "log-group": f"arn:aws:logs:{_HERE}:log-group:/app/{{n}}:*",
    "own-log-streams": f"arn:aws:logs:{_HERE}:log-group:/aws/lambda/{{f}}:*",
    "glue-catalog": f"arn:aws:glue:{_HERE}:catalog",
    "glue-database": f"arn:aws:glue:{_HERE}:database/{{n}}",
    "glue-table": f"arn:aws:glue:{_HERE}:table/{{n}}/events",
    "model": f"arn:aws:bedrock:{REGION}::foundation-model/{{n}}",
    "pool": f"arn:aws:cognito-idp:{_HERE}:userpool/{{n}}",
    "task": f"arn:aws:ecs:{_HERE}:task-definition/{{n}}:*",
    "task-run": f"arn:aws:ecs:{_HERE}:task/*",
    "role": f"arn:aws:iam::{ACCOUNT}:role/{{n}}",
    "work-group": f"arn:aws:athena:{_HERE}:workgroup/{{n}}",
    "stack": f"arn:aws:cloudformation:{_HERE}:stack/{{n}}/*",
    "api": f"arn:aws:execute-api:{_HERE}:{{n}}/*",
    "database": f"arn:aws:rds-db:{_HERE}:dbuser:{{n}}/app",
}
# What the SDKs record of a call, by the name of the parameter.
PARAMETERS = {
    "table_name": "{n}",
    "index_name": "by-owner",
    "table_names": "dict_keys(['{n}'])",
    "bucket_name": "{n}",
    "bucket": "{n}",
    "key": "a/b.json",
    "copy_source": "{n}/a/b.json",
    "bucket_name=access-point": RESOURCES["access-point"],
    "queue_url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{{n}}",
    "queue_name": "{n}",
    "topic_arn": RESOURCES["topic"],
    "function_name": "{n}",
}


class Row(NamedTuple):
    """An operation: its names in traces, what is recorded of it, what it needs and may need."""

    group: str
    python: str
    node: str
    operation: str
    sdk: tuple[str, ...]
    adot: tuple[str, ...]
    needs: tuple[str, ...]
    also: tuple[str, ...]


class Excess(NamedTuple):
    """What teams grant of a kind of resource without need."""

    actions: tuple[str, ...]
    resource: str


def touches(texts: Sequence[str], name: str, function: str) -> list[Touch]:
    """What "action@resource" stands for, with the names filled in."""
    pairs = (text.split("@") for text in texts)
    return [Touch(action, RESOURCES[kind].format(n=name, f=function)) for action, kind in pairs]


@cache
def operations() -> Mapping[str, Sequence[Row]]:
    """The operations by group."""
    by_group: dict[str, list[Row]] = {}
    for row in _rows("operations"):
        lists = (tuple(row[name].split()) for name in ("sdk", "adot", "needs", "also"))
        by_group.setdefault(row["group"], []).append(
            Row(row["group"], row["python"], row["node"], row["operation"], *lists)
        )
    return by_group


@cache
def unseen() -> Mapping[str, tuple[str, ...]]:
    """What code, extensions and services use though no trace shows it, by group."""
    return {row["group"]: tuple(row["needs"].split()) for row in _rows("unseen")}


@cache
def excess() -> Mapping[str, Sequence[Excess]]:
    """What teams grant without need, by group."""
    by_group: dict[str, list[Excess]] = {}
    for row in _rows("excess"):
        by_group.setdefault(row["group"], []).append(Excess(tuple(row["actions"].split()), row["resource"]))
    return by_group


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
