"""Names that survive a deployment: what stands in their place, and what stays when in doubt."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.gate.stable_names import logical_names, stable_name, stable_resource, stable_role
from tests.unit.cases import ACCOUNT


def resource_of(resource: str, logical_ids: dict[str, str] | None = None) -> str:
    return stable_resource(resource, ACCOUNT, logical_names(logical_ids or {}))


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        # as CloudFormation names what has no name of its own
        ("app-NotesFunctionRole-1T2W3H9LZHGGV", "app-NotesFunctionRole-{random}"),
        ("app-NotesFunctionRole-LH5RG0MW4TJT", "app-NotesFunctionRole-{random}"),
        ("my-app-prod-NotesFunctionRole-WAAUK9mx1X1E", "my-app-prod-NotesFunctionRole-{random}"),
        ("app-NotesFunctionRole-t9qpx2Gebxxx", "app-NotesFunctionRole-{random}"),
        # in a nested stack
        ("app-Api-1T2W3H9LZHGGV-Role-LH5RG0MW4TJT", "app-Api-{random}-Role-{random}"),
        # a stack's own name is no nested one
        ("app-1T2W3H9LZHGGV-Role-LH5RG0MW4TJT", "app-1T2W3H9LZHGGV-Role-{random}"),
        # when in doubt the name is kept
        ("app-role", "app-role"),
        ("notes-1T2W3H9LZHGGV", "notes-1T2W3H9LZHGGV"),  # no stack before it
        ("app-Role-2T2W3H9LZHGGV", "app-Role-2T2W3H9LZHGGV"),  # 13 digits begin with 1
        ("app-Role-ABCDEFGHIJKL", "app-Role-ABCDEFGHIJKL"),  # no digit
        ("app-Role-202701311200", "app-Role-202701311200"),  # a date
        ("app-Role-PRODUCTION12", "app-Role-PRODUCTION12"),
        ("app-Role-Production12", "app-Role-Production12"),
        ("app-prod-OrdersDb2027", "app-prod-OrdersDb2027"),
        ("app-prod-V2NotesTable", "app-prod-V2NotesTable"),
        ("app-Role-iobo3sn7tqqq", "app-Role-iobo3sn7tqqq"),  # all in lower case, it may be a word
        ("app-Role-1T2W3H9LZHGG_", "app-Role-1T2W3H9LZHGG_"),
        ("app--1T2W3H9LZHGGV", "app--1T2W3H9LZHGGV"),
    ],
)
def test_the_random_ending_of_a_generated_name_goes(deployed: str, normalised: str) -> None:
    assert stable_name(deployed, {}) == normalised
    assert stable_role(f"arn:aws:iam::{ACCOUNT}:role/{deployed}", {}) == normalised
    assert stable_role(f"arn:aws:iam::{ACCOUNT}:role/path/{deployed}", {}) == f"path/{normalised}"
    assert resource_of(f"arn:aws:sqs:eu-west-1:1:{deployed}") == f"arn:aws:sqs:eu-west-1:1:{normalised}"


def test_most_random_endings_are_known_as_such() -> None:
    """Of those with a digit and letters of both cases, or in base 36."""
    chance = random.Random(0)

    def share(alphabet: str, length: int, first: str = "") -> float:
        endings = (first + "".join(chance.choices(alphabet, k=length)) for _ in range(2_000))
        return sum(stable_name(f"app-Role-{e}", {}) == "app-Role-{random}" for e in endings) / 2_000

    assert share(string.ascii_uppercase + string.digits, 12, "1") > 0.95
    assert share(string.ascii_uppercase + string.digits, 12) > 0.95
    assert share(string.ascii_letters + string.digits, 12) > 0.8


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        # only the role's own account
        (f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q", "arn:aws:sqs:eu-west-1:ACCOUNT:q"),
        ("arn:aws:sqs:eu-west-1:210987654321:q", "arn:aws:sqs:eu-west-1:210987654321:q"),
        (f"arn:aws:s3:::logs-{ACCOUNT}-eu/*", "arn:aws:s3:::logs-ACCOUNT-eu/*"),
        (f"arn:aws:s3:::logs-{ACCOUNT}0/*", f"arn:aws:s3:::logs-{ACCOUNT}0/*"),
        # each name in an ARN
        (
            f"arn:aws:dynamodb:r:{ACCOUNT}:table/app-Notes-LH5RG0MW4TJT/index/*",
            "arn:aws:dynamodb:r:ACCOUNT:table/app-Notes-{random}/index/*",
        ),
        (
            "arn:aws:logs:r:1:log-group:/aws/lambda/app-F-LH5RG0MW4TJT:*",
            "arn:aws:logs:r:1:log-group:/aws/lambda/app-F-{random}:*",
        ),
        ("arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT.fifo", "arn:aws:sqs:r:1:app-Q-{random}.fifo"),
        # a key of an object is no name
        ("arn:aws:s3:::b/app-Key-LH5RG0MW4TJT", "arn:aws:s3:::b/app-Key-LH5RG0MW4TJT"),
        # what is a pattern already stays
        ("arn:aws:sqs:r:1:app-Q-*", "arn:aws:sqs:r:1:app-Q-*"),
        ("arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT*", "arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT*"),
        ("arn:aws:sqs:r:1:*-Q-LH5RG0MW4TJT", "arn:aws:sqs:r:1:*-Q-LH5RG0MW4TJT"),
        ("*", "*"),
    ],
)
def test_resources(deployed: str, normalised: str) -> None:
    assert resource_of(deployed) == normalised


@pytest.mark.parametrize(
    ("resource_type", "deployed", "normalised"),
    [
        ("states:r:1:stateMachine", "Flow-LH5RG0MW4TJT", "Flow-{random}"),
        # a secret's ARN has an ending of its own
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-x1Y2z3", "Db-{random}-{random}"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-??????", "Db-{random}-??????"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT-*", "Db-{random}-*"),
        ("secretsmanager:r:1:secret", "Db-LH5RG0MW4TJT*", "Db-LH5RG0MW4TJT*"),
        ("secretsmanager:r:1:secret", "db-secret", "db-secret"),
    ],
)
def test_state_machines_and_secrets_are_named_without_their_stack(
    resource_type: str, deployed: str, normalised: str
) -> None:
    assert resource_of(f"arn:aws:{resource_type}:{deployed}") == f"arn:aws:{resource_type}:{normalised}"


def test_a_wildcard_in_the_place_of_the_random_ending_is_a_wider_grant() -> None:
    generated, wide = "arn:aws:sqs:r:1:app-Q-LH5RG0MW4TJT", "arn:aws:sqs:r:1:app-Q-*"
    assert resource_of(generated) != resource_of(wide)


LOGICAL_IDS = {
    "app-role": "app/NotesRole",
    "notes-1": "app/Table",
    f"arn:aws:sns:r:{ACCOUNT}:news": "app/Topic",
    f"https://sqs.r.amazonaws.com/{ACCOUNT}/jobs": "app-Jobs-LH5RG0MW4TJT/Queue",
    "bucket": "app/Bucket",
    "arn:aws:kinesis:r:1:stream/bucket": "app/Stream",
    f"logs-{ACCOUNT}": "app/Logs",
    "arn:aws:secretsmanager:r:1:secret:Db-x1Y2z3": "app/Db",
}


@pytest.mark.parametrize(
    ("deployed", "normalised"),
    [
        ("arn:aws:dynamodb:r:1:table/notes-1/index/*", "arn:aws:dynamodb:r:1:table/{app/Table}/index/*"),
        ("arn:aws:sns:r:1:news", "arn:aws:sns:r:1:{app/Topic}"),
        ("arn:aws:sqs:r:1:jobs", "arn:aws:sqs:r:1:{app-Jobs-{random}/Queue}"),  # of a nested stack
        (f"arn:aws:s3:::logs-{ACCOUNT}/*", "arn:aws:s3:::{app/Logs}/*"),
        ("arn:aws:secretsmanager:r:1:secret:Db-x1Y2z3", "arn:aws:secretsmanager:r:1:secret:{app/Db}"),
        # two resources have the name: it is not clear which is meant
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/*"),
        ("arn:aws:dynamodb:r:1:table/notes-1*", "arn:aws:dynamodb:r:1:table/notes-1*"),
    ],
)
def test_a_logical_id_stands_for_the_name_where_it_is_known(deployed: str, normalised: str) -> None:
    assert resource_of(deployed, LOGICAL_IDS) == normalised


def test_roles_of_two_stacks_stay_apart() -> None:
    names = logical_names({"one-role": "one/Role", "two-role": "two/Role"})
    stable = [stable_role(f"arn:aws:iam::{ACCOUNT}:role/{name}", names) for name in ("one-role", "two-role")]
    assert stable == ["{one/Role}", "{two/Role}"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_a_name_holds_it_has_a_stable_one(name: str, logical_id: str) -> None:
    names = logical_names({name: logical_id})
    assert isinstance(stable_name(name, names), str)
    assert stable_resource(f"arn:aws:x:::{name}", ACCOUNT, names).startswith("arn:aws:x:::")
    assert isinstance(stable_role(name, names), str)
