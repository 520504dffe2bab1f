"""What stays of wildcards of which a part was used. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from scanner.iam.patterns import is_pattern
from scanner.model import Finding, Verdict
from scanner.suggest.policy import kept_of
from scanner.verdict.assessment import Assessment

Kept = Mapping[str, tuple[str, ...]]


def kept_actions(findings: Sequence[Finding], assessments: Sequence[Assessment]) -> Kept:
    """By the id of a confirmed finding on one wildcard: the actions of it that stay, on whatever resources.

    None where the wildcard itself must stay somewhere in its statement.
    """
    kept: dict[tuple[str, int, str], dict[str, None]] = defaultdict(dict)
    for assessment in assessments:
        key = assessment.grant.key
        names = dict.fromkeys(item.action for item in kept_of(assessment, narrow=False))
        kept[key.policy, key.statement, key.action] |= names
    return _of_findings(findings, kept, lambda finding: finding.actions)


def kept_resources(findings: Sequence[Finding], assessments: Sequence[Assessment]) -> Kept:
    """By the id of a confirmed finding on one pattern of resources: those that stay, for whatever actions."""
    kept: dict[tuple[str, int, str], dict[str, None]] = defaultdict(dict)
    for assessment in assessments:
        key = assessment.grant.key
        names = dict.fromkeys(item.resource for item in kept_of(assessment, narrow=True))
        kept[key.policy, key.statement, key.resource] |= names
    return _of_findings(findings, kept, lambda finding: finding.resources)


def _of_findings(
    findings: Sequence[Finding],
    kept: Mapping[tuple[str, int, str], dict[str, None]],
    about: Callable[[Finding], tuple[str, ...]],
) -> Kept:
    found = {}
    for finding in findings:
        statement = finding.statement
        if finding.verdict is not Verdict.BROAD or not finding.confirmed or finding.ignored is not None:
            continue
        if statement.not_actions or statement.not_resources or len(about(finding)) != 1:
            continue
        (text,) = about(finding)
        names = kept.get((finding.policy.key, statement.index, text), {})
        if is_pattern(text) and names and text not in names:
            found[finding.id] = tuple(sorted(names))
    return found
