"""The command `fix`."""
