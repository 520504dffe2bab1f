"""What a call needs and what a role grants, in the terms of IAM."""
