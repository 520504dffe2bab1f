"""`doctor` tells before a scan what it would find."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from scanner.aws.rights import rights
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import Call, lambda_trace
from tests.fakes.xray import FakeXRay, Script
from tests.integration.tools import Ran, run

READS = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}
ALL = [right.action for right in rights()]


@pytest.fixture(scope="module", autouse=True)
def deployed(aws: MotoAws) -> None:
    """A function with active tracing that was traced, and one without."""
    aws.reset()
    role = aws.create_role("seen", {"own": READS})
    arn = aws.create_function("seen", role)
    aws.create_function("idle", role, tracing="PassThrough")
    aws.put_traces([lambda_trace(arn, [Call("S3", "GetObject", {"bucket_name": "b"})], aws.next_second())])
    aws.next_second()


def doctor(aws: MotoAws, folder: Path, actions: Iterable[str], *options: str) -> Ran:
    key, secret = aws.create_user_with(actions)
    with aws.enforce_iam():
        return run(folder, "doctor", *options, env=aws.environment(key, secret))


def test_with_all_rights_a_scan_can_run_and_the_command_stands_last(aws: MotoAws, tmp_path: Path) -> None:
    ran = doctor(aws, tmp_path, ALL)
    assert ran.code == 0, ran.err
    assert "Functions: 2, of which 1 with active tracing" in ran.out
    assert "AWS calls: in 1 of 1 trace" in ran.out
    assert "SDK or layer: " in ran.out
    assert ran.out.splitlines()[-1] == "Run: xray-privilege-scan -r 6h"


def test_it_writes_nothing(aws: MotoAws, tmp_path: Path) -> None:
    doctor(aws, tmp_path, ALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "dropped", ["xray:GetTraceSummaries", "iam:GetRole", "lambda:ListFunctions", "cloudformation:GetTemplate"]
)
def test_a_right_that_is_missing_is_named_with_what_it_costs(
    aws: MotoAws, tmp_path: Path, dropped: str
) -> None:
    ran = doctor(aws, tmp_path, [action for action in ALL if action != dropped])
    missing = [line for line in ran.out.splitlines() if line.startswith("  missing")]
    (adds,) = [right.adds for right in rights() if right.action == dropped]
    # moto refuses these whatever is allowed
    refused = ("  missing  cloudwatch:GetMetricData:", "  missing  batch:DescribeJobDefinitions:")
    assert [line for line in missing if not line.startswith(refused)] == [f"  missing  {dropped}: {adds}"]
    assert ran.code == (3 if dropped.startswith("xray:") else 0)


def test_without_the_right_to_read_roles_the_command_reports_usage(aws: MotoAws, tmp_path: Path) -> None:
    ran = doctor(aws, tmp_path, [action for action in ALL if not action.startswith("iam:")])
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Run: xray-privilege-scan --usage-only -r 6h"


def test_without_traces_no_scan_can_run(aws: MotoAws, tmp_path: Path) -> None:
    ran = doctor(aws, tmp_path, ALL, "--region", "eu-west-1")
    assert ran.code == 3
    assert "Traces: none in the last 30 days" in ran.out
    assert "there are no traces yet" in ran.out.splitlines()[-1]


def test_a_region_without_traces_does_not_hide_another_ones(aws: MotoAws, tmp_path: Path) -> None:
    ran = doctor(aws, tmp_path, ALL, "--region", "us-east-1", "eu-west-1")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Run: xray-privilege-scan -r 6h --region us-east-1 eu-west-1"


def test_credentials_that_aws_does_not_know_end_it(aws: MotoAws, tmp_path: Path) -> None:
    with aws.enforce_iam():
        ran = run(tmp_path, "doctor", env=aws.environment("AKIAUNKNOWN", "nothing"))
    ran.ends_with(3, "credentials")


def test_where_aws_cannot_be_reached_it_says_so_once(aws: MotoAws, tmp_path: Path) -> None:
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    ran = run(tmp_path, "doctor", env=aws.environment() | nowhere)
    assert ran.code == 3
    rights_line, last = ran.out.splitlines()
    assert rights_line == f"Rights: not asked ({len(ALL)} rights)"
    assert last.startswith("No scan can run: AWS cannot be reached at http://127.0.0.1:9: check the network")


def test_spans_of_transaction_search_are_enough_to_scan(aws: MotoAws, tmp_path: Path) -> None:
    script = LogsScript(created=time.time() - 5 * 3600 + 60, stored=3 * 10**9)
    destination = Script(destination=("CloudWatchLogs", "ACTIVE"))
    with FakeXRay((), destination) as xray, FakeLogs((), script) as logs:
        endpoints = {"AWS_ENDPOINT_URL_XRAY": xray.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": logs.url}
        ran = run(tmp_path, "doctor", env=aws.environment() | endpoints)
    assert ran.code == 0, ran.out
    assert "  Traces: none in X-Ray in the last 30 days" in ran.out
    assert "  Spans: 3.0 GB in aws/spans, of " in ran.out
    assert ran.out.splitlines()[-1] == "Run: xray-privilege-scan -r 5h"
