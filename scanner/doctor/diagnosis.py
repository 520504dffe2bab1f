"""What a scan would find, in lines, and the command to run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from scanner import REPOSITORY
from scanner.aws.ask import Failure
from scanner.aws.rights import rights
from scanner.doctor.observe import DAY_HOURS, Functions, Spans, Traces
from scanner.doctor.probes import Answered, why_unanswered
from scanner.text.escape import counted
from scanner.traces.insights.cost import shown_gb
from scanner.traces.insights.source import GROUP

_TRACES = ("xray:GetTraceSummaries", "xray:BatchGetTraces")
_SPANS = ("logs:StartQuery", "logs:GetQueryResults")
_DOCS = f"{REPOSITORY}/blob/main/docs"
_PLACE = (
    f"{_DOCS}/aws-permissions.md has the policy to paste, {REPOSITORY}/tree/main/examples/scanner-role "
    "a role that is ready"
)


@dataclass(frozen=True)
class Diagnosis:
    """What was seen: of each region its functions and traces, and whether Transaction Search is on there.

    `spans` are of those where it is on, None where their log group is not there (yet).
    """

    rights: Mapping[str, Answered]
    functions: Mapping[str, Functions | Failure]
    traces: Mapping[str, Traces | Failure]
    elsewhere: Mapping[str, bool | Failure] = field(default_factory=dict)
    spans: Mapping[str, Spans | Failure | None] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    @property
    def hours(self) -> int | None:
        """How many hours back traces are known that may be read, None where there are none."""
        return max((*self._hours_of_traces, *self._hours_of_spans), default=None)

    @property
    def can_scan(self) -> bool:
        """Whether a scan would find traces that it may read."""
        return self.hours is not None

    @property
    def has_traces(self) -> bool:
        """Whether there are traces, or may be, whether they may be read or not."""
        listed = (isinstance(traces, Failure) or traces.listed for traces in self.traces.values())
        return any(listed) or any(spans is not None for spans in self.spans.values())

    @property
    def _hours_of_traces(self) -> list[int]:
        if self._is_denied(*_TRACES):
            return []
        return [t.hours for t in self.traces.values() if isinstance(t, Traces) and t.listed]

    @property
    def _hours_of_spans(self) -> list[int]:
        if self._is_denied(*_SPANS):
            return []
        # where Transaction Search is on, spans are there, whether the log group may be looked at or not
        there = (spans for spans in self.spans.values() if spans is not None)
        return [spans.hours if isinstance(spans, Spans) else DAY_HOURS for spans in there]

    @property
    def can_compare(self) -> bool:
        """Whether it could compare them with roles."""
        needed = (right.action for right in rights() if right.required and right.action.startswith("iam:"))
        listable = not self._is_denied("lambda:ListFunctions")
        return not self._is_denied(*needed) and (
            listable or not self._is_denied("lambda:GetFunctionConfiguration")
        )

    def _is_denied(self, *actions: str) -> bool:
        return any(self.rights[action].state == "denied" for action in actions if action in self.rights)

    @property
    def command(self) -> tuple[str, ...]:
        """The command to run, word by word."""
        mode = () if self.can_compare else ("--usage-only",)
        return ("xray-privilege-scan", *mode, "-r", f"{self.hours}h", *self.options)


def unreachable(answers: Iterable[object]) -> str:
    """Why AWS could not be reached at all, and what to do; empty where any answer came."""
    failures = [answer.unreachable if isinstance(answer, Failure) else "" for answer in answers]
    return failures[0] if failures and all(failures) else ""


def lines_of(diagnosis: Diagnosis) -> list[str]:
    """All of it, a line each, what to do last."""
    gap = [] if _why_nothing(diagnosis) else [""]
    return [*findings_of(diagnosis), *gap, *_what_to_do(diagnosis)]


def findings_of(diagnosis: Diagnosis) -> list[str]:
    """What there is, a line each."""
    if _why_nothing(diagnosis):
        return [f"Rights: not asked ({counted(len(diagnosis.rights), 'right')})"]
    return ["Rights", *(f"  {line}" for line in _of_rights(diagnosis)), *_of_regions(diagnosis)]


def _why_nothing(diagnosis: Diagnosis) -> str:
    return unreachable([*diagnosis.functions.values(), *diagnosis.traces.values()])


def _of_rights(diagnosis: Diagnosis) -> Iterator[str]:
    by_cost: dict[str, list[str]] = {}
    by_detail: dict[tuple[str, str], list[str]] = {}
    for right in rights():
        answered = diagnosis.rights[right.action]
        if answered.state == "denied":
            by_cost.setdefault(right.adds, []).append(right.action)
        elif answered.state != "allowed":
            by_detail.setdefault((answered.state, answered.detail), []).append(right.action)
    for (state, detail), actions in by_detail.items():
        yield f"{state}  {', '.join(actions)}: {detail}"
    for adds, actions in by_cost.items():
        yield f"missing  {', '.join(actions)}: {adds}"
    allowed = sum(answered.state == "allowed" for answered in diagnosis.rights.values())
    yield f"{allowed} of {counted(len(diagnosis.rights), 'right')} {'is' if allowed == 1 else 'are'} there"
    if by_cost:
        yield _PLACE


def _of_regions(diagnosis: Diagnosis) -> Iterator[str]:
    for region in diagnosis.traces:
        yield ""
        yield f"Region {region}"
        yield f"  {_of_functions(diagnosis.functions[region])}"
        is_on = diagnosis.elsewhere.get(region, False)
        yield from (f"  {line}" for line in _of_traces(diagnosis.traces[region], elsewhere=is_on is True))
        yield f"  {_of_search(is_on)}"
        if region in diagnosis.spans:
            yield f"  {_of_spans(diagnosis.spans[region])}"


def _of_functions(functions: Functions | Failure) -> str:
    if isinstance(functions, Failure):
        why = _why(functions, "lambda:ListFunctions")
        return f"Functions: unknown ({why})"
    if not functions.number:
        return "Functions: none"
    if functions.traced == functions.number:
        return f"Functions: {functions.number:,}, all with active tracing"
    return (
        f"Functions: {functions.number:,}, of which {functions.traced:,} with active tracing: turn it on for "
        "the others (their TracingConfig), or they are traced only where their callers are"
    )


def _why(failure: Failure, action: str) -> str:
    """Why there is no answer, in a line."""
    if failure.denied:
        return f"{action} is denied"
    return failure.unreachable or why_unanswered(failure)


def _time(hours: int) -> str:
    return f"{hours} hours" if hours <= 48 else f"{-(-hours // 24)} days"


def _of_traces(traces: Traces | Failure, *, elsewhere: bool) -> Iterator[str]:
    if isinstance(traces, Failure):
        why = _why(traces, f"xray:{traces.operation}")
        yield f"Traces: unknown ({why})"
        return
    if not traces.listed and elsewhere:
        yield f"Traces: none in X-Ray in the last {_time(traces.hours)}"
        return
    if not traces.listed:
        yield f"Traces: none in the last {_time(traces.hours)}: run the functions, with active tracing"
        return
    yield f"Traces: {traces.listed:,} or more in the last {_time(traces.hours)}"
    if traces.with_calls:
        yield f"AWS calls: in {traces.with_calls:,} of {counted(traces.read, 'trace')} that were looked at"
    else:
        yield (
            f"AWS calls: in none of {counted(traces.read, 'trace')} that were looked at: the clients of the "
            f"functions are probably not instrumented, so that nothing can be confirmed ({_DOCS}/evidence.md)"
        )
    named = ", ".join(f"{name} ({counted(number, 'document')})" for name, number in traces.sdks.items())
    yield f"SDK or layer: {named or 'none is named in them'}"
    kinds = ", ".join(f"{kind} ({number:,})" for kind, number in traces.kinds.items())
    yield f"Workloads: {kinds or 'none is named in them'}"


def _of_search(elsewhere: bool | Failure) -> str:
    if isinstance(elsewhere, Failure):
        why = _why(elsewhere, "xray:GetTraceSegmentDestination")
        return f"Transaction Search: unknown ({why})"
    if elsewhere:
        return (
            "Transaction Search: on. Spans are read by Logs Insights, which bills what it reads; X-Ray's API "
            "shows only the traces that are indexed (1% by default)"
        )
    return "Transaction Search: off, so that X-Ray's API shows all traces"


def _of_spans(spans: Spans | Failure | None) -> str:
    if isinstance(spans, Failure):
        why = _why(spans, "logs:DescribeLogGroups")
        return f"Spans: unknown ({why})"
    if spans is None:
        return f"Spans: none yet, there is no log group {GROUP}"
    since = datetime.fromtimestamp(spans.since, UTC).strftime("%Y-%m-%d")
    return f"Spans: {shown_gb(spans.gb)} in {GROUP}, of {since} and later"


def _what_to_do(diagnosis: Diagnosis) -> Iterator[str]:
    if not diagnosis.can_scan:
        yield unable(diagnosis)
        return
    if not diagnosis.can_compare:
        yield "Roles cannot be read: only what was used can be reported."
    yield f"Run: {shlex.join(diagnosis.command)}"


def unable(diagnosis: Diagnosis) -> str:
    """Why no scan can run."""
    why = _why_nothing(diagnosis)
    if why:
        return f"No scan can run: {why}."
    if not diagnosis.has_traces:
        return "No scan can run: there are no traces yet. Turn active tracing on, run functions, ask again."
    return "No scan can run: traces cannot be read. Allow what is missing above, then ask again."
