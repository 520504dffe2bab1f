"""What AWS recorded of roles and workloads: last-accessed data, event history, numbers of invocations.

Imports roles, workloads, aws, mapping, iam, errors, model and text.
"""
