"""Spans of OpenTelemetry, whoever wrote them: documents -> spans -> calls, workloads, readings of traces. Pure.

Imports mapping, iam, model and text. What an attribute is called, and by whom, stands in data/aliases.csv.
"""
