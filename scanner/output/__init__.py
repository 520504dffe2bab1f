"""The files that the program writes: each whole or not at all, never through a link, one run at a time."""
