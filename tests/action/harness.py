"""Runs the built image as GitHub's runner runs a container action.

    job = Job(image, tmp_path, env=aws.environment(), token=fake.token, api_url=fake.url)
    ran = job.run({"fail-on": "never"}, event=pull_request(7))
    assert ran.code == 0

What the runner does, and this does: it mounts the workspace, the runner's own folders and its files, fills in
the defaults of action.yml, hands inputs on as `INPUT_FAIL-ON`, takes standard output and standard error as
one log, and reads workflow commands and the output files afterwards.
github.com/actions/runner: src/Runner.Worker/Handlers/ContainerActionHandler.cs, ActionCommand.cs
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.fakes.moto_aws import ROOT

REPOSITORY = "acme/notes"
SHA = "1f2e3d4c5b6a79880716253443526170f8e9dacb"
NOWHERE = "http://127.0.0.1:9"  # nobody listens there
RUN_ID = 9_000_000_001
ACTOR = "octocat"
RUNNER_UID = 1001  # the account that owns the workspace on GitHub's machines

_LIMIT_SECONDS = 120
_COMMAND = re.compile(r"::(?P<name>[a-z-]+)(?: (?P<properties>.*?))?::(?P<data>.*)")
# what buildah adds to the log of a program that failed
_BUILDAH_S_OWN = re.compile(r"(?:subprocess exited with status \d+\n)*(?:Error: exit status \d+\n)\Z")
_LINE_END = re.compile(r"\r\n|\r|\n")  # as .NET reads lines
_OLD_COMMAND = re.compile(r"##\[[^\]]*\]")

Json = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """What started the workflow: the event's name and its payload."""

    name: str
    payload: Json


@dataclass(frozen=True)
class Command:
    """A workflow command, as the runner understands it."""

    name: str
    properties: Mapping[str, str]
    data: str


@dataclass(frozen=True)
class Ran:
    """What a step left behind."""

    code: int
    log: str
    first_line_after: float
    outputs: Mapping[str, str]
    summary: str
    workspace: Path

    @property
    def commands(self) -> list[Command]:
        """The workflow commands of the log."""
        return [command for line in _LINE_END.split(self.log) for command in _commands(line)]

    def annotations(self, *levels: str) -> list[Command]:
        """The annotations of the log."""
        wanted = levels or ("error", "warning", "notice")
        return [command for command in self.commands if command.name in wanted]

    def file(self, output: str) -> Any:
        """The JSON file whose path is an output."""
        return json.loads((self.workspace / self.outputs[output]).read_text(encoding="utf-8"))


@dataclass
class Job:
    """A job of a workflow run: where its steps run, and what the runner tells them."""

    image: str
    folder: Path
    api_url: str = NOWHERE
    graphql_url: str = f"{NOWHERE}/graphql"
    env: Mapping[str, str] = field(default_factory=dict)
    token: str = "ghs_none"
    name: str = "test"
    workflow: str = "CI"
    debug: bool = False

    @property
    def workspace(self) -> Path:
        """The checkout, on this side of the mount."""
        return self.folder / "workspace"

    def run(
        self,
        inputs: Mapping[str, str] | None = None,
        *,
        event: Event | None = None,
        run_id: int = RUN_ID,
        attempt: int = 1,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """The action, as a step of this job. `env` is what the workflow or an earlier step set."""
        event = event or pull_request()
        files = self._prepare(event.payload)
        variables = {
            **self.env,
            **(env or {}),
            **self._github(event.name, run_id, attempt),
            **_inputs(inputs or {}, self.token),
        }
        mounts = {
            "/github/home": self.folder / "home",
            "/github/workflow": self.folder / "workflow",
            "/github/file_commands": self.folder / "file_commands",
            "/github/runner_temp": self.folder / "temp",
            "/github/workspace": self.workspace,
        }
        code, log, first = _execute(self.image, mounts, variables)
        return Ran(
            code,
            log,
            first,
            _key_values(files["output"].read_text(encoding="utf-8")),
            files["summary"].read_text(encoding="utf-8"),
            self.workspace,
        )

    def _prepare(self, event: Json) -> dict[str, Path]:
        for name in ("workspace", "home", "workflow", "file_commands", "temp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            os.chown(self.workspace, RUNNER_UID, RUNNER_UID)
        (self.folder / "workflow" / "event.json").write_text(json.dumps(event), encoding="utf-8")
        files = {name: self.folder / "file_commands" / name for name in ("output", "summary", "env", "path")}
        for path in files.values():
            path.write_text("", encoding="utf-8")
        return files

    def _github(self, event_name: str, run_id: int, attempt: int) -> dict[str, str]:
        owner = REPOSITORY.partition("/")[0]
        return {
            "CI": "true",
            "HOME": "/github/home",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": ACTOR,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_BASE_REF": "main",
            "GITHUB_ENV": "/github/file_commands/env",
            "GITHUB_EVENT_NAME": event_name,
            "GITHUB_EVENT_PATH": "/github/workflow/event.json",
            "GITHUB_GRAPHQL_URL": self.graphql_url,
            "GITHUB_HEAD_REF": "less-rights",
            "GITHUB_JOB": self.name,
            "GITHUB_OUTPUT": "/github/file_commands/output",
            "GITHUB_PATH": "/github/file_commands/path",
            "GITHUB_REF": "refs/pull/7/merge" if event_name == "pull_request" else "refs/heads/main",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_REPOSITORY_OWNER": owner,
            "GITHUB_RUN_ATTEMPT": str(attempt),
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_NUMBER": "17",
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": SHA,
            "GITHUB_STEP_SUMMARY": "/github/file_commands/summary",
            "GITHUB_TRIGGERING_ACTOR": ACTOR,
            "GITHUB_WORKFLOW": self.workflow,
            "GITHUB_WORKSPACE": "/github/workspace",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": "/github/runner_temp",
            **({"RUNNER_DEBUG": "1"} if self.debug else {}),
        }


def repository(*, private: bool = True) -> Json:
    """The repository as an event's payload holds it."""
    return {
        "full_name": REPOSITORY,
        "private": private,
        "visibility": "private" if private else "public",
        "default_branch": "main",
    }


def pull_request(number: int = 7, *, fork: bool = False, private: bool = True) -> Event:
    """A `pull_request` event, with as much of its payload as says where it came from."""
    base = repository(private=private)
    head: Json = base | ({"full_name": "mallory/notes", "fork": True} if fork else {})
    payload: Json = {
        "action": "synchronize",
        "number": number,
        "pull_request": {
            "number": number,
            "state": "open",
            "head": {"ref": "less-rights", "sha": SHA, "repo": head},
            "base": {"ref": "main", "sha": "0" * 39 + "1", "repo": base},
        },
        "repository": base,
        "sender": {"login": ACTOR, "type": "User"},
    }
    return Event("pull_request", payload)


# --- as the runner does --------------------------------------------------------------------------


def _inputs(given: Mapping[str, str], token: str) -> dict[str, str]:
    """The inputs' variables: of each input that action.yml names, empty where it is not set."""
    known = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    strange = set(given) - set(known)
    assert not strange, f"action.yml has no input {', '.join(strange)}"
    values = {name: str(given.get(name, (entry or {}).get("default", ""))) for name, entry in known.items()}
    # names become upper case and spaces `_`; hyphens stay
    return {
        f"INPUT_{name.replace(' ', '_').upper()}": value.replace("${{ github.token }}", token)
        for name, value in values.items()
    }


def _commands(line: str) -> Iterator[Command]:
    for old in _OLD_COMMAND.finditer(line):
        yield Command(old.group(), {}, "")
    match = _COMMAND.fullmatch(line.lstrip())
    if match:
        pairs = (pair.partition("=") for pair in (match["properties"] or "").split(",") if pair)
        properties = {key: _unescaped(value, ":", ",") for key, _, value in pairs}
        yield Command(match["name"], properties, _unescaped(match["data"]))


def _unescaped(text: str, *more: str) -> str:
    for char in (*more, "\r", "\n", "%"):
        text = text.replace(f"%{ord(char):02X}", char)
    return text


def _key_values(text: str) -> dict[str, str]:
    """A file of `name=value` and of `name<<END`, value, `END`."""
    outputs, lines = {}, iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        plain, several = line.find("="), line.find("<<")
        if several >= 0 and (plain < 0 or several < plain):
            name, _, end = line.partition("<<")
            value = []
            for inner in lines:
                if inner == end:
                    break
                value.append(inner)
            else:
                raise AssertionError(f"the output {name} does not end")
            outputs[name] = "\n".join(value)
        else:
            assert plain > 0, f"not an output: {line!r}"
            outputs[line[:plain]] = line[plain + 1 :]
    return outputs


# --- containers ----------------------------------------------------------------------------------


@cache
def _has_docker() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _execute(image: str, mounts: Mapping[str, Path], variables: Mapping[str, str]) -> tuple[int, str, float]:
    """Run the image; exit code, log, and the seconds until the log's first line."""
    options = [option for there, here in mounts.items() for option in ("-v", f"{here}:{there}")]
    options += [option for name, value in variables.items() for option in ("-e", f"{name}={value}")]
    with _command_of(image, options) as command:
        started, first, lines = time.monotonic(), 0.0, []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            assert process.stdout
            for line in process.stdout:
                first = first or time.monotonic() - started
                lines.append(line)
            code = process.wait(_LIMIT_SECONDS)
    return code, _BUILDAH_S_OWN.sub("", b"".join(lines).decode("utf-8", "replace")), first


@contextmanager
def _command_of(image: str, options: list[str], words: Sequence[str] = ()) -> Iterator[list[str]]:
    """The command that runs a fresh container, with words for its entry point."""
    if _has_docker():
        yield [
            *("docker", "run", "--rm", "--network", "host", "--workdir", "/github/workspace"),
            *options,
            image,
            *words,
        ]
        return
    container = _buildah("from", "--pull-never", image)
    try:
        yield [
            *("buildah", "run", "--isolation", "chroot", "--network", "host"),
            *("--workingdir", "/github/workspace"),
            *options,
            *(container, "--", *_entrypoint(image), *words),
        ]
    finally:
        _buildah("rm", container)


def run_in(image: str, *command: str) -> str:
    """What a command in the image prints, in the place of its entry point. It must end with 0."""
    if _has_docker():
        run = ["docker", "run", "--rm", "--entrypoint", command[0], image, *command[1:]]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout
    container = _buildah("from", "--pull-never", image)
    try:
        return _buildah("run", "--isolation", "chroot", container, "--", *command)
    finally:
        _buildah("rm", container)


@contextmanager
def started(image: str, words: Sequence[str], mounts: Mapping[str, Path]) -> Iterator[Started]:
    """The image, run as others than GitHub do: with words for the command line, in the background."""
    options = [option for there, here in mounts.items() for option in ("-v", f"{here}:{there}")]
    name = f"xps-test-{os.getpid()}"
    named = ["--name", name] if _has_docker() else []
    with (
        _command_of(image, [*named, *options], words) as command,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        container = Started(process, name if _has_docker() else "")
        try:
            yield container
        finally:
            if process.poll() is None:
                container.stop()
                process.kill()


@dataclass(frozen=True)
class Started:
    """A container that runs."""

    process: subprocess.Popen[str]
    name: str

    def stop(self) -> None:
        """Send SIGTERM to its first process, as `docker stop` and Kubernetes do."""
        if self.name:
            subprocess.run(
                ["docker", "kill", "--signal", "TERM", self.name], check=False, capture_output=True
            )
            return
        for pid in _descendants(self.process.pid):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if command[0] == b"/venv/bin/python":
                os.kill(pid, signal.SIGTERM)


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):  # any thread may have started them
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)


@cache
def _entrypoint(image: str) -> tuple[str, ...]:
    config = configuration(image)
    return (*config["Entrypoint"], *(config.get("Cmd") or ()))


@cache
def configuration(image: str) -> Json:
    """The image's configuration: Entrypoint, Env, User, WorkingDir, Labels."""
    if _has_docker():
        shown = subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=True).stdout
        config: Json = json.loads(shown)[0]["Config"]
    else:
        config = json.loads(_buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
    return config


def _buildah(*arguments: str) -> str:
    done = subprocess.run(["buildah", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
