"""What all tests share."""

import os

from hypothesis import settings

# Machines that run tests are busy: a slow example is no failure. CI repeats the same examples each time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
