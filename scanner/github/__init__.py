"""GitHub: what an event asks for, the comment of a pull request, workflow commands, files at a commit.

May import `text`, nothing of the scan. PyGithub is imported in `api`, `failures` and `retry` only.
"""
