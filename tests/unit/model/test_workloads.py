"""Keys of workloads: as one text, and what people see of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import account_of, region_of
from scanner.model.workloads import (
    KIND_NAMES,
    WorkloadKey,
    WorkloadKindName,
    names_of,
    shown_id,
    shown_ids,
    workload_kind,
    workload_name,
)

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:m"
ECS = "ecs:shop/api@123456789012/eu-west-1"
EKS = "eks:shop/default/api@/"

# what AWS or a user may have put into a name, and what would break a careless text
HOSTILE = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="@/:?ab1é\n ", max_size=20),
    st.sampled_from([FUNCTION, MACHINE, ECS, EKS, "", "@/", "ecs:", "other:x@/", "@123456789012/eu-west-1"]),
)
ACCOUNTS = st.sampled_from(["", "123456789012"])
REGIONS = st.sampled_from(["", "eu-west-1", "us-gov-east-1"])


@given(st.sampled_from(KIND_NAMES), HOSTILE, ACCOUNTS, REGIONS)
def test_the_text_of_a_key_is_read_back(kind: WorkloadKindName, name: str, account: str, region: str) -> None:
    key = WorkloadKey(kind, name, account, region)
    read = WorkloadKey.parse(key.text)
    assert read.text == key.text
    assert (read.kind, read.name) == (kind, name)
    if key.text != name:  # the place of an ARN stands in it
        assert read == key
    assert (account_of(key.text), region_of(key.text)) == (read.account, read.region)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_what_is_no_place_never_changes_a_name(name: str, account: str, region: str) -> None:
    read = WorkloadKey.parse(WorkloadKey("other", name, account, region).text)
    assert read.name == name


@given(HOSTILE)
def test_every_text_has_a_kind_and_names(text: str) -> None:
    assert workload_kind(text) in KIND_NAMES
    assert workload_name(text) in names_of(text)
    assert shown_id(text) in names_of(text)


@pytest.mark.parametrize(
    ("text", "kind", "name", "shown"),
    [
        (FUNCTION, "lambda", "f", FUNCTION),
        (MACHINE, "state-machine", "m", MACHINE),
        (ECS, "ecs", "shop/api", "ecs:shop/api"),
        ("ecs:?/api@/", "ecs", "?/api", "ecs:?/api"),
        ("ec2:web-role/shop@123456789012/", "ec2", "web-role/shop", "ec2:web-role/shop"),
        (EKS, "eks", "shop/default/api", "eks:shop/default/api"),
        ("app-runner:api@/eu-west-1", "app-runner", "api", "app-runner:api"),
        ("other:a@b/c@/", "other", "a@b/c", "other:a@b/c"),
        ("lambda:f@/eu-west-1", "lambda", "f", "lambda:f"),
        ("ecs:shop/api", "ecs", "shop/api", "ecs:shop/api"),
        ("who knows", "other", "who knows", "other:who knows"),
    ],
)
def test_what_people_see(text: str, kind: str, name: str, shown: str) -> None:
    assert (workload_kind(text), workload_name(text), shown_id(text)) == (kind, name, shown)
    assert set(names_of(text)) == {name, shown, text}


def test_two_workloads_of_one_name_are_told_apart_by_their_places() -> None:
    other = ECS.replace("123456789012", "210987654321")
    assert shown_ids([ECS, other, EKS]) == {ECS: ECS, other: other, EKS: "eks:shop/default/api"}
