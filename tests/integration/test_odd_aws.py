"""Answers of IAM and Lambda that are none: told, and the rest of the work done."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from scanner.aws import patience
from tests.fakes import notes
from tests.fakes.moto_aws import ROOT
from tests.fakes.serving import Answer, HttpRequest, serving
from tests.integration.tools import Ran, run, write_json

TRACES = ROOT / "examples" / "traces"
ROLE = f"arn:aws:iam::{notes.ACCOUNT}:role/{notes.role_name('delete')}"


def an_aws(answers: dict[str, bytes], *, status: int = 200) -> AbstractContextManager[str]:
    """An AWS that answers an action of IAM's (its name), or Lambda ("lambda"), with these bytes."""

    def answer(request: HttpRequest) -> Answer:
        if request.method == "GET":
            return Answer(status, answers.get("lambda", b""))
        action = parse_qs(request.body.decode())["Action"][0]
        return Answer(status, answers.get(action, answers.get("iam", b"")))

    return serving(answer)


def compare(folder: Path, url: str, *more: object) -> Ran:
    return run(folder, "-c", "--traces", TRACES, *more, env={"AWS_ENDPOINT_URL": url})


LAMBDA: dict[str, bytes] = {
    "nothing": b"",
    "HTML": b"<html><body>proxy <br> login</body></html>",
    "not UTF-8": b"\xff\xfe\x00",
    "a list": b"[]",
    "null": b"null",
    "an empty object": b"{}",
    "nulls": b'{"Functions": null, "FunctionArn": null}',
    "a list of nulls": b'{"Functions": [null], "FunctionArn": 5}',
    "a list of texts": b'{"Functions": ["x"], "FunctionArn": ["x"]}',
    "an ARN that is none": b'{"Functions": [{"FunctionArn": "x"}], "FunctionArn": "x"}',
}


IAM: dict[str, bytes] = {
    "nothing": b"",
    "HTML": b"<html><body>proxy <br> login</body></html>",
    "well-formed HTML": b"<html><body>proxy login</body></html>",
    "not UTF-8": b"\xff\xfe\x00",
    "JSON": b"{}",
    "cut in the middle": b"<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNa",
}


@pytest.mark.parametrize("body", LAMBDA.values(), ids=LAMBDA)
def test_answers_of_lambda_that_are_none_are_told(tmp_path: Path, body: bytes) -> None:
    iam = write_json(tmp_path / "iam.json", notes.iam())
    with an_aws({"lambda": body}) as url:
        ran = compare(tmp_path / "out", url, "--iam", iam)
    ran.ends_with(3, "no role")
    assert ran.warnings
    assert len(ran.report["workloads"]) == 5


@pytest.mark.parametrize("body", IAM.values(), ids=IAM)
def test_answers_of_iam_that_are_none_are_told(tmp_path: Path, body: bytes) -> None:
    functions = write_json(tmp_path / "functions.json", notes.functions())
    with an_aws({"iam": body}) as url:
        ran = compare(tmp_path / "out", url, "--functions", functions)
    ran.ends_with(3, "no role")
    assert ran.warnings
    assert all(role["problems"] and not role["readable"] for role in ran.report["roles"])


def response(action: str, result: str) -> bytes:
    """An answer as IAM spells it."""
    body = f"<{action}Result>{result}</{action}Result>"
    return f"<{action}Response><ResponseMetadata/>{body}</{action}Response>".encode()


def test_a_policy_of_iam_that_is_not_one_is_named(tmp_path: Path) -> None:
    functions = write_json(tmp_path / "functions.json", notes.functions())
    names = "<PolicyNames><member>odd</member></PolicyNames><IsTruncated>false</IsTruncated>"
    answers = {
        "GetRole": response("GetRole", "<Role><RoleName>x</RoleName></Role>"),
        "ListRolePolicies": response("ListRolePolicies", names),
        "GetRolePolicy": response("GetRolePolicy", "<PolicyDocument>hello</PolicyDocument>"),
        "ListAttachedRolePolicies": response(
            "ListAttachedRolePolicies", "<AttachedPolicies/><IsTruncated>false</IsTruncated>"
        ),
    }
    with an_aws(answers) as url:
        ran = compare(tmp_path / "out", url, "--functions", functions)
    ran.ends_with(3, "no role")
    assert ran.warnings["policy-unread"] == 5
    assert "odd" in ran.out
    assert ROLE in ran.out


@pytest.mark.parametrize("status", [500, 503, 400])
def test_an_iam_that_always_fails_is_reported(tmp_path: Path, status: int) -> None:
    functions = write_json(tmp_path / "functions.json", {"Functions": notes.functions()["Functions"][-1:]})
    error = b"<ErrorResponse><Error><Code>Broken</Code><Message>no</Message></Error></ErrorResponse>"
    with an_aws({"iam": error}, status=status) as url:
        ran = compare(tmp_path / "out", url, "--functions", functions, "--workloads", "*-delete")
    ran.ends_with(3, "no role")
    assert ran.warnings["role-unread"] >= 1
    assert "Broken" in ran.out


def test_an_iam_that_only_fails_for_long_ends_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE_SECONDS", 0.5)
    functions = write_json(tmp_path / "functions.json", notes.functions())
    error = b"<ErrorResponse><Error><Code>Throttling</Code><Message>no</Message></Error></ErrorResponse>"
    with an_aws({"iam": error}, status=400) as url:
        ran = compare(tmp_path / "out", url, "--functions", functions)
    ran.ends_with(3, "nothing but errors", "Throttling (HTTP 400)")
