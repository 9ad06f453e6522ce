"""Shared by all tests."""

import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The tests run from a checkout: neither the package nor the tests' own helpers are installed.
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "helpers")]

from dlviz.engine.runtime.device import one_thread  # noqa: E402

# As the app does; the environment passes it on to the processes that tests start.
one_thread()

# However busy the machine is. What else hypothesis chooses stays: where CI is set, the same values each time.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")
