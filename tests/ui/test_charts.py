"""Charts as they are sent: what is too large says so in its place, and does not end the page."""

import pytest
from runs import run
from streamlit.testing.v1 import AppTest

from dlviz import catalog
from dlviz.contract import Run
from dlviz.drawing.grammar.theme import Look
from dlviz.ui.page import charts

LOSS = catalog.concepts()["loss_surfaces"]
MODEL = LOSS.experiment.Settings


def test_a_chart_that_is_more_than_can_be_sent_is_refused(monkeypatch):
    hero = LOSS.figures.FIGURES["hero"].draw([Run(run(LOSS.stem))], Look())
    sent = charts.prepared(hero, "").spec["datasets"].values()
    monkeypatch.setattr(charts, "MOST_BYTES", sum(map(len, sent)))
    with pytest.raises(charts.TooLargeError) as caught:
        charts.prepared(hero, "")
    assert caught.value.size > charts.MOST_BYTES


def test_the_page_says_in_its_place_what_is_too_large_and_goes_on():
    def page():
        import streamlit as st

        from dlviz.ui.page.charts import TooLargeError
        from dlviz.ui.page.errors import apart

        with apart():
            raise TooLargeError(4_234_567)
        st.markdown("goes on")

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert "4.2 MB" in at.warning[0].value and "fewer steps" in at.warning[0].value
    assert at.markdown[-1].value == "goes on"


@pytest.mark.parametrize("solid", [False, True], ids=["flat", "3-D"])
@pytest.mark.parametrize("expression", ["tan(99x)*tan(99y)", "sin(exp(5x))*cos(exp(5y))"])
def test_all_optimizers_for_all_steps_on_a_wild_surface_can_be_sent(expression, solid):
    settings = MODEL(
        surface="Custom", expression=expression, surface_3d=solid, optimizers=MODEL.options("optimizers"),
        steps=MODEL.bounds("steps")[1], stochastic_all=True, noise=100.0,
    )  # fmt: skip
    result = run(LOSS.stem, settings)
    assert charts.prepared(LOSS.figures.FIGURES["hero"].draw([Run(result)], Look()), "")
