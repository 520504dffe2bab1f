"""A ledger in S3, which several runs write at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.aws.api import Aws
from scanner.aws.times import Clock
from scanner.errors import ScanError
from scanner.ledger import EMPTY, Ledger, LedgerUnreadError, LedgerUnwrittenError, Run, ledger_store
from scanner.ledger.s3_store import ATTEMPTS, S3Place, S3Store, s3_place
from tests.examples import examples
from tests.fakes.s3 import BUCKET, FakeS3, s3_error
from tests.fakes.serving import Answer

_KEY = "team/ledger.sqlite"


def run(name: str) -> Ledger:
    return Ledger(runs={name: Run(1.0, "scope", (), None)})


@pytest.fixture(scope="module")
def server() -> Iterator[FakeS3]:
    with FakeS3() as fake:
        yield fake


@pytest.fixture
def s3(server: FakeS3) -> FakeS3:
    server.reset()
    return server


def store(s3: FakeS3, bucket: str = BUCKET, sleep: Callable[[float], object] = lambda _: None) -> S3Store:
    return S3Store(
        cast(Aws, s3), S3Place(bucket, _KEY), tidy=lambda ledger: ledger, clock=Clock(lambda: 0.0, sleep)
    )


def test_what_is_added_is_read_again(s3: FakeS3) -> None:
    assert store(s3).read() == EMPTY
    store(s3).add(run("first"))
    assert store(s3).add(run("second")) == store(s3).read()
    assert store(s3).read().runs.keys() == {"first", "second"}


@given(st.lists(st.sampled_from(["", "409", "412", "lost", "race"]), max_size=12))
@examples(40)
def test_no_write_is_lost_whatever_befalls_it(server: FakeS3, faults: list[str]) -> None:
    """A write whose answer is lost may be there or not, as for whoever waits for an answer."""
    written: list[str] = []

    def another_run() -> None:
        name = f"other{len(written)}"
        server.faults.insert(0, "")  # nothing befalls this one
        store(server).add(run(name))
        written.append(name)

    server.reset()
    server.racer, server.faults = another_run, list(faults)
    for name in ("first", "second", "third"):
        try:
            store(server).add(run(name))
            written.append(name)
        except LedgerUnwrittenError as error:
            assert "InternalError" in str(error)  # botocore repeats it; the fake's clients do not
    assert store(server).read().runs.keys() >= set(written)


def test_many_writers_at_once_lose_nothing(s3: FakeS3) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store(s3).add(run(f"run{number}")), range(8)))
    assert len(store(s3).read().runs) == 8


def test_an_object_that_is_removed_meanwhile_is_written_anew(s3: FakeS3) -> None:
    store(s3).add(run("first"))
    s3.faults = ["removed"]
    store(s3).add(run("second"))
    assert store(s3).read().runs.keys() == {"second"}


def test_writing_ends_where_others_never_stop(s3: FakeS3) -> None:
    pauses: list[float] = []
    s3.faults = ["409", "412"] * ATTEMPTS
    with pytest.raises(LedgerUnwrittenError, match="was written by other runs each of the 10 times"):
        store(s3, sleep=pauses.append).add(run("first"))
    assert len(pauses) == ATTEMPTS
    assert 1 < sum(pauses) < 40
    assert store(s3).read() == EMPTY


def test_what_is_no_ledger_is_left_as_it_is(s3: FakeS3) -> None:
    s3.objects[_KEY] = b"of somebody else"
    with pytest.raises(LedgerUnreadError, match=r"s3://ledgers/team/ledger.sqlite is no ledger"):
        store(s3).add(run("first"))
    assert s3.objects[_KEY] == b"of somebody else"


_USER = "User: arn:aws:iam::111122223333:user/ci is not authorized to perform: "


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            s3_error(403, "AccessDenied"),
            "s3:GetObject is denied: .* and s3:ListBucket on arn:aws:s3:::ledgers ",
        ),
        (s3_error(403, "AccessDenied", _USER + "s3:ListBucket on"), "s3:ListBucket is denied: allow it on"),
        (
            s3_error(403, "AccessDenied", _USER + "s3:GetObject on"),
            "s3:GetObject is denied: allow it on arn:aws",
        ),
        (
            s3_error(403, "AccessDenied", _USER + "kms:Decrypt on"),
            "kms:Decrypt is denied: allow it on the key",
        ),
        (s3_error(400, "KMS.DisabledException"), "the KMS key of .* cannot be used"),
        (s3_error(403, "InvalidObjectState"), "is archived"),
        (s3_error(403, "SignatureDoesNotMatch"), "refused the credentials"),
        (s3_error(400, "AuthorizationHeaderMalformed"), "is in another region"),
        (s3_error(404, "NoSuchAccessPoint"), "S3 answered NoSuchAccessPoint"),
        (s3_error(503, "SlowDown"), "S3 answered SlowDown to GetObject"),
        (Answer(200, b"not all of it", {"Content-Length": "99"}), "ledger.sqlite: "),
        (Answer(200, b"<html>", {}), "s3://ledgers/team/ledger.sqlite"),
    ],
)
def test_a_reading_that_fails_says_why(s3: FakeS3, answer: Answer, message: str) -> None:
    s3.read_fault = answer
    with pytest.raises(LedgerUnreadError, match=message) as raised:
        store(s3).read()
    assert "111122223333" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            s3_error(403, "AccessDenied"),
            "s3:PutObject is denied: allow it on arn:aws:s3:::ledgers/team/ledger",
        ),
        (s3_error(403, "AccessDenied", _USER + "kms:GenerateDataKey on"), "kms:GenerateDataKey is denied"),
        (s3_error(501, "NotImplemented"), "knows no conditional writes"),
        (s3_error(500, "InternalError"), "S3 answered InternalError to PutObject"),
    ],
)
def test_a_writing_that_fails_says_why(s3: FakeS3, answer: Answer, message: str) -> None:
    s3.write_fault = answer
    with pytest.raises(LedgerUnwrittenError, match=message):
        store(s3).add(run("first"))


def test_a_bucket_that_does_not_exist_is_named(s3: FakeS3) -> None:
    with pytest.raises(LedgerUnreadError, match="the bucket another does not exist"):
        store(s3, "another").read()


def test_no_connection_is_no_crash() -> None:
    with FakeS3() as s3:
        pass
    with pytest.raises(LedgerUnreadError, match="AWS cannot be reached"):
        store(s3).read()


def test_no_credentials_are_no_reason_to_end() -> None:
    class NoAws:
        def client(self, service: str, region: str) -> Any:
            return service, region

        def region(self) -> str:
            raise ScanError("no AWS credentials: run `aws configure sso`")

    with pytest.raises(LedgerUnreadError, match="no AWS credentials"):
        ledger_store("s3://bucket/key", cast(Any, NoAws()), lambda _: None).read()


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3://bucket", "s3://bucket/", "s3://Bucket/key", "s3:///key", "s3://b/k", "s3://bucket/a\n"],
)
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ScanError, match="name it as s3://BUCKET/KEY"):
        s3_place(text)


@pytest.mark.parametrize("text", ["", " ", "https://example.com/ledger", "gs://bucket/key"])
def test_other_places_are_refused(text: str) -> None:
    with pytest.raises(ScanError, match="neither a path nor s3://BUCKET/KEY"):
        ledger_store(text, cast(Any, None), lambda _: None)
