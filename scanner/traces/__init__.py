"""Where calls are seen: the X-Ray API, saved traces; segment documents -> calls."""
