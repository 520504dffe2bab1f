"""The reports: valid, harmless whatever the names are, the same from run to run."""

from __future__ import annotations

import copy
import io
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from scanner.errors import Warnings
from scanner.gate.config import TeamConfig
from scanner.gate.rules import IgnoreRule
from scanner.mapping.overrides import ExtraUntraced
from scanner.model import Function, Usage
from scanner.report.build import excessive_permissions, report, workload_policies
from scanner.report.markdown import markdown
from scanner.report.schema import Name, schema, validate
from scanner.report.text import print_text
from scanner.report.view import view_of
from scanner.request import ScanRequest
from scanner.result import RoleResult, ScanResult, Skipped
from scanner.text.escape import fence_for, markdown_code, one_line
from scanner.text.redact import FOR_THE_PUBLIC, redacted
from tests.unit.cases import NOW, allow, compared, deny, function, function_arn, policy, table, usage, used

COMPARE = ScanRequest(compare=True)
EVIL = "x|`<b>*[a](b)@team\n::error::\x1b[31m\u202e"


def result(
    roles: list[RoleResult] | None = None,
    usages: list[Usage] | None = None,
    functions: list[Function] | None = None,
) -> ScanResult:
    return ScanResult(
        source="xray",
        start=NOW - 60,
        end=NOW,
        regions=("us-east-1",),
        traces=3,
        documents=6,
        calls=9,
        skipped=Skipped(),
        usages=usages or [],
        functions={f.arn: f for f in functions or []},
        roles=roles or [],
    )


def example() -> ScanResult:
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    role = compared([policy(allow(["dynamodb:GetItem", "dynamodb:Scan"], table("t")))], [seen])
    return result([role], [seen], [function()])


def test_both_reports_are_valid() -> None:
    validate("report", report(example(), COMPARE))
    validate("excessive_permissions", excessive_permissions(example(), COMPARE))


def test_the_schemas_are_schemas_and_say_of_texts_no_more_than_validation_looks_at() -> None:
    names: list[Name] = ["report", "excessive_permissions"]
    for name in names:
        described = schema(name)
        Draft202012Validator.check_schema(described)
        assert not _keywords(described) & {
            "pattern",
            "format",
            "minLength",
            "maxLength",
            "uniqueItems",
            "maximum",
        }


def _keywords(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keywords(part) for part in value.values()))
    return set().union(*(_keywords(part) for part in value)) if isinstance(value, list) else set()


PLACES = st.lists(st.integers(0, 5), min_size=1, max_size=8)
BROKEN: st.SearchStrategy[Any] = st.sampled_from([None, 7, -1, "", "unused", "nonsense", [], {}, True, 1.5])


@given(PLACES, BROKEN)
def test_validation_finds_what_plain_jsonschema_finds(places: list[int], broken: Any) -> None:
    """The memory of shapes hides no error: anything put anywhere is judged as without it."""
    document = copy.deepcopy(report(example(), COMPARE))
    document = orjson.loads(orjson.dumps(document))
    _put(document, places, broken)
    plain = Draft202012Validator(schema("report")).is_valid(document)
    try:
        validate("report", document)
        assert plain
    except ValidationError:
        assert not plain


def _put(value: Any, places: list[int], broken: Any) -> None:
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = keys[places[0] % len(keys)]
    inner = value[key]
    if len(places) > 1 and isinstance(inner, dict | list) and inner:
        _put(inner, places[1:], broken)
    else:
        value[key] = broken


def test_an_entry_has_the_format_of_the_forerunner() -> None:
    (entry,) = excessive_permissions(example(), COMPARE)
    assert entry == {
        "arn": function_arn("f"),
        "role": "arn:aws:iam::123456789012:role/f",
        "excessPermissions": [
            {
                "Action": ["dynamodb:Scan"],
                "Resource": table("t"),
                "Effect": "Allow",
                "Verdict": "unused",
                "Confirmed": True,
                "Reasons": [],
                "Used": [],
            }
        ],
    }


def test_a_glob_limits_the_entries() -> None:
    assert excessive_permissions(example(), ScanRequest(compare=True, workloads=("other-*",))) == []


def test_policies_of_functions_with_the_same_name_do_not_overwrite_each_other() -> None:
    names = ["f", "F", "../f", "a/b"]
    files = workload_policies(result(usages=[usage(name=name) for name in names]))
    assert len({name.lower() for name in files}) == len(names)
    assert not any("/" in name or name.startswith(".") for name in files)


@given(st.text())
def test_nothing_in_a_name_controls_a_terminal(name: str) -> None:
    assert one_line(name).isprintable()


@given(st.text())
def test_nothing_in_a_name_is_markup(name: str) -> None:
    inside = markdown_code(name).removeprefix("<code>").removesuffix("</code>")
    assert not set(inside) & set("<>`*_[]()|@\\~\n\r\"'!{}")


@given(st.text())
def test_a_fence_is_longer_than_what_it_encloses(text: str) -> None:
    assert fence_for(text) not in text


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        'aws.auth.account.access_key="ASIAIOSFODNN7EXAMPLE"',
        "secret_access_key: abc/def",
    ],
)
def test_keys_are_never_shown(secret: str) -> None:
    shown = redacted(f"refused {secret}")
    assert "EXAMPLE" not in shown
    assert "abc/def" not in shown


def test_the_markdown_of_odd_names_holds_none_of_their_markup() -> None:
    seen = usage(name=EVIL, services=["dynamodb"])
    odd = function(EVIL)
    grant = policy(allow(f"dynamodb:{EVIL}", EVIL, Sid=EVIL), name=EVIL)
    shown = markdown(view_of(result([compared([grant], [seen], functions=[odd])], [seen], [odd]), COMPARE))
    outside = shown.split("```")[0::2]
    for text in outside:
        assert "<b>" not in text
        assert "@team" not in text
        assert "[a](b)" not in text
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_text_for_a_file_is_plain_lines() -> None:
    out = io.StringIO()
    print_text(view_of(example(), COMPARE), out)
    assert "f: dynamodb:Scan on table/t: never used" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_two_runs_write_the_same_bytes() -> None:
    first, second = (orjson.dumps(report(example(), COMPARE)) for _ in range(2))
    assert first == second


def test_a_warning_never_holds_a_key() -> None:
    warnings = Warnings()
    warnings.add("function-unread", "refused: secret_access_key=abc/def")
    assert "abc/def" not in warnings.all()[0].message


def test_no_claim_and_no_reason_of_a_rule_can_dress_up_the_table() -> None:
    evil = "x | y @org/team <img src=x> [a](http://evil)"
    config = TeamConfig(untraced=(ExtraUntraced(1, "dynamodb:scan", "unobservable", evil),))
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    role = compared([policy(allow("dynamodb:Scan", table("t")))], [seen], config=config)
    own = result([role], [seen], [function()])
    text = markdown(view_of(own, COMPARE, also={f.id for f in own.findings}))
    assert "check does not allow" in text
    assert not any(part in text for part in ("<img", "@org", "x | y", "[a](http"))


def test_the_reason_of_a_rule_is_hidden_in_public_as_all_else() -> None:
    rule = IgnoreRule(1, "role of account 999988887777 needs it", action="dynamodb:scan")
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    role = compared(
        [policy(allow(["dynamodb:GetItem", "dynamodb:Scan"], table("t")))],
        [seen],
        config=TeamConfig(ignores=(rule,)),
    )
    own = result([role], [seen], [function()])
    assert "999988887777" in markdown(view_of(own, COMPARE))
    assert "999988887777" not in markdown(view_of(own, COMPARE, FOR_THE_PUBLIC))


def test_how_much_was_sampled_and_what_is_always_denied_is_in_the_comment() -> None:
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    grants = policy(allow("dynamodb:GetItem", table("t")), allow("sqs:SendMessage"), deny("sqs:*"))
    own = result([compared([grants], [seen])], [seen], [function()])
    own.invocations = {function_arn("f"): 400}
    text = markdown(view_of(own, COMPARE))
    assert "1 trace of 400 invocations" in text
    assert "always denied" in text


def test_however_many_findings_fail_beside_the_excess_the_comment_keeps_within_its_limit() -> None:
    seen = usage(used(("dynamodb:GetItem", table("t"))))
    keys = [
        allow("kms:Decrypt", f"arn:aws:kms:us-east-1:123456789012:key/{n}", Sid=f"S{n}") for n in range(400)
    ]
    role = compared([policy(allow(["dynamodb:GetItem", "dynamodb:Scan"], table("t")), *keys)], [seen])
    own = result([role], [seen], [function()])
    text = markdown(view_of(own, COMPARE, also={f.id for f in own.findings}), 65_000)
    assert len(text) <= 65_000
    assert "dynamodb&#58;Scan" in text
    assert "more that the check does not allow" in text
