"""The table of reasons: when a finding is not confirmed. Each test is one row of DESIGN's table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scanner.usage.evidence import EvidenceRequirements
from scanner.verdict.reason_help import REASON_HELP, REMEDIES, help_for
from scanner.verdict.reasons import Reason
from tests.unit.cases import (
    HOUR,
    NOW,
    allow,
    arn,
    compared,
    function,
    outcomes,
    policy,
    summaries,
    table,
    usage,
    used,
)

GRANT = policy(allow("dynamodb:Scan", table("t")))


def reasons(*usages: Any, grant: Any = GRANT, **how: Any) -> tuple[str, ...]:
    """The reasons of the one finding."""
    ((_, _, _, found),) = summaries(compared([grant], usages, **how))
    return found


def seen(**how: Any) -> Any:
    return usage(services=["dynamodb"], **how)


def test_a_complete_new_trace_with_calls_of_the_service_confirms() -> None:
    assert reasons(seen()) == ()


def test_not_seen_without_a_trace() -> None:
    assert reasons() == ("not-seen",)


def test_not_seen_where_all_traces_are_older_than_the_function() -> None:
    assert reasons(seen(traces=[NOW - 2 * HOUR])) == ("not-seen",)


def test_not_seen_where_all_traces_are_older_than_the_policy() -> None:
    later = policy(allow("dynamodb:Scan", table("t")), created=datetime.fromtimestamp(NOW + 1, UTC))
    assert reasons(seen(), grant=later) == ("not-seen",)


def test_too_few_traces_are_those_since_the_last_change() -> None:
    starts = [NOW, NOW - 60, NOW - 2 * HOUR]
    assert reasons(seen(traces=starts), requirements=EvidenceRequirements(min_traces=2)) == ()
    assert reasons(seen(traces=starts), requirements=EvidenceRequirements(min_traces=3)) == (
        "too-few-traces",
    )


def test_no_calls_at_all() -> None:
    assert reasons(usage(calls=None)) == ("no-calls",)


def test_no_calls_since_the_last_change() -> None:
    assert reasons(seen(calls=NOW - 2 * HOUR)) == ("no-calls",)


def test_service_not_traced() -> None:
    assert reasons(usage(services=["s3"])) == ("service-not-traced",)


def test_a_service_counts_as_traced_where_all_clients_are_instrumented() -> None:
    assert reasons(usage(services=["s3"], auto_instrumented=NOW)) == ()
    assert reasons(usage(services=["s3"]), requirements=EvidenceRequirements(assume_instrumented=True)) == ()


def test_instrumentation_of_the_code_before_the_last_change_shows_nothing() -> None:
    assert reasons(usage(services=["s3"], auto_instrumented=NOW - 2 * HOUR)) == ("service-not-traced",)


def test_may_run_untraced() -> None:
    grant = policy(allow("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:db-??????")))
    assert reasons(usage(services=["secretsmanager"]), grant=grant) == ("may-run-untraced",)


def test_unmapped_operation_of_the_service() -> None:
    assert reasons(seen(unmapped=["dynamodb"])) == ("unmapped-operation",)


def test_unmapped_operation_of_another_service_does_not_matter() -> None:
    assert reasons(seen(unmapped=["s3"])) == ()


def test_unmapped_operation_of_an_unknown_service_may_be_any() -> None:
    assert reasons(seen(unmapped=[None])) == ("unmapped-operation",)


def test_incomplete_traces() -> None:
    assert reasons(seen(incomplete=NOW)) == ("incomplete-traces",)


def test_incomplete_traces_of_the_code_before_the_last_change_do_not_matter() -> None:
    assert reasons(seen(incomplete=NOW - 2 * HOUR)) == ()


def test_a_function_of_which_the_last_change_is_unknown_confirms_nothing() -> None:
    unknown = [replace(function(), last_modified=None)]
    assert reasons(seen(), functions=unknown) == ("not-seen",)


def test_sharer_not_seen() -> None:
    both = [function("f"), function("g")]
    assert reasons(seen(), functions=both) == ("sharer-not-seen",)
    assert reasons(seen(), seen(name="g"), functions=both) == ()


def test_a_sharer_that_never_calls_the_service_leaves_it_open() -> None:
    both = [function("f"), function("g")]
    assert reasons(seen(), usage(services=["s3"], name="g"), functions=both) == ("sharer-not-seen",)


def test_role_users_unknown() -> None:
    assert reasons(seen(), workloads_complete=False) == ("role-users-unknown",)


def test_traces_elsewhere() -> None:
    assert reasons(seen(), scan_reasons=frozenset({Reason.TRACES_ELSEWHERE})) == ("traces-elsewhere",)


def test_all_reasons_are_named_in_the_order_of_the_table() -> None:
    found = reasons(usage(services=["s3"], incomplete=NOW), workloads_complete=False)
    assert found == ("service-not-traced", "incomplete-traces", "role-users-unknown")


def test_a_wildcard_is_surely_too_wide_when_one_of_its_actions_surely_is() -> None:
    grant = policy(allow("*", "*"))
    permission = used(("dynamodb:Query", table("t")))
    ((verdict, _, _, found),) = summaries(compared([grant], [usage(permission)]))
    assert (verdict, found) == ("broad", ())


def test_a_doubtful_action_of_a_wildcard_does_not_silence_the_others() -> None:
    grant = policy(allow("ssm:*", "*"))
    assert outcomes(compared([grant], [usage(services=["ssm"])])) == [("broad", ())]


def test_two_functions_confirm_a_wildcard_only_by_an_action_that_both_would_show() -> None:
    functions = [function("f"), function("g")]
    usages = [
        usage(used(("dynamodb:Query", table("t"))), name="f"),
        usage(used(("sns:Publish", arn("sns", "topic"))), name="g"),
    ]
    ((verdict, _, _, found),) = summaries(compared([policy(allow("*", "*"))], usages, functions=functions))
    assert (verdict, found) == ("broad", ("sharer-not-seen",))


def test_every_reason_says_what_would_remove_it() -> None:
    assert set(REASON_HELP) == set(Reason)
    assert all(meaning and remedy for meaning, remedy in REASON_HELP.values())


def test_nothing_of_a_role_is_confirmed_with_which_aws_acts() -> None:
    policies = [policy(allow(["cloudformation:*", "s3:CreateBucket"]))]
    for action, expected in (("CreateStack", True), ("DescribeStacks", False)):
        usages = [usage(used((f"cloudformation:{action}", "*")), services=["s3"])]
        result = compared(policies, usages)
        reasons_ = {reason for summary in summaries(result) for reason in summary.reasons}
        assert ("acts-for-caller" in reasons_) is expected
        assert any(finding.confirmed for finding in result.findings) is not expected


def test_what_removes_a_reason_is_said_by_what_runs() -> None:
    users = Reason.ROLE_USERS_UNKNOWN
    of_functions = REASON_HELP[users][1]
    assert help_for(users, ())[1] == help_for(users, {"lambda"})[1] == of_functions
    assert help_for(users, {"ec2"})[1] == REMEDIES[users]["ec2"]
    both = help_for(users, {"ec2", "lambda"})[1]
    assert both == f"functions: {of_functions}; services on EC2: {REMEDIES[users]['ec2']}"
    assert help_for(Reason.POSSIBLE, {"ec2", "lambda"})[1] == REASON_HELP[Reason.POSSIBLE][1]
    assert "no trace shows" in help_for(Reason.NOT_SEEN, {"platform"})[1]


def test_functions_alone_are_told_nothing_of_what_else_there_is() -> None:
    others = ("ecs", "eks", "ec2", "states:", "apprunner", "workload-config", "Kubernetes")
    assert not [text for texts in REASON_HELP.values() for text in texts if any(o in text for o in others)]
