"""The baseline: excess that was there when a team began, which is accepted. Pure.

It holds one entry for each grant (an action on a resource in a statement), with how far it went: what grew
behind it is new. Names are written so that a stack that is deployed anew is not new: see `entries_of`. Where
it is unclear whether two names are one, they stay apart: a finding that counts as new is looked at, one that
is hidden is not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scanner.gate.extent import (
    NO_LIMITS,
    Extent,
    GrantLimits,
    condition_text,
    digest,
    limits_of,
    severity_rank,
    stable_extent,
)
from scanner.gate.stable_names import (
    logical_names,
    stable_name,
    stable_resource,
    stable_role,
    without_account,
)
from scanner.iam import catalog
from scanner.model import EXCESS, Grant, Role, Verdict
from scanner.model.arn import account_of


@dataclass(frozen=True)
class DeployedGrant:
    """The facts of one grant with a verdict, as they are deployed.

    `role` is the role's ARN, `policy_arn` None for an inline policy. `action` and `resource` are as the
    policy spells them; for NotAction (NotResource) they are `*`, except `except_actions`
    (`except_resources`). `condition` is the statement's Condition, as JSON text with sorted keys; empty
    without one. `severity` is that of its excess, `limits` are the Deny statements and the boundary that take
    something of it away.
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
    severity: str = ""
    limits: GrantLimits = NO_LIMITS


def deployed_grant(role: Role, grant: Grant, verdict: Verdict, severity: str = "") -> DeployedGrant:
    """The facts of a grant of a role. Where not all of the role was read, how far it goes is not known."""
    statement = grant.statement
    return DeployedGrant(
        role=role.arn,
        policy=grant.policy.name,
        policy_arn=grant.policy.arn,
        sid=statement.sid,
        verdict=verdict,
        action=grant.action,
        resource=grant.resource,
        except_actions=statement.actions if statement.not_actions else (),
        except_resources=statement.resources if statement.not_resources else (),
        condition=condition_text(statement.condition),
        severity=severity if role.readable else "",
        limits=limits_of(role, grant) if role.readable else NO_LIMITS,
    )


class Entry(NamedTuple):
    """One line of a baseline. The fields sort it.

    `role` is its path and name, `policy` the name of an inline policy or the ARN of a managed one,
    `statement` a Sid or empty. `condition` is a digest of the statement's Condition, empty without one.
    `severity`, `denied` and `boundary` are its `Extent`: as far as it was accepted.
    """

    role: str
    policy: str
    statement: str
    verdict: str
    action: str
    resource: str
    condition: str = ""
    severity: str = ""
    denied: tuple[str, ...] = ()
    boundary: tuple[str, ...] = ()

    @property
    def extent(self) -> Extent:
        """How far the grant went."""
        return Extent(self.severity, self.denied, self.boundary)

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


class Growth(NamedTuple):
    """An entry that goes beyond what the baseline accepted of it, and in which way."""

    entry: Entry
    why: str


class Comparison(NamedTuple):
    """Entries against a baseline: `is_known` says of each, in their order, whether the baseline has it.

    `fixed` are the entries of the baseline that are gone from the roles that were compared. `grown` are those
    of the new ones that the baseline has, though not as far as they go now.
    """

    is_known: tuple[bool, ...]
    known: tuple[Entry, ...]
    new: tuple[Entry, ...]
    fixed: tuple[Entry, ...]
    grown: tuple[Growth, ...] = ()


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
        condition=digest(without_account(account, grant.condition)),
        **stable_extent(grant.severity, grant.limits, account, names)._asdict(),
    )


# --- against a baseline --------------------------------------------------------------------------


def compare(
    baseline: Baseline,
    entries: Sequence[Entry],
    compared: Collection[str],
    verdicts: Collection[str] | None = None,
) -> Comparison:
    """Which entries are known, which are new, and what of the baseline is gone.

    Each entry of the baseline accepts one grant: of two that look alike, the first. One without a Condition
    also accepts the grant with one, which is narrower. `compared` are the roles (`stable_role_name`) of
    which all was read in this run: entries of other roles are never fixed, nor those of verdicts that were
    not looked for (`verdicts`, all by default).
    """
    matched = _match(baseline, entries)
    fixed = [
        entry
        for entry in matched.left
        if entry.role in compared and (verdicts is None or entry.verdict in verdicts)
    ]
    grown = (
        Growth(entry, old.extent.growth(entry.extent))
        for entry, old, known in zip(entries, matched.old, matched.is_known, strict=True)
        if old is not None and not known
    )
    pairs = list(zip(entries, matched.is_known, strict=True))
    return Comparison(
        is_known=tuple(matched.is_known),
        known=tuple(entry for entry, known in pairs if known),
        new=tuple(entry for entry, known in pairs if not known),
        fixed=tuple(fixed),
        grown=tuple(sorted(grown)),
    )


def updated(baseline: Baseline, entries: Iterable[Entry], compared: Collection[str]) -> Baseline:
    """The baseline as of this run: its entries, and the old ones of all that was not wholly compared."""
    now = list(entries)
    kept = [entry for entry in _match(baseline, now).left if entry.role not in compared]
    return Baseline(tuple(sorted([*now, *kept])))


class _Matched(NamedTuple):
    """Entries with those of a baseline that stand for the same grants.

    `old` is that of each entry, in their order, None without one; it accepts the entry where it `is_known`.
    `left` are those of the baseline that stand for none of them, sorted.
    """

    old: Sequence[Entry | None]
    is_known: Sequence[bool]
    left: Sequence[Entry]


def _match(baseline: Baseline, entries: Sequence[Entry]) -> _Matched:
    """Match each entry with one of the baseline: the same, else one that covers it, else a narrower one."""
    left: dict[tuple[object, ...], list[Entry]] = {}
    # The narrowest first, so that the widest are left for those that need them.
    for entry in sorted(baseline.entries, key=_narrowest_first):
        left.setdefault(entry.identity, []).append(entry)
    matched: list[Entry | None] = [None] * len(entries)
    is_known = [False] * len(entries)
    for without_condition, accepts in _PASSES:
        for at, entry in sorted(enumerate(entries), key=lambda item: item[1]):
            if matched[at] is not None or (without_condition and not entry.condition):
                continue
            same = left.get((entry._replace(condition="") if without_condition else entry).identity, [])
            old = next((old for old in same if accepts(old, entry)), None)
            if old is not None:
                same.remove(old)
                matched[at], is_known[at] = old, accepts is not _names
    return _Matched(matched, is_known, sorted(entry for same in left.values() for entry in same))


def _narrowest_first(entry: Entry) -> tuple[object, ...]:
    return not entry.severity, -severity_rank(entry.severity), -len(entry.denied), not entry.boundary, entry


def _equals(old: Entry, entry: Entry) -> bool:
    return old.extent == entry.extent


def _covers(old: Entry, entry: Entry) -> bool:
    return not old.extent.growth(entry.extent)


def _names(old: Entry, entry: Entry) -> bool:
    """Whether an entry of the same grant names it: always."""
    return True


# Whether an entry without a Condition may accept one with it, and what else must hold.
_PASSES: Sequence[tuple[bool, Callable[[Entry, Entry], bool]]] = (
    (False, _equals),
    (False, _covers),
    (True, _covers),
    (False, _names),
    (True, _names),
)
