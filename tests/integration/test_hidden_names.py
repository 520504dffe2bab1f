"""In a public repository no place shows what is hidden there, however it is written."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.cli import main as command_line
from tests.fakes.github import FakeGitHub
from tests.fakes.traces import ACCOUNT, REGION, Json
from tests.inputs import Function, documents
from tests.integration.test_action_flow import CONFIG, NUMBER, VERSION, Step, check_out, event

NOW = 1_795_000_000.0


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with FakeGitHub() as fake:
        yield fake


class Names:
    """Names that must not be shown; all that were drawn are in `drawn`."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.drawn: set[str] = {ACCOUNT}

    def word(self) -> str:
        return self._kept("".join(self.random.choices("bcdfghjkmpqrtvwxz", k=9)))

    def account(self) -> str:
        return self._kept(str(self.random.randrange(10**11, 10**12)))

    def key(self) -> str:
        number = uuid.UUID(int=self.random.getrandbits(128))
        return self._kept(f"mrk-{number.hex}" if self.random.random() < 0.3 else str(number))

    def _kept(self, name: str) -> str:
        self.drawn.add(name)
        return name

    def path(self) -> str:
        """A name that may hold blanks, slashes and wildcards."""
        parts = [self.word() for _ in range(self.random.randint(1, 3))]
        text = self.random.choice(["/", "/*/", "-", "*", " "]).join(parts)
        return self.random.choice(["{}", "{}", "{}*", "*{}", "{}-??????"]).format(text)

    def resource(self) -> tuple[str, str]:
        """An action and a resource with a hidden name."""
        account = self.random.choice([ACCOUNT, "*", self.account()])
        service, actions, types = self.random.choice(
            [
                ("secretsmanager", ["DeleteSecret", "PutSecretValue", "*"], ["secret:{}"]),
                ("ssm", ["PutParameter", "DeleteParameter"], ["parameter/{}", "parameter/*/{}", "*{}"]),
                ("kms", ["ScheduleKeyDeletion", "Decrypt", "*"], ["key/{}"]),
                ("s3", ["DeleteObject", "PutObject", "GetObject"], ["bucket/{}", "*/{}"]),
            ]
        )
        name = self.key() if service == "kms" else self.path()
        rest = self.random.choice(types).format(name)
        where = ":" if service == "s3" else f"{self.random.choice([REGION, '*'])}:{account}"
        return f"{service}:{self.random.choice(actions)}", f"arn:aws:{service}:{where}:{rest}"

    def condition(self) -> Json:
        operator, key = self.random.choice(
            [
                ("StringLike", "secretsmanager:Name"),
                ("StringEquals", "aws:SourceAccount"),
                ("ArnLike", "aws:SourceArn"),
                ("StringEquals", "kms:EncryptionContext:team"),
            ]
        )
        value = self.account() if key.endswith("Account") else self.word()
        return {operator: {key: self.random.choice([value, [value, self.word()]])}}

    def statement(self) -> Json:
        pairs = [self.resource() for _ in range(self.random.randint(1, 3))]
        effect = "Deny" if self.random.random() < 0.15 else "Allow"
        statement: Json = {
            "Effect": effect,
            "Action": sorted({action for action, _ in pairs}),
            "Resource": [resource for _, resource in pairs],
        }
        return statement | ({"Condition": self.condition()} if self.random.random() < 0.5 else {})

    def denied_call(self) -> Json:
        action, resource = self.resource()
        service, operation = action.split(":")
        message = (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/f-role/f is not authorized to perform: {action} on "
            f"resource: {resource} because no identity-based policy allows the {action} action"
        )
        return {
            "name": {"ssm": "SSM", "kms": "KMS", "s3": "S3"}.get(service, "SecretsManager"),
            "namespace": "aws",
            "aws": {"operation": operation.replace("*", "GetObject"), "region": REGION},
            "error": True,
            "cause": {"exceptions": [{"type": "AccessDeniedException", "message": message}]},
        }


def write(folder: Path, names: Names) -> dict[str, Any]:
    """The files that stand for AWS, as inputs."""
    statements = [names.statement() for _ in range(names.random.randint(6, 14))]
    calls = [names.denied_call() for _ in range(3)]
    policies = {"own": statements, names.random.choice(["own2", ACCOUNT]): statements[:2]}
    function = Function("f", policies, [calls] * 3)
    files = dict(zip(("functions", "iam", "traces"), documents([function], NOW), strict=True))
    for name, document in files.items():
        (folder / f"{name}.json").write_text(json.dumps(document))
    return {name: str(folder / f"{name}.json") for name in files}


def baseline_of(folder: Path, inputs: dict[str, Any]) -> str:
    words = [word for name, value in inputs.items() for word in (f"--{name}", value)]
    file = folder / "known.json"
    words += ["--output-dir", str(folder / "out"), "--baseline", str(file), "--update-baseline"]
    assert command_line(["-c", *words]) == 0
    return file.read_text()


def accepting(names: Names, statement: Json) -> str:
    rule = {"resource": statement["Resource"][0], "reason": f"ticket about {statement['Resource'][-1]}"}
    return f"{VERSION}ignore:\n  - {json.dumps(rule)}\n"


def shown(ran: Any, github: FakeGitHub) -> str:
    return "\n".join([ran.log, ran.summary, str(ran.outputs), *github.bodies(NUMBER)])


@pytest.fixture
def step(github: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    return Step(github, tmp_path, monkeypatch)


@pytest.mark.parametrize("seed", range(6))
def test_in_public_no_place_shows_a_hidden_name(
    step: Step, github: FakeGitHub, tmp_path: Path, seed: int
) -> None:
    names = Names(seed)
    inputs = write(tmp_path, names)
    known = json.loads(baseline_of(tmp_path, inputs))
    digests = {entry["condition"] for entry in known["findings"] if entry.get("condition")}
    known["findings"] = known["findings"][::2]
    github.commit({CONFIG: accepting(names, names.statement()), "known.json": json.dumps(known, indent=1)})
    check_out(step.workspace, {CONFIG: accepting(names, names.statement()), "known.json": "[]"})
    everything: dict[str, Any] = {
        "baseline": "known.json",
        "fail_on": "unused, broad, unobservable",
        "comment": "always",
    }
    ran = step.run(event(github, private=False), debug=True, **inputs, **everything)
    text = shown(ran, github)
    assert "f-role" not in ran.outputs.values() and github.bodies(NUMBER)
    assert "PARAMETER_NAME" in text or "SECRET_NAME" in text or "KEY_ID" in text
    hidden = re.compile("|".join(map(re.escape, names.drawn | digests)), re.IGNORECASE)
    assert [line for line in text.splitlines() if hidden.search(line)] == []
