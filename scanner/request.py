"""What is asked of a scan, and the clients that it may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scanner.gate.baseline import Baseline
from scanner.gate.config import Config
from scanner.model import EXCESS, Verdict
from scanner.traces.segments import name_of
from scanner.verdict.reasons import Standard

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.client import CloudTrailClient
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_iam.client import IAMClient
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_xray.client import XRayClient


class Stack(NamedTuple):
    """A CloudFormation stack with those nested in it: the names of its functions, and its logical ids.

    `logical_ids` maps physical names to "Stack/LogicalId".
    """

    functions: tuple[str, ...]
    logical_ids: Mapping[str, str]


class Aws(Protocol):
    """The clients of a scan, made when they are asked for."""

    def xray(self, region: str) -> XRayClient:
        """The X-Ray client of a region."""

    def iam(self) -> IAMClient:
        """The client of the account."""

    def functions(self, region: str) -> LambdaClient:
        """The Lambda client of a region."""

    def cloudtrail(self, region: str) -> CloudTrailClient:
        """The CloudTrail client of a region."""

    def cloudwatch(self, region: str) -> CloudWatchClient:
        """The CloudWatch client of a region."""

    def stack(self, name: str) -> Stack:
        """A CloudFormation stack. Raises ScanError."""

    def region(self) -> str:
        """The region that is configured. Raises ScanError where there is none."""


@dataclass(frozen=True)
class Request:
    """What is to be scanned. Times are Unix seconds; the window counts for the X-Ray API only.

    `iam` and `functions` are parsed files that stand for the answers of AWS. `regions` are those to
    scan, none for the configured one. `evidence` names sources beside the traces (`evidence.beside.SOURCES`).
    `accountable` are the verdicts that a baseline holds. `logical_ids` are those of `Stack`. `today` is the
    date in UTC, None where no rule has an end.
    """

    start: float = 0.0
    end: float = 0.0
    now: float = 0.0
    filter: str | None = None
    compare: bool = False
    traces: tuple[Path, ...] = ()
    trace_ids: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    iam: Any = None
    functions: Any = None
    wait: float = 0.0
    workloads: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()
    logical_ids: Mapping[str, str] = field(default_factory=dict)
    evidence: frozenset[str] = frozenset()
    standard: Standard = field(default_factory=Standard)
    config: Config = field(default_factory=Config)
    config_name: str = ""
    baseline: Baseline | None = None
    accountable: frozenset[Verdict] = frozenset(EXCESS)
    today: date = date.min


def with_stacks(request: Request, aws: Aws) -> Request:
    """The request with the functions of its stacks among its workloads. Raises ScanError."""
    stacks = [aws.stack(name) for name in request.stacks]
    names = [escape(name) for stack in stacks for name in stack.functions]
    logical_ids = {physical: logical for stack in stacks for physical, logical in stack.logical_ids.items()}
    return replace(
        request,
        workloads=(*request.workloads, *names),
        stacks=(),
        logical_ids={**request.logical_ids, **logical_ids},
    )


def is_wanted(arn: str, globs: Sequence[str]) -> bool:
    """Whether the findings of a workload are asked for: one of the globs fits its name or its ARN."""
    return not globs or any(fnmatchcase(name_of(arn), glob) or fnmatchcase(arn, glob) for glob in globs)
