"""Where calls are seen: X-Ray's API and saved traces; segment documents -> calls, one trace after the other.

Imports aws, mapping, iam, errors, model and text.
"""
