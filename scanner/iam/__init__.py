"""What policies say: patterns, the catalogue of actions, variables, conditions, the evaluator, severity. Pure.

Imports model and text.
"""
