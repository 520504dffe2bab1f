"""The nodes of one template, and what they mean: references, intrinsic functions and variables.

Sources:
- Intrinsic functions:
  docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
- Variables of the Serverless Framework (`${self:...}`): serverless.com/framework/docs/guides/variables
- AWS::NoValue: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
- `#{...}`: the plugin github.com/svdgraaf/serverless-pseudo-parameters
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.iam.variables import literal
from scanner.templates.included import IncludedFiles
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

_NO_VALUE = "AWS::NoValue"  # takes away what stands there

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
    `included` are the files that its values name, None where they can name none. `dangling` collects the
    references to what is nowhere.
    """

    def __init__(
        self,
        root: Node,
        resources: Mapping[str, TemplateResource] | None = None,
        steps: Steps | None = None,
        source: Source | None = None,
        included: IncludedFiles | None = None,
    ) -> None:
        self.root = root
        self.source = source
        self.included = included
        self.resources: Mapping[str, TemplateResource] = resources or {}
        self.dangling: set[str] = set()
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
        return Tree(self.root, resources, self._steps, self.source, self.included)

    def spend(self, steps: int) -> None:
        """Count steps of a walk over the template."""
        self._steps.spend(steps)

    # --- structure ---

    def resolved(self, node: Node | None, depth: int = 0) -> Node | None:
        """The node that stands in the place of a node: what `${self:KEY}` or `${file(PATH):KEY}` names.

        `depth` is the number of references around it.
        """
        for _ in range(_MAX_CHAIN):
            reference = node.value[:MAX_TEXT] if isinstance(node, ScalarNode) else ""
            named = self._named(reference) if reference.startswith("${") else None
            if node is None or named is None:
                break
            found = self._at(*named, depth=depth + 1)
            if found is None:
                self.dangling.add(reference)
                found = ScalarNode("!Unknown", "", node.start_mark, node.end_mark)
            node = found
        return node

    def _named(self, reference: str) -> tuple[Node | None, str] | None:
        """The root that a reference names something of, and the key in it; None where it is no such one."""
        match = _SELF.fullmatch(reference)
        if match:
            return None if match[1] in _NOT_SELF else self.root, match[1]
        return self.included.named(reference) if self.included else None

    def _at(self, root: Node | None, path: str, depth: int) -> Node | None:
        """The value at a path of keys, and of positions in lists, below a node."""
        self._steps.spend(1)
        node = root if depth <= _MAX_DEPTH else None
        for key in path.split(".") if path else ():
            node = self.resolved(node, depth)
            if isinstance(node, SequenceNode):
                node = next((item for place, item in enumerate(node.value) if str(place) == key), None)
            else:
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
            if not isinstance(mapping, MappingNode) or id(mapping) in visited:
                continue
            visited.add(id(mapping))
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
            elif item is not None and not (name == "Ref" and _first_text(argument or item) == _NO_VALUE):
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
        """Where a node, and those of a statement's actions and resources, are written.

        None where these do not all stand in one file.
        """
        actions, resources = tuple(actions), tuple(resources)
        source = self._source(node)
        if source is None or any(self._source(item) != source for _, item in (*actions, *resources)):
            return None
        return Written(source, _span(node), _spans(actions), _spans(resources))

    def path(self, node: Node | None) -> str:
        """The path of the file that a node stands in, empty where that is the template itself."""
        source = self.included.source_of(node) if self.included and node is not None else None
        return source.path if source else ""

    def _source(self, node: Node) -> Source | None:
        return (self.included.source_of(node) if self.included else None) or self.source

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
            given = self.fields(argument.value[1]) if whole != [argument] and len(argument.value) > 1 else {}
            return ANY if text is None else self._substituted(text, depth, given)
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

    def _substituted(self, text: str, depth: int, given: Mapping[str, Node]) -> str:
        """A text with its variables' values; `given` are those that Fn::Sub itself gives."""
        pattern = literal(text) if len(text) <= MAX_TEXT else ANY
        for _ in range(_MAX_DEPTH):
            self._steps.spend(1)
            replaced = _VARIABLE.sub(lambda match: self._variable(match[1], depth, given), pattern)
            if replaced == pattern:
                return pattern
            pattern = replaced if len(replaced) <= MAX_TEXT else ANY
        return ANY

    def _variable(self, name: str, depth: int, given: Mapping[str, Node]) -> str:
        if name in given:
            return self.pattern(given[name], depth + 1)
        if name.startswith("self:"):
            named = self._named(f"${{{name}}}")
            node = self._at(*named, depth=depth + 1) if named else None
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


def _span(node: Node) -> Span:
    return Span(node.start_mark.index, node.end_mark.index)


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
