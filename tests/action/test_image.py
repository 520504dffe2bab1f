"""What the image is made of, and how it starts."""

from __future__ import annotations

import re
import time
import urllib.request
from pathlib import Path

from scripts.prune_image import prune
from tests.action.harness import Job, configuration, run_in, started
from tests.fakes.moto_aws import ROOT


def test_pruning_leaves_the_files_of_all_services_and_the_newest_of_the_kept_models(tmp_path: Path) -> None:
    for name in ("iam/2010-05-08", "iam/2009-01-01", "s3/2006-03-01"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "service-2.json.gz").touch()
        (tmp_path / name / "examples-1.json.gz").touch()
    (tmp_path / "endpoints.json").touch()
    prune(tmp_path, frozenset({"iam"}))
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["endpoints.json", "iam/2010-05-08/service-2.json.gz"]


def test_a_release_finds_what_it_replaces_in_action_yml() -> None:
    assert (ROOT / "action.yml").read_text(encoding="utf-8").count("\n  image: Dockerfile\n") == 1


def test_the_image_runs_as_github_wants_it(image: str) -> None:
    config = configuration(image)
    assert config["Entrypoint"] == ["/venv/bin/python", "-I", "-u", "/app/entrypoint.py"]
    assert not config.get("Cmd")
    assert not config.get("User")
    assert config.get("WorkingDir") in (None, "", "/")
    assert config["Labels"]["org.opencontainers.image.title"] == "xray-privilege-scan"
    assert not any(re.match(r"(INPUT|AWS|GITHUB|PIP|SSL)_", variable) for variable in config["Env"])


def test_the_command_line_is_in_the_image_for_others_than_github(image: str) -> None:
    assert "explain" in run_in(image, "xray-privilege-scan", "--help")


def test_a_watch_in_the_image_scans_serves_and_ends_when_it_is_stopped(image: str, tmp_path: Path) -> None:
    words = [
        *("watch", "--every", "10s", "--listen", "127.0.0.1:0", "--output-dir", "/reports"),
        *("--traces", "/examples/traces", "--iam", "/examples/iam.json"),
        *("--functions", "/examples/functions.json"),
    ]
    with started(image, words, {"/examples": ROOT / "examples", "/reports": tmp_path}) as container:
        assert container.process.stdout
        places = (re.search(r"http://[0-9.]+:[0-9]+", line) for line in container.process.stdout)
        place = next(match[0] for match in places if match)
        until = time.monotonic() + 60
        while b'scans_total{outcome="success"} 2.0' not in got(f"{place}/metrics"):
            assert time.monotonic() < until
            time.sleep(0.5)
        assert b'"status":"ok"' in got(f"{place}/healthz")
        assert got(place) == (tmp_path / "report.html").read_bytes()
        began = time.monotonic()
        container.stop()
        rest, _ = container.process.communicate(timeout=30)
    assert container.process.returncode == 0, rest
    assert "xray-privilege-scan: ended\n" in rest
    assert time.monotonic() - began < 10  # docker kills after so long


def got(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        content: bytes = response.read()
    return content


def test_the_first_line_of_the_log_comes_at_once(image: str, tmp_path: Path) -> None:
    ran = Job(image, tmp_path).run({"fail-on": "nonsense"})
    assert ran.log.startswith("xray-privilege-scan")
    # it is to be under a second; a busy machine that runs tests gets some more
    assert ran.first_line_after < 3


def test_neither_the_workflow_s_python_settings_nor_modules_in_the_workspace_change_what_runs(
    image: str, tmp_path: Path
) -> None:
    job = Job(image, tmp_path)
    job.workspace.mkdir()
    for name in ("scanner", "boto3", "argparse", "orjson", "sitecustomize"):
        (job.workspace / f"{name}.py").write_text(
            "print('hijacked')\nraise SystemExit(0)\n", encoding="utf-8"
        )
    hostile = {"PYTHONPATH": "/github/workspace", "PYTHONSTARTUP": "scanner.py", "PYTHONWARNINGS": "error"}
    ran = job.run({"fail-on": "nonsense"}, env=hostile)
    assert "hijacked" not in ran.log
    assert ran.code == 2
