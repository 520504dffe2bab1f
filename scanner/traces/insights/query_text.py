"""The queries, as texts. Fields with dots stand in backticks wherever they stand.

docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html. Expressions are named in `fields`
before they are grouped by. Nothing here is taken from a record or a user but ids that `quoted` has checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from scanner.spans.aliases import aliases
from scanner.traces.insights.columns import (
    LISTED,
    RESOURCE,
    SPAN,
    Column,
    call_columns,
    call_span_columns,
    columns_of,
    orphan_columns,
    request_columns,
    request_id_fields,
    run_columns,
    workload_columns,
)

MORE_TABLES = f"{SPAN}aws.dynamodb.table_names.{LISTED}"
_EXCEPTIONS = 3  # of so many events the exception is looked for: a call that fails has one
_ID = re.compile(r"[0-9a-f]{1,64}")
IDS_A_QUERY = 140
_FIELDS_OF_COALESCE = 10

_IS_AWS_API = (
    f'(`{SPAN}rpc.system` = "aws-api" or `{SPAN}rpc.system.name` = "aws-api" '
    'or `_aws.xray.namespace` = "aws" '
    f"or (ispresent(`{SPAN}aws.service`) and ispresent(`{SPAN}aws.operation`)))"  # as in `calls.is_call`
)
_HAS_ENDED = "ispresent(durationNano)"
# X-Ray made the span of a segment document, whose calls do not say whose they are.
_CONVERTED = "ispresent(`_aws.xray.name`)"
_SEGMENT = "_aws.xray.type"
# `span_name`: "S3.GetObject" names what was called, "chat MODEL" and "QUEUE send" do not.
_SPAN_NAME = r"/^(?<span_name>[\w -]+\.[A-Z]\w+)$/"
# What `kept.threshold_of` reads of a trace's state: its first digit tells whether traces were dropped.
_DROPPED = r"/(?:^|[,; ])ot=(?:[^,]*;)?th:0*(?<dropped>[1-9a-f])/"
# What decides how a call ended (`outcomes.codes_in`), and what a denial says. A denial is looked for in all
# of the record: the longest message may be that of an exception.
_SAYINGS = (
    r"parse @message /(?i)(?<said_denied>not authorized to perform|access denied|AccessDenied)/",
    r"parse @message /not authorized to perform:? \W{0,4}(?<said_action>[\w-]+:[\w*]+)/",
    r"parse @message /on resource:? \W{0,4}(?<said_resource>arn:[\w-]+:s3:::[^\/\s\"\\]+\/?|arn:[^\s\"\\]+)/",
    r"parse @message /assumed-role\/(?<said_role>[\w+=,.@-]+)\//",
    r"parse @message /because (?<said_cause>[^\"\\]+)/",
    r"parse said /An error occurred \((?<said_code>[\w.-]+)\)/",
    r"parse said /^(?<said_first>[A-Za-z][\w.]*): /",
    r"parse said /(?:api error|Error Code:) (?<said_api>[\w.]+)/",
    r"parse said /(?:Status ?Code: |resulted in a `)(?<said_status>\d+)/",
    r"parse said /(?i)(?<said_credentials>expired|security token|signature|exist in our records)/",
)
SAID = (
    "said_denied",
    "said_code",
    "said_first",
    "said_api",
    "said_status",
    "said_credentials",
    "said_action",
    "said_resource",
    "said_role",
    "said_cause",
)


def calls_query() -> str:
    """How often each distinct call was made, by whom, how it ended, and when first and last."""
    return _calls(f"({_IS_AWS_API} or {_plain_requests()})", ["ended", "converted", "kind"], call_columns())


def calls_of_traces_query() -> str:
    """The calls of which no record names the workload, by trace and parent."""
    condition = f"({_IS_AWS_API} and {_HAS_ENDED} and {_needs_tree()})"
    return _calls(condition, ["traceId", "parentSpanId", "converted"], orphan_columns())


def unended_query() -> str:
    """The records of calls that had not ended when they were written, by span."""
    return _calls(f"({_IS_AWS_API} and not {_HAS_ENDED})", ["traceId", "spanId"], call_columns())


def ended_query(spans: Sequence[str]) -> str:
    """Which of some spans have ended."""
    return f"filter {_HAS_ENDED} and spanId in [{_quoted(spans)}] | stats count(*) as n by spanId"


def runs_query(period: str) -> str:
    """In how many traces each workload ran in each period, and when first and last.

    By the spans with which a process begins: those of a request, or without a span above.
    """
    columns = run_columns()
    keys = ["dropped", *_names(columns), "@log"]
    entry = (
        f'(not ispresent(parentSpanId) or kind = "SERVER" or kind = "CONSUMER" '
        f'or `{SPAN}aws.span.kind` = "LOCAL_ROOT")'
    )
    return " | ".join(
        [
            f"filter {_HAS_ENDED} and {entry}",
            "fields ispresent(parentSpanId) as below",
            f"parse traceState {_DROPPED}",
            *_parses(columns),
            "stats count_distinct(traceId) as n, min(startTimeUnixNano) as a, max(startTimeUnixNano) as b "
            f"by below, bin({period}) as period, {', '.join(map(_tick, keys))}",
        ]
    )


def workloads_of_traces_query() -> str:
    """Which workloads ran in which traces, and which other processes."""
    columns = workload_columns()
    named = " or ".join(
        f"{_tick(field)} like {pattern}" if pattern else f"ispresent({_tick(field)})"
        for field, pattern in _computes()
    )
    keys = ["traceId", "kind", _SEGMENT, *_names(columns), "@log"]
    return " | ".join(
        [
            f'filter ({named} or kind = "SERVER" or {_tick(_SEGMENT)} = "segment")',
            *_parses(columns),
            f"stats count(*) as n by {', '.join(map(_tick, keys))}",
        ]
    )


def requests_query() -> str:
    """The requests to AWS that name no AWS client, by span."""
    columns = request_columns()
    keys = ["traceId", "spanId", "parentSpanId", "kind", "converted", *_names(columns), "@log"]
    return " | ".join(
        [
            f"filter {_plain_requests()} and not {_IS_AWS_API}",
            f"fields {_CONVERTED} as converted",
            *_parses(columns),
            "stats count(*) as n, min(startTimeUnixNano) as a, max(startTimeUnixNano) as b "
            f"by {', '.join(map(_tick, keys))}",
        ]
    )


def call_spans_query() -> str:
    """The spans of calls: what each stands below, and whose call of which service it is."""
    columns = call_span_columns()
    keys = ["traceId", "spanId", "parentSpanId", *_names(columns), "@log"]
    return " | ".join(
        [
            f"filter {_IS_AWS_API}",
            *_parses(columns),
            f"stats count(*) as n by {', '.join(map(_tick, keys))}",
        ]
    )


def tree_query(traces: Sequence[str]) -> str:
    """All spans of some traces, with what names workloads."""
    columns = workload_columns()
    keys = ["traceId", "spanId", "parentSpanId", "kind", _SEGMENT, *_names(columns), "@log"]
    return " | ".join(
        [
            f"filter traceId in [{_quoted(traces)}]",
            *_parses(columns),
            f"stats count(*) as n by {', '.join(map(_tick, keys))}",
        ]
    )


def trace_ids_query() -> str:
    """The traces of a time."""
    return "stats count(*) as n by traceId"


def probe_query() -> str:
    """A query that reads a time, and returns next to nothing."""
    return "stats count(*) as n by kind"


# --- parts -----------------------------------------------------------------------------------------


def _calls(condition: str, keys: Sequence[str], columns: Sequence[Column]) -> str:
    # the last one first: what the call ended with
    exceptions = [f"events.{number}.attributes.exception" for number in reversed(range(_EXCEPTIONS))]
    said = ["status.message", *(f"{exception}.message" for exception in exceptions)]
    types = [f"{exception}.type" for exception in exceptions]
    by: list[str] = [
        *keys,
        "answered",
        "more_tables",
        "error_type",
        "span_name",
        "scope.name",
        *SAID,
        "status.code",
        "@log",
        *_names(columns),
    ]
    return " | ".join(
        [
            f"filter {condition}",
            f"fields {_HAS_ENDED} as ended, ispresent({_coalesce(request_id_fields())}) as answered, "
            f"ispresent({_tick(MORE_TABLES)}) as more_tables, {_CONVERTED} as converted, "
            f"{_coalesce(said)} as said, "
            f"{_coalesce(types)} as error_type",
            f"parse name {_SPAN_NAME}",
            *_SAYINGS,
            *_parses(columns),
            "stats count(*) as n, min(startTimeUnixNano) as a, max(startTimeUnixNano) as b, "
            f"latest(traceId) as example, earliest(said) as message by {', '.join(map(_tick, by))}",
        ]
    )


_OF_AWS = {"db": "/dynamodb/", "messaging": "/(?i)(sqs|sns)/"}


def _plain_requests() -> str:
    """Requests to AWS that name no AWS client: over HTTP, or by a library for databases or messages."""
    methods = " or ".join(f"ispresent({_tick(SPAN + alias.attribute)})" for alias in aliases()["http_method"])
    hosts = " or ".join(
        f"{_tick(SPAN + alias.attribute)} like /amazonaws\\.com/" for alias in aliases()["call_host"]
    )
    systems = " or ".join(
        f"{_tick(SPAN + alias.attribute)} like {_OF_AWS[alias.attribute.partition('.')[0]]}"
        for alias in aliases()["system_of_aws"]
    )
    return f'((kind = "CLIENT" and ({methods}) and ({hosts})) or {systems})'


def _needs_tree() -> str:
    """The condition of records that name no workload, though a span above may: see `rows.needs_tree`."""
    nameless = [
        f"(not ispresent({_tick(field)}) or {_tick(field)} like /^(unknown_service|UnknownService)/)"
        for field in _SERVICES
    ]
    return f"{_no_compute()} and ({_CONVERTED} or ({' and '.join(nameless)}))"


def _no_compute() -> str:
    """The condition of records that do not tell what their code ran on."""
    return " and ".join(_lacks(field, pattern) for field, pattern in _computes())


def _computes() -> list[tuple[str, str]]:
    """The fields that tell it, with what their values look like."""
    found: dict[str, str] = {}
    for fact in ("function_arn", "function", "state_machine", "ecs_family", "instance", *_OF_PODS):
        for column in columns_of(fact):
            attribute = column.field.removeprefix("resource.").removeprefix(SPAN)
            if attribute not in _ENVIRONMENTS:
                found[column.field] = _LOOKS.get(attribute, "")
    return list(found.items())


_OF_PODS = ("k8s_cluster", "k8s_namespace")
_ENVIRONMENTS = frozenset({"deployment.environment", "deployment.environment.name", "aws.local.environment"})
_LOOKS = {"cloud.resource_id": r"/:lambda:|:states:/", "host.id": "/^i-[0-9a-f]{8}/"}
_SERVICES = (f"{RESOURCE}service.name", f"{SPAN}aws.local.service", f"{RESOURCE}aws.local.service")


def _lacks(field: str, pattern: str) -> str:
    """The condition of records without a field, or with one that looks like something else."""
    absent = f"not ispresent({_tick(field)})"
    return f"({absent} or {_tick(field)} not like {pattern})" if pattern else absent


def _names(columns: Iterable[Column]) -> list[str]:
    return [column.name for column in columns]


def _parses(columns: Iterable[Column]) -> list[str]:
    return [
        f"parse {_tick(column.field)} {column.cut.pattern(column.name)}" for column in columns if column.cut
    ]


def _coalesce(fields: Sequence[str]) -> str:
    """The first of some fields that is present; AWS documents no case of many, so there are at most ten."""
    if len(fields) > _FIELDS_OF_COALESCE:
        raise ValueError(f"coalesce of {len(fields)} fields")
    return f"coalesce({', '.join(map(_tick, fields))})"


def _tick(name: str) -> str:
    return f"`{name}`" if "." in name else name


def _quoted(ids: Sequence[str]) -> str:
    if not ids or not all(_ID.fullmatch(item) for item in ids):
        raise ValueError("no id of a span")
    return ", ".join(f'"{item}"' for item in ids)
