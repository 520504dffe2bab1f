"""A service of the Serverless Framework -> the template of CloudFormation that it packages.

By packages/serverless/lib/plugins/aws/package/lib/{merge-iam-templates,roles-per-function}.js of
github.com/serverless/serverless. Variables are resolved by what they are in stage `dev`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

from tests.placing.texts import Texts
from tests.unit.cases import ACCOUNT

_SHARED = "IamRoleLambdaExecution"
_LOGS = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:CreateLogGroup"], "Resource": "*"}
_INNERMOST = re.compile(r"\$\{([^${}]*)\}")
_GIVEN = {
    "sls:stage": "dev",
    "opt:stage": "dev",
    "aws:region": "us-east-1",
    "opt:region": "us-east-1",
    "aws:accountId": ACCOUNT,
    "self:provider.stage": "dev",
    "self:provider.region": "us-east-1",
}


def packaged(texts: Texts, path: str) -> dict[str, Any]:
    """The template that a service is packaged as."""
    return _Service(texts, path).template()


class _Service:
    def __init__(self, texts: Texts, path: str) -> None:
        self._texts = texts
        self._folder = posixpath.dirname(path)
        self._files: dict[str, Any] = {}
        self._root: Any = texts.value(path)
        self._root = self._resolved(self._root)
        service = self._root["service"]
        self._name: str = service["name"] if isinstance(service, dict) else service
        self._provider: dict[str, Any] = self._root["provider"]
        self._functions: dict[str, Any] = _joined(self._root.get("functions") or {})

    # --- variables ---

    def _resolved(self, value: Any, depth: int = 0) -> Any:
        assert depth < 20
        if isinstance(value, dict):
            return {key: self._resolved(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._resolved(item, depth + 1) for item in value]
        if not isinstance(value, str):
            return value
        whole = _INNERMOST.fullmatch(value)
        if whole:
            found = self._variable(whole[1])
            return value if found is None else self._resolved(found, depth + 1)
        text = _INNERMOST.sub(lambda m: _text(self._variable(m[1]), m[1]), value)
        if text == value or "$<" in text:
            return text.replace("$<", "${").replace(">$", "}")
        return self._resolved(text, depth + 1)

    def _followed(self, value: Any) -> Any:
        """What a reference names, as it is written there."""
        while isinstance(value, str) and (whole := _INNERMOST.fullmatch(value)):
            value = self._variable(whole[1])
        return value

    def _variable(self, name: str) -> Any:
        address, _, default = (part.strip() for part in name.partition(","))
        file = re.fullmatch(r"file\((.*)\)(?::(.*))?", address)
        if address in _GIVEN:
            return _GIVEN[address]
        if file:
            path = posixpath.normpath(posixpath.join(self._folder, file[1]))
            if path not in self._files:
                self._files[path] = self._texts.value(path)
            return _at(self._files[path], file[2] or "", self._followed)
        if address.startswith("self:"):
            found = _at(self._root, address.removeprefix("self:"), self._followed)
            return found if found is not None or not default else default.strip("'\"")
        return default.strip("'\"") if default else None  # a function of CloudFormation

    # --- resources ---

    def template(self) -> dict[str, Any]:
        given = self._root.get("resources") or {}
        sections = [its for its in (given if isinstance(given, list) else [given]) if its]
        resources = _joined([section.get("Resources", {}) for section in sections])
        iam = self._provider.get("iam", {}).get("role", {})
        custom = self._provider.get("role") or (iam if isinstance(iam, str) or _is_function(iam) else None)
        role = iam if isinstance(iam, dict) else {}
        shared = role.get("statements", self._provider.get("iamRoleStatements", []))
        inherited = role.get("statements", []) if "iam" in self._provider else shared
        per_function = role.get("mode") == "perFunction"
        managed = role.get("managedPolicies", self._provider.get("iamManagedPolicies", []))
        used = False
        for key, function in self._functions.items():
            own = self._own_role(key, function, inherited, role if per_function else None)
            role_id = _SHARED
            if custom is not None or "role" in function:
                role_id = _role_id(function.get("role", custom))
            elif own is not None:
                role_id = _normalised(key) + _SHARED
                resources[role_id] = own
            used = used or role_id == _SHARED
            name = function.get("name", f"{self._name}-dev-{key}")
            resources[_normalised(key) + "LambdaFunction"] = {
                "Type": "AWS::Lambda::Function",
                "Properties": {"FunctionName": name, "Role": {"Fn::GetAtt": [role_id, "Arn"]}},
            }
        if used:
            name = role.get("name", f"{self._name}-dev-us-east-1-lambdaRole")
            resources[_SHARED] = self._role(name, [_LOGS, *shared], managed)
        return {"Resources": resources}

    def _own_role(self, key: str, function: Any, inherited: Any, mode: Any) -> dict[str, Any] | None:
        iam = function.get("iam", {})
        role = iam.get("role", {}) if isinstance(iam.get("role", {}), dict) else {}
        own = role.get("statements", function.get("iamRoleStatements"))
        if own is None and not role.get("managedPolicies") and mode is None:
            return None
        custom = self._root.get("custom", {}).get("serverless-iam-roles-per-function", {})
        inherit = custom.get("defaultInherit", mode is not None)
        inherit = iam.get("inheritStatements", function.get("iamRoleStatementsInherit", inherit))
        name = role.get("name", function.get("iamRoleStatementsName"))
        if name is None:
            name = f"{self._name}-dev-{key}-us-east-1-lambdaRole"
            name = name if len(name) <= 64 else name.removesuffix("-lambdaRole")
        statements = [_LOGS, *(inherited if inherit else []), *(own or [])]
        managed = [*((mode or {}).get("managedPolicies", [])), *role.get("managedPolicies", [])]
        return self._role(name, statements, managed)

    def _role(self, name: Any, statements: list[Any], managed: list[Any]) -> dict[str, Any]:
        policy = {"PolicyName": f"{self._name}-dev-lambda", "PolicyDocument": {"Statement": statements}}
        properties = {"RoleName": name, "Policies": [policy], "ManagedPolicyArns": managed}
        return {"Type": "AWS::IAM::Role", "Properties": properties}


def _joined(parts: Any) -> dict[str, Any]:
    mappings = parts if isinstance(parts, list) else [parts]
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _at(value: Any, path: str, followed: Callable[[Any], Any]) -> Any:
    for key in path.split(".") if path else ():
        value = followed(value)
        if isinstance(value, list):
            value = value[int(key)]
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any, otherwise: str) -> str:
    return f"$<{otherwise}>$" if value is None else str(value)


def _normalised(key: str) -> str:
    return (key[:1].upper() + key[1:]).replace("-", "Dash").replace("_", "Underscore")


def _is_function(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _role_id(given: Any) -> str:
    if isinstance(given, dict):
        target = next(iter(given.values()))
        return str(target[0] if isinstance(target, list) else target)
    return str(given)
