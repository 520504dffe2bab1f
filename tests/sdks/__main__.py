"""Runs every capture: `make sdk-fixtures`, or `python -m tests.sdks NAME...` for some of them."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

from tests.sdks.environments import HERE, INSTALLED, Capture, Ports, captures, environment, written_by_lambda
from tests.sdks.sink import Sent, Sink, collecting
from tests.sdks.stand_in import seed, standing_in
from tests.sdks.steady import steady

ROOT = HERE.parents[1]
OUTPUT = ROOT / "tests" / "data" / "sdks"
_QUIET_SECONDS = 1.0
# the application says how a call ended that should have ended otherwise; the SDKs say much more
_TELLS = re.compile(r"failed|went well").match


def main(names: list[str]) -> int:
    """Capture those that are named, all where none is."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    chosen = [capture for capture in captures() if not names or capture.name in names]
    with standing_in() as (application, port):
        for capture in chosen:
            application.on_instance = capture.on_instance
            seed(port)
            with collecting() as sink:
                failed = _run(capture, Ports(port, sink.port))
                values = [*written_by_lambda(capture), *_values(_all_of(sink))]
            lines = steady(values, capture.name)
            (OUTPUT / capture.file).write_text("".join(f"{line}\n" for line in lines))
            print(f"{capture.name}: {len(lines)} lines", flush=True)
            if failed or not lines:
                return 1
    return 0


def _run(capture: Capture, ports: Ports) -> int:
    if capture.language == "python":
        binaries = INSTALLED / capture.sdk / "bin"
        instrument = [] if capture.sdk == "xray" else [str(binaries / "opentelemetry-instrument")]
        command = [*instrument, str(binaries / "python"), "run.py"]
    else:
        command = ["node", "run.js"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    variables = {**kept, **environment(capture, ports)}
    where = HERE / capture.language
    done = subprocess.run(command, cwd=where, env=variables, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).splitlines()
    for line in said if done.returncode else filter(_TELLS, said):
        print(f"{capture.name}: {line}", file=sys.stderr)
    return done.returncode


def _all_of(sink: Sink) -> list[Sent]:
    """What arrived, once nothing more does."""
    count = -1
    while count != len(sink.sent):
        count = len(sink.sent)
        time.sleep(_QUIET_SECONDS)
    return list(sink.sent)


def _values(messages: Iterable[Sent]) -> Iterable[Any]:
    """The messages as JSON."""
    protobuf = []
    for form, content in messages:
        if form in ("json", "segment"):
            yield json.loads(content)
        else:
            protobuf.append(base64.b64encode(content).decode() if form == "protobuf" else content.decode())
    if protobuf:
        command = [str(INSTALLED / "otel" / "bin" / "python"), str(HERE / "python" / "decode.py")]
        text = "\n".join(protobuf)
        decoded = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        yield from map(json.loads, decoded.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
