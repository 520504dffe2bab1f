"""EC2: the role of a service by the instances that traces name."""

from __future__ import annotations

from typing import Any

from scanner.model.workloads import Hints
from tests.unit.workloads.computes import ACCOUNT, LATER, MADE, PLACE, Roles, read, role, traced, trust

WEB = f"ec2:?/web@{PLACE}"


def profile(name: str = "web") -> str:
    return f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"


def instances(**profiles: str) -> dict[str, Any]:
    """What `aws ec2 describe-instances` prints."""
    listed = [
        {"InstanceId": f"i-{name}", "LaunchTime": MADE, "IamInstanceProfile": {"Arn": profile(of)}}
        for name, of in profiles.items()
    ]
    return {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [one]} for one in listed]}


def profiles(*names: str) -> dict[str, Any]:
    """What `aws iam list-instance-profiles` prints."""
    return {
        "InstanceProfiles": [
            {
                "InstanceProfileName": name,
                "Arn": profile(name),
                "Roles": [{"RoleName": name, "Arn": role(name)}],
            }
            for name in names
        ]
    }


def on(*names: str) -> list[Hints]:
    return [Hints(instance=f"i-{name}") for name in names]


def test_a_service_is_named_by_the_role_of_its_instances() -> None:
    found, _, listing = read(
        "ec2", [traced(WEB, *on("a", "b"))], instances(a="web", b="web"), profiles("web")
    )
    key = f"ec2:web/web@{PLACE}"
    assert listing.renamed == {WEB: key}
    assert (found.known[key].role, found.known[key].inferred) == (role("web"), False)
    changed = found.known[key].changed
    assert changed and changed.isoformat() == MADE
    assert found.roles_of_versions == {(role("web"), key)}


def test_two_keys_of_one_service_are_never_made_one() -> None:
    place_open = "ec2:?/web@123456789012/"
    usages = [traced(WEB, *on("a")), traced(place_open, *on("a"))]
    found, _, listing = read("ec2", usages, instances(a="web"), profiles("web"))
    assert len(found.known) == 2 and len(set(listing.renamed.values())) == len(listing.renamed)


def test_who_else_uses_the_role_of_an_instance_is_never_known() -> None:
    found, _, _ = read("ec2", [traced(WEB, *on("a"))], instances(a="web"), profiles("web"))
    assert found.platforms == frozenset()


def test_a_role_is_inferred_where_some_instances_are_gone() -> None:
    found, _, _ = read("ec2", [traced(WEB, *on("a", "gone"))], instances(a="web"), profiles("web"))
    assert found.known[f"ec2:web/web@{PLACE}"].inferred


def test_a_newer_association_with_a_profile_counts() -> None:
    associations = {
        "IamInstanceProfileAssociations": [
            {
                "AssociationId": "iip-1",
                "InstanceId": "i-a",
                "State": "associated",
                "Timestamp": LATER,
                "IamInstanceProfile": {"Arn": profile("batch")},
            }
        ]
    }
    printed = [instances(a="web"), associations, profiles("web", "batch")]
    found, _, _ = read("ec2", [traced(WEB, *on("a"))], *printed)
    workload = found.known[f"ec2:batch/web@{PLACE}"]
    assert workload.changed and workload.changed.isoformat() == LATER


def test_instances_with_several_roles_leave_candidates_which_a_refusal_settles() -> None:
    printed = [instances(a="web", b="batch"), profiles("web", "batch")]
    found, _, _ = read("ec2", [traced(WEB, *on("a", "b"))], *printed)
    assert (found.known[WEB].role, found.renamed) == (None, {})
    assert found.known[WEB].candidates == (role("web"), role("batch"))
    settled, _, _ = read("ec2", [traced(WEB, *on("a", "b"), Hints(denied_role="batch"))], *printed)
    assert settled.known[f"ec2:batch/web@{PLACE}"].role == role("batch")


def test_instances_that_are_gone_leave_no_role_unless_a_refusal_names_it() -> None:
    found, _, _ = read("ec2", [traced(WEB, *on("a"))], profiles("web"))
    assert found.known[WEB].role is None
    assert "describe-instances" in found.known[WEB].candidates[0]
    roles = Roles(web=trust("ec2.amazonaws.com"))
    by_refusal, _, _ = read(
        "ec2", [traced(WEB, *on("a"), Hints(denied_role="web"))], profiles("web"), roles=roles
    )
    assert by_refusal.known[f"ec2:web/web@{PLACE}"].role == role("web")


def test_what_agents_on_the_instance_may_need_is_unknown() -> None:
    found, _, _ = read("ec2", [traced(WEB, *on("a"))], instances(a="web"), profiles("web"))
    needs = found.known[f"ec2:web/web@{PLACE}"].platform
    unknown = {need.action for need in needs.unknown}
    assert {"ssmmessages:createdatachannel", "cloudwatch:putmetricdata", "ecs:poll"} <= unknown
    assert ("xray:puttracesegments", "*") in needs.required


def test_why_the_role_of_a_service_is_not_known_is_said_by_what_is_missing() -> None:
    bare = {"Reservations": [{"Instances": [{"InstanceId": "i-a", "LaunchTime": MADE}]}]}
    for printed, said in (
        ((instances(b="web"),), "describe-instances"),
        ((bare,), "no instance profile"),
        ((instances(a="web"),), "list-instance-profiles"),
    ):
        found, _, _ = read("ec2", [traced(WEB, *on("a"))], *printed)
        assert said in found.known[WEB].candidates[0]
