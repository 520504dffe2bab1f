"""Which rights the program needs, proved by an AWS that refuses everything else."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.fakes import notes
from tests.fakes.moto_aws import ROOT, MotoAws
from tests.fakes.traces import Call, lambda_trace
from tests.integration.tools import Ran, run

XRAY = ("xray:GetTraceSummaries", "xray:BatchGetTraces")
# The actions of the forerunner's policy.
SIX = (
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:GetRolePolicy",
    "lambda:GetFunctionConfiguration",
)
OPTIONAL = ("lambda:ListFunctions", "iam:GetRole")
# Without these, what Lambda itself may need is not decided.
CONFIGURATION = ("lambda:ListEventSourceMappings", "lambda:ListFunctionEventInvokeConfigs")
# Asked only where a function has a version that is older than its last change.
ALIASES = "lambda:ListAliases"
DELETE = notes.function_name("delete")


@pytest.fixture(scope="module", autouse=True)
def deployed(aws: MotoAws) -> None:
    """The delete function, whose role has an inline and an attached policy, and a trace of it."""
    aws.reset()
    attached = aws.create_policy(
        "queue",
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Action": "dynamodb:Scan",
                "Resource": f"arn:aws:dynamodb:{notes.REGION}:{notes.ACCOUNT}:table/notes",
            },
        },
    )
    role = aws.create_role(
        notes.role_name("delete"),
        {"notes": notes.policy("delete")},
        [attached],
        path="/applications/notes/",
        trust=notes.trust(),
    )
    arn = aws.create_function(DELETE, role)
    call = Call("DynamoDB", "DeleteItem", {"table_name": "notes"})
    aws.put_traces([lambda_trace(arn, [call], aws.next_second())])
    aws.next_second()  # moto lists a trace that ended before the window does


def scan_with(aws: MotoAws, folder: Path, actions: Iterable[str], managed: Iterable[str] = ()) -> Ran:
    """The job, as a user who may do exactly this."""
    key, secret = aws.create_user_with(actions, managed)
    with aws.enforce_iam():
        return run(folder, "-c", "-r", "60", env=aws.environment(key, secret))


def excess(ran: Ran) -> dict[str, list[str]]:
    """The actions that are too much, and why that is not confirmed."""
    return {action: f["reasons"] for f in ran.findings("unused", "broad") for action in f["actions"]}


def missing(ran: Ran) -> set[str]:
    return {action for role in ran.report["roles"] for action in role["missing_permissions"]}


def test_the_read_only_policy_of_x_ray_and_the_six_actions_are_enough(aws: MotoAws, tmp_path: Path) -> None:
    ran = scan_with(aws, tmp_path, SIX, managed=["AWSXrayReadOnlyAccess"])
    assert ran.code == 0, ran.err
    assert excess(ran) == {
        "dynamodb:GetItem": ["role-users-unknown"],
        "dynamodb:Scan": ["role-users-unknown"],
    }
    assert ran.excess[0]["arn"] == notes.function_arn("delete")
    assert all(role["readable"] for role in ran.report["roles"])


def test_what_would_confirm_the_findings_is_said_where_only_the_six_actions_are_allowed(
    aws: MotoAws, tmp_path: Path
) -> None:
    ran = scan_with(aws, tmp_path, (*XRAY, *SIX))
    for action in OPTIONAL:
        assert action in ran.warning_texts
        assert action in ran.out
        assert action in missing(ran)
    assert "role-users-unknown" in ran.out


def test_an_unconfirmed_finding_does_not_fail_the_gate(aws: MotoAws, tmp_path: Path) -> None:
    key, secret = aws.create_user_with((*XRAY, *SIX))
    with aws.enforce_iam():
        env = aws.environment(key, secret)
        ran = run(tmp_path, "-c", "-r", "60", "--fail-on", "unused", "broad", env=env)
    assert ran.code == 0
    assert excess(ran)


def test_listing_functions_and_reading_the_trust_policy_confirm_the_findings(
    aws: MotoAws, tmp_path: Path
) -> None:
    ran = scan_with(aws, tmp_path, (*XRAY, *SIX, *OPTIONAL, *CONFIGURATION))
    assert ran.code == 0, ran.err
    assert excess(ran) == {"dynamodb:GetItem": [], "dynamodb:Scan": []}
    assert missing(ran) == set()


@pytest.mark.parametrize("dropped", OPTIONAL)
def test_without_one_of_the_optional_rights_nothing_is_confirmed_and_the_right_is_named(
    aws: MotoAws, tmp_path: Path, dropped: str
) -> None:
    kept = [action for action in OPTIONAL if action != dropped]
    ran = scan_with(aws, tmp_path, (*XRAY, *SIX, *kept, *CONFIGURATION))
    assert set(map(tuple, excess(ran).values())) == {("role-users-unknown",)}
    assert dropped in ran.warning_texts
    assert missing(ran) == {dropped}


@pytest.mark.parametrize("dropped", CONFIGURATION)
def test_without_a_right_to_read_the_configuration_the_rest_is_confirmed_and_the_right_is_named(
    aws: MotoAws, tmp_path: Path, dropped: str
) -> None:
    kept = [action for action in CONFIGURATION if action != dropped]
    ran = scan_with(aws, tmp_path, (*XRAY, *SIX, *OPTIONAL, *kept))
    assert ran.code == 0, ran.err
    assert excess(ran) == {"dynamodb:GetItem": [], "dynamodb:Scan": []}
    assert f"{dropped} is denied" in ran.warning_texts
    assert dropped in ran.out
    assert missing(ran) == {dropped}


@pytest.mark.parametrize("allowed", [True, False])
def test_without_the_right_to_list_aliases_older_versions_may_serve_and_the_right_is_named_once(
    aws: MotoAws, tmp_path: Path, allowed: bool
) -> None:
    client = aws.client("lambda")
    client.publish_version(FunctionName=DELETE)
    aws.next_second()
    client.update_function_configuration(FunctionName=DELETE, Timeout=7)
    call = Call("DynamoDB", "DeleteItem", {"table_name": "notes"})
    aws.put_traces([lambda_trace(notes.function_arn("delete"), [call], aws.next_second())])
    aws.next_second()
    rights = (*XRAY, *SIX, *OPTIONAL, *CONFIGURATION, *([ALIASES] if allowed else []))
    ran = scan_with(aws, tmp_path, rights)
    client.delete_function(FunctionName=DELETE, Qualifier="1")
    expected = [] if allowed else ["older-version"]
    assert excess(ran) == {"dynamodb:GetItem": expected, "dynamodb:Scan": expected}
    assert missing(ran) == (set() if allowed else {ALIASES})
    assert ran.warning_texts.count(f"{ALIASES} is denied") == (0 if allowed else 1)


@pytest.mark.parametrize("dropped", [action for action in SIX if action.startswith("iam:")])
def test_without_one_of_the_iam_rights_the_rest_is_compared_and_the_right_is_named(
    aws: MotoAws, tmp_path: Path, dropped: str
) -> None:
    ran = scan_with(aws, tmp_path, [*XRAY, *OPTIONAL, *(action for action in SIX if action != dropped)])
    assert ran.code == 0, ran.err
    assert f"{dropped} is denied" in ran.warning_texts
    assert dropped in ran.out
    assert dropped in missing(ran)
    (role,) = ran.report["roles"]
    assert not role["readable"]
    assert role["suggested_policy"] is None, "a policy that replaces all others needs all of them"
    inline = dropped in ("iam:ListRolePolicies", "iam:GetRolePolicy")
    assert excess(ran).keys() == {"dynamodb:Scan" if inline else "dynamodb:GetItem"}


def test_without_the_right_to_read_a_function_nothing_can_be_compared_and_the_right_is_named(
    aws: MotoAws, tmp_path: Path
) -> None:
    ran = scan_with(aws, tmp_path, [*XRAY, *SIX[:-1]])
    ran.ends_with(3, "no role")
    assert "lambda:GetFunctionConfiguration" in ran.out
    assert "lambda:GetFunctionConfiguration" in ran.warning_texts


def test_the_right_to_list_functions_stands_in_for_reading_one(aws: MotoAws, tmp_path: Path) -> None:
    ran = scan_with(aws, tmp_path, [*XRAY, *SIX[:-1], *OPTIONAL])
    assert ran.code == 0
    assert excess(ran).keys() == {"dynamodb:GetItem", "dynamodb:Scan"}


def test_without_any_iam_right_no_role_can_be_read(aws: MotoAws, tmp_path: Path) -> None:
    ran = scan_with(aws, tmp_path, [*XRAY, "lambda:GetFunctionConfiguration"])
    ran.ends_with(3, "no role")
    for action in ("iam:ListAttachedRolePolicies", "iam:ListRolePolicies"):
        assert action in ran.out


@pytest.mark.parametrize("dropped", XRAY)
def test_without_the_right_to_read_traces_the_scan_ends_and_names_it(
    aws: MotoAws, tmp_path: Path, dropped: str
) -> None:
    kept = [action for action in XRAY if action != dropped]
    ran = scan_with(aws, tmp_path, [*kept, *SIX, *OPTIONAL])
    ran.ends_with(3, dropped, "AWSXrayReadOnlyAccess")


def test_the_traces_alone_need_no_right_but_those_of_x_ray(aws: MotoAws, tmp_path: Path) -> None:
    key, secret = aws.create_user_with(XRAY)
    with aws.enforce_iam():
        ran = run(tmp_path, "-r", "60", env=aws.environment(key, secret))
    assert ran.code == 0, ran.err
    assert ran.used(DELETE) == {
        ("dynamodb:DeleteItem", f"arn:aws:dynamodb:{notes.REGION}:{notes.ACCOUNT}:table/notes")
    }


def test_credentials_that_aws_does_not_know_end_the_scan(aws: MotoAws, tmp_path: Path) -> None:
    with aws.enforce_iam():
        ran = run(tmp_path, "-c", "-r", "60", env=aws.environment("AKIAUNKNOWN", "nothing"))
    assert ran.code == 3
    ran.ends_with(3)


def test_no_credentials_at_all_end_the_scan_with_what_to_do(tmp_path: Path) -> None:
    empty = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    run(tmp_path, "-c", env=empty).ends_with(3, "no AWS credentials", "AWS_PROFILE")


EXAMPLES = ROOT / "examples"
TRACES = ("--traces", EXAMPLES / "traces")
IAM = ("--iam", EXAMPLES / "iam.json")
FUNCTIONS = ("--functions", EXAMPLES / "functions.json")


@pytest.mark.parametrize(
    ("options", "needed_for"),
    [
        ((*TRACES, *IAM), "a scan without --functions (or --workload-config) needs"),
        ((*TRACES, *FUNCTIONS), "a scan without --iam needs"),
        (TRACES, "a scan without --iam and --functions (or --workload-config) needs"),
        ((*IAM, *FUNCTIONS), "a scan without --traces needs"),
        ((*TRACES, *IAM, *FUNCTIONS, "--evidence", "cloudtrail"), "--evidence needs"),
    ],
)
def test_a_scan_of_files_says_for_which_it_lacks_credentials(
    options: tuple[object, ...], needed_for: str, tmp_path: Path
) -> None:
    empty = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    run(tmp_path, "-c", *options, env=empty).ends_with(3, f"no AWS credentials, which {needed_for}")


def test_no_region_ends_the_scan_with_what_to_do(tmp_path: Path) -> None:
    run(tmp_path, "-c", env={"AWS_DEFAULT_REGION": ""}).ends_with(3, "--region")


def test_an_unknown_profile_ends_the_scan_and_is_named(tmp_path: Path) -> None:
    run(tmp_path, "-c", "--profile", "nobody").ends_with(3, "nobody")


def test_a_role_that_is_gone_is_reported_and_the_others_are_compared(aws: MotoAws, tmp_path: Path) -> None:
    """A function may name a role that was deleted."""
    gone = aws.create_role("gone", trust=notes.trust())
    arn = aws.create_function("orphan", gone)
    aws.client("iam").delete_role(RoleName="gone")
    aws.put_traces([lambda_trace(arn, [Call("S3", "ListBuckets")], time.time() - 2)])
    try:
        ran = run(tmp_path, "-c", "-r", "60", env=aws.environment())
    finally:
        aws.client("lambda").delete_function(FunctionName="orphan")
    assert ran.code == 0, ran.err
    assert "role-missing" in ran.warnings
    assert excess(ran).keys() == {"dynamodb:GetItem", "dynamodb:Scan"}


def test_a_function_that_is_gone_is_reported_and_the_others_are_compared(
    aws: MotoAws, tmp_path: Path
) -> None:
    arn = notes.function_arn("gone")
    aws.put_traces([lambda_trace(arn, [Call("S3", "ListBuckets")], time.time() - 2)])
    ran = run(tmp_path, "-c", "-r", "60", env=aws.environment())
    assert ran.code == 0, ran.err
    assert arn in ran.warning_texts
    assert "function-gone" in ran.warnings
    assert excess(ran).keys() == {"dynamodb:GetItem", "dynamodb:Scan"}
