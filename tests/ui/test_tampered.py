"""Links that somebody has changed, for every page: nothing breaks, and nothing out of bounds reaches an experiment."""

from __future__ import annotations

import random
import time
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from conftest import ROOT
from runs import run
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest
from tampered_links import tampered, within

from dlviz import catalog, links
from dlviz.engine.runtime.cache import Cache
from dlviz.engine.surfaces.expressions import (
    ALLOWED,
    FUNCTIONS,
    LOOKALIKES,
    ExpressionError,
    parse,
)
from dlviz.engine.surfaces.symbolic import to_sympy
from dlviz.progress import silent
from dlviz.ui.page import charts
from dlviz.ui.session import address, compute

STEMS = list(catalog.concepts())
ORDINARY, MANY = 200, 10_000
PAGES = 6
"""Links for each page that go through the widgets and the whole page, too."""


class Params(QueryParams):
    """Streamlit's own reading of an address, without a browser to tell of changes."""

    def _send_query_param_msg(self) -> None:
        pass


def visit(monkeypatch, stem: str, query: str) -> address.Visit:
    """What the page starts with, by the way that every address takes."""
    params = Params()
    params.populate_from_query_string(query, set())
    page = SimpleNamespace(
        query_params=params, session_state={}, context=SimpleNamespace(locale="en-US", url="http://x/y")
    )
    monkeypatch.setattr(address, "st", page)
    address.language()
    return address.opened(stem, catalog.concepts()[stem].experiment.Settings)


def written(monkeypatch, stem: str, opened: address.Visit) -> str:
    """The address that the page then has."""
    address.keep(stem, opened)
    query = urlencode({name: address.st.query_params.get_all(name) for name in address.st.query_params}, doseq=True)
    short = address.link(opened)
    assert short.startswith("http://x/y?") and (len(short) <= address.LONGEST or len(short) <= len(query) + 40)
    return query


def check(monkeypatch, stem: str, query: str) -> None:
    opened = visit(monkeypatch, stem, query)
    for chosen in (opened.settings, opened.pin):
        if chosen is not None:
            within(chosen)
    for item in opened.rejected:
        assert len(item.given) <= 40
        assert item.allowed
    canonical = written(monkeypatch, stem, opened)
    again = visit(monkeypatch, stem, canonical)
    assert (again.settings, again.pin, again.views) == (opened.settings, opened.pin, opened.views)
    assert not again.rejected
    assert written(monkeypatch, stem, again) == canonical
    shortened = visit(monkeypatch, stem, f"z={links.shorten(canonical)}")
    assert (shortened.settings, shortened.pin, shortened.views) == (opened.settings, opened.pin, opened.views)


@pytest.mark.parametrize("stem", STEMS)
def test_a_tampered_link_gives_settings_within_bounds_and_a_link_that_holds(monkeypatch, stem):
    refused = 0
    for number in range(ORDINARY):
        check(monkeypatch, stem, query := tampered(stem, number))
        refused += bool(visit(monkeypatch, stem, query).rejected)
    assert refused > ORDINARY / 2, "most of these links are wrong somewhere"


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("stem", STEMS)
def test_ten_thousand_tampered_links(monkeypatch, stem):
    for number in range(MANY):
        check(monkeypatch, stem, tampered(stem, number))


def test_a_thousand_parts_are_named_by_the_first_few(monkeypatch):
    with monkeypatch.context() as patch:
        opened = visit(patch, STEMS[0], "&".join(f"unknown{i}=1" for i in range(999)))
    assert len(opened.rejected) == 999
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.switch_page(f"pages/{STEMS[0]}.py")
    for i in range(999):
        at.query_params[f"unknown{i}"] = "1"
    at.query_params["lang"] = "en"
    at.run()
    assert len(at.warning) < 10
    assert "993 more" in at.warning[-1].value


@pytest.mark.parametrize("stem", STEMS)
def test_a_tampered_link_reaches_the_widgets_and_the_page_as_sound_settings(monkeypatch, stem):
    concept = catalog.concepts()[stem]
    sound, reached = run(stem), []

    def spy(chosen, progress=silent):
        reached.append(chosen)
        return sound  # what is asked for may take minutes; here it matters what it is

    monkeypatch.setattr(compute, "_results", Cache(64))
    monkeypatch.setattr(charts, "_drawings", Cache(64))
    monkeypatch.setattr(concept.experiment, "run", spy)
    for number in range(PAGES):
        params = Params()
        params.populate_from_query_string(tampered(stem, number), set())
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for knob in concept.experiment.Settings.knobs().values():
            at.session_state[f"group_{knob.group}"] = True
        at.switch_page(f"pages/{stem}.py")
        for name in params:
            values = params.get_all(name)
            at.query_params[name] = values if len(values) > 1 else values[0]
        at.run()
        assert not at.exception, [item.message for item in at.exception]
        assert at.title
        for item in (*at.warning, *at.error):
            assert len(item.value) < 4_000
            assert ".py" not in item.value
        # The address that is left is sound.
        left = urlencode({name: at.query_params[name] for name in at.query_params}, doseq=True)
        with monkeypatch.context() as patch:
            assert not visit(patch, stem, left).rejected
    assert reached
    for chosen in reached:
        within(chosen)


# ---- formulas

WORDS = [
    *FUNCTIONS, "x", "y", "pi", "e", "ln", "xy", "open", "eval", "exec", "__import__", "os", "lambda", "print", "i",
    "inf", "nan", "True", "None", "x.y", "self",
]  # fmt: skip
SIGNS = [
    "+", "-", "*", "/", "^", "**", "(", ")", ",", ".", "//", "%", "==", "@", "!", "|", ":", ";", "_", "\\", "'", " ",
]  # fmt: skip
NUMBERS = [
    "0", "1", "2", "12", "0.5", ".5", "1.", "1e3", "1e308", "1e309", "1e-320", "00", "0x1", "1_0", "²", "9" * 60,
]  # fmt: skip
ODD = [
    *map(chr, LOOKALIKES), "х", "у", "ｘ", "𝑥", "π", "√", "∞", "😀", "\u200b", "\u0301", "\x00", "\u202e",
]  # fmt: skip


def formula(rng: random.Random) -> str:
    return "".join(rng.choice(rng.choice([WORDS, SIGNS, NUMBERS, ODD, SIGNS])) for _ in range(rng.randint(1, 40)))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000, "(" * 100 + "x" + ")" * 100, "-" * 10_000 + "x", "sin(" * 60 + "x" + ")" * 60, "x" * 10_000,
        "x^" * 90 + "2", "((x^12)^12)^12", "2^2^2^2^2^2^2^2", "9^9^9^9", "x^99999999999999999999", "1/0", "x/0", "0/0",
        "1/(1-1)", "x^-1e308", "log(0)", "sqrt(-1)", "tan(pi/2)/0", "1e308*1e308", "9" * 199, "1e" + "9" * 190,
        "." * 100, "e^" * 60 + "x", "x" + "+x" * 99, "x" + "*x" * 99, "(x+y)" * 39, "exp(exp(exp(exp(exp(x)))))", "()",
        "x()", "sin", "sin x", "sinx", "__import__('os').system('x')", "().__class__", "x if y else x", "x;y", "x\ny",
        "{x}", "%s", ALLOWED,
    ],
)  # fmt: skip
def test_what_is_too_much_is_refused_soon(text):
    begun = time.process_time()
    try:
        to_sympy(parse(text))
    except ExpressionError as error:
        assert 0 <= error.position < max(len(text), 1)
    assert time.process_time() - begun < 5


def test_formulas_in_links_are_kept_or_refused(monkeypatch):
    """Wherever a concept takes a text. That any text is a formula or an error is for test_expressions.py."""
    rng, tried = random.Random(7), 0
    for stem in STEMS:
        model = catalog.concepts()[stem].experiment.Settings
        for name in [name for name, field in model.model_fields.items() if field.annotation is str]:
            for _ in range(200):
                check(monkeypatch, stem, urlencode({"surface": "Custom", name: formula(rng)}))
                tried += 1
    assert tried
