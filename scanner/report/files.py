"""The report files of a scan: validated, then written, all of them or none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from scanner.output.destination import Destination
from scanner.output.folder import OutputFolder
from scanner.output.lock import locked
from scanner.report.build import excessive_permissions, workload_policies
from scanner.report.records import Report
from scanner.report.schema import json_bytes, plain, report_bytes, validate
from scanner.request import ScanRequest
from scanner.result import ScanResult, nothing_read

REPORT = "report.json"
EXCESSIVE = "excessive_permissions.json"
HTML = "report.html"
REPORTS = frozenset({REPORT, EXCESSIVE, HTML})

_LARGEST_REPORT = 256_000_000  # bytes of an earlier report that is read
_POLICY_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,250}\.policy\.json")


@dataclass(frozen=True)
class WrittenReports:
    """The names of the files that a scan wrote into its folder, by what they are."""

    names: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()

    def described(self, folder: Path) -> list[str]:
        """The files as paths, a line each; policy files together."""
        lines = [str(folder / name) for name in self.names]
        if len(self.policies) > 1:
            lines.append(f"{folder / '*.policy.json'} ({len(self.policies)} files)")
        else:
            lines += [str(folder / name) for name in self.policies]
        return lines


def check_folder(destination: Destination, *more: str) -> None:
    """Raise ScanError where no reports can be written, before anybody waits for a scan; make the folder."""
    with locked(destination) as folder:
        folder.check((*sorted(REPORTS), *more))


@dataclass(frozen=True)
class ReportFiles:
    """The files of a scan, ready to be written.

    `policies` are those of workloads, `others` the rest in the order of writing. `is_empty`: the scan could
    read nothing. `compared`: it would have found what is excessive.
    """

    policies: Mapping[str, bytes]
    others: Mapping[str, bytes]
    is_empty: bool
    compared: bool

    def write_into(self, folder: OutputFolder) -> WrittenReports:
        """Write them into a folder that this run has locked; earlier ones that no longer hold are removed.

        A scan that could read nothing leaves the files of an earlier one alone: without them it would look as
        if all were well. Raises OSError.
        """
        if self.is_empty and folder.holds(REPORT, EXCESSIVE):
            return WrittenReports()
        stale = _stale_policies(folder, self.policies)
        if self.compared and EXCESSIVE not in self.others:
            stale.append(EXCESSIVE)
        folder.write({**self.policies, **self.others}, stale)
        first = [name for name in (REPORT, EXCESSIVE) if name in self.others]
        return WrittenReports(tuple(dict.fromkeys([*first, *self.others])), tuple(self.policies))


def write_reports(
    report: Report,
    result: ScanResult,
    request: ScanRequest,
    destination: Destination,
    more: Mapping[str, bytes] | None = None,
) -> WrittenReports:
    """Write the files of a scan, and more of these names. Raises ScanError where the folder refuses them."""
    files = report_files(report, result, request, more or {})
    with locked(destination) as folder:
        return files.write_into(folder)


def report_files(
    report: Report, result: ScanResult, request: ScanRequest, more: Mapping[str, bytes]
) -> ReportFiles:
    """The files of a scan, validated, and more of these names."""
    policies = {name: json_bytes(policy) + b"\n" for name, policy in workload_policies(result).items()}
    documents: dict[str, Any] = {}
    excessive = excessive_permissions(result, request) if request.compare else ()
    if excessive:
        documents[EXCESSIVE] = plain(excessive)
        validate("excessive_permissions", documents[EXCESSIVE])
    documents[REPORT] = plain(report)  # last: it names the others
    validate("report", documents[REPORT])
    texts = {
        name: (report_bytes if name == REPORT else json_bytes)(document) + b"\n"
        for name, document in documents.items()
    }
    return ReportFiles(
        policies=policies,
        others={**more, **texts},
        is_empty=nothing_read(result, request.compare) is not None,
        compared=request.compare,
    )


class _EarlierReport(msgspec.Struct):
    """What counts of the report of an earlier run; anybody may have written it."""

    policy_files: list[str] = []  # msgspec copies it


def _stale_policies(folder: OutputFolder, policies: Mapping[str, bytes]) -> list[str]:
    """The policy files that the folder's earlier report names and this run does not write."""
    try:
        earlier = msgspec.json.decode(folder.read(REPORT, _LARGEST_REPORT) or b"{}", type=_EarlierReport)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    # some file systems do not distinguish case
    now = {name.lower() for name in policies}
    return [
        name
        for name in dict.fromkeys(earlier.policy_files)
        if _POLICY_FILE.fullmatch(name) and name.lower() not in now
    ]
