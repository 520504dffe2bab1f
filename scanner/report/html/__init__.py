"""The report as one HTML file that needs nothing else: no network, no server. Pure."""

from scanner.report.html.page import content_security_policy, html

__all__ = ["content_security_policy", "html"]
