"""App Runner: the instance role of a service by its name; the access role is a role of its own."""

from __future__ import annotations

from typing import Any

from scanner.model.workloads import Hints
from tests.unit.workloads.computes import ACCOUNT, MADE, PLACE, REGION, read, role, traced

WEB = f"app-runner:web@{PLACE}"


def arn(name: str = "web") -> str:
    return f"arn:aws:apprunner:{REGION}:{ACCOUNT}:service/{name}/1"


def service(name: str = "web", **more: Any) -> dict[str, Any]:
    """What `aws apprunner describe-service` prints."""
    return {
        "Service": {
            "ServiceName": name,
            "ServiceArn": arn(name),
            "Status": "RUNNING",
            "UpdatedAt": MADE,
            "InstanceConfiguration": {"InstanceRoleArn": role("web")},
            "SourceConfiguration": {},
            **more,
        }
    }


def listed(*names: str) -> dict[str, Any]:
    return {"ServiceSummaryList": [{"ServiceName": name, "ServiceArn": arn(name)} for name in names]}


def test_a_service_has_the_instance_role_of_the_one_of_its_name() -> None:
    found, _, _ = read("app-runner", [traced(WEB)], service(), service("other"))
    assert (found.known[WEB].role, found.known[WEB].inferred) == (role("web"), True)
    assert found.known[f"app-runner:other@{PLACE}"].inferred is False
    confirmed, _, _ = read("app-runner", [traced(WEB, Hints(denied_role="web"))], service())
    assert confirmed.known[WEB].inferred is False


def test_a_service_that_is_not_known_has_no_role() -> None:
    found, _, _ = read("app-runner", [traced(WEB)], service("other"))
    assert found.known[WEB].role is None


def test_all_users_are_known_where_every_listed_service_is_described() -> None:
    complete, _, _ = read("app-runner", [traced(WEB)], service(), listed("web"))
    assert complete.platforms == {"tasks.apprunner.amazonaws.com"}
    partial, _, _ = read("app-runner", [traced(WEB)], service(), listed("web", "other"))
    assert not partial.platforms


def test_what_the_platform_needs_of_either_role() -> None:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:1"
    source = {
        "AuthenticationConfiguration": {"AccessRoleArn": role("access")},
        "ImageRepository": {
            "ImageIdentifier": image,
            "ImageConfiguration": {
                "RuntimeEnvironmentSecrets": {"A": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-a1"}
            },
        },
    }
    found, _, listing = read("app-runner", [traced(WEB)], service(SourceConfiguration=source))
    access = found.known[f"app-runner:web/access@{PLACE}"]
    assert listing.companions[WEB] == (access.key,)
    assert access.by_platform_only and access.role == role("access")
    assert ("ecr:batchgetimage", f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/web") in access.platform.required
    own = dict(found.known[WEB].platform.required)
    assert own["secretsmanager:getsecretvalue"] == f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:db-a1"
    assert "ecr:batchgetimage" not in own
