"""Write what follows from the types of reports and notifications: JSON schemas, and tables of docs/.

`python -m scripts.generate_schemas` (`make schemas`). In docs/report.md and docs/notify.md a table stands
between `<!-- Type: made by make schemas -->` and `<!-- end -->`; all other text there is written by hand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from scanner.mapping.access_denied import DenialCause
from scanner.model import Verdict
from scanner.notify.notification import NOTIFICATION_VERSION, Notification
from scanner.report import records
from scanner.verdict.reasons import Reason

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (ROOT / "docs" / "report.md", ROOT / "docs" / "notify.md")
ROOTS: dict[str, Any] = {
    "report": records.Report,
    "excessive_permissions": records.ExcessivePermissions,
    "notification": Notification,
}
ENUMS = (Verdict, Reason, DenialCause)

_TABLE = re.compile(r"(<!-- (\w+): made by make schemas -->\n).*?(<!-- end -->\n)", re.DOTALL)

Schema = dict[str, Any]


def schema_path(name: str) -> Path:
    """Where the schema of a document is kept."""
    room = "notify" if name == "notification" else "report"
    return ROOT / "scanner" / room / f"{name}.schema.json"


def schema_of(name: str) -> Schema:
    """The JSON schema of a document (draft 2020-12). Objects have no keys that it does not name.

    `explain` reads unknown keys all the same: the types themselves do not forbid them.
    """
    described = msgspec.json.schema(ROOTS[name])
    for definition in described["$defs"].values():
        if definition.get("type") == "object":
            definition["additionalProperties"] = False
    for values in ENUMS:  # msgspec sorts the values, and describes them with words for programmers
        if values.__name__ in described["$defs"]:
            described["$defs"][values.__name__] = {"title": values.__name__, "enum": [*values]}
    version = NOTIFICATION_VERSION if name == "notification" else records.SCHEMA_VERSION
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:xray-privilege-scan:{name.replace('_', '-')}:{version}",
        "title": f"{name}.json of xray-privilege-scan",
        **described,
    }


def schema_text(name: str) -> str:
    """The text of the file that holds a schema."""
    return json.dumps(schema_of(name), indent=1) + "\n"


def definitions() -> dict[str, Schema]:
    """The schemas of all types, by name."""
    return {name: value for root in ROOTS for name, value in schema_of(root)["$defs"].items()}


def document_text(text: str) -> str:
    """A page with all its tables as the types have them. Raises KeyError for a type that is none."""
    types = definitions()
    return _TABLE.sub(lambda match: f"{match[1]}\n{_table(match[2], types)}\n{match[3]}", text)


def _table(name: str, types: dict[str, Schema]) -> str:
    rows = [
        f"| `{key}` | {value['description']}{_values(value, types)} |\n"
        for key, value in types[name]["properties"].items()
    ]
    return "| Key | Meaning |\n|---|---|\n" + "".join(rows)


def _values(described: Schema, types: dict[str, Schema]) -> str:
    """The allowed values of a key, where its description names none of them."""
    values = [f"`{value}`" for value in _enumerated(described, types)]
    if len(values) < 2 or any(value in described["description"] for value in values):
        return ""
    return f". Values: {', '.join(values)}"


def _enumerated(described: Schema, types: dict[str, Schema]) -> list[str]:
    if "$ref" in described:
        return _enumerated(types[described["$ref"].rpartition("/")[2]], types)
    if "enum" in described:
        return list(described["enum"])
    parts = [described["items"]] if "items" in described else described.get("anyOf", [])
    return [value for part in parts for value in _enumerated(part, types)]


def main() -> None:
    """Write the schemas and the tables."""
    for name in ROOTS:
        schema_path(name).write_text(schema_text(name), encoding="utf-8")
    for page in DOCUMENTS:
        page.write_text(document_text(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
