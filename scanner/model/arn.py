"""Amazon Resource Names by their fields, and the places that the texts of workloads' keys end with.

docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

_FIELDS = 6
_START = "arn"


@dataclass(frozen=True, slots=True)
class Arn:
    """An ARN, or a pattern with all fields of one. `resource` may hold colons; the other fields do not."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @staticmethod
    def parse(text: str) -> Arn | None:
        """The ARN that a text is; None for `*`, for a pattern with fewer fields, for every other text."""
        return _parsed(text)

    def __str__(self) -> str:
        return ":".join((_START, self.partition, self.service, self.region, self.account, self.resource))

    def with_region(self, region: str) -> Arn:
        """The same in another region."""
        return replace(self, region=region)

    def with_account(self, account: str) -> Arn:
        """The same in another account."""
        return replace(self, account=account)

    def with_resource(self, resource: str) -> Arn:
        """Another resource in the same place."""
        return replace(self, resource=resource)


# bench row "300 functions from files": the same few ARNs are asked for their fields again and again
@lru_cache(maxsize=1 << 12)
def _parsed(text: str) -> Arn | None:
    fields = text.split(":", _FIELDS - 1)
    if len(fields) < _FIELDS or fields[0] != _START:
        return None
    _, partition, service, region, account, resource = fields
    return Arn(partition=partition, service=service, region=region, account=account, resource=resource)


class Place(NamedTuple):
    """Where something is: an account and a region, each empty where it is not known."""

    account: str
    region: str


_NO_PLACE = Place("", "")
# `KIND:NAME@ACCOUNT/REGION`; a name may hold every character, a place no `@`
_PLACED = re.compile(r"[a-z0-9-]+:.*@(|[0-9]{12})/([a-z0-9-]*)", re.DOTALL)


# bench row "300 functions from files": as above
@lru_cache(maxsize=1 << 12)
def place_of(text: str) -> Place | None:
    """The place that the text of a workload's key ends with; None for every other text."""
    match = _PLACED.fullmatch(text)
    return Place(*match.groups()) if match else None


def region_of(text: str) -> str:
    """The region of an ARN or of a workload (`WorkloadKey.text`); empty where it has none."""
    return (_parsed(text) or place_of(text) or _NO_PLACE).region


def account_of(text: str) -> str:
    """The account of an ARN or of a workload (`WorkloadKey.text`); empty where it has none."""
    return (_parsed(text) or place_of(text) or _NO_PLACE).account


def service_of(text: str) -> str:
    """The service of an ARN; empty for a text that is no ARN."""
    arn = _parsed(text)
    return arn.service if arn else ""
