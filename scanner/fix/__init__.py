"""Edits of a report -> a patch of the checkout, or its files changed.

`choose` says which edits are meant, `files` holds them to the files as they are now, `git` says what git
keeps.
"""
