"""Scans to report on."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import Usage
from scanner.request import ScanRequest
from scanner.result import RoleResult, ScanResult, Skipped, Traced
from scanner.workloads.lambda_function import LambdaFunction
from tests.unit.cases import NOW, allow, compared, function, policy, table, usage, used, workloads_of

COMPARE = ScanRequest(compare=True)
EVIL = "x|`<b>*[a](b)@team\n::error::\x1b[31m\u202e"
GET, SCAN = "dynamodb:GetItem", "dynamodb:Scan"


def scan_result(
    roles: Iterable[RoleResult] = (), usages: Iterable[Usage] = (), functions: Iterable[LambdaFunction] = ()
) -> ScanResult:
    """A scan of the last minute."""
    traced = Traced(
        source="xray",
        start=NOW - 60,
        end=NOW,
        regions=("us-east-1",),
        traces=3,
        documents=6,
        calls=9,
        skipped=Skipped(),
        usages=list(usages),
    )
    return ScanResult(traced, workloads_of(functions), list(roles))


def unused_scan() -> ScanResult:
    """A function that reads single items, and may scan the table too."""
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow([GET, SCAN], table("t")))], [reads])
    return scan_result([role], [reads], [function()])


CRUD = [
    *("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem"),
    *("dynamodb:DescribeTable", "dynamodb:ConditionCheckItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
    *("dynamodb:UpdateItem", "dynamodb:BatchWriteItem"),
]
"""What SAM's DynamoDBCrudPolicy grants on a table and its indexes."""


def crud_scan() -> ScanResult:
    """A function that reads single items of a table on which SAM's DynamoDBCrudPolicy stands."""
    reads = usage(used((GET, table("t"))))
    role = compared([policy(allow(CRUD, [table("t"), f"{table('t')}/index/*"]))], [reads])
    return scan_result([role], [reads], [function()])


def doubtful_crud_scan() -> ScanResult:
    """The same, but a call may have needed one of its actions: a part of the bundle is not confirmed."""
    reads = usage({**used((GET, table("t"))), **used(("dynamodb:PutItem", table("t")), required=False)})
    role = compared([policy(allow(CRUD, [table("t"), f"{table('t')}/index/*"]))], [reads])
    return scan_result([role], [reads], [function()])


def bundle_scan() -> ScanResult:
    """A function that reads single items of a table on which CDK's grantReadData stands: none is smaller."""
    reads = usage(used((GET, table("t"))))
    names = "BatchGetItem ConditionCheckItem DescribeTable GetItem GetRecords GetShardIterator Query Scan"
    actions = [f"dynamodb:{name}" for name in names.split()]
    role = compared([policy(allow(actions, table("t")))], [reads])
    return scan_result([role], [reads], [function()])
