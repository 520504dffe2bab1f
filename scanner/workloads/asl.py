"""What a state machine calls, by its definition: integrations that leave no call in any trace. Pure.

docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from scanner.model import Arn
from scanner.workloads.documents import Entry, part, parts, text

_PATTERNS = (".waitForTaskToken", ".sync:2", ".sync")
_SDK = "aws-sdk"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_DYNAMIC = ("{%", "$.", "$$.", "States.")


class Integration(NamedTuple):
    """A call that a state makes: its service and operation as the definition spells them ("ecs", "runTask").

    `waits` tells that the state waits for the job that it starts. `parameters` are those that the definition
    fixes, by their names in snake case. `role` is the role with which it calls, empty for the machine's own,
    "?" where its input tells.
    """

    service: str
    operation: str
    optimised: bool
    waits: bool
    parameters: tuple[tuple[str, str], ...]
    role: str = ""

    @property
    def name(self) -> str:
        """As a definition names it ("ecs:runTask")."""
        return f"{self.service}:{self.operation}"


class Definition(NamedTuple):
    """What a definition says: what its states call, the states that are not understood, and its maps.

    `writers` are the buckets and prefixes that results of distributed maps go to, "" where an input tells.
    """

    integrations: tuple[Integration, ...]
    unknown: tuple[str, ...]
    distributed: bool
    writers: tuple[str, ...]


def parse_definition(definition: Any) -> Definition | None:
    """A definition, None where it cannot be read."""
    try:
        machine = orjson.loads(definition) if isinstance(definition, str | bytes) else definition
    except orjson.JSONDecodeError:
        return None
    if not isinstance(machine, Mapping) or not isinstance(machine.get("States"), Mapping):
        return None
    states = list(_states(machine))
    found = [_integration(state) for _, state in states if isinstance(state.get("Resource"), str)]
    readers = [_integration(part(state, "ItemReader")) for _, state in states if "ItemReader" in state]
    unknown = [
        name
        for name, state in states
        if state.get("Type") == "Task" and not isinstance(state.get("Resource"), str)
    ]
    return Definition(
        integrations=tuple(dict.fromkeys(one for one in (*found, *readers) if isinstance(one, Integration))),
        unknown=(*(one for one in (*found, *readers) if isinstance(one, str)), *unknown),
        distributed=any(_is_distributed(state) for _, state in states),
        writers=tuple(_writer(part(state, "ResultWriter")) for _, state in states if "ResultWriter" in state),
    )


def _states(machine: Entry) -> Iterator[tuple[str, Entry]]:
    """All states, those of branches and iterators too."""
    todo: list[Entry] = [machine]
    while todo:
        of_machine = todo.pop()
        for name, state in part(of_machine, "States").items():
            if isinstance(state, Mapping):
                yield str(name), state
                inner = (part(state, "Iterator"), part(state, "ItemProcessor"), *parts(state, "Branches"))
                todo.extend(machine for machine in inner if machine)


def _is_distributed(state: Entry) -> bool:
    return part(state, "ItemProcessor", "ProcessorConfig").get("Mode") == "DISTRIBUTED"


def _writer(writer: Entry) -> str:
    fixed = dict(_fixed(writer))
    bucket, prefix = fixed.get("bucket", ""), fixed.get("prefix", "")
    return f"{bucket}/{prefix}" if bucket else ""


def _integration(state: Entry) -> Integration | str | None:
    """What a state calls; None for what needs no permission, the resource where it is not understood."""
    resource = text(state, "Resource")
    arn, role = Arn.parse(resource), _role(state)
    fixed = tuple(sorted(_fixed(state)))
    if arn and arn.service == "lambda":
        return Integration("lambda", "invoke", True, False, (("function_name", resource),), role)
    if arn is None or arn.service != "states":
        return resource
    if arn.resource.startswith("activity:"):
        return None  # workers ask for its tasks, with rights of their own
    called, waits = arn.resource, False
    for pattern in _PATTERNS:
        if called.endswith(pattern):
            called, waits = called.removesuffix(pattern), pattern.startswith(".sync")
    fields = called.split(":")
    if len(fields) == 3 and fields[0] == _SDK:
        return Integration(fields[1], fields[2], False, waits, fixed, role)
    if len(fields) == 2:
        return Integration(fields[0], fields[1], True, waits, fixed, role)
    return resource


def _role(state: Entry) -> str:
    """The role of a state's credentials.

    docs.aws.amazon.com/step-functions/latest/dg/concepts-access-cross-acct-resources.html
    """
    if "Credentials" not in state:
        return ""
    role = text(part(state, "Credentials"), "RoleArn")
    return role if role and _is_fixed(role) else "?"


def _fixed(state: Entry) -> Iterator[tuple[str, str]]:
    """The parameters whose values stand in the definition, in snake case."""
    for name, value in {**part(state, "Parameters"), **part(state, "Arguments")}.items():
        if isinstance(value, str) and not str(name).endswith(".$") and _is_fixed(value):
            yield _WORD.sub("_", str(name)).lower(), value


def _is_fixed(value: str) -> bool:
    return not value.lstrip().startswith(_DYNAMIC)
