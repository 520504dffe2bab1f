"""The baselines: as little as threads can do to fetch every trace and parse every document.

They ask by boto3, or with `--signed` by urllib3 and botocore's signature alone: the least that a program with
both has to do.

The span is split into windows that are listed side by side; ids go to BatchGetTraces five at a time, as soon
as they are listed. Nothing is retried beyond botocore's own, nothing is kept, nothing is looked at.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_xray import XRayClient


class SignedClient:
    """What the loop needs of an X-Ray client, without boto3: no repetition, no errors, no renewal."""

    def __init__(self, url: str, threads: int) -> None:
        import urllib3
        from botocore.auth import SigV4Auth
        from botocore.credentials import Credentials

        credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        self._url = url
        self._pool = urllib3.connection_from_url(url, maxsize=threads)
        self._signer = SigV4Auth(credentials, "xray", os.environ["AWS_DEFAULT_REGION"])

    def get_trace_summaries(self, **parameters: Any) -> Any:
        """A page of summaries."""
        times = {key: value.timestamp() for key, value in parameters.items() if isinstance(value, datetime)}
        return self._post("/TraceSummaries", parameters | times)

    def batch_get_traces(self, **parameters: Any) -> Any:
        """Traces by their ids."""
        return self._post("/Traces", parameters)

    def _post(self, path: str, parameters: dict[str, Any]) -> Any:
        from botocore.awsrequest import AWSRequest

        body = json.dumps(parameters).encode()
        request = AWSRequest("POST", self._url + path, {"Content-Type": "application/json"}, body)
        self._signer.add_auth(request)
        headers = dict(request.headers.items())
        answer = self._pool.urlopen("POST", path, body=body, headers=headers, retries=False)
        if answer.status != 200:
            raise RuntimeError(answer.data)
        return json.loads(answer.data)


class Bare:
    """The loop, and what it counted."""

    def __init__(self, client: XRayClient | SignedClient, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._pool = pool
        self._fetches: list[Future[tuple[int, int]]] = []

    def run(self, start: int, end: int, windows: int) -> tuple[int, int]:
        """Fetch all traces of a span; return the number of traces and of documents."""
        edges = [start + (end - start) * index // windows for index in range(windows + 1)]
        listings = [self._pool.submit(self._list, *edge) for edge in pairwise(edges)]
        for listing in listings:
            listing.result()
        counts = [fetch.result() for fetch in self._fetches]
        return sum(traces for traces, _ in counts), sum(documents for _, documents in counts)

    def _list(self, start: int, end: int) -> None:
        window = {
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end - 1, UTC),
        }
        token: dict[str, str] = {}
        while True:
            page = self._client.get_trace_summaries(**window, **token)  # type: ignore[arg-type]
            ids = [summary["Id"] for summary in page["TraceSummaries"]]
            for first in range(0, len(ids), 5):
                self._fetches.append(self._pool.submit(self._fetch, ids[first : first + 5]))
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def _fetch(self, ids: list[str]) -> tuple[int, int]:
        traces = self._client.batch_get_traces(TraceIds=ids)["Traces"]
        documents = 0
        for trace in traces:
            for segment in trace["Segments"]:
                json.loads(segment["Document"])
                documents += 1
        return len(traces), documents


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch the traces of the last so many minutes and print how many there were."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=main.__doc__)
    parser.add_argument("-r", "--time-range", type=int, default=720, metavar="MINUTES")
    parser.add_argument("--threads", type=int, default=48)
    parser.add_argument("--windows", type=int, default=16)
    parser.add_argument("--signed", action="store_true", help="without boto3")
    args = parser.parse_args(argv)

    client: XRayClient | SignedClient
    if args.signed:
        client = SignedClient(os.environ["AWS_ENDPOINT_URL_XRAY"], args.threads)
    else:
        import boto3
        from botocore.config import Config

        client = boto3.client("xray", config=Config(max_pool_connections=args.threads))
    end = int(time.time())
    with ThreadPoolExecutor(args.threads) as pool:
        traces, documents = Bare(client, pool).run(end - args.time_range * 60, end, args.windows)
    sys.stdout.write(f"{traces} traces, {documents} documents\n")


if __name__ == "__main__":
    main()
