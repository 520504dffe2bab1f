"""What all tests share: the profiles of hypothesis."""

import tests.examples  # noqa: F401  importing it loads the profile
