"""Faults of X-Ray that a script of the fake does not have."""

from __future__ import annotations

from tests.fakes.traces import Json
from tests.fakes.xray import FETCH, FakeXRay, _Answer, _Refusal


def refuse_if(refused: bool, answer: Json, status: int, code: str) -> Json:
    if refused:
        raise _Refusal(status, code, "refused by the script")
    return answer


class Expiring(FakeXRay):
    """Credentials that expire after some fetches."""

    fetches = 0

    def _answer(self, operation: str, body: Json) -> _Answer:
        if operation == FETCH:
            self.fetches -= 1
        if self.fetches < 0:
            raise _Refusal(
                403, "ExpiredTokenException", "The security token included in the request is expired"
            )
        return super()._answer(operation, body)
