"""Where calls are seen: sources of traces (X-Ray's API, saved files); segment documents to readings of calls.

Imports aws, mapping, iam, errors, model and text. A further source is one file with a `TraceSource`.
"""
