"""Policy documents -> statements and grants. Pure.

Grammar: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from scanner.iam.arns import completed
from scanner.iam.variables import meaning_of
from scanner.model import Grant, Policy, Role, Statement, account_of
from scanner.text.escape import well_formed

VARIABLES_VERSION = "2012-10-17"
NO_RESOURCE = "\ue04e"  # no ARN is this


class NotAPolicyError(ValueError):
    """A policy document that is not one; the message says what is wrong."""


def parse_policy(document: Any) -> tuple[Statement, ...]:
    """The statements of a policy: a dictionary, or JSON text, URL-encoded or not.

    A Statement may be one object, an Action or Resource one string. Raises NotAPolicyError.
    """
    if isinstance(document, str):
        document = _parsed(document)
    if not isinstance(document, Mapping):
        raise NotAPolicyError("it is not a JSON object")
    document = well_formed(document)
    statements = document.get("Statement")
    if isinstance(statements, Mapping):
        statements = [statements]
    if not isinstance(statements, list):
        raise NotAPolicyError("it has no Statement")
    variables = document.get("Version") == VARIABLES_VERSION
    return tuple(_statement(index, raw, variables) for index, raw in enumerate(statements))


def _parsed(text: str) -> Any:
    for candidate in (text, unquote(text)):
        try:
            return orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
    raise NotAPolicyError("it is not JSON")


def _statement(index: int, raw: Any, variables: bool) -> Statement:
    if not isinstance(raw, Mapping):
        raise NotAPolicyError(f"statement {index} is not an object")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise NotAPolicyError(f"statement {index} has neither Effect Allow nor Deny")
    not_actions, not_resources = "NotAction" in raw, "NotResource" in raw
    actions = _strings(index, raw, "NotAction" if not_actions else "Action")
    resources = _strings(index, raw, "NotResource" if not_resources else "Resource")
    sid, condition = raw.get("Sid"), raw.get("Condition")
    return Statement(
        index=index,
        sid=sid if isinstance(sid, str) and sid else None,
        allow=raw["Effect"] == "Allow",
        actions=actions,
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        condition=condition if isinstance(condition, Mapping) and condition else None,
        variables=variables,
    )


def _strings(index: int, raw: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = raw.get(key)
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
        raise NotAPolicyError(f"statement {index} has no {key} that is a string or a list of strings")
    return tuple(dict.fromkeys(values))


class Principal(NamedTuple):
    """What a role settles of the context of its requests: values by key, and keys that are never there.

    Both in lower case.
    """

    context: Mapping[str, tuple[str, ...]]
    absent: frozenset[str]


NOBODY = Principal({}, frozenset())


def principal_of(role: Role) -> Principal:
    """What is known of a role's requests.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-infotouse: a role
    has no aws:username. A tag that the role lacks may still come with the session, and whoever else may
    assume the role can put other values in the place of the role's tags:
    docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    account = account_of(role.arn)
    tags = role.tags if role.workloads_complete else None
    context = {"aws:principalarn": (role.arn,), "aws:principaltype": ("AssumedRole",)}
    if account:
        context["aws:principalaccount"] = (account,)
    context |= {f"aws:principaltag/{key.lower()}": (value,) for key, value in (tags or {}).items()}
    return Principal(context, frozenset({"aws:username"}))


def pattern_of(resource: str, variables: bool, principal: Principal = NOBODY) -> str:
    """A resource as written -> the pattern that it means for a principal.

    A policy variable that is not known may stand for anything; one that is never there makes the pattern
    `NO_RESOURCE`. `${*}`, `${?}` and `${$}` are the characters themselves, kept here as private-use ones,
    which no ARN holds.
    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    resource = completed(resource)
    if not variables or "${" not in resource:
        return resource
    meaning = meaning_of(resource, variables, principal.context, principal.absent)
    return NO_RESOURCE if meaning.missing else meaning.pattern


def grants_of(policy: Policy, principal: Principal = NOBODY) -> Iterator[Grant]:
    """The grants of a policy: one for each action and resource of each Allow statement."""
    for statement in policy.statements:
        if not statement.allow:
            continue
        actions = ("*",) if statement.not_actions else statement.actions
        resources = ("*",) if statement.not_resources else statement.resources
        except_actions = tuple(a.lower() for a in statement.actions) if statement.not_actions else ()
        except_resources = _excepted(statement) if statement.not_resources else ()
        meant = [(resource, pattern_of(resource, statement.variables, principal)) for resource in resources]
        for action in actions:
            for resource, pattern in meant:
                yield Grant(
                    policy=policy,
                    statement=statement,
                    action=action,
                    resource=resource,
                    pattern=pattern,
                    except_actions=except_actions,
                    except_resources=except_resources,
                )


def _excepted(statement: Statement) -> tuple[str, ...]:
    """What NotResource surely excepts: with a variable, only what the request tells."""
    meant = ((raw, pattern_of(raw, statement.variables)) for raw in statement.resources)
    return tuple(pattern for raw, pattern in meant if not (statement.variables and "${" in raw))


def deny_statements(policies: tuple[Policy, ...]) -> list[Statement]:
    """The unconditional Deny statements: a conditional one subtracts nothing."""
    return [s for policy in policies for s in policy.statements if not s.allow and s.condition is None]
