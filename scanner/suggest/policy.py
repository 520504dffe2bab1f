"""The smallest policy that allows what was seen, and nothing that today's policies do not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from scanner.iam import arns, catalog
from scanner.iam.patterns import contains, overlaps
from scanner.iam.policies import pattern_of
from scanner.mapping.untraced import is_read_by_init_code
from scanner.model import Certainty, Grant, Role, Statement, Usage, Verdict
from scanner.suggest.statements import (
    Allowance,
    Json,
    allowance_of,
    as_written,
    condition_of,
    grouped,
    literal,
    policy_of,
    size_of,
)
from scanner.usage.of_role import UsedPermission
from scanner.verdict.assessment import Assessment
from scanner.verdict.grants import possible_resource
from scanner.verdict.reasons import CUT_DESPITE, Reason

# docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: all inline policies of a role
# together, one managed policy, how many of these a role can have; white space is not counted.
MAX_INLINE_CHARACTERS = 10_240
MAX_MANAGED_CHARACTERS = 6_144
MAX_MANAGED_POLICIES = 10


def usage_policy(usage: Usage) -> Json:
    """The policy that allows all that a workload was seen to need, whatever its role grants.

    Of a call that needs one of several actions it allows all of these.
    """
    needed = (need.permission for need in usage.used if need.certainty is not Certainty.POSSIBLE)
    return policy_of(grouped({Allowance(p.action, literal(p.resource)) for p in needed}))


class Suggestion(NamedTuple):
    """The policies to put in the place of all identity policies of a role.

    `policy` is the whole of it. `parts` are several managed policies that say the same, where the whole does
    not fit into a role's inline policies; else none.
    """

    policy: Json
    parts: tuple[Json, ...] = ()


def suggested_policy(role: Role, assessments: Sequence[Assessment]) -> Suggestion | None:
    """The policy to put in the place of all identity policies of a role.

    Grants that are needed (or that traces cannot tell of) stay as they are spelled; what is too wide is
    cut to what was used; what was not used goes. Deny statements stay. None where not all policies could
    be read, where nothing would be left, or where it does not fit into what IAM takes.
    """
    if not role.readable or any(_has_old_variables(s) for p in role.policies for s in p.statements):
        return None
    denials = [s for policy in role.policies for s in policy.statements if not s.allow]
    # Spelled as today, a policy that is too long may become short enough.
    for narrow in (True, False):
        kept = {item for assessment in assessments for item in kept_of(assessment, narrow=narrow)}
        if not kept:
            return None
        policy = policy_of([*grouped(kept), *_with_sids_once(map(as_written, denials))])
        if size_of(policy) <= MAX_INLINE_CHARACTERS:
            return Suggestion(policy)
        parts = split(policy)
        if 0 < len(parts) <= MAX_MANAGED_POLICIES:
            return Suggestion(policy, tuple(parts))
    return None


def kept_of(assessment: Assessment, *, narrow: bool) -> list[Allowance]:
    """What a suggestion keeps of a grant. With `narrow` resources are cut to those that were used."""
    kept = allowance_of(assessment.grant)
    may_be_cut = CUT_DESPITE.issuperset(assessment.reasons)
    if assessment.accepted.rule is not None:
        return [kept]  # the team says that it is needed
    if Reason.NEW_GRANT in assessment.reasons:
        return [kept]  # whoever added it did so for something that has yet to run
    if assessment.redundancy.redundant or assessment.verdict is Verdict.INEFFECTIVE:
        return []
    if assessment.verdict is Verdict.BROAD and may_be_cut:
        needed = (*assessment.used_for, *assessment.may_need)
        return [_cut_to_use(assessment, use, kept, narrow) for use in needed]
    if assessment.verdict is Verdict.UNUSED and may_be_cut:
        return []
    return [kept]


def _cut_to_use(assessment: Assessment, use: UsedPermission, kept: Allowance, narrow: bool) -> Allowance:
    """One used action of a grant that is too wide, on the part of its resource that was used."""
    of_action = kept._replace(action=catalog.spelled(use.action), not_action=())
    if not narrow or "${" in kept.resource or not arns.is_wide(kept.resource):
        return of_action
    if not use.platform and is_read_by_init_code(use.action):
        return of_action  # it may be used elsewhere too, unseen
    if use.resource == assessment.grant.pattern:
        return of_action
    resource = possible_resource(use)
    if not contains(assessment.grant.pattern, resource) or _may_be_excepted(assessment.grant, resource):
        return of_action
    return of_action._replace(resource=literal(resource), not_resource=())


def _may_be_excepted(grant: Grant, resource: str) -> bool:
    """Whether a grant's NotResource may except a part of a resource."""
    statement = grant.statement
    if not statement.not_resources:
        return False
    return any(overlaps(pattern_of(raw, statement.variables), resource) for raw in statement.resources)


def _with_sids_once(statements: Iterable[Json]) -> Iterable[Json]:
    """Statements of several policies for one: a Sid stands once in a policy.

    docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html
    """
    taken: set[str] = set()
    for statement in statements:
        sid = statement.get("Sid")
        yield {k: v for k, v in statement.items() if k != "Sid" or sid not in taken}
        if sid:
            taken.add(sid)


def _has_old_variables(statement: Statement) -> bool:
    """Whether a condition of the older policy version holds what the newer one takes for a variable."""
    return not statement.variables and "${" in condition_of(statement)


# --- within IAM's sizes --------------------------------------------------------------------------


def split(policy: Mapping[str, list[Json]]) -> list[Json]:
    """A policy as managed policies, each within IAM's limit; none where a single statement is too long.

    Statements keep their order. One that is too long is cut between its resources, or else its actions.
    """
    parts: list[Json] = []
    for statement in (piece for whole in policy["Statement"] for piece in _pieces(whole)):
        if size_of(policy_of([statement])) > MAX_MANAGED_CHARACTERS:
            return []
        if parts and size_of(policy_of([*parts[-1]["Statement"], statement])) <= MAX_MANAGED_CHARACTERS:
            parts[-1]["Statement"].append(statement)
        else:
            parts.append(policy_of([statement]))
    return parts


def _pieces(statement: Json) -> list[Json]:
    """A statement, cut in halves until each fits. What NotAction and NotResource except cannot be cut."""
    if size_of(policy_of([statement])) <= MAX_MANAGED_CHARACTERS:
        return [statement]
    for key in ("Resource", "Action"):
        values = statement.get(key)
        if isinstance(values, list) and len(values) > 1:
            half = len(values) // 2
            whole = {k: v for k, v in statement.items() if k != "Sid"}  # a Sid stands once
            return [p for part in (values[:half], values[half:]) for p in _pieces({**whole, key: part})]
    return [statement]
