"""The configuration in the repository: what it says, and how a wrong one is refused."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from scanner.gate.config import TeamConfig
from scanner.gate.decide import ALL_SEVERITIES, GATE_SEVERITIES
from scanner.gate.load_config import MAX_CHARACTERS, load_config
from scanner.gate.problems import MAX_PROBLEMS, ConfigError, config_schema
from scanner.gate.rules import IgnoreRule
from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Verdict
from scanner.options.parsers import SEVERITIES, VERDICTS

WHOLE = """\
# what we know of our functions
version: 1
fail-on: [unused, broad]
fail-on-severity: write
include-unconfirmed: false
on-insufficient-evidence: warn
min-traces: 5
min-observed-days: 14
grace-days: 0
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
        load_config(text, name)
    return list(caught.value.problems)


def only_problem(text: str) -> str:
    (problem,) = problems(text)
    return problem


# --- what a file says ----------------------------------------------------------------------------


def test_a_whole_file() -> None:
    config = load_config(WHOLE)
    assert config.fail_on == frozenset({Verdict.UNUSED, Verdict.BROAD})
    assert (config.at_least, config.include_unconfirmed, config.insufficient) == ("write", False, "warn")
    assert (config.min_traces, config.assume_instrumented) == (5, True)
    assert (config.min_observed_days, config.grace_days) == (14, 0)
    assert config.ignores == (
        IgnoreRule(
            line=12,
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
        ExtraUntraced(29, "s3:getobject", "may-run-untraced", "model is loaded in init code"),
    )


def test_what_a_file_does_not_say_is_left_to_options_and_defaults() -> None:
    assert load_config("version: 1\n") == TeamConfig()
    assert TeamConfig().fail_on is None
    assert load_config("version: 1\nfail-on: never\n").fail_on == frozenset()


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
    assert load_config(text) == TeamConfig()


@pytest.mark.parametrize("written", ["on", "No", "012345678901", "12:30:45", "2027-01-31", "'true'"])
def test_words_that_only_old_yaml_takes_for_something_else_are_texts(written: str) -> None:
    (rule,) = load_config(f"version: 1\nignore:\n  - sid: x\n    reason: {written}\n").ignores
    assert rule.reason == written.strip("'")


@pytest.mark.parametrize("written", ["2027-01-31", "'2027-01-31'", '"2027-01-31"'])
def test_a_date_may_be_quoted(written: str) -> None:
    (rule,) = load_config(f"version: 1\nignore:\n  - sid: x\n    reason: y\n    expires: {written}\n").ignores
    assert rule.expires == date(2027, 1, 31)


def test_aliases_stand_for_what_they_name() -> None:
    text = "version: 1\nignore:\n  - sid: a\n    reason: &why agreed\n  - sid: b\n    reason: *why\n"
    assert [(rule.line, rule.reason) for rule in load_config(text).ignores] == [(3, "agreed"), (5, "agreed")]


def test_what_was_found_before_aliases_go_too_far_is_named_too() -> None:
    lists = [f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]" for below, name in pairwise("abcdefgh")]
    text = "\n".join(["version: !x 1", "min-traces: 1", "min-traces: 2", "a: &a [1]", *lists])
    assert problems(text) == [
        "c.yml:1: the tag '!x' is not allowed: remove it",
        "c.yml:3: duplicate key `min-traces`, first in line 2",
        "c.yml:5: the file has too many values once its aliases are written out",
    ]


def test_the_schema_knows_the_words_of_the_product() -> None:
    properties = config_schema()["properties"]
    assert tuple(properties["fail-on"]["items"]["enum"]) == VERDICTS
    assert tuple(properties["fail-on"]["then"]["enum"]) == ("never", *VERDICTS)
    assert tuple(properties["fail-on-severity"]["enum"]) == SEVERITIES == (*GATE_SEVERITIES, ALL_SEVERITIES)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(config_schema())
    Draft202012Validator(config_schema()).validate({"version": 1, "fail-on": ["unused"], "min-traces": 2})


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1: the file is empty: it must at least say `version: 1`"),
        ("# nothing\n", "1: the file is empty: it must at least say `version: 1`"),
        ("fail-on: never\n", "1: missing key `version`: the file must say `version: 1`"),
        ("- version: 1\n", "1: the file must be a mapping of keys to values, beginning with"),
        ("version: 2\n", "1: `version`: the number 2 is not allowed: must be the version of this format: 1"),
        ("version: '1'\n", "1: `version`: '1' is not allowed"),
        ("version: true\n", "1: `version`: the truth value True is not allowed"),
        ("version: 1\nversion: 1\n", "2: duplicate key `version`, first in line 1"),
        ("version: 1\n? [a]\n: 1\n", "2: a key must be a word"),
        ("version: 1\nfail-on: a: b\n", "2: the file is not valid YAML: "),
        ("version: 1\n\tfail-on: x\n", "2: the file is not valid YAML: "),
        ("version: 1\n---\nversion: 1\n", "2: the file is not valid YAML: "),
        ("version: 1\nfail-on: \x00\n", "2: the file is not valid YAML: it has a character that"),
        ("version: 1\nfail-on: \ud800\n", "2: the file is not valid YAML: it has a character that"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line_and_what_is_allowed(text: str, expected: str) -> None:
    assert only_problem(text).startswith(f"c.yml:{expected}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fail_on: never", "unknown key `fail_on`: did you mean `fail-on`?"),
        ("fruit: 1", "unknown key `fruit`: must be one of version, fail-on, fail-on-severity"),
        ("<<: {fail-on: never}", "unknown key `<<`"),
        ("fail-on: off", "`fail-on`: 'off' is not allowed: must be one of never, unused, broad"),
        ("fail-on: []", "`fail-on`: this list is not allowed: must be never, or a list of"),
        ("fail-on: [borad]", "`fail-on`: 'borad' is not allowed: must be one of unused, broad, unobservable"),
        ("fail-on: [unused, 1]", "`fail-on`: the number 1 is not allowed: must be one of unused"),
        ("include-unconfirmed: yes", "`include-unconfirmed`: 'yes' is not allowed: must be true or false"),
        ("min-traces: 0", "`min-traces`: the number 0 is not allowed: must be a whole number from 1"),
        ("min-traces: 1.5", "`min-traces`: the number 1.5 is not allowed"),
        ("min-traces: '5'", "`min-traces`: '5' is not allowed: must be a whole number"),
        (
            "min-observed-days: -1",
            "`min-observed-days`: the number -1 is not allowed: must be a whole number",
        ),
        ("grace-days: week", "`grace-days`: 'week' is not allowed: must be a whole number from 0 to 9999"),
        ("ignore: all", "`ignore`: 'all' is not allowed: must be a list of at most 500"),
        ("ignore: [all]", "`ignore`: 'all' is not allowed: must be a rule"),
    ],
)
def test_a_wrong_key_or_value_is_refused(line: str, expected: str) -> None:
    assert only_problem(f"version: 1\n{line}\n").startswith(f"c.yml:2: {expected}")


def test_a_wrong_word_has_its_own_line_and_a_hint() -> None:
    problem = only_problem("version: 1\nfail-on:\n  - unused\n  - borad\n")
    assert problem.startswith("c.yml:4: `fail-on`: 'borad'")
    assert problem.endswith(": did you mean `broad`?")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("sid: x", "c.yml:3: missing key `reason`: why it is accepted"),
        (
            "sid: x\n    reason: ' '",
            "c.yml:4: `reason`: ' ' is not allowed: must be a text of 1 to 1000 characters",
        ),
        (
            "reason: x",
            "c.yml:3: the rule has no selector: add at least one of workload, role",
        ),
        ("sid: 42\n    reason: x", "c.yml:3: `sid`: the number 42 must be a string: quote it"),
        ("sid: true\n    reason: x", "c.yml:3: `sid`: the truth value True must be a string: quote it"),
        ("sid:\n    reason: x", "c.yml:3: `sid`: an empty value is not allowed: must be a text"),
        (
            "action: GetObject\n    reason: x",
            "c.yml:3: `action`: 'GetObject' is not allowed: must be an action with",
        ),
        ("action: '*:Get*'\n    reason: x", "c.yml:3: `action`: '*:Get*' is not allowed"),
        (
            "sid: x\n    reason: x\n    expires: 2027-02-29",
            "c.yml:5: `expires`: '2027-02-29' is not allowed: must be a date",
        ),
        (
            "sid: x\n    reason: x\n    expires: 31.1.2027",
            "c.yml:5: `expires`: '31.1.2027' is not allowed: must be a date",
        ),
        (
            "sid: x\n    reason: x\n    expires: 20270131",
            "c.yml:5: `expires`: the number 20270131 must be a string: quote it",
        ),
        (
            "role: '?*a*b*c*d*'\n    reason: x",
            "c.yml:3: `role`: at most 4 `*` are allowed in a pattern with `?`",
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
            "5: `requires`: unknown action 's3:GetObjet': did you mean `s3:GetO",
        ),
        (
            _operation("['dynamo:GetItem']"),
            "5: `requires`: unknown service 'dynamo': did you mean `dynamod",
        ),
        (
            _operation("['s3:Get*']"),
            "5: `requires`: 's3:Get*' is not allowed: must be an action with its service",
        ),
        (
            _operation("s3:GetObject"),
            "5: `requires`: 's3:GetObject' is not allowed: must be a list of at most 50",
        ),
        (
            _operation("[]") + "  - {service: AWS-S, operation: O, requires: []}\n",
            "6: duplicate operation 'O' of this service, first in line 3: merge them",
        ),
        (_untraced("*"), "3: `action`: '*' is not allowed: must be an action with its service"),
        (_untraced("*:*"), "3: `action`: '*:*' is not allowed: must be an action with its service"),
        (_untraced("s3:Gett*"), "3: `action`: 's3:Gett*' matches no action"),
        (
            _untraced("s3:GetObject", "never"),
            "4: `kind`: 'never' is not allowed: must be one of may-run-untraced, unob",
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
            "3: `action`: unknown service 'kinesi': did you mean",
        ),
        (
            _resource("*", KINESIS + "stream/x"),
            "3: `action`: '*' is not allowed: must be an action with its ser",
        ),
    ],
)
def test_what_iam_does_not_know_is_refused(text: str, expected: str) -> None:
    assert only_problem(text).startswith(f"c.yml:{expected}")


def test_all_problems_are_named_at_once_in_the_order_of_the_file() -> None:
    text = _untraced("s3:Nothing") + "min-traces: many\nignore:\n  - rol: x\n    reason: y\n  - 1\nfail: x\n"
    lines = problems(text)
    assert [int(line.split(":")[1]) for line in lines] == [3, 6, 8, 8, 10, 11]


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


def test_of_very_many_problems_some_are_named() -> None:
    lines = problems("version: 1\n" + "".join(f"k{number}: 1\n" for number in range(10_000)))
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1] == f"c.yml: and {10_000 - MAX_PROBLEMS:,} more"


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
        load_config(text)
    except ConfigError as error:
        assert error.problems
        assert all(re.match(r"\.github/least-privilege\.yml:\d+: .", line) for line in error.problems)
