"""A watch: scans that follow each other until it is stopped, and what it shows of them over HTTP.

`loop` scans, `schedule` says when, `status` is what is known of it, `metrics` and `pages` make that text,
`server` answers requests. The scan itself is handed in.
"""
