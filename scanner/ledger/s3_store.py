"""A ledger as an object in S3.

docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: which answers tell that another run
wrote meanwhile.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from scanner.aws.errors import error_code, is_bad_credentials, is_denied, status_of
from scanner.aws.times import SYSTEM_CLOCK, Clock
from scanner.errors import EXIT_USAGE, ScanError
from scanner.ledger.kept import LARGEST, Change, changed, ledger_in, too_large
from scanner.ledger.merge import merged
from scanner.ledger.store import LedgerError, LedgerUnreadError, LedgerUnwrittenError
from scanner.ledger.values import Ledger

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

    from scanner.aws.api import Aws

T = TypeVar("T")

ATTEMPTS = 10
"""How often a ledger is written anew where other runs write at the same time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds

_SCHEME = "s3://"
# docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html; aliases of access points are alike
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_LONGEST_KEY = 1024  # bytes: docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_CONFLICTS = (409, 412)  # ConditionalRequestConflict, PreconditionFailed
_MISSING = ("NoSuchKey", "404")
_NO_BUCKET = "NoSuchBucket"
_NO_CONDITIONS = frozenset({"NotImplemented", "501"})
# docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_OTHER_REGION = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"}
)
# docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html: what the message names
_DENIED_ACTION = re.compile(r"not authorized to perform: ((?:s3|kms):[A-Za-z]+)")


class S3Place(NamedTuple):
    """An object in S3."""

    bucket: str
    key: str

    @property
    def name(self) -> str:
        """The place as users name it."""
        return f"{_SCHEME}{self.bucket}/{self.key}"


class _Object(NamedTuple):
    """What an object holds, and its ETag; None and empty where there is no object."""

    content: bytes | None
    etag: str = ""


class _ConflictError(Exception):
    """Another run wrote meanwhile, or is writing."""


def s3_place(text: str) -> S3Place:
    """The place that `s3://BUCKET/KEY` names. Raises ScanError."""
    bucket, _, key = text[len(_SCHEME) :].partition("/")
    if not _BUCKET.fullmatch(bucket):
        problem = f"{bucket!r} is not the name of a bucket"
    elif not key or key.endswith("/"):
        problem = "the name of the object is missing"
    elif not key.isprintable() or len(key.encode(errors="replace")) > _LONGEST_KEY:
        problem = "S3 has no such key"
    else:
        return S3Place(bucket, key)
    raise ScanError(f"--ledger: {problem}: name it as s3://BUCKET/KEY", EXIT_USAGE)


@dataclass(frozen=True)
class S3Store:
    """An object that is replaced only where nobody replaced it meanwhile.

    `tidy` makes a ledger small before it is written.
    """

    aws: Aws
    place: S3Place
    tidy: Change
    clock: Clock = SYSTEM_CLOCK

    @property
    def name(self) -> str:
        """The place as the user names it."""
        return self.place.name

    def read(self) -> Ledger:
        """What is kept. Raises LedgerUnreadError."""
        return ledger_in(self._object().content, self.name)

    def add(self, addition: Ledger) -> Ledger:
        """Keep what a run adds. Raises LedgerUnreadError, or LedgerUnwrittenError."""
        return self.change(lambda ledger: merged(ledger, addition))

    def change(self, change: Change) -> Ledger:
        """Keep what `change` makes of what is kept. Raises as `add`."""
        for attempt in range(ATTEMPTS):
            before = self._object()
            kept = changed(before.content, self.name, change, self.tidy)
            try:
                self._put(kept.content, before)
            except _ConflictError:
                pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
                self.clock.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311  # no secret
            else:
                return kept.ledger
        raise LedgerUnwrittenError(
            f"--ledger: {self.name} was written by other runs each of the {ATTEMPTS} times that this one "
            "tried",
            advice="let fewer runs write it at once, or give each a ledger of its own",
        )

    def _object(self) -> _Object:
        def request(client: Any) -> _Object:
            answer = client.get_object(**self._named)
            if answer["ContentLength"] > LARGEST:
                raise too_large(self.name, answer["ContentLength"])
            return _Object(answer["Body"].read(), answer["ETag"])

        try:
            return self._asked(request, LedgerUnreadError)
        except _MissingError:
            return _Object(None)

    def _put(self, content: bytes, before: _Object) -> None:
        """Write the object in the place of the one before. Raises _ConflictError where there is another."""
        condition = {"IfNoneMatch": "*"} if before.content is None else {"IfMatch": before.etag}
        if len(content) > LARGEST:
            raise LedgerUnwrittenError(str(too_large(self.name, len(content))))
        try:
            self._asked(
                lambda client: client.put_object(**self._named, **condition, Body=content),
                LedgerUnwrittenError,
            )
        except _MissingError:  # it was removed since it was read
            raise _ConflictError from None

    @property
    def _named(self) -> dict[str, str]:
        return {"Bucket": self.place.bucket, "Key": self.place.key}

    def _asked(self, request: Callable[[Any], T], failed: type[LedgerError]) -> T:
        """The answer to a request. Raises the error `failed`, _ConflictError, or _MissingError."""
        from botocore.exceptions import ClientError

        try:
            return request(self.aws.client("s3", self.aws.region()))
        except ClientError as error:
            code, status = error_code(error), status_of(error)
            if code in _MISSING:
                raise _MissingError from None
            if error.operation_name == "PutObject" and status in _CONFLICTS:
                raise _ConflictError from None
            raise failed(f"--ledger: {self._problem(error)}") from error
        except LedgerError:
            raise
        except ScanError as error:  # no credentials, no region
            raise failed(f"--ledger: {self.name}: {error}") from error
        except Exception as error:  # no connection, or whatever botocore's parser trips over
            from scanner.aws.failures import sentence

            raise failed(f"--ledger: {self.name}: {sentence(error)}") from error

    def _problem(self, error: ClientError) -> str:
        """Why S3 refused a request, and what to do. AWS's own message is not shown: it names the caller."""
        code, bucket = error_code(error), self.place.bucket
        if is_bad_credentials(error):
            return f"AWS refused the credentials for {self.name} ({code}): renew them"
        if code == _NO_BUCKET:
            return f"the bucket {bucket} does not exist: make it, or name another one"
        if code in _OTHER_REGION:
            return f"the bucket {bucket} is in another region ({code}): set AWS_REGION to it"
        if code in _NO_CONDITIONS:
            return f"{self.name}: this S3 knows no conditional writes, which keep two runs apart"
        if code == "InvalidObjectState":
            return f"{self.name} is archived: restore it, and end the lifecycle rule that archives it"
        if code.startswith("KMS."):
            return f"the KMS key of {self.name} cannot be used ({code}): enable it, or choose another one"
        if is_denied(error):
            return f"{self.name}: {self._missing_right(error)}"
        return f"{self.name}: S3 answered {code} to {error.operation_name}"

    def _missing_right(self, error: ClientError) -> str:
        told = _DENIED_ACTION.search(str(error.response.get("Error", {}).get("Message", "")))
        bucket = f"arn:aws:s3:::{self.place.bucket}"
        on = {
            "s3:ListBucket": f"{bucket} (without it, S3 does not tell an object that is missing)",
            "kms:Decrypt": "the key of the bucket",
            "kms:GenerateDataKey": "the key of the bucket",
        }
        action = told[1] if told else "s3:PutObject" if error.operation_name == "PutObject" else ""
        if action:
            return f"{action} is denied: allow it on {on.get(action, f'{bucket}/{self.place.key}')}"
        return (
            f"s3:GetObject is denied: allow it on {bucket}/{self.place.key}, and s3:ListBucket on {bucket} "
            "(without it, S3 does not tell an object that is missing)"
        )


class _MissingError(Exception):
    """There is no such object."""
