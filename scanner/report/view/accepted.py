"""What the team accepts: its rules, the baseline, and what changed against that. Pure."""

from __future__ import annotations

from scanner.report.records import BaselineResult, FixedEntry, Report, Rule
from scanner.report.view.values import Delta
from scanner.text.escape import counted


def delta(report: Report) -> Delta | None:
    """What changed against the baseline; None without one."""
    baseline = report.accepted.baseline
    if baseline is None:
        return None
    return Delta(baseline.new, baseline.known, tuple(map(_entry, baseline.fixed)))


def lines(report: Report) -> list[str]:
    """What became of the team's rules and of the baseline, a line each."""
    accepted = report.accepted
    rules = [line for state in _RULE_ORDER for line in _rules(accepted.rules, state, accepted.config)]
    return [*rules, *(_baseline(accepted.baseline) if accepted.baseline else ())]


_RULE_ORDER = ("expired", "idle", "accepting")


def _rules(rules: tuple[Rule, ...], state: str, config: str) -> list[str]:
    return [f"{config}:{rule.line}: {_rule(rule)}" for rule in rules if rule.state == state]


def _rule(rule: Rule) -> str:
    if rule.state == "idle":
        return "this rule matches nothing, or only what an earlier one matches: remove it"
    grants = counted(rule.grants, "grant")
    if rule.state == "expired":
        owner = f" (owner: {rule.owner})" if rule.owner else ""
        return f"the rule expired after {rule.expires} and still matches {grants}: {rule.reason}{owner}"
    return f"accepts {grants}: {rule.reason}" + (f" (until {rule.expires})" if rule.expires else "")


def _baseline(baseline: BaselineResult) -> list[str]:
    return [
        f"against the baseline: {counted(baseline.new, 'new grant')}, {baseline.known} known, "
        f"{len(baseline.fixed)} fixed",
        *(
            f"beyond the baseline: {grown.action} on {grown.resource} of {grown.role} ({grown.policy}): "
            f"{grown.why}"
            for grown in baseline.grown
        ),
        *(f"fixed: {_entry(entry)}: run with --update-baseline to forget it" for entry in baseline.fixed),
    ]


def _entry(entry: FixedEntry) -> str:
    return f"{entry.action} on {entry.resource} of {entry.role} ({entry.policy})"
