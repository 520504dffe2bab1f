"""Calls become usage, and usage of all workloads of a role becomes the role's; how much was seen of each.

Imports records, workloads, traces, mapping, iam, errors, model and text.
"""
