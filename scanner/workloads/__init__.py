"""What runs with which role, and what its platform needs of it: one kind of workload a file.

Imports aws, mapping, iam, errors, model and text. Other rooms see `Workload`, never a kind's configuration.
"""
