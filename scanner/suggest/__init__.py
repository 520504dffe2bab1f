"""The smaller policy: what stays of a role's grants, laid out as statements, checked by the evaluator.

Pure; imports verdict and the rooms below it.
"""
