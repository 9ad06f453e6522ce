"""The table of panels: what follows from it, for every concept and for a table made up here."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from dlviz import catalog, contract
from dlviz.contract import (
    SWITCHED_OFF,
    Drawing,
    Empty,
    Figure,
    Note,
    Panel,
    Readout,
    Run,
    Study,
    also_shown,
    knob,
    on_panel,
    switched_off,
)
from dlviz.contract.panels import shown, to_compute
from dlviz.drawing.curves import lines
from dlviz.drawing.curves.curve import Line, of_others
from dlviz.drawing.grammar.axes import Axis
from dlviz.drawing.grammar.finish import message
from dlviz.drawing.grammar.theme import Look
from dlviz.figures import Pictures
from dlviz.language import LANGUAGES, translate, words
from dlviz.studies import Studies

CONCEPTS = list(catalog.concepts())


@pytest.mark.parametrize("stem", CONCEPTS)
def test_a_table_and_its_modules_name_the_same(stem):
    model = catalog.concepts()[stem].experiment.Settings
    hero, *others = model.PANELS
    assert hero.name == ""
    assert next(iter(hero.figures)) == "hero"
    assert all(panel.name for panel in others)
    fields = {panel.fills for panel in model.PANELS if panel.fills}
    result = import_module(f"dlviz.concepts.{stem}.result").Result
    assert fields == set(result.__dataclass_fields__) - {"settings", "computed"}
    drawings: dict[str, set[str]] = {}
    for panel in model.PANELS:
        drawings.setdefault(panel.stem, set()).update(panel.figures)
    for name, figures in drawings.items():
        assert set(import_module(f"dlviz.concepts.{stem}.draw.{name}").DRAWINGS) == figures, name
    assert set(words(stem, "en").alt) == {name for panel in model.PANELS for name in panel.figures}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", CONCEPTS)
def test_a_figure_whose_panel_is_off_says_so_and_so_does_its_text(stem, language):
    concept, look = catalog.concepts()[stem], Look(language=language)
    bare = SimpleNamespace(settings=concept.experiment.Settings(panels=()))
    reason = translate(SWITCHED_OFF, language)
    for panel in concept.experiment.Settings.PANELS[1:]:
        for name in panel.figures:
            figure = concept.figures.FIGURES[name]
            assert figure.alt(bare, look) == reason
            assert "".join(said(figure.draw([Run(bare)], look))) == reason.replace(" ", "")


def said(figure) -> list[str]:
    """The words of a message, without spaces: it is broken into lines."""
    texts = [layer["mark"].get("text", "") for layer in figure.to_dict()["layer"]]
    return ["".join(texts[-1]).replace(" ", "")]


TABLE = (
    Panel("", "first", {"hero": Figure("Hero")}, "hero"),
    Panel("One", "shared", {"one": Figure("One")}, "both", 2.0),
    Panel("Two", "shared", {"two": Figure("Two"), "rest": Figure("Rest", when=lambda s: s.size > 1)}, "both", 2.0),
    Panel(
        "Never",
        "never",
        {"never": Figure("Never")},
        "never",
        5.0,
        Empty("There is none.", lambda s: s.size < 3),
        "Nothing was found.",
    ),
    Panel("Bare", "bare", {"bare": Figure("Bare")}),
)


class Model(contract.Settings):
    PANELS: ClassVar[tuple[Panel, ...]] = TABLE

    panels: tuple[str, ...] = also_shown(("One",))
    size: int = knob(1, "Size", ge=1, le=9, when=on_panel("One", "Two"))


@dataclass(frozen=True)
class Result(contract.Result):
    settings: Model
    hero: int
    both: int = switched_off()
    never: int = switched_off()


@pytest.fixture
def table(monkeypatch):
    """A concept "made_up" of the table above; gives the calls of its studies."""
    calls: list[str] = []

    def study(name: str, computes: bool = True) -> Study:
        def compute(settings, progress):
            calls.append(name)
            progress(1.0)
            return settings.size

        return Study(
            compute if computes else None,
            readouts=lambda _result: [Readout(name, "1")],
            notice=lambda _result: [Note(name)],
        )

    def draw(runs, _look):
        return None if runs[0].result.settings.size == 9 else message(f"{len(runs)} runs", Look(), height=100)

    package = "dlviz.concepts.made_up"
    monkeypatch.setitem(sys.modules, package, ModuleType(package))
    monkeypatch.setitem(sys.modules, f"{package}.draw", ModuleType(f"{package}.draw"))
    for stem in ("first", "shared", "never", "bare"):
        computing, drawing = ModuleType(f"{package}.{stem}"), ModuleType(f"{package}.draw.{stem}")
        computing.STUDY = study(stem, computes=stem != "bare")
        names = [name for panel in TABLE if panel.stem == stem for name in panel.figures]
        drawing.DRAWINGS = {name: Drawing(draw, lambda _result, _look: {}, 100) for name in names}
        monkeypatch.setitem(sys.modules, f"{package}.{stem}", computing)
        monkeypatch.setitem(sys.modules, f"{package}.draw.{stem}", drawing)
    return SimpleNamespace(calls=calls, studies=lambda: Studies(package, Model, Result))


def test_a_run_computes_what_is_shown_and_a_shared_study_once(table):
    studies, shares = table.studies(), []
    result = studies.run(Model(panels=("One", "Two", "Never", "Bare"), size=2), shares.append)
    assert table.calls == ["first", "shared"]
    assert (result.hero, result.both, result.never) == (2, 2, None)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert shares[1] == pytest.approx(0.1 / 2.1)  # by the costs of the two
    assert studies.run(Model(panels=("Never",), size=3)).never == 3


def test_what_is_said_is_asked_of_what_is_computed_in_the_order_of_the_table(table):
    studies = table.studies()
    result = studies.run(Model(panels=("Never", "Bare", "Two"), size=2))
    assert [readout.label for readout in studies.readouts(result)] == ["first", "shared", "bare"]
    assert [note.key for note in studies.notice(result)] == ["first", "shared", "bare"]


def test_figures_are_shown_in_the_order_of_the_table(table):
    assert shown(TABLE, Model(panels=("Two", "One"))) == ("hero", "one", "two")
    assert shown(TABLE, Model(panels=("Two",), size=2)) == ("hero", "two", "rest")
    assert [row.stem for row in to_compute(TABLE, Model(panels=(), size=9))] == ["first"]


def test_a_figure_draws_the_runs_that_have_its_panel(table):
    pictures, look = Pictures("made_up", Model), Look()

    def result(**given):
        return Run(Result(Model(**given), 1), "another")

    def computed(**given):
        return Run(Result(Model(**given), 1, both=1, never=1), "another")

    on, off = computed(panels=("Never",), size=4), result(panels=(), size=4)
    draw = pictures.FIGURES["never"].draw
    assert said(draw([on, off, on], look)) == ["2runs"]
    assert said(draw([computed(panels=("Never",), size=9)], look)) == ["Nothingwasfound."]
    # Its study found nothing: no figure is drawn of it, and none beside.
    assert said(draw([result(panels=("Never",), size=4)], look)) == ["Nothingwasfound."]
    assert said(draw([on, result(panels=("Never",), size=4)], look)) == ["1runs"]
    assert said(draw([result(panels=("Never",), size=1)], look)) == ["Thereisnone."]
    assert said(draw([off], look)) == [SWITCHED_OFF.replace(" ", "")]
    # What the hero computed is there whether the panel is on or not.
    bare = pictures.FIGURES["bare"].draw
    assert said(bare([result(panels=("Bare",)), off], look)) == ["2runs"]


def test_a_table_that_its_modules_do_not_keep_is_refused(table, monkeypatch):
    module = sys.modules["dlviz.concepts.made_up.bare"]
    monkeypatch.setattr(module, "STUDY", Study(lambda settings, progress: 1))
    with pytest.raises(ValueError, match="'Bare' and its study differ"):
        table.studies()


def test_an_unknown_panel_is_refused_with_those_there_are():
    with pytest.raises(ValidationError, match="One, Two, Never, Bare"):
        Model(panels=("Three",))
    settings, rejected = Model.lenient({"panels": "Two,Three"})
    assert settings == Model()
    assert [(item.name, item.allowed) for item in rejected] == [("panels", "One, Two, Never, Bare")]
    with pytest.raises(ValueError, match="'size' shows on \\['Four'\\]"):
        type("Wrong", (Model,), {"__annotations__": {"size": int}, "size": knob(1, "Size", when=on_panel("Four"))})


def test_other_runs_are_lines_of_their_own_and_named_once_each():
    look, x = Look(), Axis("x", 0, 2)
    y = Axis("y", 0, 9)
    others = [Run(4.0, "the pinned run"), Run(5.0, "a second run")]
    drawn = of_others(others, lambda level: [Line("GD", np.arange(3.0), np.full(3, level))])
    rows = lines.ghost_lines(drawn, x, y, look).data["pinned lines"]
    levels = {name: {row["y"] for row in rows if row["name"] == name} for name in {row["name"] for row in rows}}
    assert levels == {"GD": {4.0}, "GD (a second run)": {5.0}}
    assert lines.ghost_note([*drawn, *drawn], look).endswith("in colour: the pinned run, a second run.")
    assert lines.ghost_note([], look) == ""
