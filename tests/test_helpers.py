"""What the tests themselves stand on: results that they share, and what a page is said to have sent."""

import pytest
import runs
from streamlit.proto.BackMsg_pb2 import BackMsg
from websocket_messages import asks, rerun

from dlviz import catalog

STEM = "loss_surfaces"
MODEL = catalog.concepts()[STEM].experiment.Settings


def test_equal_settings_are_computed_once_and_nobody_changes_what_all_see(monkeypatch):
    experiment = catalog.concepts()[STEM].experiment
    computed = []
    sound = experiment.run
    monkeypatch.setattr(experiment, "run", lambda settings: computed.append(settings) or sound(settings))
    first = runs.run(STEM, MODEL(steps=11))
    assert runs.run(STEM, MODEL(steps=11)) is first
    assert runs.run(STEM, MODEL(steps=12)) is not first
    assert computed == [MODEL(steps=11), MODEL(steps=12)]
    with pytest.raises(ValueError, match="read-only"):
        first.runs[0].w[:] = 0
    assert runs.run(STEM).settings == MODEL()


def test_only_a_timer_s_message_is_not_counted_as_sent():
    assert asks(rerun(fragment_id="theme", is_auto_rerun=True)) == ""
    pressed = BackMsg()
    pressed.rerun_script.widget_states.widgets.add(id="slider", double_value=1.0)
    others = (rerun(), rerun(fragment_id="part"), rerun(is_auto_rerun=True), pressed.SerializeToString(), b"", "text")
    assert all(map(asks, others))
