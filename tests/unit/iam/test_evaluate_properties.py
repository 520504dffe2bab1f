"""What holds of every decision, whatever the policies are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scanner.iam.conditions import holds
from scanner.iam.containment import allows_no_more
from scanner.iam.evaluate import AccessRequest, Effect, evaluate
from scanner.iam.patterns import contains
from scanner.iam.policies import pattern_of
from scanner.model import Policy, Statement
from tests.examples import examples

ACTIONS = ["*", "s3:*", "s3:Get*", "S3:getobject", "s3:?utObject", "dynamodb:GetItem", "s*:GetObject"]
RESOURCES = [
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/x",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::*/x",
    "arn:aws:s3:::c/${k}/*",
    "arn:aws:s3:::b/${k, 'x'}",
    "arn:aws:s3:::${l}/x",
    "arn:aws:s3:::b/${*}",
    "arn:aws:*:b/x",
]
CONDITIONS: list[Mapping[str, Any] | None] = [
    None,
    {"StringEquals": {"k": "b"}},
    {"StringNotEquals": {"k": "b"}},
    {"StringLikeIfExists": {"k": ["b", "x*"]}},
    {"StringEquals": {"k": "${l}"}},
    {"StringNotEquals": {"k": "${l}"}},
    {"ForAllValues:StringEquals": {"k": ["b", "x"]}},
    {"ForAnyValue:StringNotEquals": {"k": "b"}},
    {"Null": {"k": "true"}},
    {"NumericLessThan": {"k": "1"}},
    {"StringRoughly": {"k": "b"}},
    {"StringEquals": {"k": "b", "l": "x"}},
    {"StringEquals": {"k": "b"}, "Bool": {"l": "true"}},
]
KEYS = ["k", "l"]
ON_RESOURCES = ["s3:GetObject", "s3:PutObject", "dynamodb:GetItem"]
KNOWN_ACTIONS = [*ON_RESOURCES, "s3:ListAllMyBuckets"]
TOUCHED = ["arn:aws:s3:::b/x", "arn:aws:s3:::b/*", "arn:aws:s3:::c/b/f", "arn:aws:s3:::c/*", "*"]

values = st.lists(st.sampled_from(["b", "x", "0", "", "true"]), max_size=2).map(tuple)
some_actions = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2).map(tuple)
some_resources = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2).map(tuple)


@st.composite
def statements(draw: st.DrawFn, allow: bool | None = None) -> Statement:
    return Statement(
        index=0,
        sid=None,
        allow=draw(st.booleans()) if allow is None else allow,
        actions=draw(some_actions),
        not_actions=draw(st.integers(0, 3)) == 0,
        resources=draw(some_resources),
        not_resources=draw(st.integers(0, 3)) == 0,
        condition=draw(st.sampled_from(CONDITIONS)),
        variables=draw(st.booleans()),
    )


def named(name: str, own: Sequence[Statement]) -> Policy:
    return Policy(name, None, "inline", tuple(replace(s, index=at) for at, s in enumerate(own)))


policies = st.lists(statements(), max_size=3).map(lambda own: named("p", own))
roles = st.lists(st.lists(statements(), max_size=3), max_size=3).map(
    lambda role: [named(f"p{at}", own) for at, own in enumerate(role)]
)
boundaries = st.none() | policies


@st.composite
def requests(draw: st.DrawFn, actions: Sequence[str] = KNOWN_ACTIONS, unknown: str = "") -> AccessRequest:
    """A request for one of these actions. Of the key `unknown` it says nothing."""
    context: dict[str, tuple[str, ...]] = {}
    absent = set()
    for key in (key for key in KEYS if key != unknown):
        known = draw(st.sampled_from(["known", "absent", "unknown"]))
        if known == "known":
            context[key] = draw(values)
        elif known == "absent":
            absent.add(key)
    return AccessRequest(
        draw(st.sampled_from(actions)), draw(st.sampled_from(TOUCHED)), context, frozenset(absent)
    )


requests_without_a_key = st.sampled_from(KEYS).flatmap(
    lambda key: st.tuples(requests(unknown=key), st.just(key))
)


@given(requests(), roles, boundaries, st.randoms(use_true_random=False))
def test_the_order_never_matters(
    request: AccessRequest, role: list[Policy], boundary: Policy | None, random: Any
) -> None:
    shuffled = [
        replace(policy, statements=tuple(random.sample(policy.statements, len(policy.statements))))
        for policy in role
    ]
    random.shuffle(shuffled)
    assert evaluate(request, shuffled, boundary) == evaluate(request, role, boundary)


@given(requests(), roles, boundaries, statements(allow=True), st.data())
def test_a_wider_allow_takes_nothing_away(
    request: AccessRequest, role: list[Policy], boundary: Policy | None, own: Statement, data: st.DataObject
) -> None:
    own = replace(own, not_actions=False, not_resources=False)
    pattern = pattern_of(own.resources[0], own.variables)
    wide_action = st.sampled_from([a for a in ACTIONS if contains(a.lower(), own.actions[0].lower())])
    wide_resource = st.sampled_from([r for r in RESOURCES if "${" not in r and contains(r, pattern)])
    wider = replace(
        own,
        actions=(data.draw(wide_action), *own.actions[1:]),
        resources=(data.draw(wide_resource), *own.resources[1:]),
    )
    if evaluate(request, [*role, named("own", [own])], boundary).effect is Effect.ALLOWED:
        effect = evaluate(request, [*role, named("own", [wider])], boundary).effect
        assert effect in (Effect.ALLOWED, Effect.UNDECIDED)


@given(requests(), roles, boundaries, statements(allow=False))
def test_a_further_deny_allows_nothing(
    request: AccessRequest, role: list[Policy], boundary: Policy | None, denial: Statement
) -> None:
    before = evaluate(request, role, boundary).effect
    after = evaluate(request, [*role, named("own", [denial])], boundary).effect
    assert after in {
        Effect.ALLOWED: set(Effect) - {Effect.IMPLICITLY_DENIED},
        Effect.UNDECIDED: {Effect.UNDECIDED, Effect.EXPLICITLY_DENIED},
        Effect.IMPLICITLY_DENIED: {Effect.IMPLICITLY_DENIED, Effect.EXPLICITLY_DENIED},
        Effect.EXPLICITLY_DENIED: {Effect.EXPLICITLY_DENIED},
    }.get(before, set())


@given(requests(), roles, boundaries, statements(allow=True))
def test_one_allow_less_allows_nothing(
    request: AccessRequest, role: list[Policy], boundary: Policy | None, own: Statement
) -> None:
    less = evaluate(request, role, boundary).effect
    more = evaluate(request, [*role, named("own", [own])], boundary).effect
    if less is Effect.ALLOWED:
        assert more is Effect.ALLOWED
    if more in (Effect.IMPLICITLY_DENIED, Effect.EXPLICITLY_DENIED):
        assert less is more


@given(requests(), roles, policies)
def test_a_boundary_never_allows_more(request: AccessRequest, role: list[Policy], boundary: Policy) -> None:
    free, limited = evaluate(request, role).effect, evaluate(request, role, boundary).effect
    if limited is Effect.ALLOWED:
        assert free is Effect.ALLOWED
    if limited is Effect.UNDECIDED:
        assert free in (Effect.ALLOWED, Effect.UNDECIDED)


def stays(effect: Effect) -> set[Effect]:
    """What a decided effect may be once more is known: a deny that only may apply then makes it explicit."""
    if effect is Effect.IMPLICITLY_DENIED:
        return {Effect.IMPLICITLY_DENIED, Effect.EXPLICITLY_DENIED}
    return {effect}


def known_better(request: AccessRequest, key: str, value: tuple[str, ...] | None) -> AccessRequest:
    """The request with a value for a key, or without that key."""
    if value is None:
        return replace(request, absent=request.absent | {key})
    return replace(request, context={**request.context, key: value})


@examples(300)
@given(requests_without_a_key, roles, boundaries, st.none() | values)
def test_knowing_more_decides_only_what_was_open(
    request_and_key: tuple[AccessRequest, str],
    role: list[Policy],
    boundary: Policy | None,
    value: tuple[str, ...] | None,
) -> None:
    request, key = request_and_key
    before = evaluate(request, role, boundary).effect
    if before is not Effect.UNDECIDED:
        assert evaluate(known_better(request, key, value), role, boundary).effect in stays(before)


@examples(300)
@given(requests(ON_RESOURCES), roles, boundaries, st.sampled_from(["", "b", "x", "b/x", "b/f"]))
def test_what_holds_of_a_pattern_holds_of_its_resources(
    request: AccessRequest, role: list[Policy], boundary: Policy | None, part: str
) -> None:
    of_all = evaluate(request, role, boundary).effect
    one = replace(request, resource=request.resource.replace("*", part))
    if of_all is not Effect.UNDECIDED:
        assert evaluate(one, role, boundary).effect in stays(of_all)


@given(requests(), roles, boundaries)
def test_every_decision_but_an_implicit_deny_names_its_causes(
    request: AccessRequest, role: list[Policy], boundary: Policy | None
) -> None:
    decision = evaluate(request, role, boundary)
    says = {
        Effect.ALLOWED: ("allows",),
        Effect.EXPLICITLY_DENIED: ("denies",),
        Effect.UNDECIDED: ("may allow: ", "may deny: "),
        Effect.IMPLICITLY_DENIED: ("does not allow",),
    }[decision.effect]
    assert decision.why or decision.effect is Effect.IMPLICITLY_DENIED
    assert all(cause.what.startswith(says) for cause in decision.why)
    assert all(cause.what.partition(": ")[2] for cause in decision.why if cause.what.startswith("may"))


@examples(300)
@given(requests(), roles, roles, st.booleans())
def test_what_is_proven_to_allow_no_more_allows_no_more(
    request: AccessRequest, new: list[Policy], old: list[Policy], grown: bool
) -> None:
    old = [*old, *new] if grown else old  # otherwise little is ever proven
    if not allows_no_more(new, old) and evaluate(request, new).effect is Effect.ALLOWED:
        assert evaluate(request, old).effect is Effect.ALLOWED


@given(roles)
def test_policies_allow_no_more_than_themselves(role: list[Policy]) -> None:
    assert allows_no_more(role, role) == ()
    assert allows_no_more([], role) == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
operators = st.sampled_from(
    [
        "StringLike",
        "NumericEquals",
        "DateLessThan",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "ArnLike",
        "Null",
        "?",
    ]
)


@given(
    st.dictionaries(operators, st.dictionaries(st.just("k"), json_values) | json_values), st.text(), values
)
def test_no_condition_raises(condition: dict[str, Any], one: str, several: tuple[str, ...]) -> None:
    for context in ({"k": (one,)}, {"k": several}, {}):
        assert holds(condition, context, frozenset(), variables=True) in (True, False, None)
