"""What policies say: patterns, the catalogue of actions, variables, conditions, evaluator, severity. Pure.

Imports model and text.
"""
