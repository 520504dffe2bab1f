"""`--evidence`: what AWS itself recorded, from the option to the report."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import notes
from tests.fakes.evidence import FakeEvidence, Script, Service, call_event
from tests.fakes.traces import REGION, Call, lambda_trace
from tests.integration.tools import Ran, run, write_json

ARN = notes.function_arn("get")
NAME = notes.function_name("get")
ROLE = f"arn:aws:iam::{notes.ACCOUNT}:role/{notes.role_name('get')}"
SECRET = f"arn:aws:secretsmanager:{REGION}:{notes.ACCOUNT}:secret:db-AbCdEf"
LONG_AGO = 6 * 3600.0  # longer than IAM's and CloudTrail's records lag behind


@dataclass(frozen=True)
class Deployed:
    """A function that read a table at `ran` (Unix seconds), with a role that grants `action` too."""

    ran: float
    action: str = "sqs:SendMessage"
    resource: str = "*"
    changed: str = "2020-01-01T00:00:00.000+0000"


def reading_a_secret(ran: float) -> Deployed:
    """A function whose role grants to read a secret."""
    return Deployed(ran, action="secretsmanager:GetSecretValue", resource=SECRET)


def scan(folder: Path, fake: FakeEvidence, deployed: Deployed, *sources: str) -> Ran:
    """The comparison of a function with its role, with the records of these sources of `--evidence`."""
    statement = {"Effect": "Allow", "Action": deployed.action, "Resource": deployed.resource}
    iam = notes.iam()
    for role in iam["RoleDetailList"]:
        role["CreateDate"] = "2020-01-01T00:00:00+00:00"
        role["RolePolicyList"][0]["PolicyDocument"]["Statement"].append(statement)
    functions = notes.functions() | {"EventSourceMappings": [], "FunctionEventInvokeConfigs": []}
    for function in functions["Functions"]:
        function["LastModified"] = deployed.changed
    trace = lambda_trace(ARN, [Call("DynamoDB", "GetItem", {"table_name": "notes"})], deployed.ran)
    return run(
        folder / "out",
        "-c",
        *("--iam", write_json(folder / "iam.json", iam)),
        *("--functions", write_json(folder / "functions.json", functions)),
        *("--traces", write_json(folder / "traces.json", {"Traces": [trace]})),
        *(("--evidence", *sources) if sources else ()),
        env={"AWS_ENDPOINT_URL": fake.url},
    )


def finding(ran: Ran, action: str) -> Any:
    (found,) = [f for f in ran.findings() if action in f["actions"]]
    return found


def test_without_the_option_nothing_is_asked(tmp_path: Path) -> None:
    with FakeEvidence() as fake:
        ran = scan(tmp_path, fake, Deployed(time.time() - LONG_AGO))
        assert fake.requests == []
    assert finding(ran, "sqs:SendMessage")["reasons"] == ["service-not-traced"]
    assert ran.report["scan"]["records"] == []


def test_what_iam_never_saw_is_confirmed_and_the_source_is_named(tmp_path: Path) -> None:
    now = time.time()
    script = Script({ROLE: [Service("sqs"), Service("dynamodb", now - LONG_AGO)]}, asked=now)
    with FakeEvidence(script) as fake:
        ran = scan(tmp_path, fake, Deployed(now - LONG_AGO), "last-accessed")
    found = finding(ran, "sqs:SendMessage")
    assert (found["reasons"], found["sources"]) == ([], ["last-accessed"])
    assert "1 trace and IAM's last-accessed data" in ran.out


def test_what_ran_within_iam_s_lag_is_not_confirmed(tmp_path: Path) -> None:
    now = time.time()
    script = Script({ROLE: [Service("sqs"), Service("dynamodb", now)]}, asked=now)
    with FakeEvidence(script) as fake:
        ran = scan(tmp_path, fake, Deployed(now - 600), "last-accessed")
    assert finding(ran, "sqs:SendMessage")["reasons"] == ["service-not-traced"]


def test_what_iam_saw_and_no_trace_shows_is_a_gap_in_the_instrumentation(tmp_path: Path) -> None:
    now = time.time()
    script = Script({ROLE: [Service("sqs", now - 60), Service("dynamodb", now)]}, asked=now)
    with FakeEvidence(script) as fake:
        ran = scan(tmp_path, fake, Deployed(now - LONG_AGO), "last-accessed")
    assert "accessed-untraced" in finding(ran, "sqs:SendMessage")["reasons"]
    assert "accessed-untraced (1): keep the permission" in ran.out


def test_a_secret_that_init_code_read_is_used_as_cloudtrail_shows(tmp_path: Path) -> None:
    now = time.time()
    read = call_event(
        ROLE,
        NAME,
        "secretsmanager:GetSecretValue",
        now - LONG_AGO + 60,
        parameters={"secretId": SECRET},
        region=REGION,
    )
    with FakeEvidence(Script(events=[read])) as fake:
        ran = scan(tmp_path, fake, reading_a_secret(now - LONG_AGO), "cloudtrail")
    found = finding(ran, "secretsmanager:GetSecretValue")
    assert (found["verdict"], found["sources"]) == ("used", ["cloudtrail"])
    assert found["used"][0]["workloads"] == [ARN]
    (workload,) = [w for w in ran.report["workloads"] if w["arn"] == ARN]
    assert {"secretsmanager:GetSecretValue"} == {used["action"] for used in workload["recorded"]}
    (role,) = ran.report["roles"]
    assert "secretsmanager:GetSecretValue" in str(role["suggested_policy"])


@pytest.mark.parametrize(
    ("hours_ago", "doubts"),
    [
        (LONG_AGO / 3600 + 1, []),
        (100 * 24, ["may-run-untraced"]),  # init code may have run before event history begins
    ],
)
def test_a_secret_that_cloudtrail_never_saw_needs_no_doubt_about_init_code(
    tmp_path: Path, hours_ago: float, doubts: list[str]
) -> None:
    now = time.time()
    logged = call_event(ROLE, NAME, "logs:CreateLogStream", now - LONG_AGO + 60, region=REGION)
    with FakeEvidence(Script(events=[logged])) as fake:
        changed = datetime.fromtimestamp(now - hours_ago * 3600, UTC).isoformat()
        ran = scan(tmp_path, fake, replace(reading_a_secret(now - LONG_AGO), changed=changed), "cloudtrail")
    found = finding(ran, "secretsmanager:GetSecretValue")
    assert found["reasons"] == ["service-not-traced", *doubts]
    assert found["sources"] == ([] if doubts else ["cloudtrail"])


def test_how_much_was_sampled_is_shown(tmp_path: Path) -> None:
    now = time.time()
    ran_at = now - 600
    with FakeEvidence(Script(invocations={NAME: [(ran_at, 400.0)]})) as fake:
        ran = scan(tmp_path, fake, Deployed(ran_at), "invocations")
    (workload,) = [w for w in ran.report["workloads"] if w["arn"] == ARN]
    assert workload["evidence"]["invocations"] == 400


def test_a_right_that_is_missing_is_named_and_the_scan_goes_on(tmp_path: Path) -> None:
    sources = ("last-accessed", "cloudtrail", "invocations")
    denied = ("GenerateServiceLastAccessedDetails", "LookupEvents", "GetMetricData")
    with FakeEvidence(Script(denied=denied)) as fake:
        ran = scan(tmp_path, fake, Deployed(time.time() - LONG_AGO), *sources)
    assert ran.code == 0
    for right in (
        "iam:GenerateServiceLastAccessedDetails",
        "cloudtrail:LookupEvents",
        "cloudwatch:GetMetricData",
    ):
        assert right in ran.warning_texts
    assert finding(ran, "sqs:SendMessage")["reasons"] == ["service-not-traced"]
