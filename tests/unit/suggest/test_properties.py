"""Random roles and random calls: what must hold of every finding and every suggestion.

The evaluator of `scanner.iam.evaluate` is the judge: it is tested against IAM's rules by itself, and knows
nothing of verdicts. A role is a list of statements of one action and one resource, so that to take a grant
away is to take its statement away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.arns import of_any_account
from scanner.iam.containment import allows_no_more
from scanner.iam.evaluate import AccessRequest, Effect, evaluate
from scanner.iam.patterns import is_pattern
from scanner.iam.policies import parse_policy
from scanner.iam.severity import worst
from scanner.model import EXCESS, Certainty, Need, Observation, Permission, Policy, Statement, Verdict
from scanner.result import RoleResult
from scanner.verdict.assessment import Assessment
from scanner.verdict.grants import matches_action
from tests.examples import examples
from tests.unit.cases import (
    ACCOUNT,
    NOW,
    REGION,
    ROLE,
    allow,
    arn,
    compared,
    function_arn,
    of_aws,
    policy,
    table,
    usage,
)

TAGS = {"team": "a"}
CALLED = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"]
OBJECTS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
UNSEEN = ["iam:PassRole", "kms:Decrypt", "logs:PutLogEvents", "secretsmanager:GetSecretValue"]
NAMES = st.sampled_from(["a", "b"])
TABLES = NAMES.map(table)
BUCKETS = NAMES.map(lambda name: f"arn:aws:s3:::{name}/*")
# (action, resource) pairs that mostly fit each other
ON_TABLES = st.tuples(
    st.sampled_from([*CALLED, "dynamodb:*", "dynamodb:*Item", "DynamoDB:Q*", "*"]),
    TABLES
    | st.sampled_from(
        [
            "*",
            table("*"),
            table("a*"),
            table("?"),
            arn("dynamodb", "table/a", account="*"),
            arn("dynamodb", "table/a", region="*"),
            table("${aws:PrincipalTag/team}"),
            table("${aws:PrincipalTag/other}"),
            table("${aws:username}"),
            table("${*}"),
            "arn:aws:dynamodb:*:${aws:PrincipalAccount}:table/b",
        ]
    ),
)
ON_OBJECTS = st.tuples(
    st.sampled_from([*OBJECTS, "s3:*", "s3:*Object", "*"]),
    BUCKETS | st.sampled_from(["*", "arn:aws:s3:::a/in/*", "arn:aws:s3:::*", "arn:aws:s3:::b"]),
)
ON_ANYTHING = st.tuples(
    st.sampled_from([*UNSEEN, "iam:*", "kms:*", "logs:*", "sqs:?end*", "sqs:SendMessage"]),
    st.sampled_from(
        ["*", "arn:aws:iam::*:role/*", arn("logs", "log-group:/aws/lambda/f:*"), arn("sqs", "a"), table("a")]
    ),
)
# held, did not hold, unknown, unknown as well, of the function, of Lambda itself
CONDITIONS = st.sampled_from(
    [
        None,
        None,
        None,
        {"StringEquals": {"aws:RequestedRegion": REGION}},
        {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
        {"StringEquals": {"aws:SourceVpc": "vpc-1"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"ArnEquals": {"lambda:SourceFunctionArn": function_arn("f")}},
        {"ArnNotEquals": {"lambda:SourceFunctionArn": function_arn("f")}},
        {"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/team}"}},
    ]
)


def _statement(
    effect: str, named: tuple[str, str], condition: Mapping[str, Any] | None, twist: int
) -> dict[str, Any]:
    """A statement of one grant; with a twist its NotAction or its NotResource."""
    action, resource = named
    statement: dict[str, Any] = {"Effect": effect}
    statement["NotAction" if twist == 1 else "Action"] = action
    statement["NotResource" if twist == 2 else "Resource"] = resource
    return {**statement, "Condition": condition} if condition else statement


STATEMENTS = st.builds(
    _statement,
    st.sampled_from(["Allow"] * 5 + ["Deny"]),
    st.one_of(ON_TABLES, ON_TABLES, ON_OBJECTS, ON_ANYTHING),
    CONDITIONS,
    st.sampled_from([0] * 6 + [1, 2]),
)
ROLES = st.lists(STATEMENTS, min_size=1, max_size=6)
# few words, so that the same is often granted twice
LIKE_EACH_OTHER = st.lists(
    st.builds(
        _statement,
        st.just("Allow"),
        st.tuples(
            st.sampled_from(["dynamodb:GetItem", "dynamodb:*"]),
            st.sampled_from(
                [table("a"), "*", table("${aws:PrincipalTag/team}"), table("${aws:PrincipalTag/other}")]
            ),
        ),
        CONDITIONS,
        st.sampled_from([0, 0, 0, 2]),
    ),
    min_size=2,
    max_size=4,
)
BOUNDARIES = st.none() | st.lists(STATEMENTS, min_size=1, max_size=3).map(
    lambda statements: policy(*statements, allow("dynamodb:*", table("a*")), name="boundary")
)


class Called(NamedTuple):
    """A call as a trace shows it: some without their resource, of objects never the key."""

    action: str
    resource: str
    exact: bool


CALLS = st.lists(
    st.builds(Called, st.sampled_from(CALLED), TABLES, st.just(True))
    | st.builds(Called, st.just("sqs:SendMessage"), st.just(arn("sqs", "a")), st.just(True))
    | st.builds(Called, st.sampled_from(OBJECTS), BUCKETS, st.just(True))
    | st.builds(Called, st.just("dynamodb:Scan"), st.just(table("*")), st.just(False))
    | st.just(Called("s3:ListAllMyBuckets", "*", True)),
    max_size=5,
)


World = Mapping[str, tuple[str, ...]]
NOTHING_MORE: World = {}
# What no trace tells may have been any way.
WORLDS: tuple[World, ...] = tuple(
    {
        "aws:sourcevpc": (vpc,),
        "aws:securetransport": (secure,),
        "aws:principaltag/other": (tag,),
    }
    for vpc in ("vpc-1", "vpc-2")
    for secure in ("true", "false")
    for tag in ("a", "b")
)


def effect(
    call: Called, policies: Sequence[Policy], boundary: Policy | None, world: World = NOTHING_MORE
) -> Effect:
    """What the evaluator says of a call of the function, with all that a trace and the role tell of it.

    `world` is what they do not tell.
    """
    resource = call.resource if call.exact else of_any_account(call.resource)
    context = {
        "aws:principalarn": (ROLE,),
        "aws:principaltype": ("AssumedRole",),
        "aws:principalaccount": (ACCOUNT,),
        "aws:principaltag/team": ("a",),
        "lambda:sourcefunctionarn": (function_arn("f"),),
    }
    fields = resource.split(":")
    if call.exact and len(fields) > 5 and fields[3]:
        context |= {"aws:requestedregion": (fields[3],), "aws:resourceaccount": (fields[4],)}
    request = AccessRequest(call.action, resource, {**context, **world}, frozenset({"aws:username"}))
    return evaluate(request, policies, boundary).effect


def roles_policies(statements: Sequence[dict[str, Any]]) -> list[Policy]:
    """The statements of a role, the last of several in a policy of AWS's own."""
    own = statements[:-1] or statements
    aws = [of_aws("Aws", *statements[-1:])] if len(statements) > 1 else []
    return [policy(*own), *aws]


def seen(calls: Iterable[Called]) -> Any:
    permissions = (Permission(call.action, call.resource, call.exact) for call in calls)
    needs = (Need(permission, Certainty.REQUIRED) for permission in permissions)
    used = dict.fromkeys(needs, Observation(1, 1, NOW, NOW))
    return usage(used, services=["dynamodb", "sqs", "s3", "secretsmanager"])


def role_result(policies: Sequence[Policy], calls: Iterable[Called], boundary: Policy | None) -> RoleResult:
    return compared(policies, [seen(calls)], boundary=boundary, tags=TAGS)


def without(policies: Iterable[Policy], gone: Iterable[Statement]) -> list[Policy]:
    """The policies less the statements (the very same objects) that are gone."""
    ids = {id(statement) for statement in gone}
    return [replace(p, statements=tuple(s for s in p.statements if id(s) not in ids)) for p in policies]


@given(ROLES, CALLS, BOUNDARIES)
@examples(90)
def test_a_suggestion_keeps_every_call_that_is_allowed_today(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    policies = roles_policies(statements)
    result = role_result(policies, calls, boundary)
    if not any(is_pattern(call.resource) for call in calls):
        assert result.objections == []  # none needs the evaluator's test to be held back
    if result.objections:
        return  # of an unknown resource the evaluator cannot tell that all that is granted is denied
    if result.suggestion is None:
        # what is used and allowed is reason enough for one
        assert not any(effect(call, policies, boundary) is Effect.ALLOWED for call in calls)
        return
    suggested = [Policy("suggested", None, "inline", parse_policy(result.suggestion.policy))]
    for call in calls:
        before, after = effect(call, policies, boundary), effect(call, suggested, boundary)
        assert after is before or before in (Effect.IMPLICITLY_DENIED, Effect.EXPLICITLY_DENIED), call
        for world in WORLDS if before is Effect.UNDECIDED else ():
            if effect(call, policies, boundary, world) is Effect.ALLOWED:
                assert effect(call, suggested, boundary, world) is Effect.ALLOWED, (call, world)


@given(ROLES, CALLS, BOUNDARIES)
@examples(60)
def test_a_suggestion_grants_nothing_new(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    policies = roles_policies(statements)
    suggestion = role_result(policies, calls, boundary).suggestion
    if suggestion is not None:
        for document in (suggestion.policy, *suggestion.parts):
            suggested = [Policy("suggested", None, "inline", parse_policy(document))]
            assert allows_no_more(suggested, policies) == ()


@given(ROLES, CALLS, BOUNDARIES)
@examples(60)
def test_a_suggestion_keeps_what_traces_cannot_show_and_what_lambda_needs(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    policies = roles_policies(statements)
    result = role_result(policies, calls, boundary)
    kept = [
        item.grant
        for item in result.assessments
        if item.verdict in (Verdict.PLATFORM, Verdict.UNOBSERVABLE) and not item.redundancy.redundant
    ]
    if kept:
        assert result.suggestion is not None
        suggested = (Policy("suggested", None, "inline", parse_policy(result.suggestion.policy)),)
        for grant in kept:
            alone = replace(grant.policy, statements=(grant.statement,))
            denials = [replace(p, statements=tuple(s for s in p.statements if not s.allow)) for p in policies]
            assert allows_no_more([alone, *denials], suggested) == ()


@given(ROLES, CALLS, BOUNDARIES, st.randoms(use_true_random=False))
@examples(60)
def test_the_order_of_statements_changes_no_verdict(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None, random: Any
) -> None:
    def verdicts(own: list[dict[str, Any]]) -> Counter[Any]:
        assessments = role_result([policy(*own)], calls, boundary).assessments
        return Counter(
            (
                i.grant[2:4],
                repr(i.grant.statement.condition),
                i.verdict,
                i.reasons,
            )
            for i in assessments
        )

    shuffled = list(statements)
    random.shuffle(shuffled)
    assert verdicts(statements) == verdicts(shuffled)


@given(ROLES, CALLS, BOUNDARIES)
@examples(60)
def test_an_unrelated_allow_changes_no_other_finding(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    def found(*more: dict[str, Any]) -> Counter[Any]:
        result = role_result([policy(*statements, *more)], calls, boundary)
        return Counter((f.id, f.verdict, f.reasons, f.redundant, f.used) for f in result.findings)

    before, after = found(), found(allow("sns:Publish", arn("sns", "t")))
    assert not before - after
    assert (after - before).total() == 1


@given(ROLES, CALLS, BOUNDARIES)
@examples(150)
def test_a_grant_that_alone_allows_a_call_that_was_seen_is_never_judged_unused(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    """The worst failure there is."""
    policies = roles_policies(statements)
    result = role_result(policies, calls, boundary)
    for item in result.assessments:
        judgement = item
        rest = without(policies, [judgement.grant.statement])
        for call in calls:
            if effect(call, policies, boundary) is not Effect.ALLOWED:
                continue
            without_it = effect(call, rest, boundary)
            if without_it is Effect.IMPLICITLY_DENIED:
                assert judgement.verdict not in (Verdict.UNUSED, Verdict.INEFFECTIVE), (call, judgement)
                assert not item.redundancy.redundant
            if without_it is not Effect.ALLOWED and judgement.verdict in (
                Verdict.UNUSED,
                Verdict.INEFFECTIVE,
            ):
                assert item.reasons, (call, judgement)  # never with confidence


@given(ROLES, CALLS, BOUNDARIES)
@examples(90)
def test_without_all_that_is_surely_unused_or_granted_twice_every_call_is_allowed_as_before(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    _assert_allowed_without_the_redundant(roles_policies(statements), calls, boundary)


@given(LIKE_EACH_OTHER)
@examples(180)
def test_of_grants_that_are_like_each_other_enough_are_left(statements: list[dict[str, Any]]) -> None:
    calls = [Called("dynamodb:GetItem", table("a"), True)]
    policies = roles_policies(statements)
    _assert_allowed_without_the_redundant(policies, calls, None)
    result = role_result(policies, calls, None)
    after = (
        [Policy("suggested", None, "inline", parse_policy(result.suggestion.policy))]
        if result.suggestion
        else []
    )
    for world in WORLDS:
        if effect(calls[0], policies, None, world) is Effect.ALLOWED:
            assert effect(calls[0], after, None, world) is Effect.ALLOWED, world


def _assert_allowed_without_the_redundant(
    policies: list[Policy], calls: list[Called], boundary: Policy | None
) -> None:
    """What is allowed stays so without all that is surely unused, granted twice, or ineffective."""
    result = role_result(policies, calls, boundary)
    redundant = [
        item.grant.statement
        for item in result.assessments
        if item.redundancy.redundant or (item.verdict is Verdict.UNUSED and not item.reasons)
    ]
    ineffective = [item.grant.statement for item in result.assessments if item.verdict is Verdict.INEFFECTIVE]
    for call in calls:
        before = effect(call, policies, boundary)
        if before is Effect.ALLOWED:
            assert effect(call, without(policies, [*redundant, *ineffective]), boundary) is before, call
        for world in WORLDS if before is Effect.UNDECIDED else ():
            if effect(call, policies, boundary, world) is Effect.ALLOWED:
                rest = without(policies, redundant)
                assert effect(call, rest, boundary, world) is Effect.ALLOWED, (call, world)


@given(ROLES, CALLS, BOUNDARIES)
@examples(60)
def test_an_excess_is_confirmed_or_says_why_not_and_nothing_else_claims_any(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    for finding in role_result(roles_policies(statements), calls, boundary).findings:
        assert finding.confirmed is not bool(finding.reasons)
        assert finding.verdict in EXCESS or not finding.reasons
        assert finding.why or finding.verdict is not Verdict.UNOBSERVABLE
        assert (finding.remedy is None) is (finding.verdict not in EXCESS)


# --- what is claimed of the actions of a grant ---------------------------------------------------


def claimed(item: Assessment) -> frozenset[str]:
    """The actions that a confirmed assessment says were not needed, or needed on less than is granted."""
    return frozenset() if item.reasons else item.excess | item.wide


@given(ROLES, CALLS, BOUNDARIES)
@examples(150)
def test_no_action_of_a_call_is_surely_in_excess_of_a_grant_that_allows_it_or_of_any_where_none_does(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None
) -> None:
    policies = roles_policies(statements)
    result = role_result(policies, calls, boundary)
    for call in calls:
        allowed = effect(call, policies, boundary)
        for item in result.assessments:
            grant = item.grant
            if item.reasons or not matches_action(grant, call.action.lower()):
                continue
            alone = [replace(grant.policy, statements=(grant.statement,))]
            if allowed is Effect.IMPLICITLY_DENIED or effect(call, alone, None) is Effect.ALLOWED:
                assert call.action.lower() not in item.excess, (call, item)


@given(ROLES, CALLS, BOUNDARIES, st.data())
@examples(150)
def test_less_use_never_gives_a_weaker_finding(
    statements: list[dict[str, Any]], calls: list[Called], boundary: Policy | None, data: Any
) -> None:
    policies = roles_policies(statements)
    fewer = [call for call in calls if data.draw(st.booleans())]
    of_more = role_result(policies, calls, boundary).assessments
    of_fewer = role_result(policies, fewer, boundary).assessments
    for more, less in zip(of_more, of_fewer, strict=True):
        assert claimed(more) <= claimed(less), (more, less)
        assert more.reasons or more.verdict not in EXCESS or less.verdict in EXCESS


@given(ROLES, CALLS)
@examples(90)
def test_a_finding_holds_grants_of_one_severity(
    statements: list[dict[str, Any]], calls: list[Called]
) -> None:
    actions, resources = (
        list(dict.fromkeys(value for s in statements for value in (s.get(key, "*"),)))
        for key in ("Action", "Resource")
    )
    result = role_result([policy(allow(actions, resources))], calls, None)
    by_grant = {(i.grant.action, i.grant.resource): i for i in result.assessments}
    for finding in result.findings:
        if finding.verdict in EXCESS:
            levels = {
                worst(by_grant[action, resource].in_question).level
                for action in finding.actions
                for resource in finding.resources
            }
            assert levels == {finding.severity}
