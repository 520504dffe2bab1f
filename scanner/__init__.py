"""xray-privilege-scan: AWS permissions that a role grants and its workload never uses."""

__version__ = "0.1.0"

REPOSITORY = "https://github.com/OWNER/xray-privilege-scan"
"""Where the documentation lies, which an installed package lacks."""
