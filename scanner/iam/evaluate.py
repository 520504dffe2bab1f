"""What a role's policies say of one request: allowed, denied, or undecided. Pure.

The order of the decision: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
and .../access_policies_boundaries.html. Only identity policies and a permissions boundary are known here: a
resource policy can still allow, a service control policy, a session or an endpoint policy still deny.

Three-valued throughout: what cannot be decided (an unknown condition key or policy variable, a policy that
the documentation does not explain) stays open unless the answer is the same either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from scanner.iam import catalog, conditions
from scanner.iam.arns import ALL, completed, grants_account_wide, is_incomplete
from scanner.iam.patterns import contains, is_pattern, matches, overlaps
from scanner.iam.ternary import NO, YES, Answer, all_of, any_of, negated, unsure
from scanner.iam.variables import VARIABLE, meaning_of
from scanner.model import Policy, Statement

_FIELDS = 6
_IN_PLACE_OF_A_VARIABLE = "\0"


@dataclass(frozen=True)
class AccessRequest:
    """An action on a resource, with what is known of the request's context.

    `action` is spelled in any case. `resource` is an ARN; with a wildcard it is a pattern, of which it is
    not known for what single resource it stands (a name with a `*` in it: `variables.literal`). `*` alone is
    any resource; for an action that knows no resources it is what IAM asks for. `context` holds the values
    of known keys, `absent` the keys known not to be there, both in lower case; other keys are unknown.
    """

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()


class Effect(StrEnum):
    """What policies say of a request.

    Implicitly denied is also what nothing allows and a Deny may apply to: it is denied either way.
    """

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitly-denied"
    IMPLICITLY_DENIED = "implicitly-denied"
    UNDECIDED = "undecided"


class Cause(NamedTuple):
    """A statement that decided, or left undecided: `statement` is its index in the policy, `what` says how.

    `what` is "allows" or "denies"; "may allow: " or "may deny: " with what is missing to tell; or "does not
    allow", of a boundary as a whole, whose `statement` is None then.
    """

    policy: str
    statement: int | None
    sid: str | None
    what: str


@dataclass(frozen=True)
class Evaluation:
    """The effect, and the statements behind it, sorted. An implicit deny has none, but for a boundary."""

    effect: Effect
    why: tuple[Cause, ...]


class _Applied(NamedTuple):
    """A statement that applies to a request, or may."""

    policy: str
    statement: Statement
    answer: Answer


def evaluate(
    request: AccessRequest, identity_policies: Sequence[Policy], boundary: Policy | None = None
) -> Evaluation:
    """What the policies of a role, and its permissions boundary if it has one, say of a request.

    The order of policies and statements does not matter. Never raises.
    """
    identity = _applied(identity_policies, request)
    limits = _applied([boundary] if boundary else [], request)
    denials = [a for a in (*identity, *limits) if not a.statement.allow]
    layers = [[a for a in identity if a.statement.allow]]
    if boundary:
        layers.append([a for a in limits if a.statement.allow])
    denied = any_of(a.answer for a in denials)
    allowed_by = [any_of(a.answer for a in layer) for layer in layers]
    if denied.holds:
        return Evaluation(Effect.EXPLICITLY_DENIED, _causes(denials, sure=True))
    if NO in allowed_by:
        outside = boundary is not None and allowed_by[1] == NO
        why = (Cause(boundary.name, None, None, "does not allow"),) if boundary and outside else ()
        return Evaluation(Effect.IMPLICITLY_DENIED, why)
    doubtful = [a for layer, by in zip(layers, allowed_by, strict=True) if by.holds is None for a in layer]
    if denied.holds is None or doubtful:
        return Evaluation(Effect.UNDECIDED, _causes((*denials, *doubtful), sure=False))
    return Evaluation(Effect.ALLOWED, _causes((a for layer in layers for a in layer), sure=True))


def _applied(policies: Iterable[Policy], request: AccessRequest) -> list[_Applied]:
    applied = []
    for policy in policies:
        for statement in policy.statements:
            answer = applies(statement, request)
            if answer.holds is not False:
                applied.append(_Applied(policy.name, statement, answer))
    return applied


def _causes(applied: Iterable[_Applied], *, sure: bool) -> tuple[Cause, ...]:
    """The causes of those that surely apply, or of those that may."""
    causes = {
        Cause(a.policy, a.statement.index, a.statement.sid, _what(a))
        for a in applied
        if (a.answer.holds is True) == sure
    }
    return tuple(sorted(causes, key=lambda c: (c.policy, c.statement, c.sid or "", c.what)))


def _what(applied: _Applied) -> str:
    verb = "allow" if applied.statement.allow else "deny"
    if applied.answer.holds:
        return "allows" if applied.statement.allow else "denies"
    return f"may {verb}: {', '.join(sorted(applied.answer.questions))}"


def applies(statement: Statement, request: AccessRequest) -> Answer:
    """Whether a statement applies to a request: its action, its resource and its condition."""
    action = _action_named(statement, request.action.lower())
    if action == NO:
        return NO
    resource = _resource_named(statement, request)
    if resource == NO:
        return NO
    condition = statement.condition
    if not condition:
        return all_of((action, resource))
    holds = conditions.answer_of(condition, request.context, request.absent, statement.variables)
    return all_of((action, resource, holds))


# --- actions -------------------------------------------------------------------------------------


def about(policies: Iterable[Policy], action: str) -> tuple[Policy, ...]:
    """The policies without the statements that do not name an action (in lower case).

    They say the same of every request of that action: of use where many are asked about.
    """
    return tuple(
        replace(
            policy,
            statements=tuple(s for s in policy.statements if _action_named(s, action).holds is not False),
        )
        for policy in policies
    )


def _action_named(statement: Statement, action: str) -> Answer:
    named = _matches_action(statement.actions, action)
    return negated(named) if statement.not_actions else named


@lru_cache(maxsize=1 << 16)  # the same few actions are asked of every statement, resource by resource
def _matches_action(patterns: tuple[str, ...], action: str) -> Answer:
    return any_of(
        unsure(f"action {pattern}") if is_unclear_action(pattern) else YES
        for pattern in (pattern.lower() for pattern in patterns)
        if matches(pattern, action)
    )


def is_unclear_action(pattern: str) -> bool:
    """Whether it is unclear what an action pattern matches: one with a wildcard in the service's place.

    The documentation knows `*` and `service:pattern`
    (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html).
    """
    service, colon, _ = pattern.partition(":")
    return is_pattern(service) if colon else not is_everything(pattern)


def is_everything(pattern: str) -> bool:
    """Whether a pattern is `*`, however often."""
    return bool(pattern) and not pattern.strip(ALL)


# --- resources -----------------------------------------------------------------------------------


def _resource_named(statement: Statement, request: AccessRequest) -> Answer:
    if not statement.not_resources and not any(
        _may_overlap(r, request.resource) for r in statement.resources
    ):
        return NO  # most statements, at the price of comparing texts
    named = any_of(_overlaps(statement, resource, request) for resource in statement.resources)
    return negated(named) if statement.not_resources else named


def _may_overlap(resource: str, requested: str) -> bool:
    """A quick no: of two single resources that differ, neither overlaps the other."""
    return (
        resource == requested
        or is_pattern(resource)
        or is_pattern(requested)
        or "${" in resource
        or is_incomplete(resource)
    )


def _overlaps(statement: Statement, resource: str, request: AccessRequest) -> Answer:
    """Whether a resource of a statement is the request's one."""
    meaning = meaning_of(completed(resource), statement.variables, request.context, request.absent)
    matched = _pattern_overlaps(meaning.pattern, request)
    if matched is False:
        return NO
    clear = matched and not is_unclear_resource(resource, statement.variables)
    return all_of(
        (
            meaning.reached(),
            YES if clear else unsure(f"resource {resource}"),
        )
    )


def _pattern_overlaps(pattern: str, request: AccessRequest) -> bool | None:
    """Whether a pattern names the resource of a request: None for a part of what that stands for."""
    resource = request.resource
    if not catalog.knows_resources(request.action):
        # IAM asks for `*`; AWS's own pages disagree on arn:aws:s3:::* for s3:ListAllMyBuckets.
        if is_everything(pattern):
            return True
        wide = grants_account_wide(pattern, request.action.partition(":")[0].lower())
        return None if wide or (resource != ALL and overlaps(pattern, resource)) else False
    if not is_pattern(resource):
        return matches(pattern, resource)
    if contains(pattern, resource):
        return True
    return None if overlaps(pattern, resource) else False


@lru_cache(maxsize=1 << 14)
def is_unclear_resource(resource: str, variables: bool) -> bool:
    """Whether it is unclear what a resource, as a policy spells it, matches.

    - Fewer fields than an ARN, of which one is not what belongs there (`arn:aws:sqs:*:q`): the missing ones
      are completed, so that it is of no queue, but a `*` at the end of a field may also span fields
      (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).
    - A wildcard for the service: "you can't use a wildcard in the service segment"
      (.../reference_policies_elements_resource.html). IAM refuses such a policy ("Resource vendor must be
      fully qualified and cannot contain regexes"), so what it would do with one is not known.
    - A variable before the fifth colon, where none is allowed (.../reference_policies_variables.html).
    """
    if "${" not in resource and is_incomplete(resource):
        return False
    if "${" not in resource and not is_pattern(resource):
        return resource.count(":") < _FIELDS - 1
    plain = VARIABLE.sub(_IN_PLACE_OF_A_VARIABLE, resource) if variables else resource
    if is_everything(plain):
        return False
    fields = plain.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS or is_pattern(fields[2]):
        return True
    return any(_IN_PLACE_OF_A_VARIABLE in part for part in fields[: _FIELDS - 1])
