"""Text from AWS or a trace does no harm where it is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.text.escape import fence_for, markdown_code, one_line


@given(st.text())
def test_nothing_in_a_name_controls_a_terminal(name: str) -> None:
    assert one_line(name).isprintable()


@given(st.text())
def test_nothing_in_a_name_is_markup(name: str) -> None:
    inside = markdown_code(name).removeprefix("<code>").removesuffix("</code>")
    assert not set(inside) & set("<>`*_[]()|@\\~\n\r\"'!{}")


@given(st.text())
def test_a_fence_is_longer_than_what_it_encloses(text: str) -> None:
    assert fence_for(text) not in text
