"""Trust policies: whom a role lets in, and for which service accounts of Kubernetes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from scanner.iam.patterns import matches

UNKNOWN = "?"
_SUBJECT = ":sub"
_ACCOUNT = "system:serviceaccount:"
_PROVIDER = ":oidc-provider/"
_WILD = frozenset("*?")
_EQUAL = frozenset({"stringequals", "stringlike", "foranyvalue:stringequals", "foranyvalue:stringlike"})


class ServiceAccount(NamedTuple):
    """A service account that may assume a role with a web identity: each field may hold `*` and `?`.

    docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    """

    issuer: str
    namespace: str
    name: str


def statements_of(trust: Any) -> list[Any] | None:
    """The statements of a trust policy, None where it cannot be read."""
    if isinstance(trust, str):
        try:
            trust = orjson.loads(trust)
        except orjson.JSONDecodeError:
            return None
    statements = trust.get("Statement") if isinstance(trust, Mapping) else None
    if isinstance(statements, Mapping):
        statements = [statements]
    return statements if isinstance(statements, list) and statements else None


def principals_of(trust: Any) -> frozenset[str]:
    """The principals that a trust policy lets assume the role; "?" stands for what cannot be read.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    statements = statements_of(trust)
    if statements is None:
        return frozenset({UNKNOWN})
    return frozenset(principal for statement in statements for principal in _principals(statement))


def _principals(statement: Any) -> list[str]:
    """The principals that a statement lets in."""
    if not isinstance(statement, Mapping):
        return [UNKNOWN]
    if statement.get("Effect") == "Deny":
        return []
    principal = statement.get("Principal")
    if isinstance(principal, str):
        return [principal]
    if not isinstance(principal, Mapping) or not principal:
        return [UNKNOWN]
    values = [value if isinstance(value, list) else [value] for value in principal.values()]
    return [str(name) for names in values for name in names] or [UNKNOWN]


def service_accounts_of(trust: Any) -> frozenset[ServiceAccount]:
    """The service accounts of Kubernetes that a trust policy names."""
    return frozenset(
        account
        for statement in statements_of(trust) or ()
        if isinstance(statement, Mapping) and statement.get("Effect") != "Deny"
        for issuer in (name.partition(_PROVIDER)[2] for name in _principals(statement) if _PROVIDER in name)
        for account in _service_accounts(statement, issuer)
    )


def _service_accounts(statement: Mapping[str, Any], issuer: str) -> Iterator[ServiceAccount]:
    conditions = statement.get("Condition")
    for operator, keys in conditions.items() if isinstance(conditions, Mapping) else ():
        if str(operator).lower() not in _EQUAL or not isinstance(keys, Mapping):
            continue
        for key, values in keys.items():
            if str(key).lower() != f"{issuer}{_SUBJECT}".lower():
                continue
            is_pattern = str(operator).lower().endswith("like")
            for value in values if isinstance(values, list) else [values]:
                if is_pattern or not _WILD.intersection(str(value)):
                    yield from _named(issuer, str(value))


def _named(issuer: str, subject: str) -> Iterator[ServiceAccount]:
    """The service accounts of a subject, of which a `*` may stand for the namespace and more."""
    namespace, colon, name = subject.removeprefix(_ACCOUNT).partition(":")
    if subject.startswith(_ACCOUNT) and (colon or "*" in namespace):
        yield ServiceAccount(issuer, namespace, name if colon else "*")
    elif not subject.startswith(_ACCOUNT) and matches(subject, f"{_ACCOUNT}any:any"):
        yield ServiceAccount(issuer, "*", "*")
