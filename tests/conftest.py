"""Shared by all tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The tests run from a checkout: neither the package nor the tests' own helpers are installed.
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
