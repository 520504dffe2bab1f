"""The page: its head and totals as plain HTML, all else as data for its script. Pure."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import orjson

from scanner import __version__
from scanner.report.html.data import page_data
from scanner.report.html.words import facts_of_gate, measures, plain_rows, sections, sparkline, state_of_gate
from scanner.report.records import Report
from scanner.report.view import View
from scanner.report.view.effects import EFFECTS
from scanner.text.escape import one_line

if TYPE_CHECKING:
    from jinja2 import Template

_IN_BACKTICKS = re.compile("`([^`]+)`")
_SCRIPTS = ("model", "dom", "filter", "cards", "main")


def html(report: Report, view: View, explain: str = "xray-privilege-scan explain ID") -> str:
    """The report as a page; `view` is the view of the same report.

    `explain` is the command that tells the story of a finding, in which `ID` stands for its id.
    What runs in it is known by its hash, so that no text of AWS or a trace can be run: the browser refuses
    all else, every request included.
    """
    style, script = _style(), _script()
    return str(
        _template().render(
            view=view,
            version=__version__,
            gate=state_of_gate(view),
            gate_facts=facts_of_gate(view),
            measures=measures(view),
            sparkline=sparkline(view),
            rows=plain_rows(view),
            sections=sections(view),
            effects=EFFECTS,
            policy=content_security_policy(),
            style=_trusted(style),
            script=_trusted(script),
            data=_trusted(_json({**page_data(report, view), "explain": explain})),
        )
    )


def content_security_policy() -> str:
    """What a browser may do on the page, as the page itself says: for a server that says it in a header."""
    style, script = _style(), _script()
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(value: Any) -> str:
    """JSON within a script element: no text of it can end that."""
    return orjson.dumps(value).decode().replace("<", "\\u003c")


def _trusted(text: str) -> str:
    """A text of the page's own, that is no data to be escaped."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704  # files of this package, and JSON in which no `<` is left


@cache
def _style() -> str:
    return _file("page.css")


@cache
def _script() -> str:
    return '"use strict";\n{\n' + "\n".join(_file(f"{name}.js") for name in _SCRIPTS) + "}\n"


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.filters["with_code"] = _with_code
    return environment.from_string(_file("page.html.j2"))


def _with_code(text: str) -> str:
    """A text as HTML, what stands in backticks as code."""
    from markupsafe import Markup

    parts = _IN_BACKTICKS.split(one_line(text))
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(part) if at % 2 else part for at, part in enumerate(parts))


def _printable(value: Any) -> Any:
    """A text in which what does not print is escaped; the page's own is left as it is."""
    return one_line(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _file(name: str) -> str:
    return resources.files("scanner.report.html").joinpath("data", name).read_text("utf-8")
