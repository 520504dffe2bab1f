"""Asks AWS all that a diagnosis takes."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.aws.api import Aws
from scanner.aws.ask import Failure
from scanner.doctor.diagnosis import Diagnosis, unreachable
from scanner.doctor.observe import Functions, functions_of, spans_of, traces_of
from scanner.doctor.probes import asked, check_rights, not_asked
from scanner.mapping.partitions import partition_of
from scanner.traces.xray_requests import transaction_search


def diagnose(aws: Aws, regions: Sequence[str], now: float, options: Sequence[str] = ()) -> Diagnosis:
    """What a scan of some regions would find; rights are tried in the first of them. Raises ScanError.

    `options` are those of the command to run.
    """
    first = regions[0]
    functions: dict[str, Functions | Failure] = {
        region: functions_of(aws.functions(region)) for region in regions
    }
    traces = {region: traces_of(aws.xray(region), now) for region in regions}
    of_first = functions[first]
    why = unreachable([*functions.values(), *traces.values()])
    if why:
        return Diagnosis(not_asked(why), functions, traces, options=tuple(options))
    example = Functions() if isinstance(of_first, Failure) else of_first
    of = asked(first, partition_of(first) or "aws", example.example, example.role, now)
    elsewhere = {region: transaction_search(aws.xray(region)) for region in regions}
    return Diagnosis(
        rights=check_rights(aws, of),
        functions=functions,
        traces=traces,
        elsewhere=elsewhere,
        spans={region: spans_of(aws.logs(region), now) for region, on in elsewhere.items() if on is True},
        options=tuple(options),
    )
