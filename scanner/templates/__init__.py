"""Where a checkout grants a permission: templates of several frameworks, finding -> file and lines.

Imports model, text and iam alone; a further framework is one more file, named in `read.FRAMEWORKS`.
"""
