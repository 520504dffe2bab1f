"""Policies that SAM writes itself: policy templates, connectors, and what events and destinations need.

Sources: what policy templates and connectors grant is in the table of bundles (`verdict.bundle_table`), what
the rest makes in data/sam_made_policies.csv. A connector becomes a managed policy CONNECTORIDPolicy
(aws-sam-translator, model/sam_resources.py); the id of an embedded one begins with the source's
(translator/translator.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.places import ANY, Name, PolicyPlace, StatementPlace
from scanner.templates.policies import line_of
from scanner.templates.tree import Tree
from scanner.text.tables import rows
from scanner.text.yaml_document import Lines
from scanner.verdict.bundle_table import SAM, SAM_CONNECTOR, Part, bundles

_DATA_SOURCES = {  # how their connectors' ids end, what they lead to, which permissions they have by default
    "DynamoDb": ("DynamoDBDataSourceToTableConnector", "AWS::DynamoDB::Table", {"Read", "Write"}),
    "Lambda": ("LambdaDataSourceToLambdaConnector", "AWS::Lambda::Function", {"Write"}),
}
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_ID = re.compile("[0-9A-Za-z]{1,255}")
_CLOUDFORMATION_TYPES = {
    "AWS::Serverless::Function": "AWS::Lambda::Function",
    "AWS::Serverless::SimpleTable": "AWS::DynamoDB::Table",
    "AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
}


# --- policy templates --------------------------------------------------------------------------------


def template_statements(
    tree: Tree, template: str, parameters: Node, lines: Lines
) -> tuple[StatementPlace, ...]:
    """The statements of a policy template on what its parameters name; none if it is unknown."""
    values = {name: tree.pattern(value) for name, value in tree.fields(parameters).items()}
    return _statements(_parts(SAM).get("", {}).get(template, ()), values, lines)


@cache
def _parts(framework: str) -> dict[str, dict[str, tuple[Part, ...]]]:
    """The statements of bundles by what they are of and their names."""
    parts: dict[str, dict[str, tuple[Part, ...]]] = defaultdict(dict)
    for bundle in bundles():
        if bundle.framework == framework:
            parts[bundle.of][bundle.name] = bundle.parts
    return parts


def _statements(parts: Iterable[Part], values: Mapping[str, str], lines: Lines) -> tuple[StatementPlace, ...]:
    """The statements that parts of bundles become. A variable without a value can be anything."""
    return tuple(
        _statement(
            index,
            part.actions,
            [_pattern(resource, values) for resource in part.shapes[0]],
            lines,
            has_condition=bool(part.conditions),
        )
        for index, part in enumerate(parts)
    )


def _pattern(resource: str, values: Mapping[str, str]) -> str:
    texts = _VARIABLE.split(resource)  # text, name, text, ...
    return "".join(values.get(t, ANY) if place % 2 else literal(t) for place, t in enumerate(texts))


def _statement(
    index: int, actions: Iterable[str], resources: Iterable[str], lines: Lines, has_condition: bool
) -> StatementPlace:
    return StatementPlace(
        lines=lines,
        index=index,
        sid=None,
        actions=dict.fromkeys(map(literal, actions), lines.first),
        unknown_actions=False,
        not_actions=False,
        resources=tuple(resources),
        not_resources=False,
        condition=has_condition,
    )


# --- connectors --------------------------------------------------------------------------------------


def connector_policies(tree: Tree) -> Iterator[PolicyPlace]:
    """The managed policies of all connectors, those that are embedded in their source included."""
    for logical_id, resource in tree.resources.items():
        if resource.type == "AWS::Serverless::Connector":
            fields = tree.fields(resource.properties)
            source = _type(tree, fields.get("Source"))
            lines = line_of(resource.properties) if resource.properties else Lines(0, 0)
            yield from _connector(tree, logical_id, source, fields, lines)
        embedded = tree.resolved(resource.connectors)
        for name, connector in tree.fields(embedded).items():
            fields = tree.fields(tree.fields(connector).get("Properties"))
            lines = _line_of_key(embedded, name) or line_of(connector)
            yield from _connector(tree, logical_id + name, _cloudformation_type(resource.type), fields, lines)


def data_source_policies(tree: Tree) -> Iterator[PolicyPlace]:
    """The managed policies of the connectors that SAM makes for the data sources of AppSync."""
    for logical_id, resource in tree.resources.items():
        if resource.type != "AWS::Serverless::GraphQLApi":
            continue
        of_api = tree.fields(tree.fields(resource.properties).get("DataSources"))
        for kind, (suffix, destination, default) in _DATA_SOURCES.items():
            sources = tree.resolved(of_api.get(kind))
            for name, source in tree.fields(sources).items():
                given = tree.items(tree.fields(source).get("Permissions"))
                yield _policy_of(
                    f"{logical_id}{name}{suffix}Policy",
                    f"AWS::AppSync::DataSource -> {destination}",
                    {tree.pattern(item) for item in given} or default,
                    _line_of_key(sources, name) or line_of(source),
                    f"data source {_shown(name)}",
                )


def _policy_of(policy_id: str, of: str, permissions: Collection[str], lines: Lines, by: str) -> PolicyPlace:
    """The managed policy of a connector between two types of resources."""
    known = _parts(SAM_CONNECTOR).get(of, {})
    parts = [part for name, its in known.items() if name in permissions for part in its]
    return PolicyPlace(
        Name(policy_id, derived=True),
        "managed",
        lines,
        statements=_statements(parts, {}, lines),
        statement_count=len(parts),
        made_by=by,
    )


def _connector(
    tree: Tree, logical_id: str, source: str, fields: Mapping[str, Node], lines: Lines
) -> Iterator[PolicyPlace]:
    permissions = {tree.pattern(item) for item in tree.items(fields.get("Permissions"))}
    destinations = tree.resolved(fields.get("Destination"))
    several = isinstance(destinations, SequenceNode)
    for index, destination in enumerate(tree.items(destinations)):
        of = f"{source} -> {_type(tree, destination)}"
        policy_id = f"{logical_id}PolicyDestination{index}" if several else f"{logical_id}Policy"
        yield _policy_of(policy_id, of, permissions, lines, f"connector {_shown(logical_id)}")


def _type(tree: Tree, reference: Node | None) -> str:
    """The CloudFormation type of what a connector names by its logical id, or by type."""
    fields = tree.fields(reference)
    resource = tree.resources.get(tree.pattern(fields.get("Id")))
    return _cloudformation_type(resource.type if resource else tree.pattern(fields.get("Type")))


def _cloudformation_type(kind: str) -> str:
    return _CLOUDFORMATION_TYPES.get(kind, kind)


# --- what events, destinations and dead-letter queues make -------------------------------------------


class _Cause(NamedTuple):
    """What makes SAM write a policy: `kind` as in the table, its place, and what it is called.

    `logical_id` begins the names of the policies that it makes.
    """

    kind: str
    label: str
    logical_id: str
    lines: Lines


def made_policies(tree: Tree, logical_id: str, fields: Mapping[str, Node]) -> Iterator[PolicyPlace]:
    """The policies that SAM adds to the role of a function, each with what it comes from."""
    return _made(_causes(tree, logical_id, fields))


def event_roles(
    tree: Tree, kind: str, logical_id: str, fields: Mapping[str, Node]
) -> Iterator[tuple[str, tuple[PolicyPlace, ...]]]:
    """The roles with which events start a function or a state machine: logical ids and policies."""
    events = tree.resolved(fields.get("Events"))
    for name, event in tree.fields(events).items():
        of_event, role_id = tree.fields(event), f"{logical_id}{name}Role"
        properties = tree.fields(of_event.get("Properties"))
        cause = f"role of {kind} event {tree.pattern(of_event.get('Type'))}"
        if cause in _table() and not properties.keys() & {"RoleArn", "Role"}:
            lines = _line_of_key(events, name) or line_of(event)
            causes = [_Cause(cause, f"event {_shown(name)}", logical_id + name, lines)]
            if "DeadLetterConfig" in properties:
                causes.append(causes[0]._replace(kind=f"dead-letter queue of {kind} event"))
            yield role_id, tuple(_made(causes))


def _made(of: Iterable[_Cause]) -> Iterator[PolicyPlace]:
    causes: dict[tuple[str, str], dict[_Cause, None]] = defaultdict(dict)
    actions: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for cause in of:
        for row in _table().get(cause.kind, ()):
            key = row["kind"], row["policy"].replace("${Id}", literal(cause.logical_id))
            causes[key].setdefault(cause)
            actions[key].setdefault(row["actions"].lower())
    for (kind, name), its in causes.items():
        lines = next(iter(its)).lines
        made_by = ", ".join(dict.fromkeys(cause.label for cause in its))
        if kind == "managed":
            yield PolicyPlace(Name(name), "managed", lines, made_by=made_by)
            continue
        statements = (
            _statement(index, texts.split(), [ANY], lines, has_condition=False)
            for index, texts in enumerate(actions[kind, name])
        )
        yield PolicyPlace(Name(name), "inline", lines, statements=tuple(statements), made_by=made_by)


@cache
def _table() -> dict[str, list[dict[str, str]]]:
    """The rows of the policies that SAM makes, by what makes it do so."""
    table: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows("templates", "sam_made_policies"):
        table[row["cause"]].append(row)
    return table


def _causes(tree: Tree, logical_id: str, fields: Mapping[str, Node]) -> Iterator[_Cause]:
    events = tree.resolved(fields.get("Events"))
    for name, event in tree.fields(events).items():
        label, event_id, of_event = f"event {_shown(name)}", logical_id + name, tree.fields(event)
        lines = _line_of_key(events, name) or line_of(event)
        yield _Cause(f"event {tree.pattern(of_event.get('Type'))}", label, event_id, lines)
        for on, destination in _destinations(tree, of_event.get("Properties")):
            yield destination._replace(label=f"{on} of {label}", logical_id=event_id)
    for on, destination in _destinations(tree, fields.get("EventInvokeConfig")):
        yield destination._replace(logical_id=f"{logical_id}EventInvokeConfig{on}")
    if "DeadLetterQueue" in fields:
        queue = fields["DeadLetterQueue"]
        kind = f"dead-letter queue {tree.pattern(tree.fields(queue).get('Type'))}"
        yield _Cause(kind, "DeadLetterQueue", logical_id, line_of(queue))


def _destinations(tree: Tree, properties: Node | None) -> Iterator[tuple[str, _Cause]]:
    """The destinations of an event or of invocations, each with its key."""
    for on, destination in tree.fields(tree.fields(properties).get("DestinationConfig")).items():
        kind = f"destination {tree.pattern(tree.fields(destination).get('Type'))}"
        yield on, _Cause(kind, _shown(on), "", line_of(destination))


def _line_of_key(node: Node | None, name: str) -> Lines | None:
    """The line of a key of a mapping, None where it is merged from another."""
    entries = node.value if isinstance(node, MappingNode) else []
    keys = [key for key, _ in entries if isinstance(key, ScalarNode) and key.value == name]
    return line_of(keys[0]) if keys else None


def _shown(name: str) -> str:
    """A logical id as it is shown; what cannot be one is not."""
    return name if _ID.fullmatch(name) else "?"
