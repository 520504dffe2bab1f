"""Code that is made to harm is read within bounds, nothing outside of the checkout is, nothing is raised."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scanner.model import StackResource
from scanner.templates.cdk.declarations import MAX_UNSURE
from scanner.templates.places import Templates
from scanner.templates.read import Texts, read_templates, roles_in
from tests.unit.templates.cases import placement, templates, write
from tests.unit.templates.cdk_cases import granted, python, typescript

SENDS = "worker.addToRolePolicy(new iam.PolicyStatement({ actions: ['sqs:SendMessage'], resources: ['*'] }));"
WORKER = "const worker = new lambda.Function(this, 'Worker', {});\n"
SEND = granted("Worker/ServiceRole", "sqs:SendMessage").finding("sqs:SendMessage")

UNREAD = {
    "deep lists": "x = " + "[" * 5_000 + "]" * 5_000,
    "deep calls": "f(" * 5_000 + ")" * 5_000,
    "deep templates": "`${" * 5_000 + "1" + "}`" * 5_000,
    "no end": "[" * 100_000,
    "too long": "x = 1;\n" * 40_000,
    "what can be meant in many ways": ("(a," * 290 + "a" + ")=>1" * 290 + ";") * 40,
}
READ = {
    "a long chain": "a" + ".b" * 5_000,
    "a long sum": "x = " + "'a' + " * 2_000 + "'b'",
    "classes that extend each other": "class A extends B { c() { new Function(this, 'f'); } }\n"
    "class B extends A {}",
    "a class that makes itself": "class A extends C { c() { new A(this, 'a'); new A(this, 'b'); "
    "new Function(this, 'f'); } }",
    "classes that multiply": "".join(
        f"class C{i} extends Construct {{ c() {{ new C{i + 1}(this, 'a'); new C{i + 1}(this, 'b'); }} }}\n"
        for i in range(100)
    )
    + "class C100 extends Construct { c() { new Function(this, 'f'); } } "
    "class S extends Stack { c() { new C0(this, 'c'); } }",
    "names that mean each other": "const a = b; const b = a;\n"
    "class S extends Stack { c() { a.addToRolePolicy(b); } }",
}


@pytest.mark.parametrize("name", [*UNREAD, *READ])
def test_within_bounds(name: str) -> None:
    text = UNREAD.get(name) or READ[name]
    files = typescript("") | {"lib/stack.ts": text}
    start = time.process_time()
    roles = roles_in("cdk.json", files["cdk.json"], Texts(files))
    assert (roles is None) == (name in UNREAD)
    assert time.process_time() - start < 4


def test_policies_that_may_be_any_roles_are_not_without_end() -> None:
    text = "".join(
        f"const f{i} = new Function(this, 'F{i}');\n"
        "g.addToRolePolicy(new PolicyStatement({ actions: ['a:b'], resources: ['*'] }));\n"
        for i in range(300)
    )
    files = typescript("") | {"lib/stack.ts": f"class S extends Stack {{ c() {{ {text} }} }}"}
    roles = roles_in("cdk.json", files["cdk.json"], Texts(files)) or ()
    assert len(roles) == 300
    assert {len(role.policies) for role in roles} == {MAX_UNSURE}


def test_nothing_outside_of_the_checkout_is_read(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    write(outside, {"stack.ts": typescript(WORKER + SENDS)["lib/stack.ts"]})
    write(
        inside,
        {
            "cdk.json": '{"app": "node ../outside/stack.ts /etc/a.py"}',
            "bin/a.ts": "import '../../outside/stack';",
        },
    )
    (inside / "bin" / "linked.ts").symlink_to(outside / "stack.ts")
    found = read_templates(inside)
    assert (found.files, found.unread, found.roles) == (1, (), ())


def test_an_app_in_a_checkout(tmp_path: Path) -> None:
    files = {f"services/notes/{path}": text for path, text in typescript(WORKER + SENDS).items()}
    write(tmp_path, files)
    found = read_templates(tmp_path)
    location = placement(SEND, ("NotesStack-Worker11F36D0F-AbCdEfGhIjKl",), found).location
    assert location is not None
    assert (location.path, location.line) == ("services/notes/lib/stack.ts", 10)


def test_the_stack_that_made_a_role_tells_which_it_is() -> None:
    files = python(
        """\
        worker = lambda_.Function(self, "Worker", function_name="worker")
        worker.add_to_role_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=["*"]))"""
    )
    roles = roles_in("cdk.json", files["cdk.json"], Texts(files)) or ()
    logical_id = SEND.role.rpartition("/")[2].split("-")[1]
    stack = StackResource("NotesStack", logical_id, None)
    found = placement(SEND, ("worker",), Templates(roles, 1), stack)
    assert found.location is not None
    assert found.location.path == "notes/stack.py"
    other = StackResource("OtherStack", "Another", None)
    assert placement(SEND, ("worker",), Templates(roles, 1), other).location is None
    assert templates({}).roles == ()
