"""The same grant in many roles as one group, and how many findings there are of what. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scanner.iam.severity import NONE, SEVERITY_LEVELS
from scanner.model import EXCESS, Arn, Verdict
from scanner.report.view.merged import own_resources
from scanner.report.view.rows import is_over_days
from scanner.report.view.values import Group, Row, Totals
from scanner.report.view.viewed import ViewedReport, bundle_of, is_to_act_on, listed, statement_of
from scanner.text.escape import counted
from scanner.verdict.rank import place_of

_SEVERITIES = (*SEVERITY_LEVELS, NONE)
_DIFFERENT = "…"
_NAMED = 3
# Parts of ARNs that are words of AWS, though they stand where names do.
_WORDS = frozenset({"*", "index", "stream", "log-stream", "object"})
# Whole words at the start and at the end of a text.
_START = re.compile(r".*[-_./: ]")
_END = re.compile(r"[-_./: ].*")
_SEPARATORS = re.compile(r"([/:])")


def groups_of(rows: Iterable[Row]) -> list[Group]:
    """The rows by what one statement or template made: the worst first, then the most frequent."""
    by_key: dict[object, list[Row]] = {}
    for row in rows:
        by_key.setdefault(_key(row), []).append(row)
    groups = [_group(members) for members in by_key.values()]
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[object, ...]:
    return *place_of(group.breadth, group.severity), -group.roles, group.actions, group.resources, group.ids


def _key(row: Row) -> object:
    """What rows of several roles have in common: all but the names of their resources."""
    finding, bundle = row.finding, bundle_of(row.role, row.finding)
    is_bundle = bool(row.below) and bundle is not None
    return (
        row.confirmed,
        row.fails,
        (bundle.framework, bundle.name, bundle.fits, _shape(bundle.target)) if is_bundle and bundle else None,
        None if is_bundle else finding.actions,
        None if is_bundle else tuple(sorted({_shape(resource) for resource in finding.resources})),
        None if is_bundle else finding.verdict,
        None if is_bundle else finding.severity,
        None if is_bundle else finding.breadth,
        "NotAction" in statement_of(row.role, finding),
        _conditions(row),
    )


def _conditions(row: Row) -> str:
    condition = statement_of(row.role, row.finding).get("Condition")
    return ",".join(sorted(condition)) if isinstance(condition, Mapping) else ""


def _shape(resource: str) -> str:
    """A resource without its names: `table/notes/index/*` is `dynamodb table/_/index/*`."""
    arn = Arn.parse(resource)
    if arn is None:
        return resource
    first, *rest = _SEPARATORS.split(arn.resource)
    shapes = [part if part in _WORDS or _SEPARATORS.fullmatch(part) else "_" for part in rest]
    # the first part of several is the type; S3 has none, it begins with the bucket
    has_type = bool(rest) and arn.service != "s3"
    return f"{arn.service} {first if has_type or first in _WORDS else '_'}{''.join(shapes)}"


def _group(rows: Sequence[Row]) -> Group:
    functions = tuple(sorted({name for row in rows for name in row.functions}))
    worst = min(rows, key=lambda row: place_of(row.finding.breadth, row.severity))
    return Group(
        rows=tuple(rows),
        actions=rows[0].actions,
        resources=rows[0].resources if len(rows) == 1 else _common([own_resources(row) for row in rows]),
        claim=_common_claim(rows),
        severity=min((row.severity for row in rows), key=_SEVERITIES.index),
        breadth=worst.finding.breadth,
        evidence=_evidence(rows),
        functions=functions,
        who=_who(functions),
        roles=len({row.role.arn for row in rows}),
        confirmed=rows[0].confirmed,
        fails=rows[0].fails,
        places=tuple(dict.fromkeys(row.finding.location for row in rows if row.finding.location)),
    )


def _who(functions: Sequence[str]) -> str:
    """The names of functions in a few words: what they share, else a few of them."""
    common = _common(functions) if len(functions) > _NAMED else ""
    return common if common.strip(_DIFFERENT) else listed(functions)


def _common(texts: Sequence[str]) -> str:
    """A text that stands for all: the whole words that they share at both ends, `…` between."""
    if len(set(texts)) == 1:
        return texts[0]
    start = _START.match(_shared_start(texts))
    rest = [text[start.end() if start else 0 :] for text in texts]
    end = _END.search(_shared_start([text[::-1] for text in rest])[::-1])
    return f"{start.group() if start else ''}{_DIFFERENT}{end.group() if end else ''}"


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    length = next(
        (at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    return first[:length]


def _common_claim(rows: Sequence[Row]) -> str:
    claims = {row.claim for row in rows}
    if len(claims) == 1:
        return rows[0].claim
    if any(row.below for row in rows):
        return "part of it was used" if any(map(_is_used, rows)) else _unused(rows)
    used = {row.role.used[at].action for row in rows for at in row.finding.used}
    if not used:
        return rows[0].claim.partition(";")[0]
    return f"only used: {', '.join(sorted(used)[:4])}{' and more' if len(used) > 4 else ''}"


def _is_used(row: Row) -> bool:
    """Whether any part of a bundle was used."""
    bundle = bundle_of(row.role, row.finding)
    return bool(bundle and bundle.used) or any(part.finding.used for part in row.below)


def _unused(rows: Sequence[Row]) -> str:
    return "never used" if rows[0].confirmed else "not surely used"


def _evidence(rows: Sequence[Row]) -> str:
    """What the verdicts rest on: the same for all, the reasons of all, or the range of their traces."""
    texts = list(dict.fromkeys(row.evidence for row in rows))
    if len(texts) == 1:
        return texts[0]
    if not rows[0].confirmed:
        return ", ".join(dict.fromkeys(reason for row in rows for reason in row.finding.reasons))
    if all(is_over_days(row.finding) for row in rows):
        days = [row.finding.observed.days for row in rows]
        return f"{_range(days, 'day')} observed, {_range([r.finding.observed.traces for r in rows], 'trace')}"
    return _range([row.finding.traces for row in rows], "trace")


def _range(counts: Sequence[int], noun: str) -> str:
    least, most = min(counts), max(counts)
    return counted(most, noun) if least == most else f"{least:,} to {counted(most, noun)}"


def totals_of(viewed: ViewedReport) -> Totals:
    """How many findings there are of excess that nobody accepts; what a fitting bundle leaves is none."""
    open_excess = [
        finding for role in viewed.report.roles for finding in role.findings if is_to_act_on(role, finding)
    ]
    confirmed = [finding for finding in open_excess if finding.confirmed]
    compared = [role for role in viewed.report.roles if role.readable or role.findings]
    excessive = [
        role for role in compared if any(is_to_act_on(role, f) and f.confirmed for f in role.findings)
    ]
    return Totals(
        by_verdict=_counts((f.verdict for f in confirmed), tuple(map(str, EXCESS))),
        by_severity=_counts((f.severity for f in confirmed), _SEVERITIES),
        unconfirmed_by_severity=_counts((f.severity for f in open_excess if not f.confirmed), _SEVERITIES),
        functions=len(viewed.with_code(compared)),
        excessive=len(viewed.with_code(excessive)),
    )


def _counts(values: Iterable[str | Verdict], order: Sequence[str]) -> dict[str, int]:
    counts = Counter(map(str, values))
    return {value: counts[value] for value in order if counts[value]}
