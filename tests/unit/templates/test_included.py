"""Values that a service takes from files of the checkout: lines, edits, and what is not followed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model import Location
from scanner.templates.places import Templates
from scanner.templates.read import Texts, read_templates, roles_in
from tests.unit.cases import allow
from tests.unit.templates.cases import finding, inline, locate, write
from tests.unit.templates.edit_cases import Deployed, deployed, edited, made, offered

ROLE = "notes-test-us-east-1-lambdaRole"
STATEMENTS = """\
all:
  - Effect: Allow
    Action:
      - s3:GetObject
      - s3:PutObject
    Resource: "*"
  - Effect: Allow
    Action: sqs:SendMessage
    Resource: "*"
"""


def service(value: str, name: str = "notes") -> str:
    return (
        f"service: {name}\nprovider:\n  name: aws\n  iamRoleStatements: {value}\n"
        "functions: { list: { handler: a.b } }\n"
    )


def place_of(files: Mapping[str, str], action: str = "s3:PutObject") -> Location | None:
    roles = [role for path, text in files.items() for role in roles_in(path, text, Texts(files)) or ()]
    found = finding(ROLE, action, "*", "notes-test-lambda")
    return locate(found, ("notes-test-list",), Templates(tuple(roles), len(files)))


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        ("${file(iam.yml):all}", "a/iam.yml"),
        ("${file(./iam.yml):all}", "a/iam.yml"),
        ("${file(../common/iam.yml):all}", "common/iam.yml"),
        ("${file(../a/../common/iam.yml):all}", "common/iam.yml"),
        ("'${file(iam.yml):all}'", "a/iam.yml"),
    ],
)
def test_statements_have_the_lines_of_their_file(reference: str, path: str) -> None:
    assert place_of({"a/serverless.yml": service(reference), path: STATEMENTS}) == Location(path, 5, 5)


def test_what_is_literal_beside_a_reference_has_its_own_lines() -> None:
    files = {
        "serverless.yml": service(
            "['${file(iam.yml):all.0}', { Effect: Allow, Action: 'x:Y', Resource: '*' }]"
        ),
        "iam.yml": STATEMENTS,
    }
    assert place_of(files) == Location("iam.yml", 5, 5)
    assert place_of(files, "x:Y") == Location("serverless.yml", 4, 4)
    assert place_of(files, "sqs:SendMessage") is None


@pytest.mark.parametrize(
    "reference",
    [
        "${file(/etc/iam.yml):all}",
        "${file(~/iam.yml):all}",
        "${file(../../iam.yml):all}",
        "${file(../..//iam.yml):all}",
        "${file(iam.js):all}",
        "${file(iam.yml):none}",
        "${file(iam.yml):all.7}",
        "${file(iam.yml):all.x}",
        "${file(iam-${opt:stage}.yml):all}",
        "${file(iam.yml):all, 'else'}",
        "${file(missing.yml):all}",
        "${file(broken.yml):all}",
        "${file(itself.yml):all}",
        "x${file(iam.yml):all}",
    ],
)
def test_what_is_not_followed(reference: str) -> None:
    files = {
        "a/serverless.yml": service(f'"{reference}"'),
        "a/iam.yml": STATEMENTS,
        "a/iam.js": STATEMENTS,
        "iam.yml": STATEMENTS,
        "a/broken.yml": "all: [",
        "a/itself.yml": "all: ${file(itself.yml):all}",
    }
    assert roles_in("a/serverless.yml", files["a/serverless.yml"], Texts(files)) is not None
    assert place_of(files) is None


def test_links_and_files_outside_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret.yml": STATEMENTS, "checkout/a/own.yml": STATEMENTS})
    root = tmp_path / "checkout"
    (root / "a" / "link.yml").symlink_to(tmp_path / "secret.yml")
    (root / "b").symlink_to(tmp_path)
    found = finding(ROLE, "s3:PutObject", "*", "notes-test-lambda")
    for path, place in (
        ("own.yml", Location("a/own.yml", 5, 5)),
        ("link.yml", None),
        ("../../secret.yml", None),
        ("../b/secret.yml", None),
    ):
        (root / "a" / "serverless.yml").write_text(service(f"${{file({path}):all}}"))
        assert locate(found, ("notes-test-list",), read_templates(root)) == place


@pytest.mark.parametrize(
    "files",
    [
        {
            "serverless.yml": service("${self:custom.a}")
            + "custom: { a: '${self:custom.b}', b: '${self:custom.a}' }\n"
        },
        {"serverless.yml": service("${self:custom.a.b}") + "custom: { a: '${self:custom.a.b}' }\n"},
        {"serverless.yml": service("${self:custom.x}") + "custom: ${self:custom}\n"},
        {
            "serverless.yml": service("${file(a.yml):x.y.z}"),
            "a.yml": "x: ${file(b.yml):x}",
            "b.yml": "x: ${file(a.yml):x}",
        },
        {
            "serverless.yml": service("[" + ", ".join(f"'${{file(f{i}.yml)}}'" for i in range(40)) + "]"),
            **{f"f{i}.yml": "a: " + "[b, " * 1 + "c]\n" + "# " + "x" * 100_000 for i in range(40)},
        },
        {"serverless.yml": service("${file(a.yml)}"), "a.yml": "- " * 500 + "a"},
        {"serverless.yml": service("${file(a.yml)}"), "a.yml": "&a [*a, *a, *a, *a]"},
    ],
)
def test_references_that_name_each_other_end(files: Mapping[str, str]) -> None:
    assert place_of(files) is None


def test_a_file_of_resources_is_a_part_of_its_service_alone(tmp_path: Path) -> None:
    files = {
        "serverless.yml": "service: notes\nprovider: { name: aws, role: !GetAtt AppRole.Arn }\n"
        "functions: { list: { handler: a.b } }\nresources: ${file(resources.yml)}\n",
        "resources.yml": "Resources:\n  AppRole:\n    Type: AWS::IAM::Role\n    Properties:\n"
        "      Policies:\n        - PolicyName: app\n          PolicyDocument:\n            Statement:\n"
        "              - { Effect: Allow, Action: ['a:B', 'c:D'], Resource: '*' }\n",
    }
    write(tmp_path, files)
    assert [role.path for role in read_templates(tmp_path).roles] == ["serverless.yml"]
    policy = inline("app", allow(["a:B", "c:D"], "*"))
    role = deployed("notes-test-AppRole-Ab3dEf6hIj9k", [policy], {"a:B"}, "notes-test-list")
    after = edited({path: text.encode() for path, text in files.items()}, [role])
    assert after["resources.yml"].decode() == files["resources.yml"].replace("'a:B', ", "")
    assert after["serverless.yml"].decode() == files["serverless.yml"]


# --- edits ---


def shared_role(name: str, unused: set[str], *statements: Mapping[str, object]) -> Deployed:
    policy = inline(f"{name}-test-lambda", *map(dict, statements))
    return deployed(f"{name}-test-us-east-1-lambdaRole", [policy], unused, f"{name}-test-list")


FILES = {"serverless.yml": service("${file(iam.yml):all}").encode(), "iam.yml": STATEMENTS.encode()}
GRANTS = (allow(["s3:GetObject", "s3:PutObject"], "*"), allow("sqs:SendMessage", "*"))


def test_an_edit_lands_in_the_file_that_holds_the_statement() -> None:
    after = edited(FILES, [shared_role("notes", {"s3:PutObject"}, *GRANTS)])
    assert after["iam.yml"].decode() == STATEMENTS.replace("      - s3:PutObject\n", "")
    assert after["serverless.yml"] == FILES["serverless.yml"]


def test_a_whole_statement_goes_from_the_file() -> None:
    after = edited(FILES, [shared_role("notes", {"sqs:SendMessage"}, *GRANTS)])
    assert after["iam.yml"].decode() == STATEMENTS[: STATEMENTS.index("  - Effect: Allow\n    Action: sqs")]


def test_what_a_reference_names_is_not_removed_as_a_whole() -> None:
    """Without it the reference would name nothing."""
    role = shared_role("notes", {"s3:GetObject", "s3:PutObject", "sqs:SendMessage"}, *GRANTS)
    offer = offered(FILES, [role])
    assert not offer.fixes
    assert set(offer.notes.values()) == {
        "nothing would be left of the statements in iam.yml, which another file names"
    }


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "serverless.yml",
            service("['${self:custom.read}', '${self:custom.send}']")
            + "custom:\n  read: { Effect: Allow, Action: ['s3:GetObject', 's3:PutObject'], Resource: '*' }\n"
            "  send: { Effect: Allow, Action: 'sqs:SendMessage', Resource: '*' }\n",
        ),
        ("iam.yml", service("['${file(iam.yml):all.0}', '${file(iam.yml):all.1}']")),
    ],
)
def test_a_statement_that_a_reference_names_by_itself_stays(path: str, text: str) -> None:
    files = {**FILES, "serverless.yml": text.encode()}
    role = shared_role("notes", {"sqs:SendMessage", "s3:PutObject"}, *GRANTS)
    fixes = offered(files, [role]).fixes
    after = made(files, fixes)[path]
    assert b"sqs:SendMessage" in after
    assert b"s3:PutObject" not in after


def test_services_that_share_a_file_must_agree() -> None:
    files = {
        "a/serverless.yml": service("${file(../iam.yml):all}").encode(),
        "b/serverless.yml": service("${file(../iam.yml):all}", "users").encode(),
        "iam.yml": STATEMENTS.encode(),
    }
    needs = shared_role("users", {"sqs:SendMessage"}, *GRANTS)
    unused = {"sqs:SendMessage", "s3:PutObject"}
    after = edited(files, [shared_role("notes", unused, *GRANTS), needs])
    assert b"s3:PutObject" in after["iam.yml"]
    assert b"sqs:SendMessage" not in after["iam.yml"]
    alone = offered(files, [shared_role("notes", unused, *GRANTS)])
    assert not alone.fixes
    assert all("was not compared" in note for note in alone.notes.values())
