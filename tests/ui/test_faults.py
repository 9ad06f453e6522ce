"""What breaks in a run, in a figure or in a part of a page: a message, and nothing else is lost."""

from __future__ import annotations

import dataclasses
import errno
import os
import sys
import threading
from functools import partial

import pytest
import streamlit as st
from conftest import ROOT
from degenerate import spoilt
from runs import run
from streamlit.runtime.scriptrunner import RerunException, StopException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest

from dlviz import catalog
from dlviz.drawing.export import files
from dlviz.drawing.export.process import Worker
from dlviz.drawing.grammar.theme import Look
from dlviz.engine.runtime.cache import Cache
from dlviz.engine.runtime.compute_lock import compute_lock
from dlviz.language import LANGUAGES
from dlviz.progress import silent
from dlviz.slides import Export
from dlviz.ui.page import charts, save
from dlviz.ui.session import compute

STEMS = list(catalog.concepts())
PATH = "/somewhere/dlviz/engine/secret.py"


def torch_out_of_memory():
    import torch

    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1 GiB")


# An error, and what of it the visitor reads: in English, in Chinese.
MEMORY = ("not enough memory", "内存不足")
FAILED = ("This run failed", "运行失败")
ERRORS = {
    "memory": (MemoryError, *MEMORY),
    "torch on the CPU": (
        lambda: RuntimeError(f"[enforce fail at {PATH}:117] . DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        *MEMORY,
    ),
    "torch on a GPU": (torch_out_of_memory, *MEMORY),
    "overflow": (lambda: OverflowError("cannot convert float infinity to integer"), *FAILED),
    "division": (lambda: ZeroDivisionError("float division by zero"), *FAILED),
    "recursion": (lambda: RecursionError("maximum recursion depth exceeded"), *FAILED),
    "full disk": (lambda: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), PATH), *FAILED),
    "a path in a value error": (lambda: ValueError(f"cannot read {PATH}"), *FAILED),
    "nothing said": (lambda: ValueError(), *FAILED),
}


@pytest.fixture(autouse=True)
def shelves(monkeypatch):
    """Nothing computed or drawn before counts, and nothing from here stays."""
    monkeypatch.setattr(compute, "_results", Cache(16))
    monkeypatch.setattr(charts, "_drawings", Cache(64))
    monkeypatch.setattr(save, "_files", Cache(16))


@pytest.fixture(params=STEMS)
def stem(request):
    return request.param


def page(stem, lang="en", **parameters):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page(f"pages/{stem}.py")
    for name, value in {"lang": lang, **parameters}.items():
        at.query_params[name] = value
    return at.run()


def drawn(at):
    return len(at.get("vega_lite_chart"))


def figures(stem):
    concept = catalog.concepts()[stem]
    return len(concept.figures.shown(concept.experiment.Settings()))


def quiet(at):
    """No exception reaches the screen, and no message tells of the machine's inside."""
    assert not at.exception, [item.message for item in at.exception]
    for item in (*at.error, *at.warning, *at.info):
        assert PATH not in item.value
        assert ".py" not in item.value
        assert "Traceback" not in item.value
    return at


def stands(at, stem):
    """What has to be there whatever happens to the run: the question, the controls, the link."""
    assert at.title
    assert at.pills("preset").options
    assert len(at.sidebar.children) > 0
    assert at.button("reset")
    assert list(at.query_params) == ["lang"], "the link is kept as it is"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_error_of_a_run_is_told_and_the_page_comes_back(monkeypatch, stem, lang):
    experiment = catalog.concepts()[stem].experiment
    sound = experiment.run
    neighbour = page(stem)
    charts_before = drawn(quiet(neighbour))
    compute._results, kept = Cache(16), compute._results
    raised: list = []

    def fail(settings, progress=silent):
        raise raised[-1]

    monkeypatch.setattr(experiment, "run", fail)
    at = None
    for make, english, chinese in ERRORS.values():
        raised.append(make())
        at = page(stem, lang) if at is None else at.run()  # one visitor sees one after the other
        told = [item.value for item in quiet(at).error]
        assert len(told) == 1
        assert {"en": english, "zh": chinese}[lang] in told[0], told
        assert drawn(at) == 0
        stands(at, stem)
    # Whoever has a picture keeps it, and works on.
    monkeypatch.setattr(compute, "_results", kept)
    assert drawn(quiet(neighbour.run())) == charts_before
    monkeypatch.setattr(compute, "_results", Cache(16))
    monkeypatch.setattr(experiment, "run", sound)
    assert drawn(quiet(at.run())) == figures(stem)
    assert not at.error


@pytest.mark.parametrize("kind", ["late NaN", "all NaN", "huge"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_that_went_wrong_leave_every_figure_in_its_place(monkeypatch, stem, kind):
    """NaN from a step on, throughout, or numbers near the end of their range, in everything that a run gives."""
    experiment = catalog.concepts()[stem].experiment
    sound = run(stem)
    monkeypatch.setattr(experiment, "run", lambda settings, progress=silent: spoilt(sound, kind))
    at = quiet(page(stem, "zh"))
    assert drawn(at) == figures(stem)
    stands(at, stem)


def broken(*_arguments, **_named):
    raise KeyError(PATH)


PARTS = ["readouts", "notice", "facts"]


def test_what_fails_in_one_part_of_a_page_leaves_the_others(monkeypatch, stem):
    concept = catalog.concepts()[stem]
    for part in (*PARTS, "code"):
        monkeypatch.setattr(concept.experiment, part, broken)
    at = quiet(page(stem))
    assert len(at.error) == len(PARTS)
    assert all("This part of the page" in item.value for item in at.error)
    assert drawn(at) == figures(stem)
    stands(at, stem)
    # The code is made when it is asked for.
    at.segmented_control("reading_en").set_value("code")
    assert len(quiet(at.run()).error) == len(PARTS) + 1
    monkeypatch.undo()
    assert not quiet(at.run()).error
    assert "import torch" in at.code[0].value


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_figure_that_fails_leaves_the_others(monkeypatch, stem, lang):
    concept = catalog.concepts()[stem]
    names = concept.figures.shown(concept.experiment.Settings())
    sound = dict(concept.figures.FIGURES)
    monkeypatch.setitem(concept.figures.FIGURES, "hero", dataclasses.replace(sound["hero"], draw=broken))
    at = quiet(page(stem, lang))
    assert len(at.error) == 1
    assert {"en": "This part", "zh": "这一部分"}[lang] in at.error[0].value
    assert drawn(at) == len(names) - 1
    stands(at, stem)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_text_alternative_that_fails_costs_no_picture_and_is_told_to_every_visitor(monkeypatch, stem, lang):
    concept = catalog.concepts()[stem]
    sound = concept.figures.FIGURES["hero"]
    monkeypatch.setitem(concept.figures.FIGURES, "hero", dataclasses.replace(sound, alt=broken))
    for _visitor in range(2):
        at = quiet(page(stem, lang))
        assert drawn(at) == figures(stem)
        assert len(at.error) == 1
        assert {"en": "This part", "zh": "这一部分"}[lang] in at.error[0].value
        assert len(alternatives(at)) == figures(stem)
    title = alternatives(at)[0]
    monkeypatch.setitem(concept.figures.FIGURES, "hero", sound)
    assert not quiet(at.run()).error
    assert len(alternatives(at)[0]) > len(title), "the title stood in for it, and was not kept"


def alternatives(at):
    """What screen readers are told of the charts."""
    bodies = (item.proto.body for item in at.get("html"))
    return [body for body in bodies if body.startswith('<p class="dlviz-alt">')]


def test_a_claim_that_fails_leaves_the_page(monkeypatch, stem):
    concept = catalog.concepts()[stem]
    first = concept.experiment.PRESETS[0]
    preset = dataclasses.replace(first, claim=broken, settings=concept.experiment.Settings(), pin=None)
    monkeypatch.setattr(concept.experiment, "PRESETS", (preset,))
    at = quiet(page(stem))
    assert len(at.error) == 1
    assert drawn(at) == figures(stem)


def kept_functions():
    """What the engine's caches keep, anywhere."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("dlviz.")]
    return {id(value): value for module in modules for value in vars(module).values() if hasattr(value, "forget")}


def test_caches_cleared_in_the_midst_of_a_run_cost_only_time(monkeypatch, stem):
    experiment = catalog.concepts()[stem].experiment
    run, cleared = experiment.run, []

    def clearing(progress, share):
        if len(cleared) < 3:
            clear()
        cleared.append(share)
        progress(share)

    def clear():
        for function in kept_functions().values():
            function.forget()
        st.cache_data.clear()
        st.cache_resource.clear()
        compute._results = Cache(16)

    def watched(settings, progress=silent):
        clearing(progress, 0.0)
        return run(settings, partial(clearing, progress))

    monkeypatch.setattr(experiment, "run", watched)
    at = quiet(page(stem))
    assert cleared
    assert drawn(at) == figures(stem)
    assert not at.error


@pytest.mark.parametrize("end", [StopException(), RerunException(RerunData())], ids=["left", "moved on"])
@pytest.mark.parametrize("call", [1, 2])
def test_a_visitor_who_leaves_in_the_midst_of_a_run_leaves_nothing_behind(monkeypatch, stem, end, call):
    concept = catalog.concepts()[stem]
    settings, calls = concept.experiment.Settings(), []

    def leave(share):
        calls.append(share)
        if len(calls) == call:
            raise end

    run = concept.experiment.run
    # A run that reports nothing else reports its end.
    monkeypatch.setattr(concept.experiment, "run", lambda chosen, progress: (run(chosen, progress), progress(1.0))[0])
    with pytest.raises(type(end)):
        for _ in range(call):
            compute.result(concept.stem, settings, leave)
            compute._results = Cache(16)
    assert not compute.ready(stem, settings)
    # The gate is free for others.
    entered = threading.Event()

    def enter():
        with compute_lock():
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    thread.join(5)
    assert entered.is_set()


def exporting(monkeypatch, folder, program):
    """Exports are drawn by a process of this program."""
    script = folder / "worker.py"
    script.write_text(program)
    monkeypatch.setattr(files, "WORKER", Worker(script))


def test_a_failed_export_is_told_in_the_panel_and_the_page_stays(monkeypatch, tmp_path, stem):
    exporting(monkeypatch, tmp_path, "import os; os._exit(9)")
    at = page(stem)
    settings = catalog.concepts()[stem].experiment.Settings()
    export = Export(stem, settings, None, ("hero",), "svg", Look())
    with pytest.raises(files.ExportError) as caught:
        save.make_file(export)
    at.session_state["save_trouble"] = [caught.value]
    at.button(key="save_hero").click().run()
    assert "ended early" in quiet(at).error[0].value
    assert drawn(at) == figures(stem)
    monkeypatch.undo()
    assert save.make_file(export).startswith(b"<svg"), "nothing of the failure was kept"
