"""The GitHub action: inputs -> the same scan as the command line -> publish -> exit code.

May import every other room but the command line; nothing imports it. What runs it passes in the environment,
the log and the time.
"""
