"""The tables of what AWS records."""

from __future__ import annotations

from scanner.iam import catalog
from scanner.text.tables import rows


def test_the_actions_of_event_history_exist_and_have_a_source() -> None:
    found = rows("records", "event_history")
    assert [row["action"] for row in found if catalog.spelled(row["action"]) != row["action"]] == []
    assert all(catalog.action(row["action"]) for row in found)
    assert all(row["source"].startswith("docs.aws.amazon.com/") for row in found)


def test_the_tracked_regions_are_named_once_each_with_a_source() -> None:
    found = rows("records", "last_accessed_regions")
    regions = [row["region"] for row in found]
    assert len(set(regions)) == len(regions)
    assert all(row["source"].startswith("docs.aws.amazon.com/") for row in found)


def test_the_codes_of_refused_credentials_are_named_once_each_with_a_source() -> None:
    found = rows("records", "identity_errors")
    assert len({row["code"].lower() for row in found}) == len(found)
    assert all(row["source"].startswith("docs.aws.amazon.com/") for row in found)
