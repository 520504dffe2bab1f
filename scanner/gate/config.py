"""The configuration of a team: what `.github/least-privilege.yml` says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.gate.rules import IgnoreRule
from scanner.mapping.overrides import ExtraUntraced, Operation, ResourceTemplate
from scanner.model import Verdict

if TYPE_CHECKING:
    from scanner.gate.decide import OnInsufficientEvidence

CONFIG_PATH = ".github/least-privilege.yml"
FAIL_ON_NEVER = "never"


@dataclass(frozen=True)
class TeamConfig:
    """A configuration. A value is None where the file does not say: then an option, or its default, counts.

    `fail_on` is empty for "never". `at_least` is the severity from which findings fail,
    "all" for any.
    """

    fail_on: frozenset[Verdict] | None = None
    at_least: str | None = None
    include_unconfirmed: bool | None = None
    insufficient: OnInsufficientEvidence | None = None
    min_traces: int | None = None
    min_observed_days: int | None = None
    grace_days: int | None = None
    assume_instrumented: bool | None = None
    ignores: tuple[IgnoreRule, ...] = ()
    operations: tuple[Operation, ...] = ()
    resources: tuple[ResourceTemplate, ...] = ()
    untraced: tuple[ExtraUntraced, ...] = ()
