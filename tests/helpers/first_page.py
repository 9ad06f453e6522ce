"""The first page without a browser, for the tests that open it: Streamlit's own AppTest."""

from conftest import ROOT
from streamlit.testing.v1 import AppTest

from dlviz import catalog

STEM = "loss_surfaces"
CONCEPT = catalog.concepts()[STEM]
MODEL = CONCEPT.experiment.Settings
PRESETS = {preset.name: preset for preset in CONCEPT.experiment.PRESETS}


def page(lang="en", **params):
    """A concept's page opened by a link, in a new session, with all groups of controls open."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for group in {knob.group for knob in MODEL.knobs().values()}:
        at.session_state[f"group_{group}"] = True
    at.switch_page(f"pages/{STEM}.py")
    for name, value in (params | {"lang": lang}).items():
        at.query_params[name] = value
    return fine(at.run())


def fine(at):
    assert not at.exception, [item.message for item in at.exception]
    return at


def address(at):
    """The page's link: what is off default."""
    return {name: values[0] if len(values) == 1 else values for name, values in at.query_params.items()}


def charts(at):
    return at.get("vega_lite_chart")


def said(at):
    return " ".join(item.value for item in (*at.markdown, *at.warning, *at.error))
