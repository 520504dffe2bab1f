"""Texts without words of the domain: escaping, masking, differences, YAML with line numbers, tables.

It imports nothing of the project.
"""
