"""What the options ask of a scan, and which of them do not go together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scanner.aws.api import AssumedRole
from scanner.errors import EXIT_USAGE, ScanError
from scanner.gate.load_config import load_config
from scanner.options.parsers import scan_options
from scanner.options.request import request_of

ROLE = "arn:aws:iam::111111111111:role"
NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--usage-only", "--fail-on", "unused"], "--fail-on requires a comparison: remove --usage-only"),
        (["--usage-only", "--fail-on-severity", "all"], "remove --usage-only"),
        (["--usage-only", "--iam", "x.json"], "--iam requires a comparison"),
        (["--usage-only", "--functions", "x.json"], "--functions requires a comparison"),
        (["--usage-only", "--baseline", "x.json", "--update-baseline"], "--update-baseline requires a comp"),
        (["--update-baseline"], "requires --baseline"),
        (["--fail-on-severity", "all"], "requires verdicts: add --fail-on"),
        (["--traces", "x", "--filter", "y"], "do not apply"),
        (["--trace-ids", "x", "-r", "5"], "do not apply"),
        (["--trace-ids", "missing-file"], "cannot be read"),
        (["--iam", "missing-file"], "cannot be read"),
        (["--external-id", "abc"], "--external-id requires --assume-role"),
        (["--role-session-name", "abc"], "--role-session-name requires --assume-role"),
        (["--assume-role", f"{ROLE}/a", f"{ROLE}/b"], "two roles of account 111111111111"),
        (["--assume-role", f"{ROLE}/a", "--trace-ids", "x"], "traces of one account only"),
        (["--assume-role", f"{ROLE}/a", "--traces", ".", "--usage-only"], "does not go with files alone"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], message: str) -> None:
    with pytest.raises(ScanError, match=message):
        request_of(scan_options(arguments), NOW)


@pytest.mark.parametrize(
    ("words", "config", "compare", "must_compare"),
    [
        ([], "", True, False),
        (["-c"], "", True, True),
        (["--fail-on", "unused"], "", True, True),
        (["--fail-on", "never"], "", True, False),
        (["--baseline", "x.json", "--update-baseline"], "", True, True),
        ([], "fail-on: broad", True, True),
        (["--usage-only"], "fail-on: broad", False, True),
    ],
)
def test_a_scan_compares_and_must_where_a_verdict_hangs_on_it(
    words: list[str], config: str, compare: bool, must_compare: bool
) -> None:
    request = request_of(scan_options(words), NOW, load_config(f"version: 1\n{config}"))
    assert (request.compare, request.must_compare) == (compare, must_compare)


def test_comparing_cannot_be_asked_for_and_switched_off() -> None:
    with pytest.raises(ScanError, match="does not go with") as raised:
        scan_options(["-c", "--usage-only"])
    assert raised.value.exit_code == EXIT_USAGE


def test_trace_ids_are_read_in_every_spelling(tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    ids.write_text(
        "# from the test client\n"
        "1-5759e988-bd862e3fe1be46a994272793\n"
        "X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272794;Parent=53995c3f42cd8ad8;Sampled=1\n"
        "\n"
        "00-5759e988bd862e3fe1be46a994272795-53995c3f42cd8ad8-01\n"
        "1-5759e988-bd862e3fe1be46a994272793  # twice\n"
    )
    request = request_of(scan_options(["--trace-ids", str(ids)]), NOW)
    assert [trace_id[-1] for trace_id in request.trace_ids] == ["3", "4", "5"]
    assert request.wait > 0


def test_a_line_without_a_trace_id_is_named_and_not_quoted(tmp_path: Path) -> None:
    """The file may be the wrong one, and a log is read by many."""
    (tmp_path / "ids").write_text("# ids\n\naws_secret_access_key = wJalrXUtnFEMI\n")
    with pytest.raises(ScanError, match=r"ids:3: no trace id in this line") as raised:
        request_of(scan_options(["--trace-ids", str(tmp_path / "ids")]), NOW)
    assert not re.search("secret|wJalr", str(raised.value))


@pytest.mark.parametrize("content", ["", "# nothing\n", "not an id\n"])
def test_a_file_without_trace_ids_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "ids").write_text(content)
    with pytest.raises(ScanError, match="no trace id"):
        request_of(scan_options(["--trace-ids", str(tmp_path / "ids")]), NOW)


OTHER = "arn:aws:iam::222222222222:role/scan"


def test_roles_of_accounts_are_assumed_alike() -> None:
    options = scan_options(["--assume-role", f"{ROLE}/scan", OTHER, "--external-id", "shop-1"])
    assert request_of(options, NOW).assumed_roles == (
        AssumedRole(f"{ROLE}/scan", "shop-1", "xray-privilege-scan"),
        AssumedRole(OTHER, "shop-1", "xray-privilege-scan"),
    )


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        ([f"{ROLE}/a,{OTHER}"], [f"{ROLE}/a", OTHER]),
        ([f"{ROLE}/a, {OTHER},"], [f"{ROLE}/a", OTHER]),
        ([f"{ROLE}/a", "--assume-role", OTHER], [f"{ROLE}/a", OTHER]),
        ([f"{ROLE}/a,b", OTHER], [f"{ROLE}/a,b", OTHER]),  # a comma may be part of a name
        ([f"{ROLE}/a", f"{ROLE}/a"], [f"{ROLE}/a"]),
        ([f"{ROLE}/of/a/path"], [f"{ROLE}/of/a/path"]),
    ],
)
def test_roles_are_a_list_as_others_are(words: list[str], roles: list[str]) -> None:
    request = request_of(scan_options(["--assume-role", *words]), NOW)
    assert [role.arn for role in request.assumed_roles] == roles


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--assume-role", "scan"], "'scan' is not the ARN of a role"),
        (["--assume-role", "arn:aws:sts::111111111111:assumed-role/a/b"], "is not the ARN of a role"),
        (["--assume-role", OTHER, "--external-id", "a b"], "is not an external id"),
        (["--assume-role", OTHER, "--role-session-name", "x"], "is not the name of a session"),
    ],
)
def test_what_sts_would_not_take_is_wrong_use(words: list[str], message: str) -> None:
    with pytest.raises(ScanError, match=message) as raised:
        scan_options(words)
    assert raised.value.exit_code == EXIT_USAGE
