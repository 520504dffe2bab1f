"""The nodes of one template, and what they mean: references, intrinsic functions and variables.

Sources:
- Intrinsic functions:
  docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
- Variables of the Serverless Framework (`${self:...}`): serverless.com/framework/docs/guides/variables
- `#{...}`: the plugin github.com/svdgraaf/serverless-pseudo-parameters
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.places import ANY
from scanner.templates.steps import Steps
from scanner.templates.written import Source, Span, Written

MAX_TEXT = 2_048  # characters: no ARN and no name is longer
_MAX_FUNCTION_NAME = 40  # characters: no intrinsic function's name is longer
_MAX_DEPTH = 10  # of functions and references within each other
_MAX_CHAIN = 5  # of `${self:...}` that name each other

_MERGE_TAG = "tag:yaml.org,2002:merge"
_VARIABLE = re.compile(r"[$#]\{([^{}]*)\}")  # the innermost
_SELF = re.compile(r"\$\{self:([^{},]+)\}")
_ATTRIBUTE = re.compile(r"\$\{(\w+)(\.Arn)?\}")

# The command line decides these: `serverless deploy --stage --region`, whatever the template's defaults are.
_NOT_SELF = ("provider.stage", "provider.region")

# Resources whose ARN ends with their name, and the property that gives it; else it is made of the logical id.
_NAMED_BY = {
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::SimpleTable": "TableName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
KEPT_OF_ID = 20  # characters: a logical id in a name that is too long is cut, never to fewer


class TemplateResource(NamedTuple):
    """A resource of a template: its type, `AWS::SERVICE::KIND`, and its properties if it has any.

    `connectors` are those of SAM that are embedded in it.
    """

    type: str
    properties: Node | None
    connectors: Node | None = None


class Tree:
    """The nodes of one template. Every method raises TooManyStepsError where its walks have no end.

    `top` are the values of the root by key, `resources` the resources by logical id: none until
    `with_resources` names where they stand. `source` is the text, None where it is no file of the checkout.
    """

    def __init__(
        self,
        root: Node,
        resources: Mapping[str, TemplateResource] | None = None,
        steps: Steps | None = None,
        source: Source | None = None,
    ) -> None:
        self.root = root
        self.source = source
        self.resources: Mapping[str, TemplateResource] = resources or {}
        self._steps = steps or Steps()
        self.top = self.fields(root)

    def with_resources(self, sections: Sequence[Node]) -> Tree:
        """The same template, with the resources that stand under `Resources` of these nodes."""
        resources = {}
        for section in sections:
            for logical_id, node in self.fields(self.fields(section).get("Resources")).items():
                fields = self.fields(node)
                kind = fields.get("Type")
                if isinstance(kind, ScalarNode) and kind.value.startswith("AWS::"):
                    resources[logical_id] = TemplateResource(
                        kind.value, fields.get("Properties"), fields.get("Connectors")
                    )
        return Tree(self.root, resources, self._steps, self.source)

    # --- structure ---

    def resolved(self, node: Node | None) -> Node | None:
        """The node that stands in the place of a node: for `${self:custom.x}`, the value that it names."""
        for _ in range(_MAX_CHAIN):
            if not isinstance(node, ScalarNode):
                break
            match = _SELF.fullmatch(node.value[:MAX_TEXT])
            if match is None:
                break
            node = self._at(match.group(1)) or ScalarNode("!Unknown", "", node.start_mark, node.end_mark)
        return node

    def _at(self, path: str) -> Node | None:
        node: Node | None = None if path in _NOT_SELF else self.root
        for key in path.split("."):
            node = self._merged(node).get(key)
        return node

    def fields(self, node: Node | None) -> dict[str, Node]:
        """A mapping's values by key; empty for anything else."""
        return self._merged(self.resolved(node))

    def _merged(self, node: Node | None) -> dict[str, Node]:
        """A mapping with those that it merges (`<<`), each of them visited once."""
        values: dict[str, Node] = {}
        todo, visited = [node], set()
        while todo:
            mapping = todo.pop()
            if not isinstance(mapping, MappingNode) or _extent(mapping) in visited:
                continue
            visited.add(_extent(mapping))
            self._steps.spend(len(mapping.value))
            for key, value in mapping.value:
                if key.tag == _MERGE_TAG:
                    todo.extend(reversed(value.value) if isinstance(value, SequenceNode) else [value])
                elif isinstance(key, ScalarNode):
                    values.setdefault(key.value, value)
        return values

    def indexed(self, node: Node | None) -> list[tuple[int, Node]]:
        """The items of a list, or the single value in its place, with their indices from 0.

        Of a condition (Fn::If) both branches are items, at the same index.
        """
        items: list[tuple[int, Node]] = []
        for branch in self._branches(node):
            if isinstance(branch, SequenceNode) and not intrinsic(branch)[0]:
                self._steps.spend(len(branch.value))
                items += [(index, b) for index, item in enumerate(branch.value) for b in self._branches(item)]
            else:
                items.append((0, branch))
        return items

    def items(self, node: Node | None) -> list[Node]:
        """The items of a list, or the single value in its place."""
        return [item for _, item in self.indexed(node)]

    def _branches(self, node: Node | None) -> list[Node]:
        todo, branches = [node], []
        while todo:
            self._steps.spend(1)
            item = self.resolved(todo.pop())
            name, argument = intrinsic(item)
            if name == "If" and isinstance(argument, SequenceNode):
                todo.extend(reversed(argument.value[1:3]))
            elif item is not None:
                branches.append(item)
        return branches

    def target(self, node: Node | None) -> str | None:
        """The logical id that a reference names."""
        name, argument = intrinsic(self.resolved(node))
        if argument is None:
            return None
        if name in ("Ref", "GetAtt"):
            return _first_text(argument).partition(".")[0]
        match = _ATTRIBUTE.fullmatch(argument.value[:MAX_TEXT]) if isinstance(argument, ScalarNode) else None
        return match.group(1) if match and name == "Sub" else None

    def is_true(self, node: Node | None) -> bool:
        """Whether a value is YAML's true."""
        node = self.resolved(node)
        return isinstance(node, ScalarNode) and node.value.lower() == "true"

    def written(
        self,
        node: Node,
        actions: Iterable[tuple[str, Node]] = (),
        resources: Iterable[tuple[str, Node]] = (),
    ) -> Written | None:
        """Where a node, and those of a statement's actions and resources, are written."""
        if self.source is None:
            return None
        return Written(self.source, _span(node), _spans(actions), _spans(resources))

    # --- texts ---

    def pattern(self, node: Node | None, depth: int = 0) -> str:
        """A pattern (see `places`) of the text that a node comes to, `*` where nothing of it is known.

        `depth` is the number of functions and references around it.
        """
        self._steps.spend(1)
        node = self.resolved(node)
        name, argument = intrinsic(node)
        if depth > _MAX_DEPTH or argument is None:
            return ANY
        if name in ("", "Sub"):
            whole = argument.value[:1] if isinstance(argument, SequenceNode) and name else [argument]
            text = whole[0].value if whole and isinstance(whole[0], ScalarNode) else None
            return ANY if text is None else self._substituted(text, depth)
        if name in ("Ref", "GetAtt"):
            return self._of_resource(_first_text(argument), depth)
        return self._joined(argument, depth) if name == "Join" else ANY

    def _joined(self, argument: Node, depth: int) -> str:
        parts = argument.value if isinstance(argument, SequenceNode) else []
        if len(parts) != 2 or not isinstance(parts[1], SequenceNode) or intrinsic(parts[1])[0]:
            return ANY
        between, joined = self.pattern(parts[0], depth + 1), ""
        for index, part in enumerate(parts[1].value):
            joined += (between if index else "") + self.pattern(part, depth + 1)
            if len(joined) > MAX_TEXT:
                return ANY
        return joined

    def _substituted(self, text: str, depth: int) -> str:
        pattern = literal(text) if len(text) <= MAX_TEXT else ANY
        for _ in range(_MAX_DEPTH):
            self._steps.spend(1)
            replaced = _VARIABLE.sub(lambda match: self._variable(match.group(1), depth), pattern)
            if replaced == pattern:
                return pattern
            pattern = replaced if len(replaced) <= MAX_TEXT else ANY
        return ANY

    def _variable(self, name: str, depth: int) -> str:
        if name.startswith("self:"):
            node = self._at(name.removeprefix("self:"))
            return ANY if node is None else self.pattern(node, depth + 1)
        return self._of_resource(name, depth)

    def _of_resource(self, reference: str, depth: int) -> str:
        """A pattern of the name or ARN that `LogicalId` or `LogicalId.Arn` comes to: the name is in both."""
        logical_id = reference.partition(".")[0]
        resource = self.resources.get(logical_id)
        name_property = _NAMED_BY.get(resource.type) if resource else None
        if resource is None or name_property is None:
            return ANY
        given = self.fields(resource.properties).get(name_property)
        if given is not None:
            return f"*{self.pattern(given, depth + 1)}*"
        kept = logical_id[:KEPT_OF_ID]
        return f"*{kept.lower() if name_property == 'BucketName' else kept}*"


def _extent(node: Node) -> tuple[int, int]:
    """The characters between which a node stands: no two mappings of a text have the same."""
    return node.start_mark.index, node.end_mark.index


def _span(node: Node) -> Span:
    return Span(*_extent(node))


def _spans(nodes: Iterable[tuple[str, Node]]) -> dict[str, tuple[Span, ...]]:
    spans: dict[str, dict[Span, None]] = defaultdict(dict)
    for text, node in nodes:
        spans[text][_span(node)] = None
    return {text: tuple(its) for text, its in spans.items()}


def intrinsic(node: Node | None) -> tuple[str, Node | None]:
    """An intrinsic function's name (without `Fn::`) and argument; of anything else, no name and itself."""
    if node is not None and node.tag.startswith("!"):
        return node.tag[1:_MAX_FUNCTION_NAME].removeprefix("Fn::"), node
    if isinstance(node, MappingNode) and len(node.value) == 1:
        key, value = node.value[0]
        if isinstance(key, ScalarNode) and (key.value == "Ref" or key.value.startswith("Fn::")):
            return key.value[:_MAX_FUNCTION_NAME].removeprefix("Fn::"), value
    return "", node


def _first_text(node: Node) -> str:
    """The text of a scalar, or of a list's first item; empty for anything else."""
    if isinstance(node, SequenceNode) and node.value:
        node = node.value[0]
    return str(node.value[:MAX_TEXT]) if isinstance(node, ScalarNode) else ""
