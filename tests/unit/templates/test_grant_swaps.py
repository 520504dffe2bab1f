"""A smaller grant of the CDK in the place of one that was used in part."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from scanner.fix.files import planned
from scanner.model import BundleUse, Fix, Verdict
from scanner.report import records
from scanner.templates.code.syntax import PYTHON, TYPESCRIPT, CodeSyntax
from scanner.templates.written import CannotCutError, Span
from scanner.verdict.bundle_table import CDK, bundles
from tests.unit.cases import allow
from tests.unit.templates.cases import inline
from tests.unit.templates.cdk_cases import Granted, python, typescript
from tests.unit.templates.edit_cases import Deployed, deployed, made, offered

BUCKET = "arn:aws:s3:::data"
READS = ("s3:GetObject*", "s3:GetBucket*", "s3:List*")
FUNCTION = """\
const data = new s3.Bucket(this, 'Data', { bucketName: 'data' });
const worker = new lambda.Function(this, 'Worker', {});
"""
PY_FUNCTION = """\
data = s3.Bucket(self, "Data", bucket_name="data")
worker = lambda_.Function(self, "Worker")
"""


def with_grant(
    used: Collection[str] = READS,
    smaller: str = "grantRead",
    *,
    key: str = "",
    verdict: Verdict | None = None,
) -> Deployed:
    """A function that may read and write a bucket, and did some of that."""
    (bundle,) = (b for b in bundles() if (b.framework, b.name) == (CDK, "grantReadWrite") and "s3" in b.of)
    statements = [allow(list(bundle.parts[0].spelled), [BUCKET, f"{BUCKET}/*"])]
    if key:
        statements.append(allow(list(bundle.companions[0].spelled), key))
    its = Granted("Worker/ServiceRole", statements)
    unused = [action for statement in statements for action in statement["Action"] if action not in used]
    role = deployed(its.role, [inline(its.policy, *statements)], unused)
    use = BundleUse(CDK, "grantReadWrite", BUCKET, fits=False, smaller=smaller, unless=("s3:PutObject",))
    found = [replace(finding, bundle=use) for finding in role.findings]
    if verdict is not None:
        found = [replace(f, verdict=verdict) if f.actions[0].startswith("kms:") else f for f in found]
    return role._replace(findings=tuple(found))


def swapped(files: Mapping[str, str], role: Deployed) -> tuple[dict[str, str], tuple[Fix, ...]]:
    contents = {path: text.encode() for path, text in files.items()}
    fixes = offered(contents, [role]).fixes
    return {path: text.decode() for path, text in made(contents, fixes).items()}, fixes


TS_CALLS = [
    ("data.grantReadWrite(worker);", "data.grantRead(worker);"),
    ("data.grantReadWrite(worker, 'in/*'); // ä", "data.grantRead(worker, 'in/*'); // ä"),
    ("data.grants.readWrite(worker);", "data.grants.read(worker);"),
    ("data\n  .grantReadWrite(worker.role!);", "data\n  .grantRead(worker.role!);"),
]
PY_CALLS = [
    ("data.grant_read_write(worker)", "data.grant_read(worker)"),
    ("data.grants.read_write(worker)", "data.grants.read(worker)"),
]


@pytest.mark.parametrize(("before", "after"), TS_CALLS + PY_CALLS)
def test_a_smaller_grant(before: str, after: str) -> None:
    is_python = (before, after) in PY_CALLS
    app, function = (python, PY_FUNCTION) if is_python else (typescript, FUNCTION)
    texts, fixes = swapped(app(function + before), with_grant())
    assert texts == app(function + after)
    (fix,) = fixes
    assert fix.disposition == "needs-a-look"
    assert (
        fix.why
        == "grantRead in the place of grantReadWrite: it lacks s3:PutObject, which traces may not show"
    )
    assert any(id_.endswith("s3:DeleteObject*") for id_ in fix.findings)
    assert not any(id_.endswith("s3:GetObject*") for id_ in fix.findings)


@pytest.mark.parametrize("verdict", [Verdict.UNUSED, Verdict.UNOBSERVABLE])
def test_the_use_of_a_key_goes_along(verdict: Verdict) -> None:
    files = typescript(FUNCTION + "data.grantReadWrite(worker);")
    role = with_grant(key="arn:aws:kms:us-east-1:123456789012:key/1", verdict=verdict)
    assert swapped(files, role)[0] == typescript(FUNCTION + "data.grantRead(worker);")
    role = with_grant(key="arn:aws:kms:us-east-1:123456789012:key/1", verdict=Verdict.USED)
    assert swapped(files, role)[1] == ()


class Refused(NamedTuple):
    name: str
    body: str
    role: Deployed


GRANT = "data.grantReadWrite(worker);"
REFUSED = [
    Refused("what was used is lost", FUNCTION + GRANT, with_grant((*READS, "s3:PutObject"))),
    Refused("no smaller one is known", FUNCTION + GRANT, with_grant(smaller="grantEverything")),
    Refused("a smaller one of another construct", FUNCTION + GRANT, with_grant(smaller="grantReadData")),
    Refused(
        "the construct is not known",
        FUNCTION.replace("new s3.Bucket", "Bucket.fromBucketName") + GRANT,
        with_grant(),
    ),
    Refused("made twice", f"{FUNCTION}{GRANT}\n{GRANT}", with_grant()),
    Refused(
        "two roles share the call",
        "new Uses(this, 'A');\nnew Uses(this, 'B');\n}\n}\nclass Uses extends Construct {\n"
        f"constructor(scope: Construct, id: string) {{\nsuper(scope, id);\n{FUNCTION}{GRANT}",
        with_grant(),
    ),
]


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_no_smaller_grant(refused: Refused) -> None:
    assert swapped(typescript(refused.body), refused.role)[1] == ()


def test_fix_makes_it_in_the_file_of_an_app(tmp_path: Path) -> None:
    files = typescript(FUNCTION + GRANT)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    fixes = [msgspec.convert(asdict(fix), records.Fix) for fix in swapped(files, with_grant())[1]]
    (file,) = planned(tmp_path, fixes, fixes).files
    assert file.after.decode() == files["lib/stack.ts"].replace("grantReadWrite", "grantRead")


@pytest.mark.parametrize(
    ("syntax", "text", "node", "values", "replacement"),
    [
        (TYPESCRIPT, "a.grantReadWrite(b)", "grantReadWrite", ["grantRead"], "grantRead"),
        (TYPESCRIPT, "a.grants.readWrite(b)", "readWrite", ["grantRead"], "read"),
        (PYTHON, "a.grant_read_write_data(b)", "grant_read_write_data", ["grantReadData"], "grant_read_data"),
        (PYTHON, "a.grants.read_write(b)", "read_write", ["grantRead"], "read"),
        (
            TYPESCRIPT,
            "x = { actions: ['s3:Get*'] }",
            "'s3:Get*'",
            ["s3:GetA", "s3:GetB"],
            "'s3:GetA', 's3:GetB'",
        ),
        (
            TYPESCRIPT,
            "x = { Action: 's3:Get*' }",
            "'s3:Get*'",
            ["s3:GetA", "s3:GetB"],
            "['s3:GetA', 's3:GetB']",
        ),
        (TYPESCRIPT, 'x = { Action: "s3:Get*" }', '"s3:Get*"', ["s3:GetA"], '"s3:GetA"'),
        (PYTHON, 'f(actions=["s3:Get*"])', '"s3:Get*"', ["s3:GetA", "s3:GetB"], '"s3:GetA", "s3:GetB"'),
        (TYPESCRIPT, "x = ['s3:Get*']", "'s3:Get*'", [], None),
        (TYPESCRIPT, "x = ['s3:Get*']", "'s3:Get*'", ["s3:Get' + evil() + '"], None),
        (TYPESCRIPT, "x = [`s3:Get*`]", "`s3:Get*`", ["s3:GetA"], None),
        (PYTHON, "x = [f's3:{name}']", "f's3:{name}'", ["s3:GetA"], None),
        (PYTHON, "x = ['''s3:Get*''']", "'''s3:Get*'''", ["s3:GetA"], None),
        (TYPESCRIPT, "a.grantReadWrite(b)", "grantReadWrite", ["grantRead", "grantPut"], None),
        (TYPESCRIPT, "a.grantReadWrite(b)", "grantReadWrite", ["grantRead()"], None),
        (TYPESCRIPT, "a.grantReadWrite(b)", "ReadWrite", ["grantRead"], None),
    ],
)
def test_what_is_written_in_the_place(
    syntax: CodeSyntax, text: str, node: str, values: list[str], replacement: str | None
) -> None:
    span = Span(text.index(node), text.index(node) + len(node))
    if replacement is None:
        with pytest.raises(CannotCutError):
            syntax.replaced(text, span, values)
    else:
        assert syntax.replaced(text, span, values) == replacement


def test_the_used_part_of_a_wildcard_in_a_file_that_a_template_names() -> None:
    template = (
        "service: notes\nprovider:\n  name: aws\n  iam:\n    role:\n      statements: ${file(iam.yml)}\n"
    )
    statements = "- Effect: Allow\n  Action:\n    - s3:Get*\n  Resource: '*'\n"
    files = {"serverless.yml": template.encode(), "iam.yml": statements.encode()}
    policy = inline("notes-dev-lambda", allow(["s3:Get*"]))
    role = deployed("notes-dev-us-east-1-lambdaRole", [policy], ())
    broad = replace(role.findings[0], verdict=Verdict.BROAD)
    role = role._replace(findings=(broad,), workloads=("notes-dev-list",))
    fixes = offered(files, [role], kept={broad.id: ("s3:GetObject",)}).fixes
    assert made(files, fixes)["iam.yml"].decode() == statements.replace("s3:Get*", "s3:GetObject")
    assert [fix.disposition for fix in fixes] == ["needs-a-look"]
