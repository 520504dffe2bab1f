"""The reports of four accounts come out byte for byte as before.

A wanted change of what is reported is a commit of its own, which writes `digests.json` anew:
`python -m tests.golden.test_golden`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from scanner.cli import main
from tests.fakes.accounts import account

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = Path(__file__).with_name("digests.json")
RULES = """version: 1
min-traces: 2
ignore:
  - action: sns:*
    reason: orders are published to topics of their own
  - role: app-1*
    action: ec2:*
    reason: an inventory runs once a year
    expires: 2026-01-31
operations:
  - service: Nimbus
    operation: Frobnicate
    requires: [dynamodb:GetItem]
untraced:
  - action: dynamodb:DescribeTable
    kind: may-run-untraced
    reason: read while the code is loaded
"""


class Case(NamedTuple):
    """An account of `functions` functions; none for that of `examples/`."""

    functions: int = 0
    seed: int = 0
    accepted: bool = False


CASES: Mapping[str, Case] = {
    "examples": Case(),
    "sixty": Case(60, 1),
    "three-hundred": Case(300, 2),
    "accepted": Case(40, 3, accepted=True),
}


def _options(case: Case, folder: Path) -> list[str]:
    if not case.functions:
        examples = ROOT / "examples"
        names = {"traces": "traces", "iam": "iam.json", "functions": "functions.json"}
        return [
            "-c",
            *(option for name, file in names.items() for option in (f"--{name}", str(examples / file))),
        ]
    if not case.accepted:
        return account(case.functions, case.seed).write(folder)
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    baseline = ["--baseline", str(folder / "baseline.json")]
    before = account(case.functions // 2, case.seed, odd=True).write(folder)
    assert not main([*before, *baseline, "--update-baseline", "--output-dir", str(folder / "before")])
    options = account(case.functions, case.seed, odd=True).write(folder)
    return [*options, *baseline, "--config", str(folder / "rules.yml")]


def write_reports(name: str, folder: Path) -> Path:
    """Scan an account, and return the folder of its reports. The gate may fail."""
    out = folder / "out"
    assert (
        main([*_options(CASES[name], folder), "--output-dir", str(out), "--markdown", str(out / "report.md")])
        < 2
    )
    return out


def digests_of(folder: Path) -> dict[str, str]:
    """The digests of the JSON reports; one for the policies of all workloads together."""
    policies = hashlib.sha256()
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.name.endswith(".policy.json"):
            policies.update(path.name.encode() + path.read_bytes())
        else:
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found | {"policies": policies.hexdigest()}


@pytest.mark.parametrize("name", CASES)
def test_reports_are_as_before(name: str, tmp_path: Path) -> None:
    expected = json.loads(DIGESTS.read_text(encoding="utf-8"))
    assert digests_of(write_reports(name, tmp_path)) == expected[name]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch)
        found = {}
        for case in CASES:
            (kept / case).mkdir(parents=True, exist_ok=True)
            found[case] = digests_of(write_reports(case, kept / case))
        DIGESTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
