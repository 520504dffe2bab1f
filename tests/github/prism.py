"""Prism as a proxy that holds requests and answers to GitHub's own description of its API.

`npm ci --prefix tools/github` installs it, and the description (@octokit/openapi). Where it is not there,
tests that need it are skipped; with GITHUB_CONTRACT=1 in the environment they fail instead.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

_MODULES = Path(__file__).parents[2] / "tools" / "github" / "node_modules"
_PRISM = _MODULES / "@stoplight" / "prism-cli" / "dist" / "index.js"
_DESCRIPTION = _MODULES / "@octokit" / "openapi" / "generated" / "api.github.com.json"
_LONGEST_START = 120.0
_CONTENTS = "/repos/{owner}/{repo}/contents/"


def is_installed() -> bool:
    """Whether there are node, Prism and the description."""
    return shutil.which("node") is not None and _PRISM.exists() and _DESCRIPTION.exists()


def need() -> None:
    """Skip the test where it cannot run, or fail it where it must."""
    if is_installed():
        return
    missing = "Prism is not installed: npm ci --prefix tools/github"
    if os.environ.get("GITHUB_CONTRACT"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def proxy(upstream: str) -> Iterator[str]:
    """The address of a proxy before `upstream`, which refuses what the description does not allow."""
    port = _free_port()
    with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as folder:
        description = Path(folder) / "api.github.com.json"
        description.write_text(json.dumps(_with_whole_paths(json.loads(_DESCRIPTION.read_bytes()))))
        process = subprocess.Popen(
            ["node", str(_PRISM), "proxy", str(description), upstream, "-p", str(port), "--errors"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _with_whole_paths(description: dict[str, Any]) -> dict[str, Any]:
    """The description with the paths of files written out: the root, and a folder's file.

    GitHub marks the parameter `x-multi-segment`, which Prism does not know.
    """
    paths = description["paths"]
    get = paths[_CONTENTS + "{path}"]["get"]
    path = next(one for one in get["parameters"] if one.get("name") == "path")
    others = [one for one in get["parameters"] if one is not path]
    paths[_CONTENTS] = {"get": {**get, "operationId": "root", "parameters": others}}
    inside = [path, {**path, "name": "inside"}, *others]
    paths[_CONTENTS + "{path}/{inside}"] = {"get": {**get, "operationId": "inside", "parameters": inside}}
    for method, path in (
        ("get", "/repos/{owner}/{repo}/git/ref/"),
        ("delete", "/repos/{owner}/{repo}/git/refs/"),
    ):
        _with_deep_ref(paths, method, path)
    return description


def _with_deep_ref(paths: dict[str, Any], method: str, path: str) -> None:
    """Have a branch with slashes in its name be a path of so many parts."""
    operation = paths[path + "{ref}"][method]
    part = {"in": "path", "required": True, "schema": {"type": "string"}}
    for depth in range(1, 4):
        names = [f"part{number}" for number in range(depth)]
        parameters = [*operation["parameters"], *({**part, "name": name} for name in names)]
        deep = {**operation, "operationId": f"{method}-ref-{depth}", "parameters": parameters}
        paths.setdefault(path + "/".join(["{ref}", *(f"{{{name}}}" for name in names)]), {})[method] = deep


def _wait_for(port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    until = time.monotonic() + _LONGEST_START
    while time.monotonic() < until and process.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except HTTPError:
            return  # it answers
        except (URLError, OSError):
            time.sleep(0.2)
        else:
            return
    log.seek(0)
    raise RuntimeError(f"Prism did not start: {log.read().decode(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
