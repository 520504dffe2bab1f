"""Resources of CloudFormation -> the roles that a deployment makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.unit.cases import ACCOUNT

_RANDOM = "Ab3dEf6hIj9k"
_STACK = "app"
_PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": _STACK,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
_NAMES = (
    *("RoleName", "FunctionName", "TableName", "BucketName", "QueueName", "TopicName", "ManagedPolicyName"),
    *("StateMachineName", "PolicyName", "Name"),
)
_ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:us-east-1:{}:table/{}",
    "AWS::S3::Bucket": "arn:aws:s3:::{1}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:{}:{}",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:{}:{}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:{}:function:{}",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:us-east-1:{}:stateMachine:{}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:us-east-1:{}:stream/{}",
    "AWS::Events::EventBus": "arn:aws:events:us-east-1:{}:event-bus/{}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:us-east-1:{}:secret:{}",
    "AWS::IAM::Role": "arn:aws:iam::{}:role/{}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{}:policy/{}",
}


class MadePolicy(NamedTuple):
    """A deployed policy; `statements` are empty for one of AWS."""

    name: str
    arn: str | None
    statements: list[dict[str, Any]]


@dataclass
class MadeRole:
    """A deployed role. `logical_id` is the role's."""

    logical_id: str
    name: str
    policies: list[MadePolicy] = field(default_factory=list)
    workloads: list[str] = field(default_factory=list)


def made_roles(template: Mapping[str, Any]) -> list[MadeRole]:
    """The roles of a template without transforms."""
    return list(_Deployment(template).roles())


class _Deployment:
    def __init__(self, template: Mapping[str, Any]) -> None:
        self._resources: Mapping[str, Any] = template["Resources"]
        self._parameters: Mapping[str, Any] = template.get("Parameters", {})

    def roles(self) -> Iterator[MadeRole]:
        roles = {}
        for id_, resource in self._of("AWS::IAM::Role"):
            role = MadeRole(id_, self._name(id_))
            for policy in resource.get("Policies", []):
                role.policies.append(_policy(policy["PolicyName"], None, policy["PolicyDocument"]))
            for arn in resource.get("ManagedPolicyArns", []):
                own = self._managed(arn)
                role.policies.append(own or MadePolicy(arn.rpartition("/")[2], arn, []))
            roles[role.name] = role
        for name, policy in self._attached():
            if name in roles:
                roles[name].policies.append(policy)
        for id_, resource in self._of("AWS::Lambda::Function"):
            name = str(resource["Role"]).rpartition("/")[2]
            if name in roles:
                roles[name].workloads.append(self._name(id_))
        yield from roles.values()

    def _attached(self) -> Iterator[tuple[str, MadePolicy]]:
        """The policies that are resources of their own, with the names of their roles."""
        for id_, resource in self._of("AWS::IAM::ManagedPolicy"):
            yield from ((name, self._own_policy(id_)) for name in resource.get("Roles", []))
        for kind in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy"):
            for _, resource in self._of(kind):
                policy = _policy(resource["PolicyName"], None, resource["PolicyDocument"])
                yield from ((name, policy) for name in resource.get("Roles", [resource.get("RoleName")]))

    def _of(self, kind: str) -> Iterator[tuple[str, Any]]:
        for id_, resource in self._resources.items():
            if resource["Type"] == kind:
                yield id_, self.value(resource.get("Properties", {}))

    def _managed(self, arn: str) -> MadePolicy | None:
        ids = (id_ for id_, _ in self._of("AWS::IAM::ManagedPolicy"))
        return next((self._own_policy(id_) for id_ in ids if self._arn(id_) == arn), None)

    def _own_policy(self, id_: str) -> MadePolicy:
        document = self.value(self._resources[id_]["Properties"]["PolicyDocument"])
        return _policy(self._name(id_), self._arn(id_), document)

    # --- values ---

    def value(self, value: Any) -> Any:
        """A value with its functions called."""
        if isinstance(value, list):
            return [its for item in value if (its := self.value(item)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._called(name.removeprefix("Fn::"), argument)
        return {key: its for key, item in value.items() if (its := self.value(item)) is not None}

    def _called(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self._referenced(argument)
        if name == "GetAtt":
            return self._arn(argument[0] if isinstance(argument, list) else argument.partition(".")[0])
        if name == "Sub":
            text, given = argument if isinstance(argument, list) else (argument, {})
            return re.sub(r"\$\{([^!}]+)\}", lambda match: self._variable(match[1], given), text)
        if name == "Join":
            return argument[0].join(map(str, self.value(argument[1])))
        if name == "If":
            return self.value(argument[1])
        return "imported" if name == "ImportValue" else "chosen"

    def _variable(self, name: str, given: Mapping[str, Any]) -> str:
        if name in given:
            return str(self.value(given[name]))
        return str(self._arn(name.partition(".")[0]) if ".Arn" in name else self._referenced(name))

    def _referenced(self, name: str) -> Any:
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._parameters:
            return self._parameters[name].get("Default", "given")
        kind = self._resources[name]["Type"] if name in self._resources else ""
        return self._arn(name) if kind in ("AWS::IAM::ManagedPolicy", "AWS::SNS::Topic") else self._name(name)

    def _name(self, id_: str) -> str:
        resource = self._resources.get(id_, {"Type": ""})
        given = next((v for k, v in resource.get("Properties", {}).items() if k in _NAMES), None)
        if given is not None and resource["Type"] != "AWS::IAM::Policy":
            return str(self.value(given))
        name = f"{_STACK}-{id_[:47]}-{_RANDOM}"  # of 64 characters at the most
        return name.lower() if resource["Type"] == "AWS::S3::Bucket" else name

    def _arn(self, id_: str) -> str:
        form = _ARNS.get(self._resources.get(id_, {}).get("Type", ""), "arn:aws:other:us-east-1:{}:x/{}")
        return form.format(ACCOUNT, self._name(id_))


def _policy(name: str, arn: str | None, document: Any) -> MadePolicy:
    given = document["Statement"]
    return MadePolicy(name, arn, given if isinstance(given, list) else [given])
