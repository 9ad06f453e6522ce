"""The sidebar: one widget for every knob, under the setting's own name.

Widgets are made in the order in which the settings are defined, so ``when`` and ``span`` of a knob
may depend on the settings above it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, get_args, get_origin

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from dlviz import provenance
from dlviz.contract import Knob, Preset, Rejected, Settings
from dlviz.language import translate
from dlviz.ui.session.visitor import WORDED, language, tr

PRESET = "preset"
_SPANS = "spans"  # session state: setting -> the span its slider had
_STOPS = "stops"  # session state: setting -> values beside the ticks that its slider was set to
_SEGMENTS = 3  # choices of at most so many options are shown side by side


def fill(settings: Settings) -> None:
    """Set every widget, before they are made in a run."""
    values = SimpleNamespace(**dict(settings))
    for name, knob in settings.knobs().items():
        value = getattr(settings, name)
        if value is None and knob.span is not None:
            value = knob.span(values)[2]
        st.session_state[name] = list(value) if isinstance(value, tuple) else value
    # The sliders' new spans are no reason to put them back to their usual values.
    st.session_state[_SPANS] = {}


def controls(model: type[Settings], open_groups: int) -> tuple[Settings, list[Rejected]]:
    """Draw the widgets; give the settings, with those that have no effect at their default.

    The second value lists what the widgets hold but the model does not take (a formula that does not
    parse, for instance); such a setting is at its default. Widgets of a closed group are not made, for
    every one of them costs each visitor time at every run; their settings are held in the state.
    """
    defaults = model()
    values = SimpleNamespace(**dict(defaults))
    st.session_state[WORDED] = [name for name, knob in model.knobs().items() if knob.words]
    groups: dict[str, DeltaGenerator] = {}
    for name, knob in model.knobs().items():
        if knob.span is not None:
            # Hidden ones too, so that they come back with a value that suits what is chosen now.
            _follow_span(name, knob.span(values))
        if knob.when is not None and not knob.when(values):
            continue
        if knob.widget != "hidden" and knob.group not in groups:
            groups[knob.group] = _group(knob.group, len(groups) < open_groups)
        if knob.widget == "hidden" or not _open(groups[knob.group]):
            setattr(values, name, st.session_state[name])
        else:
            with groups[knob.group]:
                setattr(values, name, _widget(model, name, knob, values))
    st.sidebar.button(
        tr("Reset all"), icon=":material/restart_alt:", on_click=fill, args=(defaults,), key="reset", type="tertiary"
    )
    settings, rejected = model.lenient({name: value for name, value in vars(values).items() if value is not None})
    return provenance.effective(settings), rejected


def _group(name: str, expanded: bool) -> DeltaGenerator:
    """The box of a group in the sidebar; without a name, the sidebar itself."""
    if not name:
        return st.sidebar.container(key="ungrouped")
    return st.sidebar.expander(tr(name), expanded=expanded, key=f"group_{name}", on_change="rerun")


def _open(group: DeltaGenerator) -> bool:
    return not isinstance(group, ExpanderContainer) or bool(group.open)


def preset_pills(
    presets: tuple[Preset, ...], labels: Mapping[str, str], current: Preset | None, choose: Callable[[Preset], None]
) -> None:
    """One pill a preset; the one whose settings are on the page is lit."""
    by_name = {preset.name: preset for preset in presets}
    st.session_state[PRESET] = None if current is None else current.name

    def chosen() -> None:
        name = st.session_state[PRESET]
        if name is not None:
            choose(by_name[name])

    st.pills(
        tr("Presets"),
        list(by_name),
        format_func=labels.__getitem__,
        key=PRESET,
        on_change=chosen,
        label_visibility="collapsed",
    )


def _widget(model: type[Settings], name: str, knob: Knob, values: SimpleNamespace) -> Any:
    field = model.model_fields[name]
    # The state was set when the page was opened, so no widget needs its default; while a widget is
    # hidden its value is kept.
    common: dict[str, Any] = {"key": name, "help": knob.help and tr(knob.help), "persist_state": "page"}
    label = tr(knob.label)
    options = list(model.options(name))
    # The language is bound now: Streamlit may ask for a label when no visitor's script is running.
    shown = partial(translate, language=language()) if knob.words else str
    if options and get_origin(field.annotation) is tuple:
        several = st.multiselect if knob.widget == "select" else _multi_pills
        return several(label, options, format_func=shown, **common)
    if options:
        if knob.widget == "pills" or (knob.widget == "auto" and len(options) <= _SEGMENTS):
            return st.segmented_control(label, options, required=True, format_func=shown, **common)
        return st.selectbox(label, options, format_func=shown, **common)
    if field.annotation is bool:
        return st.toggle(label, **common)
    if field.annotation is str:
        limit = next((rule.max_length for rule in field.metadata if hasattr(rule, "max_length")), None)
        return st.text_input(label, max_chars=limit, **common)
    whole = field.annotation is int or int in get_args(field.annotation)
    if (ticks := model.ticks(name)) is not None:
        return st.select_slider(label, _stops(name, ticks, whole), format_func=provenance.number, **common)
    low, high = model.bounds(name)
    if knob.span is not None:
        low, high, _usual = knob.span(values)
    step = knob.step or (1 if whole else _round_step(high - low))
    if whole:
        return st.slider(label, int(low), int(high), step=int(step), **common)
    return st.slider(label, float(low), float(high), step=float(step), format="%.4g", **common)


def _multi_pills(label: str, options: list[str], **common: Any) -> list[str]:
    return st.pills(label, options, selection_mode="multi", **common)


def _stops(name: str, ticks: tuple[float, ...], whole: bool) -> list[float]:
    """Round values. A value that a link or a preset sets becomes a stop of its own from then on."""
    beside = st.session_state.setdefault(_STOPS, {}).setdefault(name, set())
    beside.add(st.session_state[name])
    return sorted({(int if whole else float)(value) for value in (*ticks, *beside)})


def _follow_span(name: str, span: tuple[float, float, float]) -> None:
    """Put a slider to its usual value when its span changes (another surface)."""
    spans = st.session_state[_SPANS]
    if name in spans and spans[name] != span:
        st.session_state[name] = span[2]
    spans[name] = span


def _round_step(width: float) -> float:
    """A step of 1 in its first digit that divides a width into 100 to 1000 parts."""
    return float(f"1e{int(f'{width / 100:e}'.partition('e')[2])}")
