"""Asking AWS: clients, an answer or else a warning, how many requests run at once.

Imports errors, model and text; it knows no workload, role or record.
"""
