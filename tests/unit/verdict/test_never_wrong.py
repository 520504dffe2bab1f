"""What IAM allows through a grant never leaves it confirmed unused, nor its action in what surely is excess.

For random calls of every mapped operation, with random subsets of their parameters recorded. The truth is
drawn in tests/simulate/reality.py. `make simulate` tries thousands more.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Verdict
from tests.examples import examples
from tests.simulate.reality import Operation, RealCall, Touch, operations, real_call, subsegment
from tests.simulate.refute import Grant, assess, is_wrong, refuted, usage_of
from tests.unit.cases import REGION

# read when the test runs: collecting the tests need not wait for the whole reference
OPERATIONS = st.deferred(lambda: st.sampled_from(operations()))


@examples(600)
@given(st.lists(OPERATIONS, min_size=1, max_size=2), st.integers(0, 1 << 30))
def test_what_a_call_needed_is_never_confirmed(called: list[Operation], seed: int) -> None:
    random = Random(seed)
    assert not refuted([real_call(random, operation) for operation in called], random)


def test_all_services_of_the_reference_that_sdks_call_are_tried() -> None:
    assert len(operations()) > 15_000
    assert len({operation.service for operation in operations()}) > 300


# Mistakes that this property found, or that it must find.
@pytest.mark.parametrize(
    ("operation", "recorded", "grant"),
    [
        # a format that ends in `*` names nothing: the resource may be of another account
        (
            Operation("dms", "StartMetadataModelImport"),
            {},
            ("dms:StartMetadataModelImport", "arn:aws:dms:us-east-1:210987654321:migration-project:*"),
        ),
        # nor does a format without a name tell whose catalog it is
        (
            Operation("glue", "GetCatalog"),
            {},
            ("glue:GetCatalog", "arn:aws:glue:us-east-1:210987654321:catalog"),
        ),
        (
            Operation("athena", "StartQueryExecution"),
            {},
            ("glue:GetCatalog", "arn:aws:glue:us-east-1:210987654321:catalog"),
        ),
        # of several types a call may touch any that its parameters leave open
        (
            Operation("ses", "SendEmail"),
            {},
            ("ses:SendEmail", "arn:aws:ses:us-east-1:123456789012:template/welcome"),
        ),
        # one doubtful action of a pattern is no excess
        (
            Operation("s3", "CopyObject"),
            {"bucket": "b", "key": "k", "copy_source": "a/k"},
            ("s3:*", "arn:aws:s3:::b/*"),
        ),
    ],
)
def test_what_was_wrong_once(operation: Operation, recorded: dict[str, str], grant: Grant) -> None:
    usage = usage_of(subsegment(operation, {"region": REGION, **recorded}))
    (assessment,) = assess([grant], usage)
    action = grant[0] if "*" not in grant[0] else "s3:PutObjectTagging"
    assert not is_wrong(assessment, Touch(action, grant[1]))


def test_what_the_property_would_see() -> None:
    usage = usage_of(subsegment(Operation("dynamodb", "GetItem"), {"region": REGION, "table_name": "orders"}))
    grant = ("dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:123456789012:table/orders")
    (assessment,) = assess([grant], usage)
    assert assessment.verdict is Verdict.UNUSED
    assert is_wrong(assessment, Touch(*grant))


def test_names_are_recorded_as_sdks_do() -> None:
    call = RealCall(Operation("sqs", "SendMessage"), (), (("queue_url", "https://x/1/q"),))
    assert call.recorded(Random(1), share=1.0)["aws"]["queue_url"] == "https://x/1/q"
    assert "queue_url" not in call.recorded(Random(1), share=0.0)["aws"]
