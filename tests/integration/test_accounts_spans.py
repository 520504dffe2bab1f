"""Several accounts whose spans a monitoring account sees, or that are read from files."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from scanner.errors import EXIT_INTERRUPTED
from tests.fakes import notes
from tests.fakes.logs_insights import FakeLogs, LogsScript
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import REGION, Json, lambda_trace
from tests.fakes.xray import FakeXRay
from tests.integration.test_accounts import NAME, ONE, ROLE, TWO, UNUSED, USED, arn, role_of, verdicts
from tests.integration.test_transaction_search import ON, spans
from tests.integration.tools import Ran, notes_call, run, write_json

MONITORING, THREE = "999999999999", "333333333333"


def group(account: str) -> str:
    return f"arn:aws:logs:{REGION}:{account}:log-group:aws/spans"


def records(account: str, log: str) -> list[tuple[str, str, Json]]:
    """The spans of a run of the delete function of an account, in the log group of another one."""
    found = [record for record in spans(1) if NAME in record["attributes"]["cloud.resource_id"]]
    for number, record in enumerate(found):
        record["attributes"]["cloud.resource_id"] = arn(account)
        record["traceId"] = f"{account}{record['traceId'][12:]}"
        record["spanId"] = f"{account}{number:04}"
        if "parentSpanId" in record:
            record["parentSpanId"] = f"{account}0000"
    return [("aws/spans", log, record) for record in found]


def deploy(aws: MotoAws, *accounts: str) -> None:
    aws.reset()
    for account in accounts:
        of_account = aws.of_account(account)
        role = of_account.create_role(ROLE, {"notes": notes.policy("delete")}, trust=notes.trust())
        of_account.create_function(NAME, role)


def scan(folder: Path, aws: MotoAws, logs: FakeLogs, *arguments: object) -> Ran:
    roles = [role_of(account) for account in (ONE, TWO)]
    with FakeXRay((), ON) as xray:
        endpoints = {"AWS_ENDPOINT_URL_XRAY": xray.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": logs.url}
        ran = run(folder, "--assume-role", *roles, *arguments, env=aws.environment() | endpoints)
    assert logs.open_queries == []
    return ran


def used(ran: Ran) -> dict[str, set[str]]:
    """What was used in each account."""
    return {w["account"]: {u["action"] for u in w["used"]} for w in ran.report["workloads"]}


def test_what_a_monitoring_account_sees_counts_for_the_accounts_of_the_workloads(
    aws: MotoAws, tmp_path: Path
) -> None:
    deploy(aws, ONE, TWO)
    seen = [item for account in (ONE, TWO, THREE) for item in records(account, MONITORING)]
    with FakeLogs(seen) as logs:
        ran = scan(tmp_path, aws, logs, "--source", "spans", "--log-group", group(MONITORING), "--verbose")
    assert ran.code == 0, ran.err
    assert used(ran) == {ONE: {USED}, TWO: {USED}, THREE: {USED}}
    assert [role["account"] for role in ran.report["roles"]] == [ONE, TWO]
    assert verdicts(ran)[TWO, USED][0] == "used"
    assert verdicts(ran)[TWO, UNUSED][0] == "unused"
    assert f"1 workload of account {THREE} was traced" in ran.warning_texts


def test_log_groups_of_accounts_are_read_by_their_roles(aws: MotoAws, tmp_path: Path) -> None:
    deploy(aws, ONE, TWO)
    with FakeLogs([*records(ONE, ONE), *records(TWO, TWO)]) as logs:
        ran = scan(tmp_path, aws, logs, "--source", "spans", "--log-group", group(ONE), group(TWO))
        asked = [r.body["logGroupIdentifiers"] for r in logs.requests if r.operation == "StartQuery"]
    assert ran.code == 0, ran.err
    assert used(ran) == {ONE: {USED}, TWO: {USED}}
    assert sorted({tuple(groups) for groups in asked}) == [(group(ONE),), (group(TWO),)]


def test_an_account_whose_spans_cannot_be_read_confirms_nothing_and_the_other_does(
    aws: MotoAws, tmp_path: Path
) -> None:
    deploy(aws, ONE, TWO)
    with FakeLogs(records(ONE, ONE)) as logs:  # the other one has no such log group
        ran = scan(tmp_path, aws, logs, "--source", "spans", "--log-group", group(ONE), group(TWO))
    assert ran.code == 0, ran.err
    assert (
        f"account {TWO} could not be read: spans cannot be read: there is no log group" in ran.warning_texts
    )
    assert {account for account, _ in verdicts(ran)} == {ONE}


def test_ctrl_c_ends_the_queries_of_all_accounts(aws: MotoAws, tmp_path: Path) -> None:
    deploy(aws, ONE, TWO)
    script = LogsScript(running=4)
    script.on_query = lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 6 else None
    with FakeLogs([*records(ONE, ONE), *records(TWO, TWO)], script) as logs:
        ran = scan(tmp_path, aws, logs, "--source", "spans", "--log-group", group(ONE), group(TWO))
    assert ran.code == EXIT_INTERRUPTED, ran.err
    assert ran.report["scan"]["interrupted"]
    assert not [finding for finding in ran.findings("unused") if finding["confirmed"]]


def test_ctrl_c_before_anything_was_read_leaves_nothing(aws: MotoAws, tmp_path: Path) -> None:
    deploy(aws, ONE, TWO)
    script = LogsScript(running=10**6)
    script.on_query = lambda number: os.kill(os.getpid(), signal.SIGINT) if number == 2 else None
    with FakeLogs([*records(ONE, ONE), *records(TWO, TWO)], script) as logs:
        ran = scan(tmp_path, aws, logs, "--source", "spans", "--log-group", group(ONE), group(TWO))
    assert ran.code == EXIT_INTERRUPTED, ran.err
    assert not (tmp_path / "report.json").exists()


def test_files_may_be_of_several_accounts(tmp_path: Path) -> None:
    traces = [
        lambda_trace(arn(ONE), [notes_call("delete")], notes.FIRST_TRACE),
        lambda_trace(arn(TWO), [notes_call("delete"), notes_call("get")], notes.FIRST_TRACE + 1),
    ]
    write_json(tmp_path / "traces.json", {"Traces": traces})
    iam, functions = of_accounts(notes.iam()), of_accounts(notes.functions())
    write_json(tmp_path / "iam.json", iam)
    write_json(tmp_path / "functions.json", functions)
    ran = run(tmp_path, "-c", "--traces", "traces.json", "--iam", "iam.json", "--functions", "functions.json")
    assert ran.code == 0, ran.err
    assert verdicts(ran)[ONE, UNUSED] == ("unused", True)
    assert verdicts(ran)[TWO, UNUSED] == ("used", True)
    assert [a["id"] for a in ran.report["scan"]["accounts"]] == [ONE, TWO]
    assert f"{NAME} ({ONE})" in ran.out


def of_accounts(document: Json) -> Json:
    """A document with what it lists in both accounts."""
    both: dict[str, Any] = {}
    for account in (ONE, TWO):
        for key, value in json.loads(json.dumps(document).replace(notes.ACCOUNT, account)).items():
            both[key] = [*both.get(key, ()), *value] if isinstance(value, list) else value
    return both
