"""The configuration in the repository: what it says, how it is refused, which grants its rules cover."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.action.inputs import SEVERITIES
from scanner.gate.config import (
    MAX_CHARACTERS,
    MAX_PROBLEMS,
    ConfigError,
    GrantFacts,
    Ignore,
    TeamConfig,
    facts_of,
    load,
    matching,
    schema,
    tally,
)
from scanner.iam.policies import grants_of
from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Verdict
from scanner.options import VERDICTS
from tests.unit.cases import ROLE, allow, function_arn, policy

TODAY = date(2027, 1, 31)

WHOLE = """\
# what we know of our functions
version: 1
fail-on: [unused, broad]
fail-on-severity: write
include-unconfirmed: false
on-insufficient-evidence: warn
min-traces: 5
assume-instrumented: true
ignore:
  - workload: "notes-*"
    role: "notes-*"
    action: "s3:Delete*"
    resource: "arn:aws:s3:::bucket/*"
    sid: "Legacy"
    reason: "used by the yearly archive job"
    owner: "@team-storage"
    expires: 2027-01-31
operations:
  - service: My-Service
    operation: DoThing
    requires: ["s3:getobject"]
    possible: []
resources:
  - action: "kinesis:*"
    resource: "arn:{partition}:kinesis:{region}:{account}:stream/{stream_name}"
untraced:
  - action: "s3:GetObject"
    kind: may-run-untraced
    reason: "model is loaded in init code"
"""


def problems(text: str, name: str = "c.yml") -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(ConfigError) as caught:
        load(text, name)
    return list(caught.value.problems)


def only_problem(text: str) -> str:
    (problem,) = problems(text)
    return problem


# --- what a file says ----------------------------------------------------------------------------


def test_a_whole_file() -> None:
    config = load(WHOLE)
    assert config.fail_on == frozenset({Verdict.UNUSED, Verdict.BROAD})
    assert (config.at_least, config.include_unconfirmed, config.insufficient) == ("write", False, "warn")
    assert (config.min_traces, config.assume_instrumented) == (5, True)
    assert config.ignores == (
        Ignore(
            line=10,
            reason="used by the yearly archive job",
            workload="notes-*",
            role="notes-*",
            action="s3:delete*",
            resource="arn:aws:s3:::bucket/*",
            sid="Legacy",
            owner="@team-storage",
            expires=date(2027, 1, 31),
        ),
    )
    (operation,) = config.operations
    assert (operation.service, operation.operation) == ("myservice", "dothing")
    assert operation.requires == ("s3:GetObject",)  # as IAM spells it
    assert config.resources[0].parameters == ("stream_name",)
    assert config.untraced == (
        ExtraUntraced(27, "s3:getobject", "may-run-untraced", "model is loaded in init code"),
    )


def test_what_a_file_does_not_say_is_left_to_options_and_defaults() -> None:
    assert load("version: 1\n") == TeamConfig()
    assert TeamConfig().fail_on is None
    assert load("version: 1\nfail-on: never\n").fail_on == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffversion: 1\r\nignore:\r\n",  # as Windows writes it; all rules commented out
        '{"version": 1, "ignore": null}',  # JSON is YAML
        "version: 1\nuntraced: []\n",
        "---\nversion: 1\n...\n",
    ],
)
def test_other_ways_to_say_nothing(text: str) -> None:
    assert load(text) == TeamConfig()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", "on"),
        ("No", "No"),
        ("'true'", "true"),
        ("012345678901", "012345678901"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2027-01-31", "2027-01-31"),
        ("!!str 42", "42"),
        ('"42"', "42"),
        ("|-\n      text", "text"),
    ],
)
def test_words_that_only_old_yaml_takes_for_something_else_are_texts(written: str, meant: str) -> None:
    (rule,) = load(f"version: 1\nignore:\n  - sid: x\n    reason: {written}\n").ignores
    assert rule.reason == meant


@pytest.mark.parametrize("written", ["2027-01-31", "'2027-01-31'", '"2027-01-31"'])
def test_a_date_may_be_quoted(written: str) -> None:
    (rule,) = load(f"version: 1\nignore:\n  - sid: x\n    reason: y\n    expires: {written}\n").ignores
    assert rule.expires == date(2027, 1, 31)


def test_aliases_stand_for_what_they_name() -> None:
    text = "version: 1\nignore:\n  - sid: a\n    reason: &why told\n  - sid: b\n    reason: *why\n"
    assert [(rule.line, rule.reason) for rule in load(text).ignores] == [(3, "told"), (5, "told")]


def test_the_schema_knows_the_words_of_the_product() -> None:
    properties = schema()["properties"]
    assert tuple(properties["fail-on"]["items"]["enum"]) == VERDICTS
    assert tuple(properties["fail-on"]["then"]["enum"]) == ("never", *VERDICTS)
    assert tuple(properties["fail-on-severity"]["enum"]) == SEVERITIES


def test_the_schema_is_one() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate({"version": 1, "fail-on": ["unused"], "min-traces": 2})


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yml:1: the file is empty: it must at least say `version: 1`"),
        ("# nothing\n", "c.yml:1: the file is empty: it must at least say `version: 1`"),
        ("fail-on: never\n", "c.yml:1: `version` is missing: the file must say `version: 1`"),
        ("- version: 1\n", "c.yml:1: the file must be a mapping of keys to values, beginning with"),
        (
            "version: 2\n",
            "c.yml:1: `version`: the number 2 is not allowed, only the version of this format: 1",
        ),
        ("version: '1'\n", "c.yml:1: `version`: '1' is not allowed"),
        ("version: true\n", "c.yml:1: `version`: the truth value True is not allowed"),
        ("version: 1\nversion: 1\n", "c.yml:2: duplicate key `version`, first in line 1"),
        ("version: 1\nfail_on: never\n", "c.yml:2: `fail_on` is no key here: did you mean `fail-on`?"),
        ("version: 1\n\nfruit: 1\n", "c.yml:3: `fruit` is no key here, only version, fail-on, fail-on-sever"),
        ("version: 1\nfail-on: off\n", "c.yml:2: `fail-on`: 'off' is not allowed, only never, unused, broad"),
        ("version: 1\nfail-on: []\n", "c.yml:2: `fail-on`: list is not allowed, only never, or a list of"),
        (
            "version: 1\nfail-on:\n  - unused\n  - borad\n",
            "c.yml:4: `fail-on`: 'borad' is not allowed, only unused, broad, unobservable, ineffective: did",
        ),
        (
            "version: 1\ninclude-unconfirmed: yes\n",
            "c.yml:2: `include-unconfirmed`: 'yes' is not allowed, only",
        ),
        ("version: 1\nmin-traces: 0\n", "c.yml:2: `min-traces`: the number 0 is not allowed, only a whole"),
        ("version: 1\nmin-traces: 1.5\n", "c.yml:2: `min-traces`: the number 1.5 is not allowed"),
        ("version: 1\nmin-traces: '5'\n", "c.yml:2: `min-traces`: '5' is not allowed, only a whole number"),
        ("version: 1\nignore: all\n", "c.yml:2: `ignore`: 'all' is not allowed, only a list of at most 500"),
        ("version: 1\nignore: [all]\n", "c.yml:2: `ignore`: 'all' is not allowed, only a rule"),
        ("version: 1\n? [a]\n: 1\n", "c.yml:2: a key must be a word"),
        ("version: 1\n<<: {fail-on: never}\n", "c.yml:2: `<<` is no key here"),
        ("version: 1\nfail-on: a: b\n", "c.yml:2: the file is not valid YAML"),
        ("version: 1\n\tfail-on: x\n", "c.yml:2: the file is not valid YAML"),
        ("version: 1\n---\nversion: 1\n", "c.yml:2: the file is not valid YAML"),
        ("version: 1\nfail-on: \x00\n", "c.yml:2: the file is not valid YAML: it has a character"),
        ("version: 1\nfail-on: \ud800\n", "c.yml:2: the file is not valid YAML: it has a character"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_what_is_allowed(text: str, expected: str) -> None:
    assert only_problem(text).startswith(expected)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("sid: x", "c.yml:3: `reason` is missing: why it is accepted"),
        (
            "sid: x\n    reason: ' '",
            "c.yml:4: `reason`: ' ' is not allowed, only a text of 1 to 1000 characters",
        ),
        (
            "reason: x",
            "c.yml:3: the rule selects nothing: give at least one of workload, role, action, resou",
        ),
        ("sid: 42\n    reason: x", "c.yml:3: `sid`: the number 42 is no text: put it in quotes"),
        ("sid: true\n    reason: x", "c.yml:3: `sid`: the truth value True is no text: put it in quotes"),
        ("sid:\n    reason: x", "c.yml:3: `sid`: nothing is not allowed, only a text"),
        (
            "action: GetObject\n    reason: x",
            "c.yml:3: `action`: 'GetObject' is not allowed, only an action with",
        ),
        ("action: '*:Get*'\n    reason: x", "c.yml:3: `action`: '*:Get*' is not allowed"),
        (
            "sid: x\n    reason: x\n    expires: 2027-02-29",
            "c.yml:5: `expires`: '2027-02-29' is not allowed, on",
        ),
        (
            "sid: x\n    reason: x\n    expires: 31.1.2027",
            "c.yml:5: `expires`: '31.1.2027' is not allowed, only",
        ),
        (
            "sid: x\n    reason: x\n    expires: 20270131",
            "c.yml:5: `expires`: the number 20270131 is no text",
        ),
        (
            "role: '?*a*b*c*d*'\n    reason: x",
            "c.yml:3: `role` holds `?`, and then at most 4 `*` are allowed",
        ),
        (
            "sid: x\n    reason: !!python/name:os.system x",
            "c.yml:4: the tag 'tag:yaml.org,2002:python/name:os.s",
        ),
        ("sid: x\n    reason: !secret y", "c.yml:4: the tag '!secret' is not allowed: remove it"),
    ],
)
def test_a_wrong_rule_is_refused(rule: str, expected: str) -> None:
    assert only_problem(f"version: 1\nignore:\n  - {rule}\n").startswith(expected)


def _operation(actions: str) -> str:
    return f"version: 1\noperations:\n  - service: s\n    operation: o\n    requires: {actions}\n"


def _resource(action: str, template: str) -> str:
    return f"version: 1\nresources:\n  - action: '{action}'\n    resource: '{template}'\n"


def _untraced(action: str, kind: str = "unobservable") -> str:
    return f"version: 1\nuntraced:\n  - action: '{action}'\n    kind: {kind}\n    reason: r\n"


KINESIS = "arn:{partition}:kinesis:{region}:{account}:"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            _operation("['s3:GetObjet']"),
            "5: `requires`: IAM knows no action 's3:GetObjet': did you mean `s3:GetO",
        ),
        (
            _operation("['dynamo:GetItem']"),
            "5: `requires`: IAM knows no service 'dynamo': did you mean `dynamod",
        ),
        (
            _operation("['s3:Get*']"),
            "5: `requires`: 's3:Get*' is not allowed, only an action with its service",
        ),
        (
            _operation("s3:GetObject"),
            "5: `requires`: 's3:GetObject' is not allowed, only a list of at most 50",
        ),
        (
            _operation("[]") + "  - {service: AWS-S, operation: O, requires: []}\n",
            "6: the operation 'O' of this service stands in line 3 already: put both together",
        ),
        (_untraced("s3:Gett*"), "3: `action`: no action that IAM knows fits 's3:Gett*'"),
        (
            _untraced("s3:GetObject", "never"),
            "4: `kind`: 'never' is not allowed, only may-run-untraced, unob",
        ),
        (
            _resource("kinesis:*", "{stream_arn}"),
            "4: `resource`: '{stream_arn}' is not an ARN, which has six fields",
        ),
        (_resource("kinesis:*", KINESIS + "stream/{stream_name"), "4: `resource`: 'arn:{partition}:kinesis:"),
        (
            _resource("kinesis:*", "arn:aws:kinesis:{regio}:{account}:stream/x"),
            "4: `resource`: 'arn:aws:kine",
        ),
        # a typing error that would call every grant on a real stream unused
        (
            _resource("kinesis:Put*", KINESIS + "streams/{stream_name}"),
            "4: `resource`: 'arn:{partition}:kines",
        ),
        (
            _resource("s3:ListAllMyBuckets", "arn:aws:s3:::{bucket_name}"),
            "4: `resource`: 'arn:aws:s3:::{bucket",
        ),
        (
            _resource("kinesi:*", KINESIS + "stream/x"),
            "3: `action`: IAM knows no service 'kinesi': did you mean",
        ),
        (
            _resource("*", KINESIS + "stream/x"),
            "3: `action`: '*' is not allowed, only an action with its ser",
        ),
    ],
)
def test_what_iam_does_not_know_is_refused(text: str, expected: str) -> None:
    assert only_problem(text).startswith(f"c.yml:{expected}")


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = _untraced("s3:Nothing") + "min-traces: many\nignore:\n  - rol: x\n    reason: y\n  - 1\nfail: x\n"
    found = problems(text)
    assert [int(line.split(":")[1]) for line in found] == [3, 6, 8, 8, 10, 11]


def test_names_and_values_cannot_break_the_line_of_a_message() -> None:
    (problem,) = problems('version: 1\n"a\\n::error::b": 1\n', "c\n.yml")
    assert problem.splitlines() == [problem]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nx: " + "[" * 100_000,
        "version: 1\nx: &a [*a]\n",
        "version: 1\na: &a [1,1,1,1,1,1,1,1,1]\n"
        + "".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "version: 1\n#" + "x" * MAX_CHARACTERS,
    ],
)
def test_a_bomb_is_refused(text: str) -> None:
    only_problem(text)


def test_of_very_many_problems_some_are_told() -> None:
    found = problems("version: 1\n" + "".join(f"k{number}: 1\n" for number in range(10_000)))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == f"c.yml: and {10_000 - MAX_PROBLEMS:,} more"


WORDS = st.sampled_from(
    [
        *"-:[]{}&*!|>'\"#%@,\n ",
        "version: 1\n",
        "ignore:\n",
        "  - ",
        "reason: x\n",
        "sid: ",
        "\t",
        "&a ",
        "*a",
        "é",
    ]
)


@given(st.lists(WORDS, max_size=30).map("".join))
def test_whatever_a_file_holds_it_is_read_or_refused(text: str) -> None:
    try:
        load(text)
    except ConfigError as error:
        assert error.problems
        assert all(re.match(r"\.github/least-privilege\.yml:\d+: .", line) for line in error.problems)


# --- which grants a rule covers ------------------------------------------------------------------

NOTES_ROLE = "arn:aws:iam::123456789012:role/app/notes-role"
USERS = (function_arn("notes-get"),)


def rule(line: int = 1, **selectors: Any) -> Ignore:
    return Ignore(line=line, reason="told", **selectors)


def facts(
    action: str = "s3:DeleteObject",
    resource: str = "arn:aws:s3:::bucket/*",
    workloads: tuple[str, ...] = USERS,
    sid: str | None = "Legacy",
) -> GrantFacts:
    return GrantFacts(NOTES_ROLE, workloads, action, resource, resource, sid)


@pytest.mark.parametrize(
    ("selectors", "granted", "covered"),
    [
        # the rule's pattern contains what is granted
        ({"action": "s3:delete*"}, facts(), True),
        ({"action": "s3:deleteobject"}, facts("S3:DeleteObject"), True),
        ({"action": "s3:delete*"}, facts("s3:Delete*"), True),
        ({"action": "*"}, facts("*"), True),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(), True),
        ({"resource": "arn:aws:s3:::*"}, facts(), True),
        # a narrow rule never hides a wider grant
        ({"action": "s3:delete*"}, facts("s3:*"), False),
        ({"action": "s3:delete*"}, facts("*"), False),
        ({"action": "s3:deleteobject"}, facts("s3:DeleteObject*"), False),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(resource="arn:aws:s3:::*"), False),
        ({"resource": "arn:aws:s3:::bucket/*"}, facts(resource="*"), False),
        ({"resource": "arn:aws:s3:::BUCKET/*"}, facts(), False),  # resources are case-sensitive
        # role and workload by name or ARN
        ({"role": "notes-*"}, facts(), True),
        ({"role": NOTES_ROLE}, facts(), True),
        ({"role": "other-*"}, facts(), False),
        ({"workload": "notes-*"}, facts(), True),
        ({"workload": "arn:aws:lambda:*:function:notes-get"}, facts(), True),
        # a rule for one function does not hide what another one, which shares the role, holds
        ({"workload": "notes-get"}, facts(workloads=(*USERS, function_arn("notes-put"))), False),
        ({"workload": "notes-*"}, facts(workloads=(*USERS, function_arn("notes-put"))), True),
        ({"workload": "*"}, facts(workloads=()), False),
        # a Sid is exact
        ({"sid": "Legacy"}, facts(), True),
        ({"sid": "legacy"}, facts(), False),
        ({"sid": "Legacy"}, facts(sid=None), False),
        # all selectors must fit
        ({"sid": "Legacy", "action": "s3:get*"}, facts(), False),
        ({"sid": "Legacy", "role": "notes-*", "workload": "notes-*", "action": "s3:*"}, facts(), True),
    ],
)
def test_what_a_rule_covers(selectors: dict[str, Any], granted: GrantFacts, covered: bool) -> None:
    assert rule(**selectors).covers(granted) is covered


@pytest.mark.parametrize(
    ("selectors", "covered"),
    [
        ({"role": "f"}, [True, True]),
        ({"action": "*"}, [True, True]),
        ({"action": "s3:*"}, [False, True]),
        ({"resource": "*"}, [True, True]),
        ({"resource": "arn:aws:s3:::b/*"}, [True, False]),
    ],
)
def test_everything_but_something_is_covered_by_what_selects_everything(
    selectors: dict[str, Any], covered: list[bool]
) -> None:
    but_s3 = {"Effect": "Allow", "NotAction": "s3:*", "Resource": "arn:aws:s3:::b/*"}
    but_one = {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b/*"}
    grants = grants_of(policy(but_s3, but_one))
    assert [rule(**selectors).covers(facts_of(ROLE, USERS, grant)) for grant in grants] == covered


def test_a_policy_variable_may_stand_for_anything() -> None:
    (grant,) = grants_of(policy(allow("s3:GetObject", "arn:aws:s3:::b/${aws:PrincipalTag/team}")))
    granted = facts_of(ROLE, USERS, grant)
    assert rule(resource="arn:aws:s3:::b/*").covers(granted)
    assert rule(resource="arn:aws:s3:::b/${aws:PrincipalTag/team}").covers(granted)  # as the policy spells it
    assert not rule(resource="arn:aws:s3:::b/$*").covers(granted)


def test_a_rule_holds_through_its_last_day() -> None:
    assert not rule(expires=TODAY).is_expired(TODAY)
    assert rule(expires=TODAY).is_expired(TODAY + timedelta(days=1))
    assert not rule().is_expired(date.max)


def test_a_rule_that_still_holds_comes_before_an_expired_one() -> None:
    expired, other, holds = (
        rule(1, sid="Legacy", expires=date(2026, 1, 1)),
        rule(2, sid="x"),
        rule(3, role="*"),
    )
    assert matching([expired, other, holds], facts(), TODAY) == holds
    assert matching([expired, other], facts(), TODAY) == expired
    assert matching([other], facts(), TODAY) is None


def test_what_is_told_of_the_rules() -> None:
    used = rule(3, role="*")
    idle = rule(5, sid="x")
    expired = rule(7, sid="Legacy", expires=date(2026, 1, 1), owner="@team\n")
    gone = rule(9, sid="y", expires=date(2026, 1, 1))
    told = tally([used, idle, expired, gone], [(used, 2), (expired, 1), (used, 1), (idle, 0)], TODAY)
    assert told.hiding == ((used, 3),)
    assert sum(count for _, count in told.hiding) == 3  # an expired rule hides nothing
    assert told.notes("c.yml") == [
        "c.yml:5: this rule covers nothing, or only what an earlier one covers: remove it",
        "c.yml:9: this rule covers nothing, or only what an earlier one covers: remove it",
    ]
    assert told.failures("c.yml") == [
        "c.yml:7: the rule expired after 2026-01-01 and still covers 1 grant: told (owner: @team\\n)"
    ]
