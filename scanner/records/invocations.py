"""CloudWatch's count of a function's invocations, of which the traces show some.

`Invocations` counts each run of the code, failed ones too, throttled requests not
(docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html). With the dimension FunctionName alone it
is the sum of all versions and aliases (docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html).
Minutes that just passed may still be missing. CloudWatch bills GetMetricData by the metric.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from scanner.aws.ask import THREADS, Question, UnreadError, ask
from scanner.errors import Warnings
from scanner.model import region_of
from scanner.model.workloads import workload_kind, workload_name

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient

QUERIES = 500  # docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
_MOST_PAGES = 1000
_DAY = 86400.0
_HOUR = 3600.0

# Data points of a minute are kept 15 days, of 5 minutes 63 days, of an hour 455 days; a request that begins
# earlier than that finds none of the finer ones. Less an hour each, for what passes until AWS is asked.
# docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html (StartTime, MetricStat)
_BY_AGE = ((15 * _DAY - _HOUR, 60), (63 * _DAY - _HOUR, 300))
# Long windows are counted coarsely: a month by the minute would be 43,200 data points for each function.
_BY_LENGTH = ((_DAY, 60), (7 * _DAY, 300))
_LONGEST_PERIOD = 3600


class MetricWindow(NamedTuple):
    """What is counted: from `start` to `end` (Unix seconds, `end` excluded), in steps of `period` seconds."""

    start: int
    end: int
    period: int


def window_of(start: float, end: float, now: float) -> MetricWindow:
    """The least window that holds `start` to `end` and that CloudWatch can count. Pure.

    CloudWatch counts whole periods: both ends move outwards to the next full minute, of long windows and of
    old ones to the next five minutes or hour.
    """
    period = max(_period(_BY_AGE, now - start), _period(_BY_LENGTH, end - start))
    return MetricWindow(math.floor(start / period) * period, math.ceil(end / period) * period, period)


def _period(steps: Iterable[tuple[float, int]], seconds: float) -> int:
    return next((period for most, period in steps if seconds <= most), _LONGEST_PERIOD)


def read_invocations(
    client_of_region: Callable[[str], CloudWatchClient],
    functions: Sequence[str],
    window: MetricWindow,
    warnings: Warnings,
) -> dict[str, int]:
    """How often functions (by ARN) ran in a window of `window_of`.

    A function is missing where its count could not be read to the end: 0 is never a guess. CloudWatch knows
    no functions of other accounts: one that was traced but "never" ran may be such a one. Needs
    cloudwatch:GetMetricData. Raises ScanError where the credentials are refused.
    """
    by_region: dict[str, list[str]] = {}
    for arn in dict.fromkeys(functions):
        if workload_kind(arn) == "lambda":
            by_region.setdefault(region_of(arn), []).append(arn)
    chunks = [
        (region, arns[at : at + QUERIES])
        for region, arns in sorted(by_region.items())
        for at in range(0, len(arns), QUERIES)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        counted = pool.map(lambda chunk: _count(client_of_region, chunk, window, warnings), chunks)
        return {arn: count for counts in counted for arn, count in counts.items()}


def _count(
    client_of_region: Callable[[str], CloudWatchClient],
    chunk: tuple[str, Sequence[str]],
    window: MetricWindow,
    warnings: Warnings,
) -> dict[str, int]:
    region, arns = chunk
    question = Question(
        action="cloudwatch:GetMetricData",
        means="how many of the invocations were traced is not known",
        code="invocations-unread",
        what=f"the number of invocations in {region}",
    )

    def count() -> dict[str, int]:
        return _summed(_pages(client_of_region(region), arns, window), arns)

    counts = ask(question, count, warnings)
    if counts is None:
        return {}
    missing = len(arns) - len(counts)
    if missing:
        warnings.add(question.code, f"{question.what} could not be read of {missing} functions", missing)
    return counts


def _pages(
    client: CloudWatchClient, arns: Sequence[str], window: MetricWindow
) -> Iterator[Mapping[str, Any]]:
    request: dict[str, Any] = {
        "MetricDataQueries": [
            {
                "Id": f"f{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": "Invocations",
                        "Dimensions": [{"Name": "FunctionName", "Value": workload_name(arn)}],
                    },
                    "Period": window.period,
                    "Stat": "Sum",
                },
            }
            for number, arn in enumerate(arns)
        ],
        "StartTime": datetime.fromtimestamp(window.start, UTC),
        "EndTime": datetime.fromtimestamp(window.end, UTC),
    }
    for _ in range(_MOST_PAGES):
        page: Mapping[str, Any] = client.get_metric_data(**request)
        yield page
        if not page.get("NextToken"):
            return
        request["NextToken"] = page["NextToken"]
    raise UnreadError("the answer has no end")


def _summed(pages: Iterable[Mapping[str, Any]], arns: Sequence[str]) -> dict[str, int]:
    """The sums of all pages, of the functions whose data are complete.

    No data point is no invocation only there: the status of the last page that names a function counts
    (docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html).
    """
    sums: dict[str, float] = {}
    statuses: dict[str, Any] = {}
    for page in pages:
        for result in page.get("MetricDataResults") or ():
            number = str(result.get("Id"))
            sums[number] = sums.get(number, 0.0) + sum(result.get("Values") or ())
            statuses[number] = result.get("StatusCode")
    return {
        arn: round(sums[f"f{number}"])
        for number, arn in enumerate(arns)
        if statuses.get(f"f{number}") == "Complete"
    }
