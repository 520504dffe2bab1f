"""What all tests share."""

from hypothesis import settings

# No deadline: nothing here is a timing test. The same examples in every run: a red build says something.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")
