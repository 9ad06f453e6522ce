"""Shared by all tests."""

import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# The tests run from a checkout: neither the package nor the tests' own helpers are installed.
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "helpers")]

import budget  # noqa: E402
import groups  # noqa: E402

from dlviz.engine.runtime.device import one_thread  # noqa: E402

# As the app does; the environment passes it on to the processes that tests start.
one_thread()

# However busy the machine is. What else hypothesis chooses stays: where CI is set, the same values each time.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser):
    budget.add_option(parser)


def pytest_configure(config):
    budget.register(config)


@pytest.hookimpl(tryfirst=True)  # before xdist writes the groups into the names of the tests
def pytest_collection_modifyitems(items):
    groups.arrange(items, ROOT / "tests")


def pytest_collection_finish():
    """Have Streamlit look through all installed packages once, not for every page that a test opens.

    It looks for components, which the app has none of; that took most of the time of opening a page.
    """
    if "streamlit.testing.v1.app_test" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
