"""The frame of a page: the same parts in the same order on each.

A page is four lines::

    frame = Frame("loss_surfaces")
    settings = frame.controls()
    result = frame.run(settings)
    frame.show(result)

Nothing else on a page draws, so that what is mended here is mended on every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlviz import catalog, provenance
from dlviz.contract import PANELS, FigureSpec, Note, Preset, Settings
from dlviz.language import words
from dlviz.links import View
from dlviz.numbers import filled
from dlviz.slides import current_preset
from dlviz.ui.page import controls, save, sections
from dlviz.ui.page.charts import CLICKED, Drawing, Seen, chart, shared
from dlviz.ui.page.errors import apart, explain, left_out
from dlviz.ui.page.plan import Run, Way, plan
from dlviz.ui.session import address, compute
from dlviz.ui.session.address import Visit
from dlviz.ui.session.turns import stop
from dlviz.ui.session.visitor import language, look, through_front_door, tr

if TYPE_CHECKING:
    from dlviz.drawing.grammar.theme import Look

VISIT = "visit"
SEEN = "seen"
"""Session state: of each figure of the open page what is known of its chart in the browser."""
STOPPED = "stopped"
"""The settings whose run the visitor has stopped."""
HERO = "hero"
SOON = 0.1
"""Seconds after which a coarse picture comes first, where a concept has one."""
WIDE = 0.56
"""Share of the width that the hero takes beside the first support figure."""


class Frame:
    """One page of a concept, drawn from top to bottom.

    Making it checks the link and draws the question and its one-sentence answer; the parts below
    follow with :meth:`controls`, :meth:`run` and :meth:`show`.
    """

    def __init__(self, stem: str) -> None:
        through_front_door()
        self.stem = stem
        concept = catalog.concepts()[stem]
        self.experiment = concept.experiment
        self.figures = concept.figures
        self.words = words(stem, language())
        visit = address.opened(stem, self.experiment.Settings)
        if visit is not None:
            controls.fill(visit.settings)
            self._hold(visit)
            st.session_state[SEEN] = {}
        st.session_state.pop(CLICKED, None)
        with st.container(key="heading", gap="xsmall"):
            st.title(self.words.title, anchor=False)
            st.markdown(self.words.answer)
            self._notes = st.container()
            self._presets = st.container()

    def controls(self, open_groups: int = 2) -> Settings:
        """The widgets in the sidebar and the presets above the figures; gives what they are set to."""
        model = self.experiment.Settings
        visit = self._visit
        self.settings, refused = controls.controls(model, open_groups)
        if self.settings != visit.settings:
            visit = replace(visit, settings=self.settings, rejected=())
        self._hold(visit)
        address.keep(self.stem, visit)
        self.pin = visit.pin
        self.preset = current_preset(self.experiment.PRESETS, self.settings, self.pin)
        labels = {name: preset.label for name, preset in self.words.presets.items()}
        with self._presets:
            controls.preset_pills(self.experiment.PRESETS, labels, self.preset, self._choose)
        with self._notes:
            left_out(visit.rejected, model)
            for item in refused:
                explain(item, model)
        return self.settings

    def _choose(self, preset: Preset) -> None:
        controls.fill(preset.settings)
        self._set_pin(preset.pin)

    def _set_pin(self, pin: Settings | None) -> None:
        self._hold(replace(self._visit, pin=pin and provenance.effective(pin)))

    @property
    def _visit(self) -> Visit:
        return st.session_state[VISIT]

    def _hold(self, visit: Visit) -> None:
        st.session_state[VISIT] = visit

    def run(self, settings: Settings) -> Any:
        """The result, cached or computed under a progress bar.

        Where that takes long and there is a coarse form of these settings, it is that one's result at first,
        and :meth:`show` computes the full one below it. When nothing can be computed, or it is stopped, the page
        says so and shows what there is without its panels. Where there is not even that it keeps its text and its
        link and ends here.
        """
        self._slot, self._pin_slot = st.empty(), st.empty()
        pictures = plan(
            settings, settings.coarse(), self.pin, ready=compute.ready(self.stem, settings), stopped=self._stopped,
            took=compute.took(self.stem, settings), soon=SOON,
        )  # fmt: skip
        for picture in pictures:
            result = self._carry_out(picture.run)
            if result is not None:
                self._picture, self._drawn = picture, picture.run.settings
                return result
        sections.reading(self.words, None)
        sections.link(self._visit)
        return stop()

    def _carry_out(self, run: Run) -> Any:
        """The result of a run, or None where there is none in the time that it has."""
        if not compute.ready(self.stem, run.settings):
            match run.way:
                case Way.CACHED:
                    return None
                case Way.STOPPED:
                    return self._say_stopped(run)
                case Way.SOON:
                    return compute.at_once(self.stem, run.settings, SOON)
                case Way.AT_ONCE:
                    return compute.at_once(self.stem, run.settings)
        try:
            watch = compute.Watch(self._place(run), partial(self._halt, self._whole(run)), f"stop_{run.name}")
            result = compute.result(self.stem, run.settings, watch)
        except Exception as error:  # noqa: BLE001  whatever goes wrong in a run must not take the page with it
            with self._place(run).container():
                explain(error, type(run.settings))
            return None
        watch.done()
        return result

    def _say_stopped(self, run: Run) -> None:
        with self._place(run).container(horizontal=True, vertical_alignment="center"):
            st.info(tr("Stopped. Nothing of this run was kept."), icon=":material/stop_circle:")
            again = partial(self._resume, self._whole(run))
            st.button(tr("Run"), icon=":material/play_circle:", key=f"again_{run.name}", on_click=again)

    def _place(self, run: Run) -> DeltaGenerator:
        """Where a run's progress bar and messages stand."""
        return self._pin_slot if run.name == "pin" else self._slot

    def _whole(self, run: Run) -> Settings:
        """What a visitor stops who stops this run: a first look is not stopped alone."""
        return run.settings if run.name == "pin" else self.settings

    def _refine(self, ghost: Any) -> None:
        """Compute what the page does without so far, and draw it again with it."""
        later = self._picture.later
        if later is None or (later.name == "pin" and ghost is not None):
            return
        if self._carry_out(later) is not None and compute.ready(self.stem, later.settings):
            st.rerun()

    @property
    def _stopped(self) -> frozenset[Settings]:
        return st.session_state.get(STOPPED, frozenset())

    def _halt(self, settings: Settings) -> None:
        # Others that were stopped before are forgotten, so that coming back to them runs them again.
        st.session_state[STOPPED] = (self._stopped & {self.settings, self.pin}) | {settings}

    def _resume(self, settings: Settings) -> None:
        st.session_state[STOPPED] = self._stopped - {settings}

    def show(self, result: Any) -> None:
        """Everything below the presets: figures, readouts, notices, pin, texts, share and export."""
        pinned = self._picture.pin
        ghost = pinned and self._carry_out(pinned)
        shown = self.figures.shown(self.settings)
        st.session_state[SEEN] = {name: seen for name, seen in st.session_state[SEEN].items() if name in shown}
        self._hold(self._visit.of_figures(shown))
        first, *rows = self._rows()
        self._charts((HERO, *first), (WIDE, 1 - WIDE) if first else (1,), result, ghost)
        with apart():
            self._claim(result)
        for row in rows:
            self._charts(row, [1 / len(row)] * len(row), result, ghost)
        with apart():
            self._readouts(result, ghost)
        with apart():
            self._notices(result)
        sections.pin_bar(self.settings, self.pin, self._set_pin)
        facts = []
        with apart():
            facts = [self._sentence(note) for note in self.experiment.facts(result)]
        sections.reading(self.words, partial(self.experiment.code, result), facts)
        sections.share(self._visit)
        sections.footer(result)
        self._refine(ghost)

    def _claim(self, result: Any) -> None:
        # Its place is always there: otherwise the browser would rebuild all that comes after it.
        place = st.empty()
        if self.preset is None or self._drawn != self.settings:
            return
        prose = self.words.presets[self.preset.name]
        check = self.preset.claim(result)
        verdict = ":material/check_circle:" if check.holds else ":material/cancel: " + tr("Not on this run:")
        with place.container(key="claim", border=True):
            st.markdown(prose.text)
            st.markdown(f"{verdict} {filled(prose.claim, check.values)}")

    def _rows(self) -> list[list[str]]:
        """The figures beside the hero, at most one, and then those of each row below: two, or a wide one alone."""
        wide = [name for name, figure in self.figures.FIGURES.items() if figure.wide]
        names = [name for name in self.figures.shown(self._drawn) if name != HERO]
        rows: list[list[str]] = [[name for name in names if name not in wide][:1]]
        for name in names:
            if name in rows[0]:
                continue
            if len(rows) > 1 and len(rows[-1]) == 1 and name not in wide and rows[-1][0] not in wide:
                rows[-1].append(name)
            else:
                rows.append([name])
        return rows

    def _charts(self, names: Sequence[str], widths: Sequence[float], result: Any, ghost: Any) -> None:
        """A row of figures."""
        view, less = look(), self._first_look()
        looked = f" :small[:gray[{tr('first look')}]]" if less else ""
        for name, column in zip(names, st.columns(widths, gap="medium"), strict=False):
            figure: FigureSpec = self.figures.FIGURES[name]
            with column, st.container(gap="xsmall", key=f"chart_{name}"), apart():
                st.markdown(f"**{tr(figure.label)}**{looked}", help=less or None)
                key = self.stem, name, self._drawn, None if ghost is None else self.pin, view
                drawn = shared(key, partial(_drawn, figure, result, view, ghost))
                self._figure(name, drawn)

    @st.fragment
    def _figure(self, name: str, drawn: Drawing) -> None:
        """A figure's chart and its button. A fragment: to move a slider of the chart changes the link, and no run."""
        if st.session_state.pop(CLICKED, False):
            st.rerun()
        seen: Seen = st.session_state[SEEN].setdefault(name, Seen())
        if seen.form != drawn.form:
            # The browser builds the chart anew: its sliders stand where they stood, as far as it has these.
            seen.form, seen.first = drawn.form, drawn.moved(self._visit.view(name))
            if self._drawn == self.settings:  # a first look may have fewer steps
                self._hold(self._visit.with_view(name, seen.first))

        def move(view: View) -> None:
            self._hold(self._visit.with_view(name, drawn.moved((*self._visit.view(name), *view))))

        figure = self.figures.FIGURES[name]
        chart(drawn, name, tr(figure.label), figure.click, seen, move)
        if address.keep(self.stem, self._visit) and st.session_state.get(sections.SHARE):
            st.rerun()  # the link stands there
        save.button(self.stem, name, self._visit, bool(drawn.sliders))

    def _first_look(self) -> str:
        """What the figures are of, where that is less than the full run."""
        parts = []
        for name, knob in self._drawn.knobs().items():
            value = getattr(self._drawn, name)
            if name != PANELS and value != getattr(self.settings, name):
                several = value if isinstance(value, tuple) else (value,)
                texts = (tr(item) if knob.words else f"{item}" for item in several)
                parts.append(f"{tr(knob.label)} {', '.join(texts)}")
        return "; ".join(parts)

    def _readouts(self, result: Any, ghost: Any) -> None:
        readouts = self.experiment.readouts(result)
        before = {item.label: item.measured for item in self.experiment.readouts(ghost)} if ghost is not None else {}
        with st.container(horizontal=True, key="readouts"):
            for item in readouts:
                lines = [] if item.theory is None else [f"{tr('theory')} {item.theory}"]
                lines += [f"{tr('pinned')} {before[item.label]}"] if item.label in before else []
                st.metric(
                    tr(item.label),
                    item.measured,
                    delta=" · ".join(lines) or None,
                    delta_color="off",
                    delta_arrow="off",
                    help=item.help and tr(item.help),
                    width="content",
                )

    def _notices(self, result: Any) -> None:
        notes = self.experiment.notice(result)
        if notes:
            st.subheader(tr("What to notice"), anchor=False)
            st.markdown("\n".join(f"- {self._sentence(note)}" for note in notes))

    def _sentence(self, note: Note) -> str:
        return filled(self.words.notice[note.key], note.values)


def _drawn(figure: FigureSpec, result: Any, view: Look, ghost: Any) -> tuple[Any, str | None]:
    """A figure's chart and its text alternative, with a message and None where that fails."""
    text = None
    with apart():
        text = figure.alt(result, view)
    from dlviz.drawing.grammar.runs import with_pinned

    return figure.draw(with_pinned(result, ghost, view), view), text
