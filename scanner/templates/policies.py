"""Policies of a template, with their lines: documents, statements and mentions of managed policies.

Frameworks share these; what a policy is called is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from yaml.nodes import Node

from scanner.templates.places import ANY, Name, PolicyKind, PolicyPlace, StatementPlace
from scanner.templates.tree import Tree
from scanner.text.yaml_document import Lines, first_line, lines_of


def mentions(tree: Tree, node: Node | None) -> tuple[PolicyPlace, ...]:
    """The managed policies of a list of names and ARNs."""
    return tuple(mention(tree, item) for item in tree.items(node))


def mention(tree: Tree, node: Node) -> PolicyPlace:
    """A managed policy, given by its name or ARN."""
    return PolicyPlace(
        Name(tree.pattern(node)),
        "managed",
        lines_of(node),
        written=tree.written(node),
        path=tree.path(node),
    )


def inline(tree: Tree, name: Node | None, document: Node | None, entry: Node | None = None) -> PolicyPlace:
    """A role's inline policy of a name; `entry` is as with `policy`."""
    return policy(tree, Name(tree.pattern(name)), "inline", document, entry)


def policy(
    tree: Tree, name: Name, kind: PolicyKind, document: Node | None, entry: Node | None = None
) -> PolicyPlace:
    """A policy whose statements stand in the document in the order of the deployed ones.

    `entry` is the node without which the role does not have it, if one can be removed.
    """
    node = tree.fields(document).get("Statement")
    places = statements(tree, node)
    count = count_of(tree, node)
    return PolicyPlace(
        name,
        kind,
        lines=Lines(0, 0) if document is None else line_of(document),
        statements=places,
        statement_count=count,
        other_statements=count - len({place.index for place in places}),
        written=tree.written(entry) if entry is not None else None,
        path=tree.path(document),
    )


def count_of(tree: Tree, node: Node | None) -> int:
    """The number of statements of a list, those that deny included."""
    return len({index for index, _ in tree.indexed(node)})


def line_of(node: Node) -> Lines:
    """The first line of a node alone."""
    line = first_line(node)
    return Lines(line, line)


def statements(tree: Tree, node: Node | None) -> tuple[StatementPlace, ...]:
    """The statements of a list that allow something."""
    return tuple(_allow_statements(tree, node))


def _allow_statements(tree: Tree, node: Node | None) -> Iterator[StatementPlace]:
    for index, item in tree.indexed(node):
        fields = tree.fields(item)
        if ("Action" in fields or "NotAction" in fields) and tree.pattern(fields.get("Effect")) != "Deny":
            yield _statement(tree, index, item, fields)


def _statement(tree: Tree, index: int, node: Node, fields: Mapping[str, Node]) -> StatementPlace:
    not_actions, not_resources = "NotAction" in fields, "NotResource" in fields
    items = tree.items(fields["NotAction" if not_actions else "Action"])
    spelled = [(tree.pattern(item).lower(), item) for item in items]
    path = tree.path(spelled[0][1] if spelled else node)  # the actions may stand in a file of their own
    known = [(action, item) for action, item in spelled if ANY not in action and tree.path(item) == path]
    actions: dict[str, int] = {}
    for action, item in known:
        actions.setdefault(action, first_line(item))
    named = tree.items(fields.get("NotResource" if not_resources else "Resource"))
    resources = [(tree.pattern(item), item) for item in named]
    return StatementPlace(
        lines=lines_of(node if tree.path(node) == path else items[0]),
        index=index,
        sid=tree.pattern(fields["Sid"]) if "Sid" in fields else None,
        actions=actions,
        unknown_actions=len(known) < len(spelled),
        not_actions=not_actions,
        resources=tuple(dict.fromkeys(resource for resource, _ in resources)),
        not_resources=not_resources,
        condition="Condition" in fields,
        written=tree.written(node, known, resources),
        path=path if tree.included else None,
    )
