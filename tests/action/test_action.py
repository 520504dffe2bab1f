"""The action from inputs to exit code, in its image: what a pull request's author and reviewers see."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from scanner.report.schema import validate
from tests.action.harness import REPOSITORY, RUN_ID, SHA, Event, Job, Ran, pull_request, repository
from tests.fakes import notes
from tests.fakes.github import CREATE, FOREVER, GRAPHQL, LIST, SECONDARY, UPDATE, FakeGitHub, Script
from tests.fakes.moto_aws import MotoAws
from tests.fakes.traces import Call, Json, lambda_trace
from tests.fakes.xray import FakeXRay
from tests.integration.tools import notes_call, notes_trace, write_json

DELETE = notes.function_name("delete")
EVIL = "::error::owned %0A##[error]owned\r::warning::owned\n::set-output name=conclusion::success"


@dataclass(frozen=True)
class World:
    """AWS with the notes application, its traces, and GitHub with the pull request."""

    aws: MotoAws
    xray: FakeXRay
    github: FakeGitHub
    image: str
    folder: Path

    def job(self, name: str = "test") -> Job:
        """A job whose earlier steps signed in to AWS. Each has a machine of its own."""
        env = self.aws.environment() | {"AWS_ENDPOINT_URL_XRAY": self.xray.url}
        return Job(
            self.image,
            self.folder / name,
            self.github.public_url,
            self.github.graphql_url,
            env,
            self.github.token,
            name=name,
        )

    def grant(self, *actions: str) -> None:
        """Let the delete function's role hold these DynamoDB actions beside the one that it needs."""
        document = notes.policy("delete")
        document["Statement"][0]["Action"] = ["dynamodb:DeleteItem", *actions]
        put_policy(self.aws, document)

    def comments(self) -> list[str]:
        """The texts of the pull request's comments."""
        return self.github.bodies(7)

    def writes(self) -> int:
        """How many requests there were that change something."""
        return self.github.count(CREATE) + self.github.count(UPDATE)


def put_policy(aws: MotoAws, document: Json) -> None:
    aws.client("iam").put_role_policy(
        RoleName=notes.role_name("delete"), PolicyName="notes", PolicyDocument=json.dumps(document)
    )


@pytest.fixture(scope="module")
def deployed(aws: MotoAws) -> float:
    """The application on AWS; a time after the deployment."""
    aws.reset()
    for verb in notes.OPERATIONS:
        role = aws.create_role(notes.role_name(verb), {"notes": notes.policy(verb)}, trust=notes.trust())
        aws.create_function(notes.function_name(verb), role)
    return aws.next_second()


@pytest.fixture
def world(aws: MotoAws, deployed: float, image: str, tmp_path: Path) -> Iterator[World]:
    put_policy(aws, notes.policy("delete"))
    traces = [notes_trace(verb, deployed) for verb in notes.OPERATIONS]
    with FakeXRay(traces) as xray, FakeGitHub(REPOSITORY) as github:
        yield World(aws, xray, github, image, tmp_path)


def is_harmless(ran: Ran) -> None:
    """Nothing from AWS became a command, and nothing else than the action's own commands is there."""
    known = {"group", "endgroup", "debug", "notice", "warning", "error", "add-mask"}
    assert {command.name for command in ran.commands} <= known
    assert not [command for command in ran.commands if command.data.startswith("owned")]
    assert "Traceback" not in ran.log


# --- the comment ---------------------------------------------------------------------------------


def test_the_comment_is_made_left_alone_updated_and_resolved(
    world: World, checked_github: FakeGitHub
) -> None:
    world = replace(world, github=checked_github)
    job = world.job()

    first = job.run(run_id=RUN_ID)
    assert first.code == 1, first.log
    (comment,) = world.comments()
    assert DELETE in comment
    assert "dynamodb:GetItem" in comment
    assert first.outputs["comment-url"]
    writes = world.writes()

    second = job.run(run_id=RUN_ID + 1)
    assert second.code == 1, second.log
    assert world.writes() == writes
    assert world.comments() == [comment]
    assert second.outputs["comment-url"] == first.outputs["comment-url"]

    world.grant("dynamodb:GetItem", "dynamodb:Scan")
    third = job.run(run_id=RUN_ID + 2)
    assert third.code == 1, third.log
    (updated,) = world.comments()
    assert "dynamodb:Scan" in updated
    assert third.outputs["comment-url"] == first.outputs["comment-url"]

    world.grant()
    fixed = job.run(run_id=RUN_ID + 3)
    assert fixed.code == 0, fixed.log
    (resolved,) = world.comments()
    assert "dynamodb:Scan" not in resolved
    assert "dynamodb:GetItem" not in resolved
    assert fixed.outputs["conclusion"] == "success"


def test_a_pull_request_without_findings_gets_no_comment_unless_asked_for(world: World) -> None:
    world.grant()
    assert world.job().run().code == 0
    assert world.comments() == []
    assert world.job().run({"comment": "always"}).code == 0
    assert len(world.comments()) == 1


def test_no_comment_is_made_where_none_is_wanted(world: World) -> None:
    ran = world.job().run({"comment": "never"})
    assert ran.code == 1
    assert world.comments() == []
    assert ran.outputs["comment-url"] == ""


def test_an_older_run_that_ends_later_leaves_the_newer_comment(world: World) -> None:
    world.job("newer").run(run_id=RUN_ID + 1)
    (newer,) = world.comments()
    world.grant("dynamodb:Scan")
    older = world.job("older").run({"key": "CI/newer"}, run_id=RUN_ID)
    assert older.code == 1
    assert world.comments() == [newer]


def test_another_attempt_of_the_same_run_is_newer(world: World) -> None:
    world.job().run(attempt=1)
    world.grant("dynamodb:Scan")
    world.job().run(attempt=2)
    (comment,) = world.comments()
    assert "dynamodb:Scan" in comment
    world.grant("dynamodb:BatchGetItem")
    world.job().run(attempt=1)
    assert world.comments() == [comment]


def test_two_legs_of_a_matrix_have_a_comment_each(world: World) -> None:
    for leg in ("test, us-east-1", "test, eu-west-1", "test, us-east-1"):
        world.job().run({"key": leg})
    assert len(world.comments()) == 2


def test_two_jobs_have_a_comment_each_without_a_key(world: World) -> None:
    world.job("unit").run()
    world.job("end-to-end").run()
    assert len(world.comments()) == 2


def test_a_push_comments_on_the_open_pull_request_of_its_commit(world: World) -> None:
    world.github.pull_request(7, SHA)
    event = {"ref": "refs/heads/less-rights", "after": SHA, "deleted": False, "repository": repository()}
    ran = world.job().run(event=Event("push", event))
    assert ran.code == 1, ran.log
    assert len(world.comments()) == 1


# --- the gate ------------------------------------------------------------------------------------


def test_an_unused_permission_turns_the_check_red(world: World) -> None:
    ran = world.job().run()
    assert ran.code == 1, ran.log
    assert ran.outputs["conclusion"] == "failure"
    assert (ran.outputs["unused"], ran.outputs["broad"], ran.outputs["unconfirmed"]) == ("1", "0", "0")
    (error,) = ran.annotations("error")
    assert "dynamodb:GetItem" in error.data


def test_nothing_fails_where_nothing_is_to(world: World) -> None:
    ran = world.job().run({"fail-on": "never"})
    assert ran.code == 0, ran.log
    assert ran.annotations("error") == []
    assert DELETE in ran.summary
    assert len(world.comments()) == 1


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"fail-on": "broad"}, 0),
        ({"fail-on": "unused, broad"}, 1),
        ({"fail-on-severity": "write"}, 0),
        ({"fail-on-severity": "read"}, 1),
        ({"workloads": "*-get\n*-list"}, 0),
        ({"min-traces": "2"}, 0),
        ({"min-traces": "2", "include-unconfirmed": "true"}, 1),
        ({"min-traces": "2", "on-insufficient-evidence": "fail"}, 1),
    ],
)
def test_the_policy_decides(world: World, inputs: dict[str, str], code: int) -> None:
    ran = world.job().run({"comment": "never", **inputs})
    assert ran.code == code, ran.log


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("fail-on", "unusd", "unused, broad, unobservable, ineffective, never"),
        ("fail-on-severity", "high", "permissions-management, destruction, write, data-access, tagging"),
        ("comment", "yes", "on-findings, always, never"),
        ("redact", "true", "auto, always, never"),
        ("on-insufficient-evidence", "stop", "pass, warn, fail"),
        ("annotations", "on", "true, false"),
        ("min-traces", "0", "1"),
        ("evidence", "guesses", "last-accessed, cloudtrail, invocations"),
        ("config", "../rules.yml", "a file of the repository"),
        ("baseline", "/known.json", "a file of the repository"),
        ("time-range", "soon", "minutes"),
    ],
)
def test_a_wrong_value_fails_at_once_and_names_the_allowed_ones(
    world: World, name: str, value: str, allowed: str
) -> None:
    ran = world.job().run({name: value})
    assert ran.code == 2, ran.log
    (error,) = ran.annotations("error")
    assert name in error.data
    assert value in error.data
    assert allowed in error.data
    assert world.xray.requests == []
    assert world.github.requests == []
    assert "Traceback" not in ran.log


ACCEPTED = """\
version: 1
ignore:
  - action: dynamodb:GetItem
    reason: the delete page will show the note
"""


def test_only_the_base_accepts_what_a_pull_request_brings(world: World, checked_github: FakeGitHub) -> None:
    world = replace(world, github=checked_github)
    path = ".github/least-privilege.yml"
    job = world.job()
    (job.workspace / ".github").mkdir(parents=True)
    (job.workspace / path).write_text(ACCEPTED, encoding="utf-8")
    checked_github.commit({path: "version: 1\n"})
    ran = job.run()
    assert ran.code == 1, ran.log
    (comment,) = world.comments()
    assert "takes effect after the merge" in comment
    assert "+  - action: dynamodb:GetItem" in comment
    checked_github.commit({path: ACCEPTED})
    merged = job.run(run_id=RUN_ID + 1)
    assert merged.code == 0, merged.log
    assert (merged.outputs["new"], merged.outputs["accepted"]) == ("0", "1")


# --- what is left behind -------------------------------------------------------------------------


def test_the_reports_belong_to_the_owner_of_the_workspace(world: World) -> None:
    ran = world.job().run({"output-dir": "out/scan"})
    owner = ran.workspace.stat()
    left = [ran.workspace / "out", *(ran.workspace / "out").rglob("*")]
    assert {path.name for path in left} >= {"scan", "report.json", "excessive_permissions.json", "report.md"}
    for path in left:
        assert (path.stat().st_uid, path.stat().st_gid) == (owner.st_uid, owner.st_gid), path
    if os.getuid() == 0:
        assert owner.st_uid != 0  # else this test would say nothing


def test_the_outputs_name_files_and_hold_no_arn(world: World) -> None:
    ran = world.job().run()
    assert set(ran.outputs) == {
        *("conclusion", "report", "excessive-permissions", "markdown", "html", "sarif"),
        *("unused", "broad", "unconfirmed", "failing", "new", "accepted", "fixed"),
        *("comment-url", "issue-url", "fix-pull-request-url"),
    }
    for value in ran.outputs.values():
        assert "arn:" not in value
        assert notes.ACCOUNT not in value
    validate("report", ran.file("report"))
    excess = ran.file("excessive-permissions")
    validate("excessive_permissions", excess)
    assert [entry["arn"] for entry in excess] == [notes.function_arn("delete")]
    for output in ("markdown", "html"):
        assert (ran.workspace / ran.outputs[output]).is_file()


def test_the_summary_holds_the_findings(world: World) -> None:
    ran = world.job().run({"comment": "never"})
    assert DELETE in ran.summary
    assert "dynamodb:GetItem" in ran.summary
    assert "never used" in ran.summary


def test_a_public_repository_s_readers_see_no_account_id(world: World) -> None:
    ran = world.job().run(event=pull_request(private=False))
    (comment,) = world.comments()
    for text in (comment, ran.summary, ran.log):
        assert notes.ACCOUNT not in text
    assert notes.ACCOUNT in (ran.workspace / ran.outputs["report"]).read_text(encoding="utf-8")


def test_an_annotation_stands_where_the_checkout_grants_the_permission(world: World) -> None:
    job = world.job()
    job.workspace.mkdir(parents=True)
    (job.workspace / "serverless.yml").write_text(notes.SERVERLESS, encoding="utf-8")
    ran = job.run()
    (error,) = ran.annotations("error")
    assert (error.properties["file"], error.properties["line"]) == (
        "serverless.yml",
        str(notes.SERVERLESS_LINE),
    )


# --- where less is allowed -----------------------------------------------------------------------


def test_a_pull_request_from_a_fork_gets_its_result_in_the_summary(world: World) -> None:
    ran = world.job().run(event=pull_request(fork=True))
    assert ran.code == 1, ran.log
    assert world.writes() == 0
    assert "fork" in ran.log
    assert DELETE in ran.summary
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(("policy", "code"), [("pass", 0), ("warn", 0), ("fail", 1)])
def test_without_credentials_the_log_says_so_and_the_inputs_decide(
    world: World, policy: str, code: int
) -> None:
    job = world.job()
    job.env = {key: value for key, value in job.env.items() if key not in CREDENTIALS}
    ran = job.run({"on-insufficient-evidence": policy}, event=pull_request(fork=True))
    assert ran.code == code, ran.log
    assert "no AWS credentials" in ran.log
    assert "credentials" in ran.summary
    assert "Traceback" not in ran.log
    assert world.writes() == 0


CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def test_a_token_that_may_not_write_is_reported_which_right_is_missing(world: World) -> None:
    world.github.script.rights = (LIST, GRAPHQL)
    ran = world.job().run()
    assert ran.code == 1, ran.log
    assert "pull-requests: write" in ran.log
    assert DELETE in ran.summary
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (Script(denial=(404, "Not Found"), rights=(LIST, GRAPHQL)), "pull-requests: write"),
        (Script(denial=(422, "Validation Failed"), rights=(LIST, GRAPHQL)), "422"),
        (Script(locked=(7,)), "locked"),
        (Script(fail_first=FOREVER, failure=503), "503"),
        (Script(drop_first=FOREVER), "could not be reached"),
        (Script(limit_first=FOREVER, limited=(403, SECONDARY, {"Retry-After": "900"})), "rate limit"),
    ],
    ids=["not-found", "refused", "locked", "down", "dropped", "limited"],
)
def test_whatever_github_refuses_is_reported_and_the_gate_stands(
    world: World, script: Script, reason: str
) -> None:
    world.github.script = script
    ran = world.job().run()
    assert ran.code == 1, ran.log
    assert [a for a in ran.annotations("warning") if "no comment" in a.data and reason in a.data], ran.log
    assert DELETE in ran.summary
    assert ran.outputs["conclusion"] == "failure"
    assert world.github.token not in ran.log
    assert "Traceback" not in ran.log


@pytest.mark.parametrize(
    "script",
    [
        Script(fail_first=2),
        Script(limit_first=1, limited=(403, SECONDARY, {"Retry-After": "1"})),
        Script(limit_first=1, limited=(429, SECONDARY, {"Retry-After": "1"})),
        Script(fail_after={CREATE: 1}),  # made, but the answer was lost
    ],
    ids=["bad-gateway", "secondary-limit", "too-many-requests", "answer-lost"],
)
def test_what_passes_is_waited_for_and_there_is_one_comment(world: World, script: Script) -> None:
    world.github.script = script
    ran = world.job().run()
    assert len(world.comments()) == 1, ran.log


def test_an_unknown_event_reports_without_a_comment(world: World) -> None:
    ran = world.job().run(event=Event("schedule", {"schedule": "0 4 * * *", "repository": repository()}))
    assert ran.code == 1, ran.log
    assert world.comments() == []
    assert DELETE in ran.summary


# --- sizes ---------------------------------------------------------------------------------------


def test_the_limits_of_comment_and_summary_are_kept_whatever_there_is_to_say(world: World) -> None:
    job = world.job()
    many_functions(job.workspace, 1500)
    ran = job.run(
        {"traces": "traces.json", "iam": "iam.json", "functions": "functions.json", "fail-on": "never"}
    )
    assert ran.code == 0, ran.log
    (comment,) = world.comments()
    assert len(comment) <= 65_536
    assert "](https://github.example/acme/notes/" in comment  # where the rest is
    assert len(ran.summary.encode()) <= 1024 * 1024
    assert len(ran.summary) > len(comment)
    for level in ("error", "warning", "notice"):
        assert len(ran.annotations(level)) <= 10
    assert len(ran.file("excessive-permissions")) == 1500


def many_functions(folder: Path, count: int) -> None:
    """Saved files of so many functions, each with a role that holds what it never used."""
    names = [f"notes-app-api-test-delete-{number:04}-{'x' * 30}" for number in range(count)]
    role_like, function_like = notes.iam()["RoleDetailList"][0], notes.functions()["Functions"][0]
    arn = notes.function_arn("delete")
    granted = notes.policy("delete")
    files = {
        "traces.json": {
            "Traces": [
                lambda_trace(arn.replace(DELETE, name), [notes_call("delete")], notes.FIRST_TRACE, seed=name)
                for name in names
            ]
        },
        "functions.json": {
            "Functions": [
                function_like
                | {
                    "FunctionName": name,
                    "FunctionArn": arn.replace(DELETE, name),
                    "Role": f"arn:aws:iam::{notes.ACCOUNT}:role/{name}",
                }
                for name in names
            ]
        },
        "iam.json": notes.iam()
        | {
            "RoleDetailList": [
                role_like
                | {
                    "RoleName": name,
                    "Arn": f"arn:aws:iam::{notes.ACCOUNT}:role/{name}",
                    "RolePolicyList": [{"PolicyName": "notes", "PolicyDocument": granted}],
                }
                for name in names
            ]
        },
    }
    for name, document in files.items():
        write_json(folder / name, document)


# --- hostile names -------------------------------------------------------------------------------


def test_what_traces_say_cannot_speak_to_the_runner_nor_dress_up_the_comment(world: World) -> None:
    evil = f"{EVIL} <img src=x onerror=alert(1)> [click](https://evil.example) @everyone | `x` -->"
    denied = Call("DynamoDB", "Scan", {"table_name": evil}, 400, "AccessDeniedException", evil)
    arn = notes.function_arn("delete")
    epoch = world.aws.next_second()
    with FakeXRay(
        [
            lambda_trace(arn, [notes_call("delete"), denied, Call(evil, evil)], epoch - 1),
            lambda_trace(f"{arn}{evil}", [Call("S3", "GetObject", {"bucket_name": evil})], epoch - 1),
        ]
    ) as xray:
        job = world.job()
        job.env = {**job.env, "AWS_ENDPOINT_URL_XRAY": xray.url}
        ran = job.run({"comment": "always"}, env={"RUNNER_DEBUG": "1"})
    is_harmless(ran)
    (comment,) = world.comments()
    for text in (comment, ran.summary):
        assert "<img" not in text
        assert "[click](" not in text
        assert not re.search(r"(?<![`\w\\/])@everyone", text)
    validate("report", ran.file("report"))


def test_what_aws_answers_cannot_speak_to_the_runner(world: World) -> None:
    def refusing(operation: str, answer: Json) -> bytes:
        raise AssertionError(EVIL)

    world.xray.script.mangle = refusing  # the fake answers with the message
    ran = world.job().run({"wait": "0"})
    is_harmless(ran)


def test_inputs_cannot_speak_to_the_runner(world: World) -> None:
    ran = world.job().run({"fail-on": EVIL})
    assert ran.code == 2
    is_harmless(ran)
