"""The frame of a page: the same parts in the same order on each.

A page is four lines::

    frame = Frame("loss_surfaces")
    settings = frame.controls()
    result = frame.run(settings)
    frame.show(result)

Nothing else on a page draws, so that what is mended here is mended on every page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dlviz import catalog, record
from dlviz.contract import Figure, Note, Preset, Settings
from dlviz.language import words
from dlviz.ui import address, compute, controls, panels
from dlviz.ui.address import Visit
from dlviz.ui.charts import chart
from dlviz.ui.trouble import explain, reported
from dlviz.ui.visitor import language, look, through_front_door, tr

VISIT = "visit"
STOPPED = "stopped"
"""The settings whose run the visitor has stopped."""
HERO = "hero"
PANELS = "panels"
"""The setting, where a concept has it, that switches on what is not computed at once."""
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
        self._just_opened = visit is not None
        if visit is not None:
            controls.fill(visit.settings)
            self._hold(visit)
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
        self.preset = controls.current_preset(self.experiment.PRESETS, self.settings, self.pin)
        labels = {name: preset.label for name, preset in self.words.presets.items()}
        with self._presets:
            controls.preset_pills(self.experiment.PRESETS, labels, self.preset, self._choose)
        with self._notes:
            for item in visit.rejected:
                reported(item, model)
            for item in refused:
                explain(item, model)
        return self.settings

    def _choose(self, preset: Preset) -> None:
        controls.fill(preset.settings)
        self._set_pin(preset.pin)

    def _set_pin(self, pin: Settings | None) -> None:
        self._hold(replace(self._visit, pin=pin and record.effective(pin)))

    @property
    def _visit(self) -> Visit:
        return st.session_state[VISIT]

    def _hold(self, visit: Visit) -> None:
        st.session_state[VISIT] = visit

    def run(self, settings: Settings) -> Any:
        """The result, from the shelf or computed under a progress bar.

        When it cannot be computed, or is stopped, the page says so and shows what there is without its panels.
        Where there is not even that it keeps its text and its link and ends here.
        """
        self._drawn = settings
        result = self._attempt(settings)
        if result is None and getattr(settings, PANELS, ()):
            self._drawn = settings.model_copy(update={PANELS: ()})
            result = compute.at_once(self.stem, self._drawn)
        if result is None:
            panels.reading(self.words, None)
            panels.share(settings, self.pin)
            st.stop()
        return result

    def _attempt(self, settings: Settings) -> Any:
        """The result under a progress bar, or None with the reason on the page."""
        own = settings == self.settings
        key = "run" if own else "pin"
        slot, below = st.empty(), st.empty()
        if settings in self._stopped and not compute.ready(self.stem, settings):
            with slot.container(horizontal=True, vertical_alignment="center"):
                st.info(tr("Stopped. Nothing of this run was kept."), icon=":material/stop_circle:")
                again = partial(self._resume, settings)
                st.button(tr("Run"), icon=":material/play_circle:", key=f"again_{key}", on_click=again)
            return None
        try:
            # Only the page's own run has a first picture: the pinned one's would pass for it.
            meanwhile = self._first_picture(settings, slot, below) if own else None
            watch = compute.Watch(slot, meanwhile, partial(self._halt, settings), f"stop_{key}")
            result = compute.result(self.stem, settings, watch)
        except Exception as error:  # noqa: BLE001  whatever goes wrong in a run must not take the page with it
            with slot.container():
                explain(error, type(settings))
            return None
        watch.done()
        below.empty()
        return result

    @property
    def _stopped(self) -> frozenset[Settings]:
        return st.session_state.get(STOPPED, frozenset())

    def _halt(self, settings: Settings) -> None:
        # Others that were stopped before are forgotten, so that coming back to them runs them again.
        st.session_state[STOPPED] = (self._stopped & {self.settings, self.pin}) | {settings}

    def _resume(self, settings: Settings) -> None:
        st.session_state[STOPPED] = self._stopped - {settings}

    def _first_picture(
        self, settings: Settings, bar: DeltaGenerator, slot: DeltaGenerator
    ) -> Callable[[], None] | None:
        """What shows the hero while panels that take long are computed; only where there is no picture yet."""
        panels_ = getattr(settings, PANELS, ())
        if not (self._just_opened and panels_) or compute.ready(self.stem, settings):
            return None
        # The hero needs no panel, so its run without them is short. It is run before the long one and not in
        # its midst, where torch may be in a state that the short one does not expect.
        watch = compute.Watch(bar, stop=partial(self._halt, settings), key="stop_first")
        first = compute.result(self.stem, settings.model_copy(update={PANELS: ()}), watch)
        watch.done()

        def show() -> None:
            figure: Figure = self.figures.FIGURES[HERO]
            with slot.container(gap="xsmall"):
                st.markdown(f"**{tr(figure.label)}**")
                chart(figure.draw(first, look()), "first", tr(figure.label), figure.alt(first, look()))

        return show

    def show(self, result: Any) -> None:
        """Everything below the presets: figures, readouts, notices, pin, texts, share and export."""
        # A pinned run that is the current one would hide under it.
        ghost = None if self.pin in (None, self.settings) else self._attempt(self.pin)
        first, *rows = self._rows()
        self._charts((HERO, *first), (WIDE, 1 - WIDE) if first else (1,), result, ghost)
        self._claim(result)
        for row in rows:
            self._charts(row, [1 / len(row)] * len(row), result, ghost)
        self._readouts(result, ghost)
        self._notices(result)
        panels.pin_bar(self.settings, self.pin, self._set_pin)
        facts = [self._sentence(note) for note in self.experiment.facts(result)]
        panels.reading(self.words, self.experiment.code(result), facts)
        panels.share_and_export(self.stem, self.settings, self.pin)

    def _claim(self, result: Any) -> None:
        if self.preset is None or self._drawn != self.settings:
            return
        prose = self.words.presets[self.preset.name]
        check = self.preset.claim(result)
        verdict = ":material/check_circle:" if check.holds else ":material/cancel: " + tr("Not on this run:")
        with st.container(key="claim", border=True):
            st.markdown(prose.text)
            st.markdown(f"{verdict} {prose.claim.format(**check.values)}")

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
        view = look()
        for name, column in zip(names, st.columns(widths, gap="medium"), strict=False):
            figure: Figure = self.figures.FIGURES[name]
            with column, st.container(gap="xsmall", key=f"chart_{name}"):
                st.markdown(f"**{tr(figure.label)}**")
                drawn = figure.draw(result, view, ghost=ghost)
                chart(drawn, name, tr(figure.label), figure.alt(result, view), figure.click)

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
        return self.words.notice[note.key].format(**note.values)
