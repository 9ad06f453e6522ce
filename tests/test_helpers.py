"""What the tests themselves stand on: results that they share, and what a page is said to have sent."""

import pytest
import runs
from page_scripts import printed
from streamlit.proto.BackMsg_pb2 import BackMsg
from websocket_messages import asks, rerun

from dlviz import catalog

STEM = "loss_surfaces"
MODEL = catalog.concepts()[STEM].experiment.Settings


def test_equal_settings_are_computed_once_and_nobody_changes_what_all_see(monkeypatch):
    computed = []
    sound = runs._RUN[STEM]
    monkeypatch.setitem(runs._RUN, STEM, lambda settings: computed.append(settings) or sound(settings))
    first = runs.run(STEM, MODEL(steps=11))
    assert runs.run(STEM, MODEL(steps=11)) is first
    assert runs.run(STEM, MODEL(steps=12)) is not first
    assert computed == [MODEL(steps=11), MODEL(steps=12)]
    with pytest.raises(ValueError, match="read-only"):
        first.race.descents[0].w[:] = 0
    assert runs.run(STEM).settings == MODEL()


def test_what_asks_an_experiment_takes_what_is_shared_and_what_replaces_one_is_not_shared():
    experiment, chosen = catalog.concepts()[STEM].experiment, MODEL(steps=13)
    with pytest.MonkeyPatch.context() as patch:
        runs.shared(patch, STEM)
        assert experiment.run(chosen) is runs.run(STEM, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "run", lambda settings: pytest.fail("what stands in its place was asked"))
        assert runs.run(STEM, MODEL(steps=14)).settings == MODEL(steps=14)
    assert experiment.run(chosen) is not runs.run(STEM, chosen)


def test_only_a_timer_s_message_is_not_counted_as_sent():
    assert asks(rerun(fragment_id="theme", is_auto_rerun=True)) == ""
    pressed = BackMsg()
    pressed.rerun_script.widget_states.widgets.add(id="slider", double_value=1.0)
    others = (rerun(), rerun(fragment_id="part"), rerun(is_auto_rerun=True), pressed.SerializeToString(), b"", "text")
    assert all(map(asks, others))


def test_scripts_run_apart_from_one_another_and_a_wrong_one_harms_no_other():
    said = printed({"one": "import torch\nx = 1\nprint(torch.ones(2).sum().item())", "two": "print('x' in globals())"})
    assert said == {"one": ["2.0"], "two": ["False"]}
    with pytest.raises(AssertionError, match="NameError: name 'torch' is not defined"):
        printed({"no import": "print(torch.ones(2))"})
    with pytest.raises(AssertionError, match="ended with"):
        printed({"dies": "import os\nos._exit(3)"})
    before = "import torch\nprint(torch.initial_seed(), torch.rand(1).item())"
    assert printed({"random": before}) == printed({"random": before})
