"""Scripts that refresh the checked-in data."""
