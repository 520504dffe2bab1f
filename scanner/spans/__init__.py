"""Spans of OpenTelemetry, whoever wrote them: to calls, workloads and readings of traces. Pure.

Imports mapping, iam, model and text. What an attribute is called, and by whom, stands in data/aliases.csv.
"""
