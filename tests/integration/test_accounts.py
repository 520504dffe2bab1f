"""Several accounts in one scan, with roles and functions of the same names."""

from __future__ import annotations

import html
import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scanner.report.hide import hidden
from scanner.report.load import report_of
from scanner.report.markdown import markdown
from scanner.report.view.arrange import view_of
from scanner.text.redact import PUBLIC_REDACTION
from tests.fakes import notes
from tests.fakes.github import FakeGitHub
from tests.fakes.moto_aws import MotoAws
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.fakes.traces import REGION, lambda_trace
from tests.integration.test_action_flow import Step
from tests.integration.tools import Ran, notes_call, run

ONE, TWO = "111111111111", "222222222222"
NAME, ROLE = notes.function_name("delete"), notes.role_name("delete")
USED, UNUSED = "dynamodb:DeleteItem", "dynamodb:GetItem"


def role_of(account: str) -> str:
    return f"arn:aws:iam::{account}:role/scan"


def arn(account: str) -> str:
    return f"arn:aws:lambda:{REGION}:{account}:function:{NAME}"


@pytest.fixture
def deployed(aws: MotoAws) -> MotoAws:
    """The delete function in two accounts, in each with its role and a trace; nothing in the own account."""
    aws.reset()
    for account in (ONE, TWO):
        of_account = aws.of_account(account)
        role = of_account.create_role(ROLE, {"notes": notes.policy("delete")}, trust=notes.trust())
        of_account.create_function(NAME, role)
        of_account.put_traces([lambda_trace(arn(account), [notes_call("delete")], aws.next_second())])
    aws.next_second()
    return aws


def scan(folder: Path, aws: MotoAws, *arguments: object, accounts: str = f"{ONE} {TWO}", **env: str) -> Ran:
    roles = [role_of(account) for account in accounts.split()]
    return run(folder, "-c", "--assume-role", *roles, *arguments, env=aws.environment() | env)


@contextmanager
def sts_refusing(aws: MotoAws, *accounts: str) -> Iterator[str]:
    """STS, which lets nobody assume a role of some accounts."""

    def answer(request: HttpRequest) -> Answer:
        if any(account.encode() in request.body for account in accounts):
            error = "<Code>AccessDenied</Code><Message>no</Message>"
            return Answer(403, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>".encode())
        headers = {name: request.headers[name] for name in ("authorization", "content-type")}
        forwarded = urllib.request.Request(aws.url, request.body, headers, method="POST")
        with urllib.request.urlopen(forwarded, timeout=10) as response:
            return Answer(200, response.read())

    with serving(answer) as url:
        yield url


def verdicts(ran: Ran) -> dict[tuple[str, str], tuple[str, bool]]:
    """The verdict on each action of each account, and whether it is confirmed."""
    return {
        (role["arn"].split(":")[4], action): (finding["verdict"], finding["confirmed"])
        for role in ran.report["roles"]
        for finding in role["findings"]
        for action in finding["actions"]
    }


def test_equal_accounts_are_compared_each_with_what_its_own_workloads_used(
    deployed: MotoAws, tmp_path: Path
) -> None:
    calls = [notes_call("delete"), notes_call("get")]
    deployed.of_account(TWO).put_traces([lambda_trace(arn(TWO), calls, deployed.next_second())])
    deployed.next_second()
    ran = scan(tmp_path, deployed)
    assert ran.code == 0, ran.err
    assert verdicts(ran)[ONE, UNUSED] == ("unused", True)
    assert verdicts(ran)[TWO, UNUSED] == ("used", True)
    assert [w["account"] for w in ran.report["workloads"]] == [ONE, TWO]
    assert [r["account"] for r in ran.report["roles"]] == [ONE, TWO]
    assert [(a["id"], a["role"], a["traced"], a["compared"], a["unread"]) for a in accounts_of(ran)] == [
        (ONE, role_of(ONE), 1, 1, None),
        (TWO, role_of(TWO), 1, 1, None),
    ]


def accounts_of(ran: Ran) -> list[Any]:
    accounts: list[Any] = ran.report["scan"]["accounts"]
    return accounts


def test_findings_of_equal_accounts_have_ids_of_their_own(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, "--fail-on", "unused", "--fail-on-severity", "all")
    ids = {role["account"]: [f["id"] for f in role["findings"]] for role in ran.report["roles"]}
    assert len({*ids[ONE], *ids[TWO]}) == len(ids[ONE]) + len(ids[TWO])
    assert ran.code == 1
    for account, other in ((ONE, TWO), (TWO, ONE)):
        told = run(tmp_path, "explain", ids[account][0])
        assert f"{NAME} ({account}): " in told.out
        assert f"::{other}:" not in told.out


def test_a_baseline_counts_what_looks_alike_in_two_accounts(deployed: MotoAws, tmp_path: Path) -> None:
    known = ("--baseline", "known.json")
    gate = ("--fail-on", "unused", "--fail-on-severity", "all")
    assert scan(tmp_path, deployed, *known, "--update-baseline", accounts=ONE).code == 0
    assert scan(tmp_path, deployed, *known, *gate, accounts=ONE).code == 0
    both = scan(tmp_path, deployed, *known, *gate)
    assert (both.code, both.report["accepted"]["baseline"]["new"]) == (1, 1)
    assert scan(tmp_path, deployed, *known, "--update-baseline").code == 0
    assert scan(tmp_path, deployed, *known, *gate).code == 0


def test_what_an_account_holds_that_was_not_read_is_not_fixed(deployed: MotoAws, tmp_path: Path) -> None:
    known = ("--baseline", "known.json")
    scan(tmp_path, deployed, *known, "--update-baseline")
    deployed.of_account(ONE).client("iam").delete_role_policy(RoleName=ROLE, PolicyName="notes")
    with sts_refusing(deployed, TWO) as sts:
        ran = scan(tmp_path, deployed, *known, AWS_ENDPOINT_URL_STS=sts)
        assert ran.report["accepted"]["baseline"]["fixed"] == []
        scan(tmp_path, deployed, *known, "--update-baseline", AWS_ENDPOINT_URL_STS=sts)
    assert UNUSED in (tmp_path / "known.json").read_text()


def test_an_account_whose_role_is_refused_is_a_warning_and_the_others_go_on(
    deployed: MotoAws, tmp_path: Path
) -> None:
    with sts_refusing(deployed, ONE) as sts:
        ran = scan(tmp_path, deployed, AWS_ENDPOINT_URL_STS=sts)
    assert ran.code == 0, ran.err
    assert verdicts(ran)[TWO, UNUSED] == ("unused", True)
    assert [(a["id"], bool(a["unread"])) for a in accounts_of(ran)] == [(ONE, True), (TWO, False)]
    assert ran.warnings["account-unread"] == 1
    assert f"sts:AssumeRole on {role_of(ONE)} is denied" in ran.warning_texts
    assert "trust policy" in ran.warning_texts


def test_where_no_role_can_be_assumed_nothing_is_read(deployed: MotoAws, tmp_path: Path) -> None:
    with sts_refusing(deployed, ONE, TWO) as sts:
        scan(tmp_path, deployed, AWS_ENDPOINT_URL_STS=sts).ends_with(3, f"sts:AssumeRole on {role_of(ONE)}")


def test_an_account_without_a_trace_is_named(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, accounts=f"{ONE} 333333333333")
    assert ran.code == 0, ran.err
    assert "account 333333333333: no trace was found" in ran.warning_texts


def test_a_pattern_may_match_in_one_account_alone(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, "--workloads", arn(TWO))
    assert ran.code == 0, ran.err
    assert "workload-unknown" not in ran.warnings
    assert {account for account, _ in verdicts(ran)} == {TWO}
    scan(tmp_path, deployed, "--workloads", "nothing").ends_with(3, "no workload matches")


def test_outputs_name_the_accounts(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed, "--markdown", "x.md", "--csv", "x.csv")
    markdown = html.unescape((tmp_path / "x.md").read_text())
    for text in (ran.out, markdown, (tmp_path / "x.csv").read_text(), (tmp_path / "report.html").read_text()):
        assert f"{NAME} ({ONE})" in text
        assert f"{NAME} ({TWO})" in text
    policies = {f"{NAME}-{account}.policy.json" for account in (ONE, TWO)}
    assert set(ran.report["policy_files"]) == policies == {p.name for p in tmp_path.glob("*.policy.json")}
    alone = scan(tmp_path, deployed, accounts=ONE)
    assert f"({ONE})" not in alone.out


def test_the_action_scans_the_accounts_of_its_roles(
    deployed: MotoAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in deployed.environment().items():
        monkeypatch.setenv(name, value)
    with FakeGitHub() as github:
        step = Step(github, tmp_path, monkeypatch)
        ran = step.run_process(
            traces="",
            iam="",
            functions="",
            assume_role=f"{role_of(ONE)}\n{role_of(TWO)}\n",
            external_id="shop:1",
        )
    assert ran.returncode == 1, ran.stdout
    report = json.loads((step.workspace / "xray-privilege-scan" / "report.json").read_text())
    assert [account["id"] for account in report["scan"]["accounts"]] == [ONE, TWO]
    assert {role["account"] for role in report["roles"]} == {ONE, TWO}


def test_where_account_ids_are_hidden_accounts_stay_apart(deployed: MotoAws, tmp_path: Path) -> None:
    ran = scan(tmp_path, deployed)
    shown = hidden(report_of(ran.document), PUBLIC_REDACTION)
    assert [account.id for account in shown.scan.accounts] == ["ACCOUNT_1", "ACCOUNT_2"]
    assert len({workload.id for workload in shown.workloads}) == len(ran.report["workloads"]) == 2
    text = markdown(view_of(shown))
    assert f"{NAME} (ACCOUNT_1)" in html.unescape(text)
    assert not any(account in text for account in (ONE, TWO))


def test_doctor_looks_into_each_account(deployed: MotoAws, tmp_path: Path) -> None:
    roles = [role_of(account) for account in (ONE, TWO, "333333333333")]
    with sts_refusing(deployed, TWO) as sts:
        env = deployed.environment() | {"AWS_ENDPOINT_URL_STS": sts}
        ran = run(tmp_path, "doctor", "--assume-role", *roles, "--external-id", "shop:1", env=env)
    assert ran.code == 0, ran.err
    one, two, three = (f"Account {account}" for account in (ONE, TWO, "333333333333"))
    texts = {text.splitlines()[0]: text for text in re.split(r"^(?=Account )", ran.out, flags=re.M) if text}
    assert list(texts) == [one, two, three]
    assert "AWS calls: in 1 of 1 trace" in texts[one]
    assert f"It cannot be read: sts:AssumeRole on {role_of(TWO)} is denied" in texts[two]
    assert "No scan can run: there are no traces yet" in texts[three]
    assert ran.out.splitlines()[-2:] == [
        "A scan finds traces in 1 of 3 accounts.",
        f"Run: xray-privilege-scan -r 6h --assume-role {' '.join(roles)} --external-id shop:1",
    ]


def test_doctor_of_accounts_that_cannot_be_read_ends_with_3(deployed: MotoAws, tmp_path: Path) -> None:
    with sts_refusing(deployed, TWO) as sts:
        env = deployed.environment() | {"AWS_ENDPOINT_URL_STS": sts}
        ran = run(tmp_path, "doctor", "--assume-role", role_of(TWO), env=env)
        wrong = run(tmp_path, "doctor", "--external-id", "shop:1", env=env)
    assert (ran.code, wrong.code) == (3, 2)
    assert ran.out.splitlines()[-1] == "No scan can run in any of these accounts."
    assert "--external-id requires --assume-role" in wrong.err


def test_a_report_of_use_is_about_the_workloads_that_were_asked_for(
    deployed: MotoAws, tmp_path: Path
) -> None:
    roles = [role_of(account) for account in (ONE, TWO)]
    of_one = ("--usage-only", "--assume-role", *roles, "--workloads", arn(ONE))
    ran = run(tmp_path, *of_one, env=deployed.environment())
    assert ran.out.startswith("1 workload seen")
    assert f"{NAME} ({ONE}): 1 trace" in ran.out
    assert TWO not in ran.out
