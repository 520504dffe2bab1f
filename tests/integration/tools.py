"""Running the command as a user does, and reading what it left behind."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

from scanner.cli import main
from scanner.errors import EXIT_USAGE
from tests.fakes import notes
from tests.fakes.moto_aws import ROOT
from tests.fakes.traces import REGION, Call, Json, Shape, lambda_trace
from tests.reports import expanded

LIMIT_SECONDS = 60
NOTES_TABLE = f"arn:aws:dynamodb:{REGION}:{notes.ACCOUNT}:table/notes"


@dataclass(frozen=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def document(self) -> Any:
        """report.json as it is."""
        return json.loads((self.folder / "report.json").read_text(encoding="utf-8"))

    @cached_property
    def report(self) -> Any:
        """report.json with all of its keys."""
        return expanded(self.document)

    @property
    def excess(self) -> Any:
        """excessive_permissions.json, or None where there is none."""
        path = self.folder / "excessive_permissions.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    @property
    def warnings(self) -> dict[str, int]:
        """The codes of the warnings in report.json, and how often each thing happened."""
        counts: dict[str, int] = {}
        for warning in self.report["scan"]["warnings"]:
            counts[warning["code"]] = counts.get(warning["code"], 0) + warning["count"]
        return counts

    @property
    def warning_texts(self) -> str:
        return "\n".join(warning["message"] for warning in self.report["scan"]["warnings"])

    @property
    def skipped(self) -> dict[str, int]:
        """How many of each kind were skipped; kinds of which none was are left out."""
        return {key: count for key, count in self.report["scan"]["skipped"].items() if count}

    def findings(self, *verdicts: str) -> list[Any]:
        """All findings, or those of some verdicts."""
        found = [finding for role in self.report["roles"] for finding in role["findings"]]
        return [f for f in found if not verdicts or f["verdict"] in verdicts]

    def used(self, workload: str) -> set[tuple[str, str]]:
        """What a workload (its name) was seen to use for sure."""
        return {
            (used["action"], used["resource"])
            for found in self.report["workloads"]
            if found["name"] == workload
            for used in found["used"]
            if used["required"]
        }

    @property
    def last_words(self) -> str:
        """What stderr ends with: what is wrong, a line; with wrong use what to do, on a line of its own."""
        lines = self.err.strip().splitlines()
        return "\n".join(lines[-2:] if self.code == EXIT_USAGE else lines[-1:])

    def ends_with(self, code: int, *texts: str) -> None:
        """The exit code is this, and stderr ends with one clear sentence with these texts."""
        assert self.code == code, self.err + self.out
        for line in self.last_words.splitlines():
            assert line.startswith("xray-privilege-scan: "), self.err
        for text in texts:
            assert text in self.last_words, self.last_words


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of a run: this process's without its AWS settings; no request leaves the machine."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody listens there
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # where nobody listens, asking again only takes time
        **(
            {} if any(key.startswith("AWS_ENDPOINT_URL") for key in more or ()) else {"AWS_MAX_ATTEMPTS": "1"}
        ),
        **(more or {}),
    }


def run(folder: Path, *arguments: object, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ran:
    """The command in this process, with `folder` as the current one. All that it sets is set back.

    Fast: nothing is imported anew. An exception that the command lets through is the test's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as restored, io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8") as given:
        restored.enter_context(chdir(folder))
        restored.enter_context(patch.dict(os.environ, environment(env), clear=True))
        restored.callback(gc.set_threshold, *gc.get_threshold())
        restored.enter_context(patch.object(sys, "stdin", given))
        out = restored.enter_context(redirect_stdout(_stream()))
        err = restored.enter_context(redirect_stderr(_stream()))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends so
            assert isinstance(end.code, int), end
            code = end.code
    return Ran(code, _written(out), _written(err), folder)


def _stream() -> io.TextIOWrapper:
    """Standard output or standard error of a process whose output goes to a pipe."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", newline="")


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "surrogateescape")


def run_process(
    folder: Path, *arguments: object, env: Mapping[str, str] | None = None, stdin: bytes = b""
) -> Ran:
    """The command in a process of its own, otherwise as `run`. It never shows a traceback.

    For what only a process shows: its start, exit code, encodings, signals. It costs half a second of CPU.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "scanner", *map(str, arguments)],
        cwd=folder,
        env=environment(env),
        input=stdin,
        capture_output=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    out = done.stdout.decode("utf-8", "surrogateescape")
    err = done.stderr.decode("utf-8", "surrogateescape")
    assert "Traceback" not in err, err
    return Ran(done.returncode, out, err, folder)


def write_json(path: Path, document: Any) -> Path:
    """Write a JSON file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


# --- the notes application -----------------------------------------------------------------------


def notes_call(verb: str) -> Call:
    """The call that a function of the notes application makes."""
    return Call("DynamoDB", notes.OPERATIONS[verb], {"table_name": "notes"})


def notes_trace(verb: str, start: float, seed: object = "", shape: Shape | None = None) -> Json:
    """One invocation of a function of the notes application."""
    arn = notes.function_arn(verb)
    return lambda_trace(arn, [notes_call(verb)], start, seed=seed, shape=shape or Shape())


def recent_notes_traces(first: float | None = None) -> list[Json]:
    """One trace of each function of the notes application, a few seconds apart."""
    begin = time.time() - 300 if first is None else first
    return [notes_trace(verb, begin + 3 * number) for number, verb in enumerate(notes.OPERATIONS)]


def notes_files(folder: Path) -> tuple[str, ...]:
    """The options that stand for IAM and Lambda: the application, deployed long ago."""
    functions = notes.functions()
    for function in functions["Functions"]:
        function["LastModified"] = "2020-01-01T00:00:00.000+0000"
    iam = write_json(folder / "iam.json", notes.iam())
    listed = write_json(folder / "functions.json", functions)
    return ("-c", "--iam", str(iam), "--functions", str(listed))
