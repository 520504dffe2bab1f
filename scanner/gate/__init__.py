"""What a team accepts: its rules, its baseline, and the decision that passes or fails. Pure.

It may import `verdict`, `usage`, `mapping`, `iam`, `model` and `text`, and no room that asks AWS or GitHub.
"""
