"""What a scan found, for machines (`records`, `build`, `files`) and for people (`view`, `text`, `markdown`).

May import every room from `scan` downwards; asks neither AWS nor GitHub.
"""
