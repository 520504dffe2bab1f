"""The report as Markdown: the short comment of a pull request, the issue of a repository, and the long form.

All are made of the view alone. Every text from AWS or a trace is escaped by the filters of the templates.
"""

from scanner.report.markdown.comment import CommentExtras, comment
from scanner.report.markdown.issue import issue_body, issue_news
from scanner.report.markdown.long import Extras, markdown

__all__ = ["CommentExtras", "Extras", "comment", "issue_body", "issue_news", "markdown"]
