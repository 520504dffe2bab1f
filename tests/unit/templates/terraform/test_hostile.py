"""No text makes reading raise, or last; without the parser the files are left alone, and that is said."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scanner.templates import hcl as hcl_module
from scanner.templates.read import Texts, read_templates, roles_in
from tests.unit.templates.cases import write
from tests.unit.templates.terraform.cases import EXAMPLES

ROLE = 'resource "aws_iam_role" "a" {\n  name = "notes-reader"\n}\n'
POLICY = 'resource "aws_iam_role_policy" "a" {\n  name = "a"\n  role = aws_iam_role.a.id\n  policy = %s\n}\n'
HOSTILE = {
    "lists": "aws_iam_ = " + "[" * 20_000,
    "closed lists": ROLE + POLICY % f"jsonencode({'[' * 20_000}{']' * 20_000})",
    "parentheses": ROLE + POLICY % f"{'(' * 20_000}a{')' * 20_000}",
    "blocks": "aws_iam_ {\n" * 10_000 + "}\n" * 10_000,
    "quotes": "# aws_iam_\n" + '"' * 30_000,
    "texts in texts": ROLE + POLICY % ('"${' * 10_000 + "a" + '}"' * 10_000),
    "heredocs": "# aws_iam_\n" + "a = <<E\n" * 20_000,
    "operators": ROLE + "locals { a = 1 " + "+ 1" * 50_000 + "}\n",
    "too long": ROLE + "#" * 200_000,
    "deep JSON": ROLE + POLICY % f"<<E\n{'[' * 50_000}\nE\n",
    "nested JSON": ROLE + POLICY % ("<<E\n" + '{"Statement":' * 2_000 + "1" + "}" * 2_000 + "\nE\n"),
    "locals in a circle": ROLE
    + "locals {\n  a = local.b\n  b = local.a\n  c = concat(local.c, local.c)\n"
    + '  d = "${local.d}${local.d}"\n}\n'
    + POLICY % "jsonencode({ Statement = [{ Effect = local.a, Action = local.c, Resource = local.d }] })",
    "names in a circle": ROLE.replace("notes-reader", "${aws_iam_role.a.name}${aws_iam_role.a.name}"),
    "documents in a circle": ROLE
    + 'data "aws_iam_policy_document" "a" {\n  source_policy_documents = '
    + "[data.aws_iam_policy_document.a.json, data.aws_iam_policy_document.a.json]\n}\n"
    + POLICY % "data.aws_iam_policy_document.a.json",
    "itself as a module": ROLE + 'module "a" {\n  source = "./"\n}\nmodule "b" {\n  source = "./."\n}\n',
    "a module outside": ROLE + 'module "a" {\n  source = "../../../../etc"\n}\n',
    "files outside": ROLE + POLICY % 'file("/etc/passwd")' + POLICY % 'file("../../a.json")',
    "no labels": 'resource {\n}\nmodule {\n source = "./a"\n}\ndata "aws_iam_role" {\n}\n' + ROLE,
    "surrogates": 'resource "aws_iam_role" "a" {\n  name = "\\ud800\\U00110000"\n}\n',
    "multiplying": ROLE
    + "locals {\n  a0 = [1]\n"
    + "".join(f"  a{n + 1} = concat({', '.join([f'local.a{n}'] * 9)})\n" for n in range(7))
    + "}\n"
    + POLICY % "jsonencode({ Statement = [{ Effect = 1, Action = local.a9 }] })",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"infra/main.tf": text})
    start = time.process_time()
    read_templates(tmp_path)
    assert time.process_time() - start < 3


def test_broken_texts_are_named_and_do_not_hide_others(tmp_path: Path) -> None:
    files = EXAMPLES["files-of-a-module"].files
    write(tmp_path, {**files, "infra/broken.tf": 'resource "aws_iam_role" {{ = '})
    read = read_templates(tmp_path)
    assert read.unread == ("infra/broken.tf",)
    assert len(read.roles) == 1


@pytest.mark.parametrize("name", ["jsonencode", "indented-heredoc-with-values", "the-lambda-module"])
def test_every_beginning_and_every_lost_line_is_read_or_refused(name: str) -> None:
    for path, text in EXAMPLES[name].files.items():
        lines = text.splitlines(keepends=True)
        for cut in range(len(lines)):
            for part in ("".join(lines[:cut]), "".join(lines[:cut] + lines[cut + 1 :])):
                roles_in(path, part, Texts({path: part}))


@pytest.fixture
def without_parser(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "tree_sitter_hcl", None)
    caches = (hcl_module._parser, hcl_module.hcl)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.usefixtures("without_parser")
def test_without_the_parser(tmp_path: Path) -> None:
    write(tmp_path, {"a/main.tf": ROLE, "b/main.tf": ROLE})
    read = read_templates(tmp_path)
    assert read.roles == ()
    assert read.not_installed == (
        "files of Terraform are not read: the package tree-sitter-hcl is not installed",
    )


def test_there_are_enough_of_them() -> None:
    assert len(EXAMPLES) >= 30
