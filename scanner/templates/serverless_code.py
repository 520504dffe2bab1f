"""The Serverless Framework, configured in a serverless.ts or serverless.js.

Source: serverless.com/framework/docs/guides/intro
"""

from __future__ import annotations

from scanner.templates.framework import Declarations, Framework
from scanner.templates.written import Checkout

_FILES = ("serverless.ts", "serverless.js", "serverless.mjs", "serverless.cjs")


def _read(path: str, text: str, checkout: Checkout) -> Declarations | None:
    # Parsers of code are needed for such files alone.
    from scanner.templates.code.serverless import declarations

    return declarations(path, text, checkout.steps)


SERVERLESS_CODE = Framework(
    suffixes=_FILES,
    is_named=lambda file: file in _FILES,
    may_be=lambda file, text: file in _FILES and "provider" in text,
    read=_read,
)
