"""Charts on the page: the same object that Jupyter shows and the export writes."""

from __future__ import annotations

from typing import Any

import streamlit as st

START = "start"
"""Name of the point selection by which a figure offers its plane for clicking."""


def chart(figure: Any, name: str, alt: str, click: tuple[str, str] | None = None) -> None:
    """Show an Altair chart under its own theme. ``click`` names the settings that a click on it sets."""
    select: dict[str, Any] = {}
    if click is not None and _offers_click(figure.to_dict()):
        key = f"{name}_click"
        select = {"key": key, "on_select": lambda: _clicked(key, click), "selection_mode": [START]}
    # As SVG, the thousands of unseen cells that a click is caught by would take half a second to paint.
    figure.usermeta = {"embedOptions": {"renderer": "canvas"}}
    with st.container(key=f"chart_{name}"):
        st.altair_chart(figure, theme=None, width="stretch", alt=alt, **select)


def _offers_click(spec: dict[str, Any]) -> bool:
    return any(param["name"] == START for part in (spec, *spec.get("layer", ())) for param in part.get("params", ()))


def _clicked(key: str, click: tuple[str, str]) -> None:
    points = st.session_state[key]["selection"].get(START, [])
    if points:
        for name, field in zip(click, ("x", "y"), strict=True):
            # Four digits are finer than a pixel, and keep links short.
            st.session_state[name] = float(f"{points[0][field]:.4g}")
