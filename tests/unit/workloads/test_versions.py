"""Which code a trace tells about, and which older versions of a function still serve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import Warnings
from scanner.model import Evidence, Role, Workload
from scanner.model.workloads import Alias, PublishedVersion, qualifier_of
from scanner.workloads.lambda_reader import functions_from_file
from scanner.workloads.versions import of_current_code, of_version, older_versions, ran_older_code
from tests.unit.cases import HOUR, NOW, ROLE, function_arn

F = function_arn("f")
CHANGED = NOW - HOUR
OTHER_ROLE = ROLE + "-other"
OF_ROLE = Role(ROLE, "f", workloads=(F,))


def version(name: str, age: float, role: str | None = ROLE) -> PublishedVersion:
    return PublishedVersion(name, datetime.fromtimestamp(NOW - age, UTC), role)


OLD, NEW, EQUAL = version("3", 5 * HOUR), version("4", HOUR / 2), version("5", HOUR)


def workload(*published: PublishedVersion, aliases: Any = (), qualifiers: tuple[str, ...] = ()) -> Workload:
    named = None if aliases is None else tuple(Alias(name, versions) for name, versions in aliases)
    changed = datetime.fromtimestamp(CHANGED, UTC)
    return Workload(F, "lambda", "f", ROLE, changed, published, named, qualifiers)


def ran(*names: str, at: float = NOW) -> Evidence:
    return Evidence(of_versions={name: Evidence(newest_complete=(at,), last_call=at) for name in names})


@pytest.mark.parametrize(
    ("arn", "qualifier"),
    [
        (F, None),
        (F + ":$LATEST", None),
        (F + ":5", "5"),
        (F + ":live", "live"),
        (F + ":$LATEST.PUBLISHED", "$LATEST.PUBLISHED"),
        ("nothing", None),
    ],
)
def test_the_qualifier_of_an_arn(arn: str, qualifier: str | None) -> None:
    assert qualifier_of(arn) == qualifier


@pytest.mark.parametrize(
    ("of", "evidence", "serving", "unknown"),
    [
        # aliases read: what they serve, whole or in part
        (workload(OLD), Evidence(), [], False),
        (workload(OLD, aliases=[("live", ("3",))]), Evidence(), ["3"], False),
        (workload(OLD, NEW, aliases=[("live", ("3", "4"))]), Evidence(), ["3"], False),
        (workload(OLD, NEW, aliases=[("live", ("4",))]), Evidence(), [], False),
        (workload(OLD, EQUAL, aliases=[("live", ("5",))]), Evidence(), [], False),
        (workload(OLD, aliases=[("live", ("$LATEST",))]), Evidence(), [], False),
        # a version that is not listed may be old, and have the role
        (workload(aliases=[("live", ("2",))]), Evidence(), ["2"], False),
        # another role's
        (workload(version("3", 5 * HOUR, OTHER_ROLE), aliases=[("live", ("3",))]), Evidence(), [], False),
        (workload(version("3", 5 * HOUR, None), aliases=[("live", ("3",))]), Evidence(), ["3"], False),
        # aliases not read
        (workload(OLD, aliases=None), Evidence(), [], True),
        (workload(NEW, aliases=None), Evidence(), [], False),
        (workload(EQUAL, aliases=None), Evidence(), [], False),
        (workload(aliases=None), Evidence(), [], False),
        (workload(version("3", 5 * HOUR, OTHER_ROLE), aliases=None), Evidence(), [], False),
        (workload(PublishedVersion("3", None, ROLE), aliases=None), Evidence(), [], True),
        # event sources and asynchronous invocations that name it
        (workload(OLD, qualifiers=("3",)), Evidence(), ["3"], False),
        (workload(OLD, aliases=[("live", ("3",))], qualifiers=("live",)), Evidence(), ["3"], False),
        (workload(OLD, aliases=None, qualifiers=("3",)), Evidence(), ["3"], True),
        # traces that name it, since the last change
        (workload(OLD), ran("3"), ["3"], False),
        (workload(OLD), ran("3", at=CHANGED - 1), [], False),
        (workload(OLD, NEW), ran("4"), [], False),
    ],
)
def test_older_versions_that_serve(
    of: Workload, evidence: Evidence, serving: list[str], unknown: bool
) -> None:
    older = older_versions(of, OF_ROLE, evidence)
    assert [version.name for version in older.serving] == serving
    assert older.unknown is unknown


@pytest.mark.parametrize(
    ("of", "name", "current"),
    [
        (workload(OLD, NEW), "4", True),
        (workload(OLD, NEW), "3", False),
        (workload(OLD), "9", False),  # not listed (any more)
        (workload(OLD, EQUAL), "5", True),
        (workload(OLD, NEW, aliases=[("live", ("4",))]), "live", True),
        (workload(OLD, NEW, aliases=[("live", ("3",))]), "live", False),
        (workload(OLD, NEW, aliases=[("live", ("3", "4"))]), "live", False),  # either may have run
        (workload(NEW, EQUAL, aliases=[("live", ("4", "5"))]), "live", True),
        (workload(OLD, aliases=[("live", ("$LATEST",))]), "live", True),
        (workload(NEW, aliases=[("live", ("4",))]), "gone", False),
        (workload(OLD, aliases=None), "live", True),  # a doubt of its own: the aliases are unknown
        (workload(OLD, aliases=None), "3", False),
    ],
)
def test_whether_a_trace_tells_of_the_code_of_now(of: Workload, name: str, current: bool) -> None:
    assert bool(of_current_code(ran(name), of).newest_complete) is current
    assert ran_older_code(ran(name), of) is not current


@pytest.mark.parametrize(
    ("name", "of_it"),
    [("3", True), ("live", True), ("canary", False), ("4", False), ("gone", False)],
)
def test_which_traces_are_of_an_older_version(name: str, of_it: bool) -> None:
    aliases = [("live", ("3",)), ("canary", ("3", "4"))]
    assert bool(of_version(ran(name), workload(OLD, NEW, aliases=aliases), "3").newest_complete) is of_it


@given(st.sets(st.sampled_from(["3", "4", "live", "canary"])), st.booleans())
def test_no_trace_counts_for_the_code_of_now_and_for_an_older_version(names: set[str], known: bool) -> None:
    of = workload(OLD, NEW, aliases=[("live", ("3",)), ("canary", ("3", "4"))] if known else None)
    current = of_current_code(ran(*names), of).newest_complete
    older = of_version(ran(*names), of, "3").newest_complete
    assert len(current) + len(older) <= len(names)


ALIAS = {"Name": "live", "FunctionVersion": "3", "RevisionId": "x"}
SHARED = {"RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}}}


@pytest.mark.parametrize(
    ("aliases", "expected", "warned"),
    [
        ([], (), []),
        ([{"AliasArn": F + ":live", **ALIAS}], (Alias("live", ("3",)),), []),
        ([{"AliasArn": F + ":live", **ALIAS, **SHARED}], (Alias("live", ("3", "4")),), []),
        ([{"AliasArn": F + ":live", **ALIAS, "RoutingConfig": None}], (Alias("live", ("3",)),), []),
        ([{"FunctionArn": F, **ALIAS}], (Alias("live", ("3",)),), []),
        ([{"FunctionName": "f", **ALIAS}], (Alias("live", ("3",)),), []),
        ([{"AliasArn": function_arn("g") + ":live", **ALIAS}], (), []),
        # whose it is cannot be told
        ([ALIAS], None, ["configuration-unread"]),
        ([{"FunctionName": "unknown", **ALIAS}], None, ["configuration-unread"]),
        (["x"], None, ["configuration-unread"]),
    ],
)
def test_aliases_in_the_file_of_functions(aliases: Any, expected: Any, warned: list[str]) -> None:
    warnings = Warnings()
    functions = functions_from_file({"Functions": [{"FunctionArn": F}], "Aliases": aliases}, warnings)
    assert functions.known[F].aliases == expected
    assert [warning.code for warning in warnings.all()] == warned


def test_without_a_list_of_aliases_they_are_unknown_and_what_is_no_list_is_refused() -> None:
    assert functions_from_file({"Functions": [{"FunctionArn": F}]}, Warnings()).known[F].aliases is None
    with pytest.raises(ValueError, match="Aliases"):
        functions_from_file({"Functions": [{"FunctionArn": F}], "Aliases": {}}, Warnings())


def test_a_name_in_two_regions_does_not_tell_whose_an_alias_is() -> None:
    both = [{"FunctionArn": F}, {"FunctionArn": F.replace("us-east-1", "eu-west-1")}]
    functions = functions_from_file(
        {"Functions": both, "Aliases": [{"FunctionName": "f", **ALIAS}]}, Warnings()
    )
    assert functions.known[F].aliases is None


def test_versions_with_their_roles_and_the_qualifiers_of_event_sources() -> None:
    document = {
        "Functions": [
            {"FunctionArn": F, "Role": ROLE, "LastModified": "2026-11-20T00:00:00.000+0000"},
            {
                "FunctionArn": F + ":3",
                "Version": "3",
                "Role": OTHER_ROLE,
                "LastModified": "2026-11-10T00:00:00.000+0000",
            },
            {"FunctionArn": F + ":4", "Version": "4", "Role": ROLE},
        ],
        "EventSourceMappings": [{"FunctionArn": F + ":3"}, {"FunctionArn": F}],
        "FunctionEventInvokeConfigs": [{"FunctionArn": F + ":$LATEST"}, {"FunctionArn": F + ":live"}],
    }
    known = functions_from_file(document, Warnings()).known[F]
    assert known.published == (
        PublishedVersion("3", datetime(2026, 11, 10, tzinfo=UTC), OTHER_ROLE),
        PublishedVersion("4", None, ROLE),
    )
    assert known.qualifiers == ("3", "live")
