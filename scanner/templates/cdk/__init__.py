"""Apps of the CDK: found by their cdk.json, read from their sources, never run.

An app's constructs have ids. Their path makes the logical ids in the template that the CDK makes (`ids`), and
so the names of deployed policies: what the sources say of a path can be told without an output of the CDK.
"""
