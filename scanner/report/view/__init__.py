"""What the terminal and the Markdown show, in the order in which they show it. Pure.

May import what the report may import; `text` and `markdown` see only the values.
"""

from scanner.report.view.arrange import view_of
from scanner.report.view.values import Group, Row, View

__all__ = ["Group", "Row", "View", "view_of"]
