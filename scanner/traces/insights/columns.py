"""What a query groups by: fields of the records in a log group of spans, made of the table of aliases. Pure.

Fields by their raw names, so that one table tells what they mean, here as everywhere. Values that differ
from span to span (a task's ARN, an object's URL) are cut to what workloads and resources are told by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple

from scanner.spans.aliases import Where, aliases, parameter_facts

SPAN, RESOURCE = "attributes.", "resource.attributes."
LISTED = 10
"""So many items of a list are read: with more of them, what a call named is not known."""

_WORKLOAD_FACTS = (
    "function_arn",
    "invoked_arn",
    "function",
    "function_version",
    "state_machine",
    "account",
    "region",
    "platform",
    "origin",
    "service_name",
    "ecs_family",
    "ecs_revision",
    "ecs_cluster",
    "ecs_arn",
    "instance",
    "k8s_cluster",
    "k8s_namespace",
    "k8s_workload",
)
_CODE_FACTS = ("automatic", "language", "sampled")
_CALL_FACTS = (
    "system",
    "namespace",
    "service",
    "operation",
    "call_region",
    "call_host",
    "http_method",
    "system_of_aws",
    "messaging_operation",
    "owner_account",
    "http_status",
    "error_type",
    "xray_failure",
    "invoked_summary",
)
_LISTS = frozenset({"aws.dynamodb.table_names"})
TABLES = "parameter.table_name"


class Cut(NamedTuple):
    """What of a value is grouped by: what `kept` matches, if `after` follows.

    What is kept is a value of the attribute's form again with `rest`, where it ends with a separator.
    """

    kept: str
    after: str = ""
    rest: str = ""

    def pattern(self, name: str) -> str:
        """The pattern of a `parse`, with what is kept under a name."""
        return f"/^(?<{name}>{self.kept}){self.after}/"

    def restored(self, value: str) -> str:
        """What is kept, in the form of the attribute."""
        return value + self.rest if value.endswith(("/", "-")) else value


_OF_TASK = Cut(r"arn:[\w-]+:ecs:[\w-]*:\d*:(?:task|container)\/[\w-]+\/", rest="any")
_URL = Cut(r"https?:\/\/[^\/?#\s]+(?:\/\d{12}\/[^\/?#\s]+)?")
_CUTS: Mapping[str, Cut] = {
    "aws.ecs.task.arn": _OF_TASK,
    "aws.ecs.container.arn": _OF_TASK,
    "cloud.resource_id": Cut(
        r"arn:[\w-]+:(?:lambda|states):.*|arn:[\w-]+:ecs:[\w-]*:\d*:container\/[\w-]+\/", rest="any"
    ),
    "aws.s3.copy_source": Cut(
        r"\/?(?:arn:[\w-]+:s3[\w-]*:[\w-]*:\d*:accesspoint\/[^\/\s]+|[^\/\s%:]+)", after=r"(?:\/|%2F)"
    ),
    "url.full": _URL,
    "http.url": _URL,
    "host.id": Cut("i-", after="[0-9a-f]{8}", rest="00000000"),
}
WHOLE_INSTANCES = frozenset({"host.id"})


class Column(NamedTuple):
    """A field of the records. `name` is what a query calls it, `field` where it stands in a record.

    With a `cut`, `name` is an alias for what the cut leaves of the field.
    """

    name: str
    field: str
    cut: Cut | None = None


def _columns(facts: Iterable[str], whole: frozenset[str] = frozenset()) -> tuple[Column, ...]:
    """The fields in which facts may stand, each once; those of `whole` are not cut."""
    fields: dict[str, str] = {}
    for fact in facts:
        for alias in aliases()[fact]:
            for field in _fields(alias.attribute, alias.where):
                fields[field] = alias.attribute
            if alias.when:
                fields[SPAN + alias.when[0]] = alias.when[0]
    columns: list[Column] = []
    for field, attribute in fields.items():
        cut = None if attribute in whole else _CUTS.get(attribute)
        name = f"cut_{len(columns)}" if cut else field
        columns.append(Column(name, field, cut))
    return tuple(columns)


def _fields(attribute: str, where: Where) -> list[str]:
    places = {"span": [SPAN], "resource": [RESOURCE], "any": [SPAN, RESOURCE], "record": [""]}[where]
    names = [attribute]
    if attribute in _LISTS:
        names += [f"{attribute}.{number}" for number in range(LISTED)]
    return [place + name for place in places for name in names]


@cache
def workload_columns() -> tuple[Column, ...]:
    """What tells a workload, and no more: many instances of it are one."""
    return _columns(_WORKLOAD_FACTS)


@cache
def run_columns() -> tuple[Column, ...]:
    """What tells a workload, what its role may be found by, and how its code is traced."""
    return _columns((*_WORKLOAD_FACTS, *_CODE_FACTS), WHOLE_INSTANCES)


@cache
def call_columns() -> tuple[Column, ...]:
    """What tells calls apart, and who made them."""
    return _columns((*_CALL_FACTS, *parameter_facts(), *_WORKLOAD_FACTS))


@cache
def orphan_columns() -> tuple[Column, ...]:
    """What tells calls apart of which the record does not say who made them."""
    return _columns((*_CALL_FACTS, *parameter_facts(), "account", "region", "service_name"))


@cache
def request_columns() -> tuple[Column, ...]:
    """What tells a request that no AWS client recorded, and who made it."""
    return _columns(("http_method", "call_host", "system_of_aws", "messaging_operation", *_WORKLOAD_FACTS))


@cache
def call_span_columns() -> tuple[Column, ...]:
    """What tells of which service a call was, and who made it."""
    return _columns(("service", *_WORKLOAD_FACTS))


def columns_of(fact: str) -> tuple[Column, ...]:
    """Where one fact may stand."""
    return _columns((fact,))


@cache
def request_id_fields() -> tuple[str, ...]:
    """Where the id of a request may stand."""
    return tuple(SPAN + alias.attribute for alias in aliases()["request_id"])
