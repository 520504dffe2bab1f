"""Grants and usage of a role -> verdicts: what was used, what is excess, whether the evidence carries it.

Pure; imports usage and the rooms below it, and never what a team accepts.
"""
