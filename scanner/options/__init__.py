"""What a user asks for: the options of the commands, and the scan that they request.

The action's inputs become the same options. May import every room down the list, but loads it inside
functions only, so that `--help` stays fast.
"""
