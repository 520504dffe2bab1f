"""Small words for tables of cases: a role, what its function used, what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from scanner.confirm import Reason, Standard
from scanner.iam.policies import parse_policy
from scanner.model import Evidence, Finding, Function, Permission, Policy, Role, Seen, Unmapped, Usage
from scanner.request import Request
from scanner.scan import compare_role
from scanner.scanned import ScannedRole

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = 1_795_000_000.0
HOUR = 3600.0
ROLE = f"arn:aws:iam::{ACCOUNT}:role/f"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def arn(service: str, rest: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def table(name: str) -> str:
    return arn("dynamodb", f"table/{name}")


def allow(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: str | list[str], resources: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def policy(*statements: dict[str, Any], name: str = "own", created: datetime | None = None) -> Policy:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Policy(name, None, "inline", parse_policy(document), created)


def function(name: str = "f", deployed: float = NOW - HOUR, **more: Any) -> Function:
    """A function whose configuration was read, with nothing configured unless `more` says so."""
    configuration = {"event_sources": (), "destinations": (), **more}
    return Function(function_arn(name), name, ROLE, datetime.fromtimestamp(deployed, UTC), **configuration)


def used(*permissions: tuple[str, str], exact: bool = True, required: bool = True) -> dict[Permission, Seen]:
    return {Permission(a, r, exact, required): Seen(1, 1, NOW, NOW) for a, r in permissions}


def usage(
    permissions: Mapping[Permission, Seen] | None = None,
    *,
    name: str = "f",
    traces: Iterable[float] = (NOW,),
    unmapped: Iterable[str | None] = (),
    services: Iterable[str] = (),
    calls: float | None = NOW,
    **more: Any,
) -> Usage:
    """What a function was seen to do: by default well, and just now."""
    permissions = permissions or {}
    seen = {p.action.partition(":")[0]: NOW for p in permissions} | dict.fromkeys(services, NOW)
    starts = tuple(sorted(traces, reverse=True))
    missing = {Unmapped("?", "?", "unknown-operation", prefix): 1 for prefix in unmapped}
    evidence = Evidence(
        traces=len(starts),
        calls=1,
        last_call=calls,
        newest_complete=starts,
        services=seen,
        unmapped_services=frozenset(unmapped),
        incomplete_traces=1 if more.get("incomplete") else 0,
        last_incomplete=more.pop("incomplete", None),
        auto_instrumented=more.pop("auto_instrumented", None),
    )
    return Usage(function_arn(name), evidence, permissions, more.pop("wanted", {}), (), missing, **more)


def compared(
    policies: Iterable[Policy],
    usages: Iterable[Usage],
    *,
    functions: Iterable[Function] | None = None,
    standard: Standard | None = None,
    users_known: bool = True,
    general: frozenset[Reason] = frozenset(),
) -> ScannedRole:
    """A role with these policies against what its functions used."""
    usages = list(usages)
    known = [function()] if functions is None else list(functions)
    users = sorted({f.arn for f in known} | {u.workload for u in usages if u.workload})
    role = Role(ROLE, "f", tuple(policies), tuple(users), users_known=users_known)
    by_arn = {u.workload: u for u in usages if u.workload}
    request = Request(standard=standard or Standard())
    return compare_role(role, by_arn, {f.arn: f for f in known}, request, general)


def said(scanned: ScannedRole) -> list[tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """(verdict, actions, resources, reasons) of each finding."""
    return [(f.verdict.value, f.actions, f.resources, f.reasons) for f in scanned.findings]


def only(scanned: ScannedRole) -> Finding:
    """The one finding."""
    (finding,) = scanned.findings
    return finding
