"""Rules of a team that accept excess: which grants they match, and what became of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from scanner.iam.patterns import contains, is_pattern, matches
from scanner.model import Grant
from scanner.model.workloads import KIND_NAMES, names_of
from scanner.text.escape import counted, one_line

Patterns = str | tuple[str, ...]
"""A pattern, or several."""


@dataclass(frozen=True)
class GrantFacts:
    """What rules look at of a grant.

    `role` is the ARN of the role, `workloads` the keys of all workloads that use it. `action` and `resource`
    are as the policy spells them (`*` for NotAction and NotResource), `pattern` is the resource with its
    policy variables as wildcards.
    """

    role: str
    workloads: tuple[str, ...]
    action: str
    resource: str
    pattern: str
    sid: str | None = None
    except_actions: tuple[str, ...] = ()
    except_resources: tuple[str, ...] = ()


def grant_facts(role: str, workloads: Iterable[str], grant: Grant) -> GrantFacts:
    """The facts of one grant of a role (its ARN) that these workloads (keys) use."""
    return GrantFacts(
        role=role,
        workloads=tuple(workloads),
        action=grant.action,
        resource=grant.resource,
        pattern=grant.pattern,
        sid=grant.statement.sid,
        except_actions=grant.except_actions,
        except_resources=grant.except_resources,
    )


@dataclass(frozen=True)
class IgnoreRule:
    """A rule that accepts excess: it matches a grant that fits all the selectors that it gives.

    `workload` and `role` are patterns of a name, an ARN or an id, `action` (in lower case) and `resource`
    patterns as in a policy: one of several must fit. `not_action` (in lower case) and `not_resource` are
    patterns that the statement must except, all of them. `sid` is exact. `line` is its place in the file,
    from 1. It holds through the day `expires` (UTC).
    """

    line: int
    reason: str
    workload: Patterns | None = None
    role: Patterns | None = None
    action: Patterns | None = None
    resource: Patterns | None = None
    not_action: Patterns | None = None
    not_resource: Patterns | None = None
    sid: str | None = None
    owner: str | None = None
    expires: date | None = None

    def matches(self, facts: GrantFacts) -> bool:
        """Whether the rule accepts a grant, its date aside.

        Its patterns must contain those of the grant, so that a narrow rule never hides a wider grant. A rule
        for one workload does not hide the grants of another workload that shares the role.
        """
        return (
            (self.sid is None or self.sid == facts.sid)
            and _any(self.action, lambda action: contains(action, facts.action.lower()))
            and _any(self.resource, lambda resource: _contains_resource(resource, facts))
            and _any(self.role, lambda role: _matches_name(role, facts.role, facts.role.rpartition("/")[2]))
            and (self.workload is None or _matches_all(_listed(self.workload), facts.workloads))
            and _excepts([action.lower() for action in facts.except_actions], self.not_action)
            and _excepts(facts.except_resources, self.not_resource)
        )

    @property
    def is_open(self) -> bool:
        """Whether names alone decide what it accepts: those of statements, roles or workloads.

        Whoever adds a grant can choose these so that the rule accepts it. An exact name of a role or a
        workload is that of one that the team knows.
        """
        bounded = any(
            patterns and all(map(_bounds, patterns)) for patterns in _each(self.action, self.resource)
        )
        exact = any(
            globs and not any(is_pattern(_last_name(glob)) for glob in globs)
            for globs in _each(self.role, self.workload)
        )
        return not (bounded or exact)

    def is_expired(self, today: date) -> bool:
        """Whether its last day is over. `today` is the date in UTC."""
        return self.expires is not None and today > self.expires


def _listed(patterns: Patterns | None) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns or ()


def _each(*selectors: Patterns | None) -> list[tuple[str, ...]]:
    return list(map(_listed, selectors))


def _any(patterns: Patterns | None, fits: Callable[[str], bool]) -> bool:
    """Whether one of the patterns fits, or there are none."""
    return patterns is None or any(map(fits, _listed(patterns)))


def _excepts(excepted: Sequence[str], patterns: Patterns | None) -> bool:
    """Whether a statement excepts all that these patterns are, or there are none."""
    return patterns is None or all(
        any(contains(exception, pattern) for exception in excepted) for pattern in _listed(patterns)
    )


def _bounds(pattern: str) -> bool:
    """Whether a pattern of actions or resources says more than that anything fits."""
    return bool(pattern.removeprefix("arn:").removeprefix("aws:").strip("*?:"))


def _last_name(glob: str) -> str:
    """The name in a name or an ARN; all of an id that begins with a kind of workload."""
    return glob if glob.partition(":")[0] in KIND_NAMES else re.split("[/:]", glob)[-1]


def _named_by(rule: IgnoreRule) -> str:
    keys = [f"`{key}`" for key in ("workload", "role", "sid") if getattr(rule, key) is not None]
    return f"{' and '.join(keys) or 'it'} {'match' if len(keys) > 1 else 'matches'}"


def open_rules(rules: Iterable[IgnoreRule], name: str) -> list[str]:
    """The rules that accept what is named to fit, a line each. `name` is that of the file."""
    return [
        f"{name}:{rule.line}: this rule accepts every action on every resource of what {_named_by(rule)}: "
        "add `action` or `resource`, since whoever writes a policy chooses its names"
        for rule in rules
        if rule.is_open
    ]


def _contains_resource(pattern: str, facts: GrantFacts) -> bool:
    return pattern == facts.resource or contains(pattern, facts.pattern)


def _matches_all(globs: Sequence[str], workloads: Sequence[str]) -> bool:
    return bool(workloads) and all(
        any(matches(glob, name) for glob in globs for name in names_of(workload)) for workload in workloads
    )


def _matches_name(glob: str, arn: str, name: str) -> bool:
    return matches(glob, name) or matches(glob, arn)


def matching_rule(rules: Iterable[IgnoreRule], facts: GrantFacts, today: date) -> IgnoreRule | None:
    """The first rule that matches a grant and is not expired, else the first expired one that matches.

    `today` is the date in UTC.
    """
    expired = None
    for rule in rules:
        if rule.matches(facts):
            if not rule.is_expired(today):
                return rule
            expired = expired or rule
    return expired


@dataclass(frozen=True)
class RuleTally:
    """What became of the rules: how many grants each one hides, which match none, which expired.

    An expired rule hides nothing: what it still matches fails the check.
    """

    hiding: tuple[tuple[IgnoreRule, int], ...] = ()
    idle: tuple[IgnoreRule, ...] = ()
    expired: tuple[tuple[IgnoreRule, int], ...] = ()

    def notes(self, name: str) -> list[str]:
        """Rules that can be removed, a line each. `name` is that of the file."""
        return [
            f"{name}:{rule.line}: this rule matches nothing, or only what an earlier one matches: remove it"
            for rule in self.idle
        ]

    def failures(self, name: str) -> list[str]:
        """Expired rules that still match something, a line each, with their reasons."""
        return [
            one_line(
                f"{name}:{rule.line}: the rule expired after {rule.expires} and still matches "
                f"{counted(count, 'grant')}: {rule.reason}"
                + (f" (owner: {rule.owner})" if rule.owner else "")
            )
            for rule, count in self.expired
        ]


def tally_rules(
    rules: Iterable[IgnoreRule], hits: Iterable[tuple[IgnoreRule, int]], today: date
) -> RuleTally:
    """What to report of all rules, given how many grants each matched (as `matching_rule` chose them)."""
    counts = dict.fromkeys(rules, 0)
    for rule, count in hits:
        counts[rule] = counts.get(rule, 0) + count
    matched = [(rule, count) for rule, count in counts.items() if count]
    return RuleTally(
        hiding=tuple((rule, count) for rule, count in matched if not rule.is_expired(today)),
        idle=tuple(rule for rule, count in counts.items() if not count),
        expired=tuple((rule, count) for rule, count in matched if rule.is_expired(today)),
    )
