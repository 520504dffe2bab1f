"""The baseline: excess that was there when a team began, which is accepted. Pure.

It holds one entry for each grant (an action on a resource in a statement). Names are written so that a stack
that is deployed anew is not new: see `entries_of`. Where it is unclear whether two names are one, they stay
apart: a finding that counts as new is looked at, one that is hidden is not.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scanner.gate.stable_names import (
    logical_names,
    stable_name,
    stable_resource,
    stable_role,
    without_account,
)
from scanner.iam import catalog
from scanner.model import EXCESS, Grant, Verdict
from scanner.model.arn import account_of


@dataclass(frozen=True)
class DeployedGrant:
    """The facts of one grant with a verdict, as they are deployed.

    `role` is the role's ARN, `policy_arn` None for an inline policy. `action` and `resource` are as the
    policy spells them; for NotAction (NotResource) they are `*`, except `except_actions`
    (`except_resources`). `condition` is the statement's Condition, as JSON text with sorted keys; empty
    without one.
    """

    role: str
    policy: str
    policy_arn: str | None
    sid: str | None
    verdict: Verdict
    action: str
    resource: str
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()
    condition: str = ""


def deployed_grant(role: str, grant: Grant, verdict: Verdict) -> DeployedGrant:
    """The facts of a grant of a role (its ARN)."""
    statement = grant.statement
    return DeployedGrant(
        role=role,
        policy=grant.policy.name,
        policy_arn=grant.policy.arn,
        sid=statement.sid,
        verdict=verdict,
        action=grant.action,
        resource=grant.resource,
        except_actions=statement.actions if statement.not_actions else (),
        except_resources=statement.resources if statement.not_resources else (),
        condition=json.dumps(_ordered(statement.condition), sort_keys=True) if statement.condition else "",
    )


def _ordered(condition: Any) -> Any:
    """A Condition as it compares: one value is a list of one, and the order of values says nothing."""
    if isinstance(condition, Mapping):
        return {key: _ordered(value) for key, value in condition.items()}
    return sorted(map(str, condition if isinstance(condition, list) else [condition]))


class Entry(NamedTuple):
    """One line of a baseline. The fields sort it.

    `role` is its path and name, `policy` the name of an inline policy or the ARN of a managed one,
    `statement` a Sid or empty. `condition` is a digest of the statement's Condition, empty without one.
    """

    role: str
    policy: str
    statement: str
    verdict: str
    action: str
    resource: str
    condition: str = ""

    @property
    def identity(self) -> tuple[object, ...]:
        """What two entries of the same grant share.

        Unused and broad are one: whichever the evidence of the day says, the excess of the same grant was
        accepted. Excess is not accepted with a grant that was only ineffective (a Deny may be gone) or
        unobservable.
        """
        verdict = "excess" if self.verdict in EXCESS else self.verdict
        action = self.action.lower()
        return self.role, self.policy, self.statement, verdict, action, self.resource, self.condition


@dataclass(frozen=True)
class Baseline:
    """Accepted entries, sorted. The same entry twice stands for two grants."""

    entries: tuple[Entry, ...] = ()


class Comparison(NamedTuple):
    """Entries against a baseline: `is_known` says of each, in their order, whether the baseline has it.

    `fixed` are the entries of the baseline that are gone from the roles that were compared.
    """

    is_known: tuple[bool, ...]
    known: tuple[Entry, ...]
    new: tuple[Entry, ...]
    fixed: tuple[Entry, ...]


# --- grants -> entries ---------------------------------------------------------------------------


def entries_of(grants: Iterable[DeployedGrant], logical_ids: Mapping[str, str] | None = None) -> list[Entry]:
    """The entries of grants, in their order. The caller decides which verdicts belong into a baseline.

    The role's own account id becomes `ACCOUNT`. Random endings of names that CloudFormation generates become
    `{random}`. `logical_ids` maps physical names and ARNs of stacks' resources to "Stack/LogicalId", which
    then stands for the name in braces: equal logical ids of two stacks stay apart. A statement is known by
    its Sid. Statements without a Sid are not distinguished, since they move.
    """
    names = logical_names(logical_ids or {})
    return [_entry(grant, names) for grant in grants]


def stable_role_name(arn: str, logical_ids: Mapping[str, str] | None = None) -> str:
    """A role as its entries name it, for the set of those that were compared."""
    return stable_role(arn, logical_names(logical_ids or {}))


def _entry(grant: DeployedGrant, names: Mapping[str, str]) -> Entry:
    account = account_of(grant.role)
    policy = without_account(account, stable_name(grant.policy, names))
    if grant.policy_arn is not None:
        policy = stable_resource(grant.policy_arn, account, names)
    action = catalog.spelled(grant.action)
    if grant.except_actions:
        action += f" except {', '.join(sorted(map(str.lower, grant.except_actions)))}"
    resource = stable_resource(grant.resource, account, names)
    if grant.except_resources:
        excepted = (stable_resource(pattern, account, names) for pattern in grant.except_resources)
        resource += f" except {', '.join(sorted(excepted))}"
    return Entry(
        role=stable_role(grant.role, names),
        policy=policy,
        statement=grant.sid or "",
        verdict=str(grant.verdict),
        action=action,
        resource=resource,
        condition=_digest(without_account(account, grant.condition)) if grant.condition else "",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


# --- against a baseline --------------------------------------------------------------------------


def compare(baseline: Baseline, entries: Sequence[Entry], compared: Collection[str]) -> Comparison:
    """Which entries are known, which are new, and what of the baseline is gone.

    Each entry of the baseline accepts one grant: of two that look alike, the first. One without a Condition
    also accepts the grant with one, which is narrower. `compared` are the roles (`stable_role_name`) that
    were read and compared wholly in this run: entries of other roles are never fixed.
    """
    left = Counter(entry.identity for entry in baseline.entries)
    is_known = [False] * len(entries)
    for wider in (False, True):
        for at, entry in enumerate(entries):
            if is_known[at] or (wider and not entry.condition):
                continue
            identity = (entry._replace(condition="") if wider else entry).identity
            is_known[at] = left[identity] > 0
            left[identity] -= is_known[at]
    fixed = []
    for entry in sorted(baseline.entries):
        if entry.role in compared and left[entry.identity] > 0:
            fixed.append(entry)
            left[entry.identity] -= 1
    return Comparison(
        is_known=tuple(is_known),
        known=tuple(entry for entry, known in zip(entries, is_known, strict=True) if known),
        new=tuple(entry for entry, known in zip(entries, is_known, strict=True) if not known),
        fixed=tuple(fixed),
    )


def updated(baseline: Baseline, entries: Iterable[Entry], compared: Collection[str]) -> Baseline:
    """The baseline as of this run: its entries of the compared roles, the old ones of all others."""
    now = list(entries)
    replaced = {*compared, *(entry.role for entry in now)}
    return Baseline(tuple(sorted([*now, *(e for e in baseline.entries if e.role not in replaced)])))
