"""ARNs: their fields, and the text that they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Arn, account_of, region_of, service_of

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:orders"
BUCKET_OBJECTS = "arn:aws:s3:::invoices/*"
FIELD = st.text(alphabet="ab-1*?", max_size=6)
RESOURCE = st.text(alphabet="ab:/*?${}", max_size=12)


def test_an_arn_has_fields() -> None:
    arn = Arn.parse(QUEUE)

    assert arn == Arn(
        partition="aws", service="sqs", region="eu-west-1", account="123456789012", resource="orders"
    )


def test_a_resource_keeps_its_colons() -> None:
    arn = Arn.parse("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/app:*")

    assert arn is not None
    assert arn.resource == "log-group:/aws/lambda/app:*"


@pytest.mark.parametrize(
    "text", ["", "*", "orders", "arn:aws:sqs:*:orders", "urn:aws:sqs:eu-west-1:1:orders"]
)
def test_other_texts_are_no_arns(text: str) -> None:
    assert Arn.parse(text) is None
    assert (service_of(text), region_of(text), account_of(text)) == ("", "", "")


def test_fields_of_a_text() -> None:
    assert (service_of(QUEUE), region_of(QUEUE), account_of(QUEUE)) == ("sqs", "eu-west-1", "123456789012")
    assert (service_of(BUCKET_OBJECTS), region_of(BUCKET_OBJECTS), account_of(BUCKET_OBJECTS)) == (
        "s3",
        "",
        "",
    )


def test_one_field_is_replaced() -> None:
    arn = Arn.parse(QUEUE)

    assert arn is not None
    assert str(arn.with_account("*")) == "arn:aws:sqs:eu-west-1:*:orders"
    assert str(arn.with_region("*")) == "arn:aws:sqs:*:123456789012:orders"
    assert str(arn.with_resource("invoices")) == "arn:aws:sqs:eu-west-1:123456789012:invoices"


def test_equal_arns_are_one_in_a_set() -> None:
    assert len({Arn.parse(QUEUE), Arn.parse("".join(QUEUE))}) == 1


@given(st.tuples(FIELD, FIELD, FIELD, FIELD, RESOURCE).map(lambda fields: ":".join(("arn", *fields))))
def test_the_text_of_an_arn_is_the_text_that_it_was_read_from(text: str) -> None:
    assert str(Arn.parse(text)) == text


@given(st.text(alphabet="arn:*x", max_size=20))
def test_what_is_parsed_is_written_as_it_was(text: str) -> None:
    arn = Arn.parse(text)

    assert arn is None or str(arn) == text
