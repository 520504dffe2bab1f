"""Which files of a checkout are read as templates, in which bounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scanner.templates import read
from scanner.templates.framework import Declarations, DeclaredRole, Framework
from scanner.templates.places import Name, Templates
from scanner.templates.read import read_templates
from scanner.templates.written import Checkout
from tests.unit.templates.cases import role_template, write


def test_which_files_are_read(tmp_path: Path) -> None:
    text = role_template("notes-test-list")
    service = "service: a\nprovider: { name: aws }\nfunctions: { f: {} }\n"
    files = {
        "b/stack.yaml": text,
        "a/infra.template": text,
        "README.md": text,
        "other.yml": "a: b\n",
        "z/serverless.yml": service,
        "node_modules/x.yml": text,
        "serverless.json": '{"provider": {}}',
    }
    write(tmp_path, files)
    for folder in (".git", "cdk.out", "dist", "build", ".serverless", ".aws-sam", ".venv"):
        write(tmp_path / folder, {"stack.template.json": text})
    (tmp_path / "link.yml").symlink_to(tmp_path / "b" / "stack.yaml")
    (tmp_path / "line\nbreak.yml").write_text(text)
    checkout = read_templates(tmp_path)
    assert (checkout.files, checkout.unread, checkout.truncated) == (4, (), False)
    assert [role.path for role in checkout.roles] == [
        "serverless.json",
        "a/infra.template",
        "b/stack.yaml",
        "z/serverless.yml",
    ]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.yml": "Resources: [ AWS::", "b.yml": role_template("x")})
    (tmp_path / "template.yml").write_bytes(b"Resources: \xff AWS::")
    (tmp_path / "serverless.yml").write_bytes(b"#" * (read.MAX_FILE_BYTES + 1))
    (tmp_path / "package-lock.json").write_bytes(b" " * (read.MAX_FILE_BYTES + 1))
    (tmp_path / "template.json").symlink_to("/dev/zero")
    checkout = read_templates(tmp_path)
    assert checkout.files == 1
    assert checkout.unread == ("a.yml", "serverless.yml", "template.json", "template.yml")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{name}.yml": role_template(name) for name in "abc"})
    monkeypatch.setattr(read, "MAX_FILES", 2)
    assert (read_templates(tmp_path).files, read_templates(tmp_path).truncated) == (2, True)
    monkeypatch.setattr(read, "MAX_CHARACTERS", 1)
    assert (read_templates(tmp_path).files, read_templates(tmp_path).truncated) == (1, True)


def test_a_further_framework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework is one value: how its files are known, and what they declare."""

    def declared(path: str, text: str, checkout: Checkout) -> Declarations | None:
        named = checkout.text(path.replace("a.roles", text))
        return None if named is None else Declarations({"": DeclaredRole(Name(named))})

    further = Framework(
        suffixes=(".roles",),
        is_named=lambda file: file == "main.roles",
        may_be=lambda _, text: text.endswith(".txt"),
        read=declared,
    )
    monkeypatch.setattr(read, "FRAMEWORKS", (*read.FRAMEWORKS, further))
    write(tmp_path, {"x/a.roles": "../y/name.txt", "y/name.txt": "reader", "b.yml": role_template("b")})
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "main.roles").write_bytes(b"\xff")
    checkout = read_templates(tmp_path)
    assert [(role.path, role.name) for role in checkout.roles] == [
        ("b.yml", Name("b")),
        ("x/a.roles", Name("reader")),
    ]
    assert checkout.unread == ("sub/main.roles",)


def test_other_files_are_read_in_the_checkout_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    write(
        tmp_path, {"outside.txt": "secret", "root/a.roles": ".txt", "root/in/b.txt": "b", "root/c.txt": "c"}
    )
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "linked").symlink_to(tmp_path)
    texts: dict[str, str | None] = {}
    names: dict[str, Sequence[str]] = {}

    def declared(path: str, text: str, checkout: Checkout) -> Declarations | None:
        for other in (
            "in/b.txt",
            "in/../c.txt",
            "../outside.txt",
            "link.txt",
            "linked/outside.txt",
            "/etc/hosts",
        ):
            texts[other] = checkout.text(other)
        for folder in ("", "in", "..", "linked", "none", "c.txt"):
            names[folder] = checkout.names(folder)
        return None

    further = Framework((".roles",), lambda _: False, lambda _, text: True, declared)
    monkeypatch.setattr(read, "FRAMEWORKS", (further,))
    read_templates(root)
    assert {path: text for path, text in texts.items() if text is not None} == {
        "in/b.txt": "b",
        "in/../c.txt": "c",
    }
    assert {folder: list(its) for folder, its in names.items() if its} == {
        "": ["a.roles", "c.txt"],
        "in": ["b.txt"],
    }


def test_no_folder(tmp_path: Path) -> None:
    assert read_templates(tmp_path / "none") == Templates()
