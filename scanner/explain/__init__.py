"""The story of a finding, a role or a workload, from report.json. Pure."""

from scanner.explain.story import explained

__all__ = ["explained"]
