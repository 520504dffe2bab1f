"""What a role grants, read from AWS or a file, and who uses it.

Imports workloads, aws, mapping, iam, errors, model and text.
"""
