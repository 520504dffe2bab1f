"""Changes of a file as the hunks of a patch."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scanner.text.patch import Change, hunks, hunks_around
from tests.examples import examples


@given(st.integers(min_value=0, max_value=2**32))
@examples(100)
def test_the_lines_around_a_change_are_enough(seed: int) -> None:
    random = Random(seed)
    content = b"".join(
        random.choice([b"a\n", b"bc\r\n", b"\n", b"d\n"]) for _ in range(random.randint(1, 30))
    )
    content += random.choice([b"", b"end"])
    start = random.randint(0, len(content))
    change = Change(start, random.randint(start, len(content)), random.choice([b"", b"x", b"x\ny\n"]))
    assert list(hunks_around(content, change)) == list(hunks(content, [change]))
