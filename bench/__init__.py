"""`make bench`: how fast and how small, beside a bare loop."""
