"""The options of the command line as a frozen value."""

from __future__ import annotations

import pytest

from scanner.options.parsers import Options, scan_options


def test_options_that_are_not_given_have_the_defaults_of_the_value() -> None:
    assert scan_options([]) == Options()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_wait_that_is_no_time(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        scan_options([f"--wait={value}"])
    assert f"argument --wait: '{value}' is not a number of seconds" in capsys.readouterr().err
