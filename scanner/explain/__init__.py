"""The story of a finding, a role or a function, from report.json. Pure."""

from scanner.explain.story import explained

__all__ = ["explained"]
