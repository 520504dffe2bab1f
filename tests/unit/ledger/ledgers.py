"""Ledgers for properties."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from scanner.ledger import (
    DAY,
    HOUR,
    Bucket,
    BucketKey,
    Fold,
    GrantName,
    Ledger,
    RoleRead,
    Run,
    RunFinding,
    Seen,
    Use,
)
from scanner.model import Certainty, Need, Permission

ACCOUNT, REGION = "111122223333", "eu-west-1"
NEED = Need(Permission("s3:GetObject", "arn:aws:s3:::bucket/*", False), Certainty.REQUIRED)
OTHER = Need(Permission("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:q", True), Certainty.POSSIBLE)
WITH_CONDITION = Need(Permission("states:StartExecution", "a", True, (("k", ("v", "w")),)), Certainty.ONE_OF)

_times = st.integers(0, 5).map(lambda n: n * 7_000.5)
_keys = st.builds(
    BucketKey,
    st.sampled_from([ACCOUNT, "444455556666"]),
    st.just(REGION),
    st.sampled_from(["xray", "spans"]),
    st.sampled_from(["m1", "m2"]),
    st.sampled_from([0, HOUR, DAY, DAY + HOUR]),
)
_contents = st.sampled_from([b"", b"a", b"b"])
_findings = st.tuples(
    st.builds(RunFinding, st.sampled_from("xy"), *map(st.just, ("l", "s", "v", True, False)))
)
_runs = st.builds(
    Run, _times, st.sampled_from(["one", "other"]), st.just((("findings", 1),)), st.none() | _findings
)
_grants = st.frozensets(
    st.builds(GrantName, st.just("p"), st.sampled_from(["a:B", "c:D"]), st.just("*")), max_size=2
)

ledgers = st.builds(
    Ledger,
    buckets=st.dictionaries(_keys, st.builds(Bucket, st.booleans(), _times, _contents), max_size=4),
    days=st.dictionaries(
        _keys.map(lambda key: key.day),
        st.builds(Fold, st.sampled_from([1, 2, 3]), _times, _contents),
        max_size=1,
    ),
    periods=st.dictionaries(
        _keys.map(lambda key: key.period),
        st.builds(Fold, st.sampled_from([1, 1 << 30]), _times, _contents),
        max_size=1,
    ),
    uses=st.dictionaries(
        st.builds(Use, st.sampled_from("wv"), st.sampled_from([NEED, OTHER, WITH_CONDITION]), st.booleans()),
        st.builds(
            Seen,
            _times,
            _times,
            st.integers(1, 9),
            st.sampled_from([(), ("spans",), ("xray",), ("spans", "xray")]),
        ),
        max_size=3,
    ),
    roles=st.dictionaries(st.builds(RoleRead, st.sampled_from("rs"), _times), _grants, max_size=3),
    runs=st.dictionaries(st.sampled_from("ijk"), _runs, max_size=3),
)
"""Any ledgers, alike enough that two of them disagree."""


def contents(ledger: Ledger, without: Callable[[BucketKey], bool] = lambda _: False) -> list[bytes]:
    """The encoded usage of all that is known under the mapping "m1"."""
    return [known.content for known in ledger.evidence("m1", without)]
