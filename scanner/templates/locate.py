"""Where the checkout grants a permission: finding -> file and line of the template that says so.

Templates of the Serverless Framework, AWS SAM and CloudFormation are read as roles with policies, in which
every intrinsic function and variable stands for any text (`*`). A finding is placed where exactly one
statement of exactly one role fits; where several fit equally, or none, there is no place. No guess.

What decides, in this order: whether the role can be the finding's, by its name and by the functions that use
it; the policy's name, the statement's Sid, every action as spelled, every resource; and among those that fit,
the statement that agrees as a whole with the deployed one, then the one that stands in the same position.

Sources of what is known of names:
- CloudFormation: `STACK-LOGICALID-RANDOM`, shortened where the service's limit asks for it
  (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-name.html). Logical ids hold no `-`.
- SAM: role `FUNCTIONRole`, policies `FUNCTIONRolePolicyINDEX`; Globals hold no policies (aws-sam-translator,
  model/role_utils/role_constructor.py and plugins/globals/globals.py).
- Serverless Framework: serverless.com/framework/docs/providers/aws/guide/iam, and the plugin
  github.com/functionalone/serverless-iam-roles-per-function.

Templates come from a pull request and are not trusted: nothing is constructed from them, and files, sizes,
nesting and every walk are bounded.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scanner.iam.patterns import overlaps
from scanner.model import Finding, Policy
from scanner.text.tables import rows

ANY = "*"
# what others wrote, and what is generated
SKIPPED_FOLDERS = frozenset({".git", ".venv", "venv", "node_modules", "site-packages", ".tox", ".terraform"})
GENERATED_FOLDERS = frozenset({"cdk.out", "dist", "build", ".serverless", ".aws-sam"})
SUFFIXES = (".yml", ".yaml", ".json", ".template")
MAX_FILE_BYTES = 2_000_000
MAX_FILES = 20_000
MAX_TEMPLATES = 500
MAX_BYTES = 10_000_000  # of all templates together
MAX_NESTING = 100
MAX_EVENTS = 200_000  # a template of 1 MB, the most that CloudFormation takes, has about 100,000
MAX_STEPS = 200_000  # of all walks over one template; only one that multiplies itself by aliases needs more
MAX_TEXT = 2_048  # no ARN and no name is longer


# ---- what a template says ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Location:
    """Lines (from 1) of a file, named by its path relative to the checkout."""

    path: str
    line: int
    end_line: int


class Span(NamedTuple):
    """Lines of one file, from 1."""

    line: int
    end_line: int


class Name(NamedTuple):
    """What a deployed name must look like: a pattern, or with `derived` the logical id that it is made of."""

    text: str
    derived: bool = False


@dataclass(frozen=True)
class StatementPlace:
    """An Allow statement. `actions` maps each action, in lower case, to its line.

    `open` is True where an action could not be read, `sid` and `condition` are None where there is none
    and where it is unknown whether there is one.
    """

    span: Span
    index: int
    sid: str | None
    actions: dict[str, int]
    open: bool
    not_actions: bool
    resources: tuple[str, ...]
    not_resources: bool
    condition: bool | None


@dataclass(frozen=True)
class PolicyPlace:
    """A policy's document, or with `statements` None only its mention.

    `size` is the number of statements where they stand in the order of the deployed ones, `by_position` the
    name that the policy gets from its position among others, which a change of the template may shift.
    """

    name: Name
    kind: Literal["inline", "managed"]
    span: Span
    statements: tuple[StatementPlace, ...] | None = None
    size: int | None = None
    by_position: str | None = None


@dataclass(frozen=True)
class RolePlace:
    """A role and the functions that use it, as far as the template says; `name` None: whatever role."""

    path: str
    name: Name | None
    functions: tuple[Name, ...]
    policies: tuple[PolicyPlace, ...]


@dataclass(frozen=True)
class Templates:
    """The roles of all templates of a checkout.

    `files` counts the templates read, `unread` names those that could not be, and `truncated` is True where
    the checkout holds more than is read.
    """

    roles: tuple[RolePlace, ...] = ()
    files: int = 0
    unread: tuple[str, ...] = ()
    truncated: bool = False


# ---- reading -----------------------------------------------------------------------------------------------


def read_templates(root: Path) -> Templates:
    """The templates under a folder, always in the same order. Never raises: see `Templates.unread`."""
    roles: list[RolePlace] = []
    unread: list[str] = []
    files, left = 0, MAX_BYTES
    for count, path in enumerate(_candidates(root)):
        if count >= MAX_FILES or files + len(unread) >= MAX_TEMPLATES or left <= 0:
            return Templates(tuple(roles), files, tuple(unread), truncated=True)
        text = _text_of(path)
        if not _may_be_template(path.name, text):
            continue
        left -= len(text or "")
        relative = path.relative_to(root).as_posix()
        found = None if text is None else roles_in(relative, text)
        if found is None:
            unread.append(relative)
        else:
            files += 1
            roles += found
    return Templates(tuple(roles), files, tuple(unread))


def _candidates(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS - GENERATED_FOLDERS)
        for name in sorted(names):
            path = Path(folder) / name
            # A name that no text can hold, or one of several lines, can be named in no report.
            if name.lower().endswith(SUFFIXES) and path.relative_to(root).as_posix().isprintable():
                yield path


def _text_of(path: Path) -> str | None:
    """A regular file's text (a link may lead out of the checkout: not followed), None where there is none."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            return None
        text = path.read_bytes()[:MAX_FILE_BYTES].decode("utf-8-sig")
    except (OSError, ValueError):
        return None
    # JSON may be indented with tabs, YAML may not; in JSON's strings there are none.
    return text.replace("\t", " ") if path.suffix == ".json" else text


def _may_be_template(name: str, text: str | None) -> bool:
    """Whether parsing is worth while: most YAML and JSON files of a checkout are something else."""
    if text is None:
        return name.startswith(("serverless.", "template.")) or name.endswith(".template")
    if name.startswith("serverless"):
        return "provider" in text or "Resources" in text
    return "Resources" in text and "AWS::" in text


def roles_in(path: str, text: str) -> tuple[RolePlace, ...] | None:
    """The roles of one file's text, none where it is no template, None where it cannot be read."""
    try:
        root = _composed(text)
        return _roles(path, _Tree(root)) if isinstance(root, MappingNode) else ()
    except Exception:  # whatever a parser makes of hostile text: this file has no places, the scan goes on
        return None


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TooMuchError(ValueError):
    """A template nests, or multiplies itself, beyond what is read."""


def _composed(text: str) -> Node | None:
    """The nodes of a YAML or JSON text, with their lines. Tags are kept as names and mean nothing."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_NESTING or count > MAX_EVENTS:
            raise _TooMuchError
    node: Node | None = yaml.compose(text, Loader=_LOADER)
    return node


# ---- nodes -> values ---------------------------------------------------------------------------------------

_MERGE_TAG = "tag:yaml.org,2002:merge"
_VARIABLE = re.compile(r"[$#]\{([^{}]*)\}")  # the innermost; `#{...}`: serverless-pseudo-parameters
_SELF = re.compile(r"\$\{self:([^{},]+)\}")
_ATTRIBUTE = re.compile(r"\$\{(\w+)(\.Arn)?\}")
_LITERALS = str.maketrans({"*": "\ue02a", "?": "\ue03f"})  # private use, as in scanner.iam.policies

# What the command line decides: `serverless deploy --stage --region`, whatever the template's defaults are.
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
_KEPT_OF_ID = 20  # a logical id in a name that is too long is cut, never to less than this


def _literal(text: str) -> str:
    """A text as a pattern that matches only itself: what a deployed policy spells `*` must be spelled so."""
    return text.translate(_LITERALS)


class _Resource(NamedTuple):
    type: str
    properties: Node | None


class _Tree:
    """The nodes of one template, and what they mean. Every step is counted, so that no walk is endless."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.top: dict[str, Node] = {}
        self.resources: dict[str, _Resource] = {}
        self._steps = 0
        self.top = self.fields(root)

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise _TooMuchError

    def resolved(self, node: Node | None) -> Node | None:
        """What stands in the place of a node: for `${self:custom.x}`, the value that it names."""
        for _ in range(5):
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
        """A mapping's values by key; nothing of anything else."""
        return self._merged(self.resolved(node))

    def _merged(self, node: Node | None) -> dict[str, Node]:
        """A mapping with those that it merges (`<<`), each of them visited once."""
        found: dict[str, Node] = {}
        todo, seen = [node], set()
        while todo:
            mapping = todo.pop()
            if not isinstance(mapping, MappingNode) or id(mapping) in seen:
                continue
            seen.add(id(mapping))
            self._spend(len(mapping.value))
            for key, value in mapping.value:
                if key.tag == _MERGE_TAG:
                    todo.extend(reversed(value.value) if isinstance(value, SequenceNode) else [value])
                elif isinstance(key, ScalarNode):
                    found.setdefault(key.value, value)
        return found

    def indexed(self, node: Node | None) -> list[tuple[int, Node]]:
        """The items of a list, or the one thing that stands in its place, with their indices.

        Of a condition (Fn::If) both branches are items, at the same index.
        """
        found: list[tuple[int, Node]] = []
        for branch in self._branches(node):
            if isinstance(branch, SequenceNode) and not _intrinsic(branch)[0]:
                self._spend(len(branch.value))
                found += [(index, b) for index, item in enumerate(branch.value) for b in self._branches(item)]
            else:
                found.append((0, branch))
        return found

    def items(self, node: Node | None) -> list[Node]:
        """The items of a list, or the one thing that stands in its place."""
        return [item for _, item in self.indexed(node)]

    def _branches(self, node: Node | None) -> list[Node]:
        todo, found = [node], []
        while todo:
            self._spend(1)
            item = self.resolved(todo.pop())
            name, argument = _intrinsic(item)
            if name == "If" and isinstance(argument, SequenceNode):
                todo.extend(reversed(argument.value[1:3]))
            elif item is not None:
                found.append(item)
        return found

    def pattern(self, node: Node | None, depth: int = 0) -> str:
        """A text in which all that the template alone does not decide is `*`."""
        self._spend(1)
        node = self.resolved(node)
        name, argument = _intrinsic(node)
        if depth > 10 or argument is None:
            return ANY
        if name in ("", "Sub"):
            whole = argument.value[:1] if isinstance(argument, SequenceNode) and name else [argument]
            text = whole[0].value if whole and isinstance(whole[0], ScalarNode) else None
            return ANY if text is None else self._text(text, depth)
        if name in ("Ref", "GetAtt"):
            return self._of_resource(_first(argument), depth)
        return self._joined(argument, depth) if name == "Join" else ANY

    def _joined(self, argument: Node, depth: int) -> str:
        parts = argument.value if isinstance(argument, SequenceNode) else []
        if len(parts) != 2 or not isinstance(parts[1], SequenceNode) or _intrinsic(parts[1])[0]:
            return ANY
        between, joined = self.pattern(parts[0], depth + 1), ""
        for index, part in enumerate(parts[1].value):
            joined += (between if index else "") + self.pattern(part, depth + 1)
            if len(joined) > MAX_TEXT:
                return ANY
        return joined

    def _text(self, text: str, depth: int) -> str:
        pattern = _literal(text) if len(text) <= MAX_TEXT else ANY
        for _ in range(10):
            self._spend(1)
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
        """What `LogicalId` or `LogicalId.Arn` comes to: a name or an ARN that holds the resource's name."""
        logical_id = reference.partition(".")[0]
        resource = self.resources.get(logical_id)
        naming = _NAMED_BY.get(resource.type) if resource else None
        if resource is None or naming is None:
            return ANY
        given = self.fields(resource.properties).get(naming)
        if given is not None:
            return f"*{self.pattern(given, depth + 1)}*"
        kept = logical_id[:_KEPT_OF_ID]
        return f"*{kept.lower() if naming == 'BucketName' else kept}*"

    def target(self, node: Node | None) -> str | None:
        """The logical id that a reference names."""
        name, argument = _intrinsic(self.resolved(node))
        if argument is None:
            return None
        if name in ("Ref", "GetAtt"):
            return _first(argument).partition(".")[0]
        match = _ATTRIBUTE.fullmatch(argument.value[:MAX_TEXT]) if isinstance(argument, ScalarNode) else None
        return match.group(1) if match and name == "Sub" else None

    def is_true(self, node: Node | None) -> bool:
        """Whether a value is YAML's true."""
        node = self.resolved(node)
        return isinstance(node, ScalarNode) and node.value.lower() == "true"


_LONGEST = 40  # no intrinsic function's name is longer


def _intrinsic(node: Node | None) -> tuple[str, Node | None]:
    """An intrinsic function's name (without `Fn::`) and argument; of anything else, no name and itself."""
    if node is not None and node.tag.startswith("!"):
        return node.tag[1:_LONGEST].removeprefix("Fn::"), node
    if isinstance(node, MappingNode) and len(node.value) == 1:
        key, value = node.value[0]
        if isinstance(key, ScalarNode) and (key.value == "Ref" or key.value.startswith("Fn::")):
            return key.value[:_LONGEST].removeprefix("Fn::"), value
    return "", node


def _first(node: Node) -> str:
    """The text of a scalar, or of a list's first item; empty for anything else."""
    if isinstance(node, SequenceNode) and node.value:
        node = node.value[0]
    return str(node.value[:MAX_TEXT]) if isinstance(node, ScalarNode) else ""


def _span(node: Node) -> Span:
    """The lines of a node. A block's end mark stands where the next thing begins: its last value tells."""
    line, last = node.start_mark.line + 1, node
    for _ in range(MAX_NESTING):
        if not isinstance(last, MappingNode | SequenceNode) or last.flow_style or not last.value:
            break
        last = last.value[-1][1] if isinstance(last, MappingNode) else last.value[-1]
    end = last.end_mark
    return Span(line, max(line, end.line + (end.column > 0)))  # an alias stands before, on an earlier line


def _line(node: Node) -> Span:
    return Span(node.start_mark.line + 1, node.start_mark.line + 1)


# ---- templates -> roles ------------------------------------------------------------------------------------


@dataclass
class _Role:
    """A role while its template is being read."""

    name: Name | None
    functions: list[Name] = field(default_factory=list)
    policies: list[PolicyPlace] = field(default_factory=list)


_Roles = dict[str, _Role]  # by logical id; by any other text where it has none


def _roles(path: str, tree: _Tree) -> tuple[RolePlace, ...]:
    """The roles of a template of whatever kind: a serverless.yml may hold CloudFormation's resources too."""
    roles: _Roles = {}
    serverless = "provider" in tree.top
    for part in tree.items(tree.top.get("resources")) if serverless else [tree.root]:
        _read_resources(tree, tree.fields(part).get("Resources"))
    _add_declared(tree, roles)
    if serverless:
        _add_serverless(tree, roles)
    _attach(tree, roles)
    return tuple(RolePlace(path, r.name, tuple(r.functions), tuple(r.policies)) for r in roles.values())


def _read_resources(tree: _Tree, node: Node | None) -> None:
    for logical_id, resource in tree.fields(node).items():
        fields = tree.fields(resource)
        kind = fields.get("Type")
        if isinstance(kind, ScalarNode) and kind.value.startswith("AWS::"):
            tree.resources[logical_id] = _Resource(kind.value, fields.get("Properties"))


def _name(tree: _Tree, given: Node | None, logical_id: str) -> Name:
    """The name that a resource is given, or the one that CloudFormation makes of its logical id."""
    return Name(logical_id, derived=True) if given is None else Name(tree.pattern(given))


_SAM_WITH_ROLE = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")
_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")


def _add_declared(tree: _Tree, roles: _Roles) -> None:
    """The roles among the resources, and those that SAM makes for resources that name none."""
    for logical_id, resource in tree.resources.items():
        fields = tree.fields(resource.properties)
        if resource.type == "AWS::IAM::Role":
            role = _Role(_name(tree, fields.get("RoleName"), logical_id))
            for entry in tree.items(fields.get("Policies")):
                policy = tree.fields(entry)
                role.policies.append(_inline(tree, policy.get("PolicyName"), policy.get("PolicyDocument")))
            role.policies += _mentions(tree, fields.get("ManagedPolicyArns"))
            roles[logical_id] = role
        elif resource.type in _SAM_WITH_ROLE and "Role" not in fields:
            role = _Role(Name(f"{logical_id}Role", derived=True))
            role.policies += _sam_policies(tree, logical_id, fields.get("Policies"))
            roles[f"{logical_id}Role"] = role


def _attach(tree: _Tree, roles: _Roles) -> None:
    """What stands beside the roles: functions that use them, policies that are attached to them."""
    for logical_id, resource in tree.resources.items():
        fields = tree.fields(resource.properties)
        if resource.type in _FUNCTIONS:
            name = _name(tree, fields.get("FunctionName"), logical_id)
            own = [f"{logical_id}Role"] if resource.type in _SAM_WITH_ROLE else []
            given = [tree.target(node) for node in tree.items(fields.get("Role"))]
            for role_id in given if "Role" in fields else own:
                if role_id in roles:
                    roles[role_id].functions.append(name)
        elif resource.type in _POLICIES:
            _attach_policy(tree, roles, logical_id, resource.type, fields)


def _attach_policy(tree: _Tree, roles: _Roles, logical_id: str, kind: str, fields: dict[str, Node]) -> None:
    document = fields.get("PolicyDocument")
    if kind == "AWS::IAM::ManagedPolicy":
        # Known by its own name, to whichever roles it is attached.
        name = _name(tree, fields.get("ManagedPolicyName"), logical_id)
        roles[f"{logical_id} "] = _Role(None, policies=[_policy(tree, name, "managed", document)])
        return
    policy = _inline(tree, fields.get("PolicyName"), document)
    attached = fields.get("RoleName" if kind == "AWS::IAM::RolePolicy" else "Roles")
    for index, node in enumerate(tree.items(attached)):
        role_id = tree.target(node)
        if role_id in roles:
            roles[role_id].policies.append(policy)
        else:
            roles[f"{logical_id} {index}"] = _Role(Name(tree.pattern(node)), policies=[policy])


# ---- SAM ---------------------------------------------------------------------------------------------------


@cache
def _policy_templates() -> dict[str, tuple[str, ...]]:
    """The actions of each SAM policy template, in lower case."""
    return {
        row["template"]: tuple(row["actions"].lower().split())
        for row in rows("templates", "sam_policy_templates")
    }


def _sam_policies(tree: _Tree, logical_id: str, node: Node | None) -> Iterator[PolicyPlace]:
    """A function's Policies: documents, policy templates, names and ARNs of managed policies."""
    for index, entry in tree.indexed(node):
        name, by_position = Name(f"{logical_id}RolePolicy*"), f"{logical_id}RolePolicy{index}"
        fields = tree.fields(entry)
        if isinstance(entry, ScalarNode) or _intrinsic(entry)[0]:
            yield _mention(tree, entry)
        elif "Statement" in fields:
            yield replace(_policy(tree, name, "inline", entry), by_position=by_position)
        elif len(fields) == 1:
            statement = _policy_template(tree, entry, *next(iter(fields.items())))
            yield PolicyPlace(name, "inline", statement.span, (statement,), by_position=by_position)


def _policy_template(tree: _Tree, entry: Node, template: str, parameters: Node) -> StatementPlace:
    """A policy template: on resources that hold one of its parameters, or on all."""
    values = [tree.pattern(value) for value in tree.fields(parameters).values()]
    return StatementPlace(
        span=_line(entry),
        index=0,
        sid=None,
        actions=dict.fromkeys(_policy_templates().get(template, ()), _line(entry).line),
        open=False,
        not_actions=False,
        resources=(_literal("*"), *(f"*{value}*" for value in values)) if values else (ANY,),
        not_resources=False,
        condition=None,
    )


# ---- the Serverless Framework ------------------------------------------------------------------------------

_PLUGIN = "serverless-iam-roles-per-function"


class _Service(NamedTuple):
    """What a serverless.yml says once for all functions.

    `role` is the logical id of the role that functions share, `inherit` whether a function's own role holds
    the shared statements too if the function does not say, `per_function` whether each has a role of its own.
    """

    name: str
    role: str | None
    inherit: bool
    per_function: bool
    statements: Node | None
    managed: Node | None


def _service(tree: _Tree) -> _Service:
    provider = tree.fields(tree.top.get("provider"))
    role_node = tree.fields(provider.get("iam")).get("role")
    role = tree.fields(role_node)
    named = tree.fields(tree.top.get("service")).get("name") or tree.top.get("service")
    custom = provider.get("role") or (
        role_node if role_node is not None and not _is_plain(role_node) else None
    )
    per_function = "mode" in role and tree.pattern(role["mode"]) == "perFunction"
    plugin = tree.fields(tree.fields(tree.top.get("custom")).get(_PLUGIN))
    return _Service(
        name=tree.pattern(named),
        role=_SHARED_ROLE if custom is None else _role_id(tree, custom),
        inherit=per_function or tree.is_true(plugin.get("defaultInherit")),
        per_function=per_function,
        statements=role.get("statements") or provider.get("iamRoleStatements"),
        managed=role.get("managedPolicies") or provider.get("iamManagedPolicies"),
    )


_SHARED_ROLE = "IamRoleLambdaExecution"  # its logical id, which other resources may attach policies to


def _is_plain(node: Node) -> bool:
    """Whether a node is a mapping that is no intrinsic function."""
    return isinstance(node, MappingNode) and not _intrinsic(node)[0]


def _role_id(tree: _Tree, node: Node) -> str | None:
    """The role that `role` names: its logical id, or a reference to it; None for an ARN."""
    return tree.target(node) or (node.value if isinstance(node, ScalarNode) else None)


def _add_serverless(tree: _Tree, roles: _Roles) -> None:
    """The role that all functions share, and those that functions have of their own."""
    service = _service(tree)
    if service.role == _SHARED_ROLE and not service.per_function:
        provider = tree.fields(tree.top.get("provider"))
        given = tree.fields(tree.fields(provider.get("iam")).get("role")).get("name")
        name = Name(f"{service.name}-*-*-lambdaRole") if given is None else Name(tree.pattern(given))
        roles[_SHARED_ROLE] = _Role(name, policies=_granted(tree, service.statements, service.managed))
    for part in tree.items(tree.top.get("functions")):
        for key, node in tree.fields(part).items():
            _add_function(tree, roles, service, key, tree.fields(node))
    known = any(role.functions for role in roles.values())
    if _SHARED_ROLE in roles and known and not roles[_SHARED_ROLE].functions:
        # No function uses it, and its name would fit the roles that functions have of their own.
        del roles[_SHARED_ROLE]


def _add_function(tree: _Tree, roles: _Roles, service: _Service, key: str, fields: dict[str, Node]) -> None:
    given = fields.get("name")
    name = Name(f"{service.name}-*-{_literal(key)}") if given is None else Name(tree.pattern(given))
    own = tree.fields(tree.fields(fields.get("iam")).get("role"))
    has_own = "iamRoleStatements" in fields or "statements" in own or "managedPolicies" in own
    if "role" in fields:
        role_id = _role_id(tree, fields["role"])
    elif has_own or service.per_function:
        role_id = _logical_id(key) + _SHARED_ROLE
        roles[role_id] = _own_role(tree, service, key, fields)
    else:
        role_id = service.role
    if role_id in roles:
        roles[role_id].functions.append(name)


def _own_role(tree: _Tree, service: _Service, key: str, fields: dict[str, Node]) -> _Role:
    iam = tree.fields(fields.get("iam"))
    own = tree.fields(iam.get("role"))
    given = own.get("name") or fields.get("iamRoleStatementsName")
    name = Name(f"{service.name}-*-{_literal(key)}-*") if given is None else Name(tree.pattern(given))
    policies = _granted(
        tree, own.get("statements") or fields.get("iamRoleStatements"), own.get("managedPolicies")
    )
    says = iam.get("inheritStatements") or fields.get("iamRoleStatementsInherit")
    if service.inherit if says is None else tree.is_true(says):
        policies += _granted(tree, service.statements, None)
    if service.per_function:
        policies += _granted(tree, None, service.managed)
    return _Role(name, policies=policies)


def _logical_id(key: str) -> str:
    """A function's key as the framework writes it in logical ids."""
    return (key[:1].upper() + key[1:]).replace("-", "Dash").replace("_", "Underscore")


def _granted(tree: _Tree, statements: Node | None, managed: Node | None) -> list[PolicyPlace]:
    """Statements that the framework puts into a policy of its own, after some that no template holds."""
    policies = list(_mentions(tree, managed))
    if statements is not None:
        places = tuple(_statements(tree, statements))
        policies.append(PolicyPlace(Name(ANY), "inline", _span(statements), places))
    return policies


# ---- policies ----------------------------------------------------------------------------------------------


def _mentions(tree: _Tree, node: Node | None) -> Iterator[PolicyPlace]:
    """Managed policies, by name or ARN."""
    return (_mention(tree, item) for item in tree.items(node))


def _mention(tree: _Tree, node: Node) -> PolicyPlace:
    return PolicyPlace(Name(tree.pattern(node)), "managed", _span(node))


def _inline(tree: _Tree, name: Node | None, document: Node | None) -> PolicyPlace:
    return _policy(tree, Name(tree.pattern(name)), "inline", document)


def _policy(
    tree: _Tree, name: Name, kind: Literal["inline", "managed"], document: Node | None
) -> PolicyPlace:
    node = tree.fields(document).get("Statement")
    size = len({index for index, _ in tree.indexed(node)})
    span = Span(0, 0) if document is None else _line(document)
    return PolicyPlace(name, kind, span, tuple(_statements(tree, node)), size)


def _statements(tree: _Tree, node: Node | None) -> Iterator[StatementPlace]:
    """The statements that allow something."""
    for index, item in tree.indexed(node):
        fields = tree.fields(item)
        if ("Action" in fields or "NotAction" in fields) and tree.pattern(fields.get("Effect")) != "Deny":
            yield _statement(tree, index, item, fields)


def _statement(tree: _Tree, index: int, node: Node, fields: dict[str, Node]) -> StatementPlace:
    not_actions, not_resources = "NotAction" in fields, "NotResource" in fields
    actions: dict[str, int] = {}
    unknown = False
    for item in tree.items(fields["NotAction" if not_actions else "Action"]):
        action = tree.pattern(item).lower()
        if ANY in action:
            unknown = True
        else:
            actions.setdefault(action, _line(item).line)
    resources = [
        tree.pattern(r) for r in tree.items(fields.get("NotResource" if not_resources else "Resource"))
    ]
    return StatementPlace(
        span=_span(node),
        index=index,
        sid=tree.pattern(fields["Sid"]) if "Sid" in fields else None,
        actions=actions,
        open=unknown,
        not_actions=not_actions,
        resources=tuple(dict.fromkeys(resources)),
        not_resources=not_resources,
        condition="Condition" in fields,
    )


# ---- finding -> place --------------------------------------------------------------------------------------


class _Fit(NamedTuple):
    """A place that fits a finding. The lower its rank, the more speaks for it."""

    location: Location
    rank: tuple[bool, ...]
    same_index: bool


def locate(finding: Finding, function_names: Sequence[str], templates: Templates) -> Location | None:
    """The lines that grant what a finding is about, None where no place or more than one can be it.

    `function_names` are the deployed names of the functions that use the finding's role.
    """
    fits = [fit for role in templates.roles for fit in _fits(finding, function_names, role)]
    best = min((fit.rank for fit in fits), default=())
    equal = [fit for fit in fits if fit.rank == best]
    places = {fit.location for fit in equal}
    if len(places) > 1:
        places = {fit.location for fit in equal if fit.same_index}
    return places.pop() if len(places) == 1 else None


def _fits(finding: Finding, function_names: Sequence[str], role: RolePlace) -> Iterator[_Fit]:
    role_name = finding.role.rpartition("/")[2]
    if not _can_be(role, role_name, function_names):
        return
    named = [role.name] if role.name else []
    exact = _is_exactly(named, [role_name]) or _is_exactly(role.functions, function_names)
    for policy in role.policies:
        if policy.kind != finding.policy.kind or not _is_policy(policy, finding.policy):
            continue
        if policy.statements is None:
            yield _Fit(Location(role.path, *policy.span), (True, not exact, True, False), False)
        for statement in policy.statements or ():
            span = _place_in(finding, statement)
            if span is not None:
                moved = policy.by_position not in (None, finding.policy.name)
                rank = (False, not exact, not _is_whole(finding, statement), moved)
                size, index = len(finding.policy.statements), finding.statement.index
                same = policy.size == size and statement.index == index
                yield _Fit(Location(role.path, *span), rank, same)


# Words that stand in the names of roles and functions everywhere, and so tell nothing of whose they are.
_COMMON = re.compile(
    "arn|aws|iam|policy|role|lambda|function|execution|service|stage|dev|test|staging|prod|[^a-z0-9]"
)
_TELLING = 3  # characters beside these


def _can_be(role: RolePlace, role_name: str, function_names: Sequence[str]) -> bool:
    """Whether a template's role can be the deployed one: nothing contradicts it, and something says it."""
    if role.name is None:
        return True
    if not _is(role.name, role_name):
        return False
    if not role.functions:
        return _tells(role.name)
    if not function_names:
        # A pattern may fit the role of another function too.
        return role.name.derived or ANY not in role.name.text
    using = [name for name in role.functions if any(_is(name, deployed) for deployed in function_names)]
    return bool(using) and any(_tells(name) for name in (role.name, *using))


def _tells(name: Name) -> bool:
    return name.derived or len(_COMMON.sub("", name.text.lower())) >= _TELLING


def _is(name: Name, deployed: str) -> bool:
    return _is_derived(name.text, deployed) if name.derived else overlaps(name.text, _literal(deployed))


def _is_derived(logical_id: str, deployed: str) -> bool:
    """Whether CloudFormation can have made a name of a logical id: `STACK-LOGICALID-RANDOM`."""
    parts = deployed.rsplit("-", 2)
    if len(parts) != 3 or not parts[2].isalnum() or len(parts[2]) < 8:
        return False
    cut = len(deployed) > 60 and len(parts[1]) >= _KEPT_OF_ID and logical_id.startswith(parts[1])
    return cut or parts[1] == logical_id


def _is_exactly(names: Sequence[Name], deployed: Sequence[str]) -> bool:
    """Whether a template spells one of the names in full."""
    return any(not name.derived and name.text == _literal(text) for name in names for text in deployed)


def _is_policy(place: PolicyPlace, policy: Policy) -> bool:
    if place.statements is None:
        arn = overlaps(place.name.text, _literal(policy.arn or ""))
        return _tells(place.name) and (arn or overlaps(place.name.text, _literal(policy.name)))
    return (place.kind == "inline" or _tells(place.name)) and _is(place.name, policy.name)


def _place_in(finding: Finding, place: StatementPlace) -> Span | None:
    """The lines of the finding's actions, if the statement fits; all of it where they cannot be read."""
    statement = finding.statement
    if (place.not_actions, place.not_resources) != (statement.not_actions, statement.not_resources):
        return None
    if (place.sid is None) != (statement.sid is None):
        return None
    if not overlaps(place.sid or "", _literal(statement.sid or "")):
        return None
    if not _holds(place.resources, finding.resources):
        return None
    lines = [place.actions.get(_literal(action.lower())) for action in finding.actions]
    known = [line for line in lines if line is not None]
    if known and len(known) == len(lines):
        return Span(min(known), max(known))
    # An action that is a variable: only the Sid can tell that it is this statement.
    return place.span if place.open and place.sid is not None and ANY not in place.sid else None


def _holds(patterns: Sequence[str], resources: Sequence[str]) -> bool:
    return all(any(overlaps(pattern, _literal(resource)) for pattern in patterns) for resource in resources)


def _is_whole(finding: Finding, place: StatementPlace) -> bool:
    """Whether a statement agrees with the deployed one in all, not only in what the finding is about."""
    statement = finding.statement
    return (
        set(place.actions) == {_literal(action.lower()) for action in statement.actions}
        and _holds(place.resources, statement.resources)
        and place.condition in (None, statement.condition is not None)
    )
