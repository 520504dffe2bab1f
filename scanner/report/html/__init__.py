"""The report as one HTML file that needs nothing else: no network, no server. Pure."""

from scanner.report.html.page import html

__all__ = ["html"]
