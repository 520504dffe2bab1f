"""Many templates in one checkout: whose a name is that several could have made, and in bounds."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from scanner.model import Finding, Location
from scanner.templates import locate as locate_module
from scanner.templates import read
from scanner.templates.locate import Locator, Placement
from scanner.templates.places import Templates
from scanner.templates.read import read_templates
from tests.unit.cases import allow
from tests.unit.templates.cases import (
    READ,
    finding,
    inline,
    locate,
    placement,
    role_template,
    templates,
    write,
)
from tests.unit.templates.test_hostile_yaml import SHARED_STATEMENTS

SERVICE = """\
    service: %s
    provider:
      name: aws
      iam:
        role:
          statements:
            - { Effect: Allow, Action: "s3:GetObject", Resource: %s }
    functions:
      api: { handler: a.b }
      jobs: { handler: a.b }
    """


def service(name: str, resource: str = "!ImportValue A") -> str:
    """A service of two functions that share a role, whose statement is in line 7."""
    return dedent(SERVICE % (name, resource))


def read_of(service_name: str, stage: str = "dev") -> tuple[Finding, list[str]]:
    """A finding on the shared role of a service as it is deployed, and the names of its functions."""
    name = f"{service_name}-{stage}"
    found = finding(f"{name}-us-east-1-lambdaRole", "s3:GetObject", "arn:aws:s3:::b/*", policy="p")
    return found, [f"{name}-api", f"{name}-jobs"]


NOTES, LOCAL = "notes/serverless.yml", "notes-local/serverless.yml"


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("deployed", "path"),
    [("notes", NOTES), ("notes-local", LOCAL), ("notes-local-eu", None), ("other", None)],
)
def test_a_name_belongs_to_the_service_that_spells_most_of_it(
    order: int, deployed: str, path: str | None
) -> None:
    texts = {
        NOTES: service("notes"),
        LOCAL: service("notes-local"),
        "x/serverless.yml": service("notes-local-eu", "b"),
    }
    checkout = templates(dict(list(texts.items())[::order]))
    found, workloads = read_of(deployed)
    place = locate(found, workloads, checkout)
    assert place == (Location(path, 7, 7) if path else None)


def test_the_other_service_is_excluded_though_its_statement_alone_fits() -> None:
    """The statement of `notes-local` was changed since it was deployed: that of `notes` is not its own."""
    checkout = templates({NOTES: service("notes"), LOCAL: service("notes-local", "arn:aws:s3:::changed")})
    found, workloads = read_of("notes-local")
    assert locate(found, workloads, checkout) is None


def test_the_other_service_is_excluded_though_it_alone_declares_the_function() -> None:
    own = '{ handler: a.b, iamRoleStatements: [{ Effect: Allow, Action: "s3:GetObject", Resource: "*" }] }'
    notes = service("notes").replace("api: { handler: a.b }", f"api: {own}")
    case = finding("notes-local-dev-api-us-east-1-lambdaRole", "s3:GetObject", "*", policy="p")
    workloads = ["notes-local-dev-api"]
    assert locate(case, workloads, templates({NOTES: notes})) == Location(NOTES, 9, 9)
    assert locate(case, workloads, templates({NOTES: notes, LOCAL: service("notes-local", "b")})) is None


def test_a_stage_that_looks_like_the_name_of_another_service() -> None:
    """Stage `local` of `notes` and service `notes-local` cannot be told apart by the name: no guess."""
    checkout = templates({NOTES: service("notes"), LOCAL: service("notes-local")})
    found, workloads = read_of("notes", "local")
    assert locate(found, workloads, checkout) is None


def test_the_most_literal_role_excludes_the_others() -> None:
    wide, narrow = role_template("!Sub 'notes-${Stage}-list'"), role_template("!Sub 'notes-test-${Name}st'")
    changed = narrow.replace("s3:GetObject", "s3:PutObject")
    assert locate(READ, (), templates({"a.yml": wide, "b.yml": narrow})) == Location("b.yml", 9, 9)
    assert locate(READ, (), templates({"a.yml": wide, "b.yml": changed})) is None


def test_two_that_fit_equally_are_named() -> None:
    text = role_template("!Sub 'notes-${Stage}-list'")
    two = placement(READ, (), templates({"b/a.yml": text, "a/a.yml": text}))
    assert two == Placement(note="a/a.yml:9 and b/a.yml:9 fit equally")
    four = placement(READ, (), templates({f"{folder}/a.yml": text for folder in "abcd"}))
    assert four.note == "a/a.yml:9 and b/a.yml:9, and 2 more fit equally"
    assert placement(READ, (), templates({"a.yml": role_template("other")})).note == ""


def test_where_templates_were_left_out_only_a_name_in_full_is_placed() -> None:
    pattern, full = role_template("!Sub 'notes-${Stage}-list'"), role_template("notes-test-list")
    for text, place in ((pattern, None), (full, Location("a.yml", 9, 9))):
        checkout = Templates(templates({"a.yml": text}).roles, truncated=True)
        assert locate(READ, (), checkout) == place


def test_a_thousand_services_are_compared_with_few_names_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate_module, "MAX_COMPARISONS", 30_000)
    checkout = templates({f"{n:03}/serverless.yml": service(f"s{n:03}") for n in range(1_000)})
    locator = Locator(checkout)
    for n in range(1_000):
        found, workloads = read_of(f"s{n:03}")
        assert locator.place(found, workloads).location == Location(f"{n:03}/serverless.yml", 7, 7)


def test_a_thousand_roles_that_all_match_are_compared_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate_module, "MAX_COMPARISONS", 10_000)
    text = role_template("!Sub 'notes-${A}${B}${C}'")
    locator = Locator(templates({f"{n}.yml": text for n in range(1_000)}))
    notes = [locator.place(READ, ()).note for _ in range(10)]
    assert notes[0] == "0.yml:9 and 1.yml:9, and 998 more fit equally"
    assert notes[-1] == "the templates of the checkout declare too many roles that match"


def test_a_thousand_hostile_templates_are_walked_in_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may take its own steps, all together no more than a few do."""
    monkeypatch.setattr(read, "MAX_STEPS_OF_ALL", 400_000)
    write(tmp_path, {f"{n:03}/template.yaml": SHARED_STATEMENTS for n in range(1_000)})
    checkout = read_templates(tmp_path)
    assert checkout.truncated
    assert len(checkout.unread) <= 3


@pytest.mark.parametrize(("bound", "most"), [("MAX_NAMES", 3), ("MAX_BYTES", 300), ("MAX_TEMPLATES", 2)])
def test_no_checkout_is_read_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    write(tmp_path, {f"{name}/template.yml": role_template(name) for name in "abc"})
    assert not read_templates(tmp_path).truncated
    monkeypatch.setattr(read, bound, most)
    checkout = read_templates(tmp_path)
    assert checkout.truncated
    assert checkout.files < 3


def test_files_that_are_no_text_count_as_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 5)
    for name in "abc":
        (tmp_path / f"{name}.json").write_bytes(b"\xff" * 9)
    assert read_templates(tmp_path).truncated


def test_a_template_of_a_thousand_is_found(tmp_path: Path) -> None:
    write(tmp_path, {f"{n:03}/serverless.yml": service(f"s{n:03}") for n in range(1_000)})
    policy = inline("p", allow("s3:GetObject", "arn:aws:s3:::b/*"))
    case = finding("s999-dev-us-east-1-lambdaRole", "s3:GetObject", "arn:aws:s3:::b/*", policy)
    assert locate(case, ["s999-dev-api"], read_templates(tmp_path)) == Location("999/serverless.yml", 7, 7)
