"""The report as Markdown: the short comment of a pull request, and the long form.

Both are made of the view alone. Every text from AWS or a trace is escaped by the filters of the templates.
"""

from scanner.report.markdown.comment import CommentExtras, comment
from scanner.report.markdown.long import Extras, markdown

__all__ = ["CommentExtras", "Extras", "comment", "markdown"]
