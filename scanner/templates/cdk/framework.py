"""The CDK: an app is read from the files that its cdk.json leads to.

Source: docs.aws.amazon.com/cdk/v2/guide/configuration.html
"""

from __future__ import annotations

from scanner.templates.code.languages import SUFFIXES
from scanner.templates.framework import Declarations, Framework
from scanner.templates.written import Checkout


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    # Parsers of code are needed for apps alone.
    from scanner.templates.cdk.app import programs
    from scanner.templates.cdk.declarations import declarations
    from scanner.templates.cdk.output import made_roles

    its = programs(path, text, checkout)
    seen = made_roles(path, text, [program.code.path for program in its], checkout)
    return declarations(its, checkout.steps, seen)


CDK_APP = Framework(
    suffixes=("cdk.json",),
    is_named=lambda file: file == "cdk.json",
    may_be=lambda file, text: file == "cdk.json" and '"app"' in text,
    read=_read,
    parts=tuple(SUFFIXES),
)
